"""Commands about models themselves: what one is, and the same in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wordfield import api
from wordfield.options import (
    USUAL,
    Compared,
    Course,
    Described,
    Format,
    Json,
    LabelsToo,
    Listed,
    MaxNgrams,
    MaxWords,
    Model,
    Norms,
    Out,
    Part,
    Quantize,
    Readings,
    Repair,
    Reports,
    Side,
    SourceFormat,
    Untouched,
)
from wordfield.scoreboard import before_and_after
from wordfield.terminal import (
    flat,
    print_json,
    print_table,
    reporting,
)


def info(
    model: Described,
    /,
    *,
    plot: Course = None,
    reading: Readings = USUAL,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """What a model is: kind, dimension, vocabulary, recipe, provenance, file size. Or what a corpus is like: size,
    words, longest line, share without spaces between words, invalid bytes.
    """
    if len(model) == 1 and is_model(model[0]):
        result = api.info(model[0], plot=plot)
    elif plot is not None:
        raise ValueError("--plot draws the course of a training, of which a corpus has none: give a model")
    else:
        with reporting(progress) as report:
            result = api.info(reading.corpus(model), progress=report)
    print_json(result) if json else print_table(flat(result))


def is_model(name: str) -> bool:
    """Whether a name stands for a model and not for text; what is neither, binary, is said to be no model."""
    from wordfield import formats
    from wordfield.models.service.providers import is_service
    from wordfield.text.sources import find, is_text

    if not Path(name).exists():
        return is_service(name)
    try:
        formats.recognise(name)
    except formats.FormatError:
        if all(map(is_text, find([name]))):
            return False
        raise
    return True


def convert(
    source: Model,
    target: Out,
    /,
    *,
    format: Format = None,
    quantize: Quantize = None,
    part: Part = 2,
    norms: Norms = False,
    output: LabelsToo = False,
    max_words: MaxWords = None,
    max_ngrams: MaxNgrams = None,
    data: Compared = None,
    repair: Repair = False,
    source_format: SourceFormat = None,
    table: Side = "input",
    json: Json = False,
) -> None:
    """Write a model in another format, or smaller, or what is sound of a damaged one; refuses what the format cannot
    hold, says what it leaves out and, of a smaller one, how much of it stays.
    """
    pruning: dict[str, Any] = {"max_words": max_words, "max_ngrams": max_ngrams}
    codes: dict[str, Any] = {"quantize": quantize, "part": part, "norms": norms, "output": output}
    reading: dict[str, Any] = {"repair": repair, "source_format": source_format, "table": table}
    result = api.convert(source, target, format, **codes, **pruning, data=data or (), **reading)
    if json:
        return print_json(result)
    repaired = result.pop("repaired", None)
    scores = [before_and_after(each) for each in result.pop("results", [])]
    if sizes := result.pop("bytes", None):
        before, after = sizes["before"], sizes["after"]
        result["size"] = f"{before / 1e6:,.2f} MB before, {after / 1e6:,.2f} MB after, {before / after:,.1f} times less"
        share = result.pop("overlap")
        result["neighbours"] = "-" if share is None else f"{share:.1%} of the 10 nearest words stay"
    print_table(flat(result))
    if repaired is not None:
        print("\nrepaired: nothing was at fault" if not repaired else "\nrepaired:")
        print_table([(fault,) for fault in repaired])
    if scores:
        print()
        print_table([("task", "dataset", "metric", "before", "after", "change", "covered"), *scores])
    return None


def undertrained(
    model: Model,
    /,
    *,
    k: Listed = 50,
    table: Side = "input",
    indicator: Untouched = None,
    json: Json = False,
) -> None:
    """The tokens whose vectors look as if training had hardly ever touched them: those most like the rows that nothing
    can have touched. Also how many tokens no text is ever cut into, and how many share a row.
    """
    result = api.undertrained(model, k, table=table, indicator=indicator)
    if json:
        return print_json(result)
    found = result.pop("tokens")
    print_table(flat({name: value for name, value in result.items() if value is not None}))
    rows = [("token", "text", "kind", result["indicator"], "quantile", "reachable", "same row as")]
    told = {True: "yes", False: "no", None: "-"}
    for each in found:
        value, share = f"{each['value']:.4g}", f"{each['quantile']:.4%}"
        twins = ", ".join(each["duplicates"][:3]) + (" ..." if len(each["duplicates"]) > 3 else "")
        rows.append((each["word"], each["text"], each["kind"], value, share, told[each["reachable"]], twins or "-"))
    print()
    return print_table(rows)
