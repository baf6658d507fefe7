"""Commands that ask a model: nearest words, similarity, vectors and labels of texts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from cyclopts import CycloptsError

from wordfield import api
from wordfield.api.asking import embedded, origins
from wordfield.api.models import Result, answering, opened
from wordfield.api.services import estimate
from wordfield.options import (
    Asked,
    AskedUnknown,
    AtLeast,
    Chosen,
    Classified,
    Dimensions,
    Forecast,
    IndexIn,
    IndexOut,
    Input,
    Isotropic,
    Json,
    Kind,
    Method,
    Model,
    MostLabels,
    Multiplied,
    Nearest,
    Output,
    Picture,
    Policy,
    Recall,
    Reports,
    Side,
    Text,
    TextModel,
    Texts,
    TextUnknown,
    Truncate,
    Word,
    Words,
    Workers,
)
from wordfield.terminal import (
    note,
    print_json,
    print_table,
    reporting,
)

log = logging.getLogger(__name__)


def asking(
    model: str, words: Sequence[str], unknown: Policy | None, table: Literal["input", "output"] = "input"
) -> Result:
    """The model, loaded; on stderr what stands for those of the words that have no row of their own."""
    read = opened(model, table)
    for word, origin in origins(read, words, unknown).items():
        note(f"{word}: {origin}")
    return read


def index(
    model: Model,
    /,
    *,
    out: IndexOut,
    recall: Recall = 0.95,
    kind: Kind = "float16",
    threads: Workers = None,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """Make an index, by which `neighbors` finds the nearest of very many words sooner; tells how many it finds and how
    fast, beside exact search. Worth it from about 200,000 words.
    """
    with reporting(progress) as report:
        result = api.index(model, out, recall=recall, kind=kind, threads=threads, progress=report)
    return print_json(result) if json else print_table(index_rows(result))


def index_rows(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The table that ends the making of an index."""
    recall, rows = result["recall"], [("words", f"{result['rows']:,} of {result['words']:,} are in the index")]
    share = "-" if recall is None else f"{recall:.1%} of the 10 nearest, on {result['sample']:,} words"
    rows += [("recall", share), ("seconds", f"{result['seconds']:.1f} to make")]
    rows += [("size", f"{result['bytes'] / 1e6:,.1f} MB, {result['kind']}")]
    for name, speed in result["queries_per_second"].items():
        told = "-" if speed is None else f"{speed['alone']:,.0f} one by one, {speed['together']:,.0f} many at once"
        rows.append((f"queries/s, {name}", told))
    return [*rows, ("path", result["out"])]


def neighbors(
    model: Model,
    words: Words,
    /,
    *,
    k: Nearest = 10,
    unknown: AskedUnknown = None,
    index: IndexIn = None,
    table: Side = "input",
    json: Json = False,
) -> None:
    """The nearest words of each word, with their cosine."""
    result = api.neighbors(asking(model, words, unknown, table), words, k, unknown=unknown, index=index)
    rows = [(word, other, f"{score:.4f}") for word, found in result.items() for other, score in found]
    print_json(result) if json else print_table(rows)


def similarity(
    model: Model,
    a: Word,
    b: Word,
    /,
    *,
    unknown: AskedUnknown = None,
    table: Side = "input",
    json: Json = False,
) -> None:
    """The cosine of two words: 1 alike, 0 unrelated."""
    score = api.similarity(asking(model, [a, b], unknown, table), a, b, unknown=unknown)
    if json:
        return print_json({"words": [a, b], "similarity": score})
    return print("-" if score is None else f"{score:.4f}")


def analogy(
    model: Model,
    a: Word,
    b: Word,
    c: Word,
    /,
    *,
    k: Nearest = 5,
    method: Method = "add",
    unknown: AskedUnknown = None,
    table: Side = "input",
    json: Json = False,
) -> None:
    """The words that are to C as B is to A, best first."""
    answers = api.analogy(asking(model, [a, b, c], unknown, table), a, b, c, k, method, unknown=unknown)
    if json:
        return print_json({"a": a, "b": b, "c": c, "method": method, "answers": answers})
    return print_table([(word, f"{score:.4f}") for word, score in answers])


def matrix(
    model: Model,
    words: Chosen = None,
    /,
    *,
    out: Picture = None,
    unknown: AskedUnknown = None,
    json: Json = False,
) -> None:
    """Counts between words, or PPMI, of a model of these; of any other the cosines. Drawn with --out."""
    result = api.matrix(asking(model, words or (), unknown), words or (), out, unknown=unknown)
    if json:
        return print_json(result if out is None else result | {"out": str(out)})
    print_table(matrix_rows(result))
    return print(f"\n{result['kind']}" + ("" if out is None else f", drawn in {out}"))


