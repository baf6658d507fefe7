"""Models in other formats, or smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wordfield.api.measuring import evaluate
from wordfield.api.models import PARTS, load, refuse_foreign, refuse_hosted, stored_bytes

if TYPE_CHECKING:
    from wordfield.formats.architecture import Side


def convert(
    source: str | Path,
    target: str | Path,
    format: str | None = None,
    *,
    quantize: Literal["product", "int8", "float16"] | None = None,
    part: int = 2,
    norms: bool = False,
    output: bool = False,
    max_words: int | None = None,
    max_ngrams: int | None = None,
    seed: int = 1,
    data: Sequence[str | Path] = (),
    repair: bool = False,
    source_format: str | None = None,
    table: Side = "input",
) -> dict[str, Any]:
    """Write the model ``source`` to ``target`` in another format, or smaller; ``FormatError`` for a word that it cannot
    hold.

    ``quantize``, ``part``, ``norms``, ``output``, ``max_words``, ``max_ngrams``, ``seed``: how it is made smaller, see
    ``wordfield.compression.compressed``. ``data``: what ``evaluate`` takes, to score before and after. ``repair``: what
    is damaged in ``source`` is left out. ``source_format``: what ``source`` is, where its beginning does not show it.
    ``table``: of a network the vectors that go in or, "output", those by which it finds the next word.

    Returns out, format, vocabulary, dim, and ``lost``: what is not kept besides words and vectors; with ``repair`` also
    ``repaired``: what was left out, a text each, the first 20 and how many more. Where it was made
    smaller, or there is ``data``, also ``bytes`` (before, after) on disk, and ``overlap``: the mean share of the 10
    nearest words that stay, of up to 1,000 frequent words. With ``data`` also ``results``: objects of task, dataset,
    metric, before, after, change and covered (before, after).
    """
    from wordfield import compression, formats
    from wordfield.evaluation.neighbourhoods import overlap
    from wordfield.formats import architecture
    from wordfield.vectors import WordVectors

    refuse_hosted(source)
    if not Path(target).is_dir():
        refuse_foreign(Path(target), format or formats.format_of(target))
    source_format = source_format or formats.recognise(source)
    read = formats.load(source, source_format, repair)
    made = whole = architecture.chosen(read, table)
    smaller = quantize is not None or max_words is not None or max_ngrams is not None
    changes = smaller or output or norms
    name = format or formats.chosen(replace(whole, network=None) if changes else whole, target)
    refuse_foreign(Path(target), name)
    scored = load(source, source_format, repair=repair, table=table) if data else source
    before = {
        "bytes": stored_bytes(source, source_format),
        "results": evaluate(scored, data)["results"] if data else [],
    }
    chosen = {"part": part, "norms": norms, "output": output, "max_words": max_words, "max_ngrams": max_ngrams}
    if changes:
        made = compression.compressed(whole, quantize, seed=seed, **chosen)  # type: ignore[arg-type]
    formats.save(made, target, name)
    lost = formats.losses(made, name) + (["state"] if len(whole.state) > len(made.state) else [])
    lost += ["network"] if read.network is not None and made.network is None else []
    result = {
        "out": str(target),
        "format": name,
        "vocabulary": len(made.words),
        "dim": made.storage.shape[1],
        "lost": [PARTS[part] for part in lost],
    } | ({"repaired": whole.repaired} if repair else {})
    if not smaller and not data:
        return result
    stay = overlap(WordVectors.of(whole), WordVectors.of(formats.load(target, name)), among_shared=False)
    result |= {
        "bytes": {"before": before["bytes"], "after": stored_bytes(target, name)},
        "overlap": None if stay is None else stay.score.value,
    }
    after = evaluate(load(target, name), data)["results"] if data else []
    return result | ({"results": [*map(changed, before["results"], after)]} if data else {})


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """A score of two models of the same words: before, after, change; None where nothing can be said."""
    one, other = before["value"], after["value"]
    named = {part: before[part] for part in ("task", "dataset", "metric")}
    covered = {"before": before["covered"], "after": after["covered"]}
    change = None if one is None or other is None else other - one
    return named | {"before": one, "after": other, "change": change, "covered": covered}
