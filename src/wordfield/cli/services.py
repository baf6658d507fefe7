"""Commands about models behind an API."""

from __future__ import annotations

from wordfield import api
from wordfield.cli.corpora import size
from wordfield.options import Json
from wordfield.terminal import print_json, print_table


def usage(*, json: Json = False) -> None:
    """What was used of models behind an API, and what it cost; their vectors are kept and not asked for again."""
    result = api.usage()
    if json:
        return print_json(result)
    titles = ("day", "service", "model", "requests", "texts", "tokens", "cost")
    rows = [
        (
            each["day"],
            each["provider"],
            each["model"],
            *(f"{each[name]:,}" for name in titles[3:6]),
            "-" if each["cost"] is None else f"{each['cost']:,.4f} {each['currency']}",
        )
        for each in result["ledger"]
    ]
    if rows:
        print_table([titles, *rows])
        print()
    return print_table([("vectors", f"{result['vectors']:,}"), ("file", result["path"]), ("size", size(result))])