def matrix_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """A table with a row and a column a word."""
    rows = [
        (word, *(f"{value:.4g}" for value in row)) for word, row in zip(result["words"], result["values"], strict=True)
    ]
    return [("", *result["words"]), *rows]


def embed(
    model: TextModel,
    texts: Texts = None,
    /,
    *,
    input: Input = None,
    output: Output = None,
    unknown: TextUnknown = None,
    precision: Multiplied = None,
    isotropy: Isotropic = None,
    kind: Asked = None,
    dimensions: Dimensions = None,
    truncate: Truncate = False,
    dry_run: Forecast = False,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """One vector a text: the mean of the vectors of its words, or what a model behind an API makes of it."""
    lines = given("embed", texts, input)
    options: dict[str, Any] = {"dimensions": dimensions, "truncate": truncate}
    if dry_run:
        told = estimate(model, lines, kind, **options)
        return print_json({"model": model} | told) if json else print_table(estimate_rows(told))
    with reporting(progress) as report:
        read = answering(model, **options)
        vectors, words = embedded(read, lines, output, unknown, precision, isotropy, kind, report)
    if json:
        result = {"vectors": vectors.tolist()} if output is None else {"out": str(output)}
        print_json({"model": model, "dim": vectors.shape[1], "texts": len(lines), "words": words} | result)
    elif output is not None:
        rows = [("texts", len(lines)), ("dimension", vectors.shape[1]), ("path", output)]
        print_table(rows + ([] if words is None else [("words", counted(words))]))
    else:
        if unknown is not None and words is not None:
            note(f"words: {counted(words)}")
        for text, vector in zip(lines, vectors, strict=True):
            print_json({"text": text, "vector": vector.tolist()})
    return None


def estimate_rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    """What asking a model behind an API would take."""
    cost = "not known here" if told["cost"] is None else f"about {told['cost']:,.4f} {told['currency']}"
    kept = f"{told['texts']:,}, {told['distinct']:,} different, {told['kept']:,} of them already here"
    return [
        ("texts", kept),
        ("requests", f"{told['requests']:,}"),
        ("tokens", f"about {told['tokens']:,}"),
        ("cost", cost),
    ]


def counted(words: dict[str, int]) -> str:
    """How many words of texts have which kind of vector."""
    return ", ".join(f"{kind} {count:,}" for kind, count in words.items()) or "none"


def predict(
    model: Model,
    texts: Classified = None,
    /,
    *,
    input: Input = None,
    k: MostLabels = 1,
    threshold: AtLeast = 0.0,
    json: Json = False,
) -> None:
    """The most probable labels of each text with their probabilities, from a classifier; a line a text."""
    found = api.predict(model, given("predict", texts, input), k, threshold)
    if json:
        return print_json({"model": model, "predictions": found})
    for labels in found:
        print("\t".join(f"{label} {chance:.4f}" for label, chance in labels))
    return None


def given(command: str, texts: list[str] | None, input: str | None) -> list[str]:
    """The texts of a command line, or the lines of its --input: one of the two."""
    if bool(texts) == (input is not None):
        raise CycloptsError(msg=f"{command} needs TEXT... or --input FILE (- for standard input), one of the two")
    return texts or read_lines(str(input))


def read_lines(path: str) -> list[str]:
    """The lines of a file, or of standard input for ``-``, as UTF-8 with replacement."""
    from wordfield.text.sources import UTF8_BOM, decoded, standard_input

    data = standard_input().read() if path == "-" else Path(path).read_bytes()
    text, invalid = decoded(data.removeprefix(UTF8_BOM), path, 0, 1, strict=False)
    if invalid:
        log.warning("%d bytes of %s are not UTF-8; U+FFFD stands for them", invalid, path)
    lines = text.split("\n")
    return [line.removesuffix("\r") for line in lines[: len(lines) - (lines[-1] == "")]]


def tokens(model: Model, text: Text, /, *, unknown: TextUnknown = None, json: Json = False) -> None:
    """How a text is cut into words, what the vector of each is made of, and from which rows of the table it comes."""
    result = api.tokens(model, text, unknown=unknown)
    if json:
        return print_json({"tokens": result})
    title = ("word", "known", "rows", "made of", "n-grams, unknown ones in brackets")
    return print_table([title, *map(token_row, result)])


def token_row(token: dict[str, Any]) -> tuple[str, ...]:
    """A word, whether it is known, its own row or how many rows, what its vector is made of, and its n-grams."""
    parts = [each["ngram"] if each["known"] else f"({each['ngram']})" for each in token["ngrams"]]
    rows = token["rows"]
    shown = ", ".join(map(str, rows)) if len(rows) < 2 else f"{rows[0]} and {len(rows) - 1} more"
    return token["word"], "yes" if token["known"] else "no", shown or "none", token["origin"], " ".join(parts)
