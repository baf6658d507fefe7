"""Commands that measure: scores, public sets, alignment, neighbourhoods."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from cyclopts import CycloptsError

from wordfield import api
from wordfield.api.models import check_place
from wordfield.options import (
    Aligned,
    Among,
    AskedWords,
    AtLeast,
    Centered,
    CsvFile,
    Data,
    Dictionary,
    Fetch,
    Field,
    Format,
    Json,
    LabelField,
    Listed,
    MarkdownFile,
    Method,
    Model,
    Models,
    MostLabels,
    Near,
    Onto,
    OtherModel,
    Refinements,
    Reports,
    Restrict,
    ScorePlot,
    Seed,
    SetNames,
    SharedWords,
    Side,
    Suite,
    TestPairs,
    TextUnknown,
)
from wordfield.scoreboard import Marks, as_csv, as_markdown, legend, tables
from wordfield.terminal import (
    flat,
    print_json,
    print_table,
    reporting,
    short,
    shown,
)

HUBS = 5  # neighbours that are shown in one line


def evaluate(
    models: Models,
    /,
    *,
    data: Data = None,
    suite: Suite = None,
    restrict_vocab: Restrict = 30000,
    method: Method = "add",
    unknown: TextUnknown = None,
    k: MostLabels = 1,
    threshold: AtLeast = 0.0,
    field: Field = None,
    label_field: LabelField = None,
    csv: CsvFile = None,
    markdown: MarkdownFile = None,
    plot: ScorePlot = None,
    table: Side = "input",
    json: Json = False,
) -> None:
    """Scores against people's judgements, with coverage and 95 % interval. Of several models a column each, on what all
    of them cover, and which are worse than the best by more than chance. Of a classifier: precision, recall and F1 of
    the labels that it gives.
    """
    places = data or [folder for folder in [os.environ.get("WORDFIELD_DATA")] if folder]
    if not places:
        raise CycloptsError(
            msg="evaluate needs --data: files or folders of sets, or names that `wordfield datasets` lists"
        )
    if [csv, markdown].count("-") + json > 1:
        raise CycloptsError(msg="only one of --json, --csv - and --markdown - can go to stdout")
    for out in (csv, markdown, plot):
        if out not in (None, "-"):
            check_place(Path(str(out)))
    labels: dict[str, Any] = {"k": k, "threshold": threshold, "field": field, "label_field": label_field}
    options: dict[str, Any] = labels | {"unknown": unknown, "method": method, "plot": plot, "table": table}
    result = api.evaluate(models[0] if len(models) == 1 else models, places, suite, restrict_vocab or None, **options)
    marks = Marks("" if sys.stdout.isatty() else "*", shown("†", "~"))
    texts = [(csv, as_csv(result)), (markdown, as_markdown(result, marks if markdown == "-" else Marks()))]
    for path, text in texts:
        if path not in (None, "-"):
            write_text(str(path), text)
    if json:
        return print_json(result)
    if piped := [text for path, text in texts if path == "-"]:
        return print(piped[0], end="")
    for title, rows, best in tables(result, marks):
        if title:
            print(f"\n{title}\n")
        print_table(rows, best)
    if told := legend(result, marks):
        print("\n" + "\n".join(told))
    return None


def write_text(path: str, text: str) -> None:
    """Write a file; what was there stays until all is written."""
    from wordfield.formats.files import replacing

    with replacing(Path(path)) as stream:
        stream.write(text.encode())


def align(
    a: Model,
    b: Onto,
    /,
    *,
    out: Aligned = None,
    pairs: Dictionary = None,
    test: TestPairs = None,
    words: SharedWords = 10000,
    center: Centered = False,
    rounds: Refinements = 0,
    restrict_vocab: Among = 30000,
    k: Listed = 20,
    seed: Seed = 1,
    format: Format = None,
    json: Json = False,
) -> None:
    """Turn a model onto the space of another that was trained apart, so that their vectors can be compared; tells how
    often a word is found in the other model, and which words moved most from one to the other.
    """
    from wordfield.alignment import Settings as Choices

    chosen = Choices(words, center, rounds=rounds, restrict_vocab=restrict_vocab or None, seed=seed)
    result = api.align(a, b, out, pairs=pairs, test=test, settings=chosen, most=k, format=format)
    if json:
        return print_json(result)
    told = {name: result[name] for name in ("pairs", "cosine", "out", "format", "lost") if result.get(name) is not None}
    rounds_done = [f"{each['pairs']:,} pairs, cosine {each['cosine']:.3f}" for each in result["rounds"]]
    print_table(flat(told | ({"rounds": rounds_done} if rounds_done else {})))
    print(f"\nFound in the other model, of {result['test']['covered']:,} of {result['test']['pairs']:,} words\n")
    rows = map(found_row, result["before"], result["after"])
    print_table([("by", "metric", "before", "after", "95 % interval"), *rows])
    print("\nFarthest from each other after the rotation\n")
    return print_table([(one, other, f"{cosine:.3f}") for one, other, cosine in result["moved"]])


def found_row(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table of what is found before and after the rotation."""
    once, now, low, high = (
        "-" if value is None else f"{value:.3f}"
        for value in (before["value"], *(after[name] for name in ("value", "low", "high")))
    )
    return after["retrieval"].replace("csls", "CSLS"), after["metric"], once, now, f"{low} to {high}"


