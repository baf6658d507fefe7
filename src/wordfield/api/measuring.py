"""Measuring: scores, beside each other; public sets; spaces and their neighbourhoods."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordfield.api.models import PARTS, Choice, Model, answering, classifier, opened, refuse_foreign
from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.alignment import Settings
    from wordfield.formats.architecture import Side

log = logging.getLogger(__name__)


def evaluate(
    model: Model | Sequence[Model],
    data: Sequence[str | Path],
    suite: str | None = None,
    restrict_vocab: int | None = 30000,
    *,
    k: int = 1,
    threshold: float = 0.0,
    field: str | None = None,
    label_field: str | None = None,
    unknown: Choice = None,
    method: str = "add",
    plot: str | Path | None = None,
    table: Side = "input",
) -> dict[str, Any]:
    """Score a model, or several beside each other, on the sets in ``data``, files or folders, recognised by content:
    word pairs (Spearman), analogies (accuracy), words in context, pairs of sentences and so on; of a classifier, unless
    ``suite`` says otherwise, the labels that it gives to labelled texts (``classification``).

    Of one model: model and results, each of task, dataset, metric, value, low, high (95 % interval), pairs, covered,
    oov. Of several: models (their names, made different) and results, each what ``evaluation.comparison`` says of a
    set: the values of all models, which is best, and how sure that is.

    Analogies are answered among the ``restrict_vocab`` most frequent words, None: among all; by ``method``, "add" or
    "mul". ``unknown``: what becomes of words that a model does not know, see ``wordfield.Unknown``; None: n-grams, or
    the tokens of a table of tokens, where the model has such, else they are left out. ``k``, ``threshold``, ``field``
    and ``label_field`` are for classifiers: see ``evaluation.classification``. ``plot``: also draw the values with
    their intervals, .png, .svg or .pdf. ``table``: of networks the vectors that go in or, "output", those by which they
    find the next word.
    """
    from wordfield import evaluation
    from wordfield.evaluation import classification
    from wordfield.protocols import Labeller

    if plot is not None:
        from wordfield.plots import check_target

        check_target(plot)
    several = not isinstance(model, (str, Path)) and isinstance(model, Sequence)
    models: list[Model] = list(model) if several else [model]  # type: ignore[arg-type,list-item]
    if not models:
        raise ValueError("there is no model to score: give one, or several to compare")
    if len(models) > 1:
        result = beside(models, data, suite, restrict_vocab, unknown, method, table)
    else:
        read = answering(models[0], table)
        if suite == "classification" or (suite is None and isinstance(read, Labeller)):
            if unknown is not None:
                raise ValueError("what becomes of unknown words can be chosen for word vectors, not for classifiers")
            results = classification.evaluate(classifier(read), data, k, threshold, field, label_field)
        else:
            results = evaluation.evaluate(read, data, suite, restrict_vocab, method, unknown)
        result = {"model": str(models[0]) if isinstance(models[0], (str, Path)) else None, "results": results}
    if plot is not None:
        from wordfield.evaluation.comparison import short
        from wordfield.plots import score_plot

        score_plot(result["results"], short(result.get("models") or [result["model"] or "the model"]), plot)
    return result


def beside(
    models: Sequence[Model],
    data: Sequence[str | Path],
    suite: str | None,
    restrict_vocab: int | None,
    unknown: Choice,
    method: str,
    table: Side,
) -> dict[str, Any]:
    """What ``evaluate`` returns of several models; they are loaded one after the other."""
    from wordfield import evaluation
    from wordfield.evaluation.comparison import compare
    from wordfield.evaluation.scores import Settings
    from wordfield.protocols import Labeller
    from wordfield.unknown import Unknown

    settings = Settings(restrict_vocab, method, Unknown.of(unknown, Settings().unknown))
    names, scores = [], []
    for place, model in enumerate(models, 1):
        names.append(str(model) if isinstance(model, (str, Path)) else f"model {place}")
        read = answering(model, table)
        if suite == "classification" or (suite is None and isinstance(read, Labeller)):
            raise ValueError(
                f"{names[-1]}: classifiers are scored on their labels one at a time; for the word vectors of several "
                "models name a suite such as similarity"
            )
        scores.append(evaluation.scores(read, data, suite, settings))
    compared = compare(names, scores)
    if not any(each.shared.any() for each in compared):
        log.warning("there is no item of any set that all models cover: nothing is compared")
    return {"models": list(compared[0].names), "results": [each.result() for each in compared]}


def datasets(names: Sequence[str] = (), *, fetch: bool = False, progress: Progress = silent) -> dict[str, Any]:
    """The public evaluation sets that are known by name, or those of ``names`` ("all": all); with ``fetch`` they are
    downloaded first, unless they are there. Once there, ``evaluate`` takes the name for the file.

    Returns folder and datasets, each of name, task, language, items, paper, licence (as its source states it), source,
    bytes, sha256, cached and path. ``ValueError`` for an unknown name or a file that is not what it should be,
    ``OSError`` where the network fails.
    """
    from wordfield.datasets import registry

    if fetch and not names:
        raise ValueError("nothing to fetch: give names of sets, or all")
    every = not names or "all" in names
    chosen = list(dict.fromkeys(registry.SETS.values() if every else map(registry.find, names)))
    if fetch:
        registry.fetch([each.name for each in chosen], progress)
    return {
        "folder": str(registry.cache()),
        "datasets": [asdict(each) | {"cached": each.cached(), "path": str(each.path())} for each in chosen],
    }


def align(
    a: Model,
    b: Model,
    out: str | Path | None = None,
    *,
    pairs: str | Path | Sequence[tuple[str, str]] | None = None,
    test: str | Path | Sequence[tuple[str, str]] | None = None,
    settings: Settings | None = None,
    most: int = 20,
    format: str | None = None,
) -> dict[str, Any]:
    """Turn ``a`` onto the space of ``b``, so that their vectors can be compared, and write it to ``out``: the rotation
    that brings words of pairs closest to each other. Nothing changes between the words of ``a``.

    ``pairs``: a word of ``a`` and one of ``b``, or a file of such lines; unset: the most frequent words that both spell
    alike. ``test``: others to judge the rotation by; unset: a share of the pairs that has no part in it. ``settings``:
    see ``wordfield.alignment.Settings``.

    Returns dim, pairs (how many the rotation was made of), test (pairs, covered), ``before`` and ``after`` the
    rotation, results as of ``evaluate`` of precision at 1, 5 and 10 by cosine and by CSLS ("retrieval"), rounds,
    ``cosine``, the mean within all pairs, ``moved``, the ``most`` pairs of least cosine, and out, format and lost as
    ``convert`` does.
    """
    from wordfield import alignment, formats
    from wordfield.storage import Coded

    if out is not None:
        refuse_foreign(Path(out), format or formats.format_of(out))
    given = [alignment.read_pairs(each) if isinstance(each, (str, Path)) else each for each in (pairs, test)]
    one, other = opened(a), opened(b)
    found = alignment.align(one.words, other.words, given[0], test=given[1], settings=settings)
    asked = found.after[0]
    result = {
        "dim": one.dim,
        "pairs": found.fitted,
        "test": {"pairs": len(asked.covered), "covered": int(asked.covered.sum())},
        "before": [score.result() for score in found.before],
        "after": [score.result() for score in found.after],
        "rounds": found.rounds,
        "cosine": float(found.cosines.mean()),
        "moved": found.moved(most),
        "out": None,
    }
    if out is None:
        return result
    names = {"onto": str(b) if isinstance(b, (str, Path)) else None, "pairs": found.fitted}
    table = alignment.turned_table(one.table(), found.rotation, names)
    name = format or formats.chosen(table, out)
    formats.save(table, out, name)
    gone = formats.losses(table, name) + (["state"] if one.state else [])
    gone += ["codes"] if isinstance(one.words.storage, Coded) else []
    return result | {"out": str(out), "format": name, "lost": [PARTS[part] for part in gone]}


def neighborhoods(
    model: Model,
    other: Model | None = None,
    k: int = 10,
    *,
    words: int | None = 1000,
    restrict_vocab: int | None = 30000,
    most: int = 10,
) -> dict[str, Any]:
    """Of each model, how unevenly its words are neighbours of others; of two, how many of the ``k`` nearest words are
    the same in both, over ``words`` of those that both have (None: all), and which words differ most.

    All among the ``restrict_vocab`` most frequent words; None: among all. Returns ``hubness``, for each model an object
    of model, words, k, skewness, antihubs (the share of words that are nobody's neighbour), hubs (the ``most`` words
    that are neighbours most often, with how often) and undirected (words left out, as zeros or NaN have no neighbours);
    ``overlap``, a result as of ``evaluate``, with shared (how many words both have), and ``drift``, the ``most`` words
    that differ most: objects of word, overlap, similarity, here and there; without ``other`` these are None.
    ``ValueError`` where there are no two words to compare.
    """
    from wordfield.evaluation import neighbourhoods

    pair = [opened(each) for each in (model, other) if each is not None]
    told = []
    for given, each in zip((model, other), pair, strict=False):
        found = neighbourhoods.hubness(each.words, k, restrict_vocab)
        measured = {"words": len(found.words), "k": found.k, "skewness": found.skewness, "antihubs": found.antihubs}
        named = {"model": str(given) if isinstance(given, (str, Path)) else None}
        told.append(named | measured | {"hubs": found.hubs(most), "undirected": found.undirected})
    result: dict[str, Any] = {"hubness": told, "overlap": None, "drift": None}
    if len(pair) < 2:
        return result
    both = neighbourhoods.overlap(pair[0].words, pair[1].words, k, words, restrict_vocab)
    if both is None:
        raise ValueError("the models share fewer than 2 words: there are no neighbours to compare")
    return result | {"overlap": both.score.result() | {"shared": both.shared}, "drift": both.drift(most)}
