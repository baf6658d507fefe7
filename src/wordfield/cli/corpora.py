"""Commands about text: phrases, subwords, the cache."""

from __future__ import annotations

from typing import Any

from wordfield import api
from wordfield.options import (
    USUAL,
    Clear,
    Delimiter,
    Field,
    Files,
    Json,
    Listed,
    Lowered,
    PairCount,
    Passes,
    PhraseFile,
    PieceKind,
    Pieces,
    Reading,
    Readings,
    Reports,
    Score,
    Threshold,
    Vocabulary,
)
from wordfield.terminal import (
    flat,
    print_json,
    print_table,
    reporting,
    short,
)


def phrases(
    corpus: Files,
    /,
    *,
    out: PhraseFile = None,
    k: Listed = 20,
    passes: Passes = 1,
    score: Score = "word2phrase",
    threshold: Threshold = None,
    min_count: PairCount = 5,
    delimiter: Delimiter = "_",
    reading: Readings = USUAL,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """Words that stand together much more often than chance would have it, best first; kept with --out."""
    text = reading.corpus(corpus)
    options = {"passes": passes, "score": score, "threshold": threshold, "min_count": min_count}
    with reporting(progress) as report:
        found = api.phrases(text, out, delimiter=delimiter, progress=report, **options)  # type: ignore[arg-type]
    if json:
        return print_json({"phrases": found[:k], "found": len(found), "out": None if out is None else str(out)})
    rows = [(each["phrase"], f"{each['count']:,}", short(each["score"])) for each in found[:k]]
    print_table([("phrase", "count", score), *rows])
    return print(f"\n{len(rows):,} of {len(found):,}" + ("" if out is None else f", all of them in {out}"))


def subwords(
    corpus: Files,
    /,
    *,
    out: Vocabulary,
    size: Pieces = 8000,
    kind: PieceKind = "bpe",
    lowercase: Lowered = False,
    min_count: PairCount = 2,
    field: Field = None,
    json: Json = False,
) -> None:
    """Learn a vocabulary of pieces of words and write it as a tokenizer.json, to train with --tokenizer OUT."""
    text = Reading(field=field).corpus(corpus)
    result = api.subwords(text, out, size=size, kind=kind, lowercase=lowercase, min_count=min_count)
    print_json(result) if json else print_table(flat(result))


def cache(*, clear: Clear = False, json: Json = False) -> None:
    """Corpora that are kept as numbers, so that training on them again reads no text."""
    result = api.cache(clear=clear)
    if json:
        return print_json(result)
    rows = [
        (each["corpus"], each["tokenizer"]["name"], f"{each['tokens']:,}", size(each)) for each in result["corpora"]
    ]
    if rows:
        print_table([("corpus", "tokenizer", "tokens", "size"), *rows])
        print()
    told = [("folder", result["folder"]), ("size", f"{size(result)} of {result['limit'] / 1e6:,.0f} MB")]
    return print_table(told + ([("freed", f"{result['freed'] / 1e6:,.1f} MB")] if clear else []))


def size(result: dict[str, Any]) -> str:
    """Bytes as people read them."""
    return f"{result['bytes'] / 1e6:,.1f} MB"