def neighborhoods(
    model: Model,
    other: OtherModel = None,
    /,
    *,
    k: Near = 10,
    words: AskedWords = 1000,
    restrict_vocab: Among = 30000,
    json: Json = False,
) -> None:
    """Words that are neighbours of suspiciously many others (hubs) or of none; of two models, how much of a word's
    neighbours is the same in both, and which words differ most.
    """
    result = api.neighborhoods(model, other, k, words=words or None, restrict_vocab=restrict_vocab or None)
    if json:
        return print_json(result)
    print_table([("model", "words", "skewness", "nobody's neighbour", "hubs"), *map(hub_row, result["hubness"])])
    if (both := result["overlap"]) is None:
        return None
    sure = "" if both["low"] is None else f" (95 %: {both['low']:.1%} to {both['high']:.1%})"
    asked = f"{both['pairs']:,} of {both['shared']:,} shared words"
    print(f"\n{both['value']:.1%} of the nearest words are the same{sure}, of {asked}; these differ most\n")
    return print_table([("word", "same", "here", "there"), *map(drift_row, result["drift"])])


def hub_row(hubs: dict[str, Any]) -> tuple[str, ...]:
    """A row of the table of hubs."""
    skewness = "-" if hubs["skewness"] is None else f"{hubs['skewness']:.2f}"
    names = " ".join(f"{word} {times:,}" for word, times in hubs["hubs"][:HUBS])
    return hubs["model"], f"{hubs['words']:,}", skewness, f"{hubs['antihubs']:.1%}", names


def drift_row(word: dict[str, Any]) -> tuple[str, ...]:
    """A word with its first neighbours in two models."""
    return word["word"], f"{word['overlap']:.0%}", " ".join(word["here"][:HUBS]), " ".join(word["there"][:HUBS])


def datasets(names: SetNames = None, /, *, fetch: Fetch = False, progress: Reports = None, json: Json = False) -> None:
    """Public evaluation sets by name, for `evaluate --data NAME`; downloaded into the cache with --fetch only."""
    if fetch and not names:
        raise CycloptsError(msg="datasets --fetch needs names of sets, or all")
    with reporting(progress) as report:
        result = api.datasets(names or (), fetch=fetch, progress=report)
    if json:
        return print_json(result)
    if names and "all" not in names:
        for each in result["datasets"]:
            print_table(flat(each))
            print()
        return None
    rows = [
        (each["name"], each["task"], each["language"], f"{each['items']:,}", each["licence"], short(each["cached"]))
        for each in result["datasets"]
    ]
    print_table([("name", "task", "language", "items", "licence of the source", "here"), *rows])
    return print(f"\nThose that are here lie in {result['folder']}")
