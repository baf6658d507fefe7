"""Learning: training, what it would take, and the search for hyperparameters."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordfield.api.asking import analogy, neighbors
from wordfield.api.models import PARTS, Model, Result, keep, opened, refuse_foreign, summary
from wordfield.models import contextual
from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.text.corpus import Corpus
    from wordfield.text.labelled import Labelled

log = logging.getLogger(__name__)

# What `demo` asks the documentation of Python.
DEMO_WORDS = ("month", "socket", "true", "bytes", "thread")
DEMO_ANALOGIES = (("minimum", "maximum", "smallest"), ("x", "y", "width"))

# Parts of which a warning tells when a file that was asked for does not keep them.
TOLD = ("classes", "ngrams", "network")


def demo(out: str | Path | None = None, *, progress: Progress = silent) -> dict[str, Any]:
    """Train Word2Vec on the documentation inside this Python, and show what it learnt.

    Returns ``training`` as ``train`` does, ``neighbors`` as ``neighbors`` does, and ``analogies``: objects of a, b, c
    and answers. The model is kept in the folder ``out``, if one is given.
    """
    from wordfield.models.predict.word2vec import Word2Vec
    from wordfield.text.corpus import Corpus

    # A third of a million words is little: many passes, few words skipped. One thread: it always comes out alike.
    recipe = Word2Vec(dim=128, epochs=60, subsample=1e-3, threads=1, seed=1)
    model, training = trained(recipe, Corpus("builtin:python-docs"), out, None, progress)
    questions = [question for question in DEMO_ANALOGIES if all(word in model.words for word in question)]
    return {
        "training": training,
        "neighbors": neighbors(model, [word for word in DEMO_WORDS if word in model.words], k=7),
        "analogies": [{"a": a, "b": b, "c": c, "answers": analogy(model, a, b, c, k=3)} for a, b, c in questions],
    }


def train(
    recipe: Any,
    corpus: Corpus | Any,
    out: str | Path,
    *,
    start: Model | None = None,
    validation: Corpus | Any | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Fit ``recipe`` to ``corpus`` (a ``Corpus`` or what one is made of; for a classifier labelled text, a
    ``text.labelled.Labelled`` or what one is made of) and write the result to ``out``.

    ``start``: a saved result to go on training, or vectors to start from. ``validation``: of a network, text to measure
    the held-out loss on. What stands against writing ``out`` is found before training: ``FileExistsError`` for
    something that is no model, ``OSError`` for a place that cannot be written.

    Returns recipe, tokens, known_tokens (in the vocabulary), vocabulary, dim, seconds (read, train), words_per_second,
    loss, heldout and accuracy (one an epoch, of networks one a check), out, invalid (bytes that were not UTF-8).
    On Ctrl-C, and where a network's loss is no number any more, what was learnt is written to ``out`` + ".partial", an
    older ``out`` stays as it was, and the ``KeyboardInterrupt`` or ``FloatingPointError`` says so. A network is written
    there every five minutes, and the file deleted in the end.
    """
    return trained(recipe, corpus, out, start, progress, validation)[1]


def plan(recipe: Any, corpus: Corpus | Any) -> dict[str, Any]:
    """What ``train`` would give and take, told from a sample of the corpus and a moment of training; writes nothing.

    Returns recipe, tokens, known_tokens, vocabulary, dim, seconds (read, train) and words_per_second as ``train`` does,
    all expected; ``memory``: bytes that this process will have at most; ``disk``: bytes of the text as numbers while
    it trains, and of the result; ``sample``: the share of the text that was looked at.
    """
    from wordfield.text.labelled import Labelled
    from wordfield.text.sampling import sample

    text = taken(recipe, corpus)
    looked = sample(text.corpus if isinstance(text, Labelled) else text)
    with looked.scan:
        trial = recipe.rehearse(looked)
        passes, described = getattr(recipe, "epochs", 1), recipe.described()
        return {
            "recipe": described["model"],
            "tokens": looked.tokens,
            "known_tokens": trial.known_tokens,
            "vocabulary": trial.vocabulary,
            "dim": described.get("dim", trial.vocabulary),
            "seconds": {"read": looked.seconds, "train": trial.seconds},
            "words_per_second": passes * looked.tokens / max(1e-9, trial.seconds),
            "memory": trial.memory,
            "disk": {"numbers": 4 * (looked.tokens + trial.known_tokens), "result": trial.result},
            "sample": looked.share,
        }


def tune(
    recipe: Any,
    corpus: Corpus | Any,
    out: str | Path,
    *,
    trials: int | None = None,
    minutes: float | None = None,
    metric: str | None = None,
    validation: Labelled | Any | None = None,
    share: float = 0.2,
    data: Sequence[str | Path] = (),
    ranges: Mapping[str, str | Sequence[Any]] | None = None,
    fixed: Collection[str] = (),
    max_size: int | str | None = None,
    journal: str | Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Search for better hyperparameters than those of ``recipe``, which are the first that are tried, and write the
    best model to ``out``. Until there were so many ``trials``, or ``minutes`` are over; unset, both: 20 trials.

    ``metric``: of a classifier f1 (unset), f1:LABEL, macro-f1, precision@1 (also called accuracy),
    precision-at-recall:30 and recall-at-precision:30, per cent, also with :LABEL; on the labelled texts of
    ``validation``, or on a ``share`` of the texts set apart at random. Of words: the mean score on the sets in
    ``data``, files or folders, or on those of one task or name; without them heldout, the loss on text that is kept
    aside.

    ``ranges``: by field what is tried, "5..50" (where the end is ten times the start or more, ratios count), or
    "5,10,20"; ``fixed``: fields that stay as they are; see ``wordfield.tuning.spaces`` for what is tuned otherwise.
    ``max_size``: bytes that a classifier may take, 2M: it is compressed for it, and scored so. ``journal``: a file
    that notes the trials; with the same one a search that was stopped goes on.

    Returns recipe, metric, trials (objects of number, tried, score, seconds, bytes, state, reason), best (its number),
    score, fields (of the best recipe, all), seconds, out. ``ValueError`` where no trial is done. On Ctrl-C the best so
    far is written to ``out``, and ``KeyboardInterrupt`` says so.
    """
    from time import monotonic

    from wordfield import formats
    from wordfield.tuning import judging, search, spaces
    from wordfield.tuning.fitting import bytes_of

    begun, text = monotonic(), taken(recipe, corpus)
    refuse_foreign(Path(out), formats.format_of(out))
    search.refuse_stdin(text)
    aside: Any = None if validation is None else taken(recipe, validation)
    judge = judging.judge(recipe, text, metric, aside, share, data)
    space = spaces.space_of(recipe, ranges, fixed, judge.metric)
    limits: dict[str, Any] = {"trials": trials, "minutes": minutes, "journal": journal, "target": out}
    limits["max_size"] = None if max_size is None else bytes_of(max_size)
    found = search.Search(recipe, text, judge, space, progress=progress, **limits)
    try:
        found.run()
        model = found.result()
    except KeyboardInterrupt:
        if found.model is None:
            raise
        keep(found.model, Path(out), formats.chosen(found.model.table(), out))
        later = "" if journal is None else "; the same command goes on from there"
        raise KeyboardInterrupt(f"interrupted; the best model so far is in {out}{later}") from None
    keep(model, Path(out), formats.chosen(model.table(), out))
    best = found.best()
    return {
        "recipe": recipe.described()["model"],
        "metric": judge.metric,
        "trials": [asdict(trial) for trial in found.tried()],
        "best": None if best is None else best.number,
        "score": None if best is None else best.score,
        "fields": {name: value for name, value in found.chosen().described().items() if name != "model"},
        "seconds": monotonic() - begun,
        "out": str(out),
    }


def trained(
    recipe: Any,
    corpus: Corpus | Any,
    out: str | Path | None,
    start: Model | None,
    progress: Progress,
    validation: Corpus | Any | None = None,
) -> tuple[Result, dict[str, Any]]:
    """Fit, write to ``out`` unless that is None, and return the model with what ``train`` returns."""
    from wordfield import formats

    text = taken(recipe, corpus)
    partial = None if out is None else Path(f"{out}.partial")
    if out is not None:
        name = formats.format_of(out)
        refuse_foreign(Path(out), recipe.FORMAT if contextual(recipe) and name == "native" else name)
    begun = None if start is None else opened(start)
    if begun is not None and begun.recipe and replace(begun.tokenizer, phrases=None) != text.cutter:
        log.warning("the model to go on from cuts text by %s, this corpus is cut by %s", begun.tokenizer, text.cutter)
    more: dict[str, Any] = {} if validation is None else {"validation": taken(recipe, validation)}
    if partial is not None and contextual(recipe):
        refuse_foreign(partial, recipe.FORMAT)
        more["checkpoint"] = lambda model: model.save(partial, recipe.FORMAT)
    try:
        model: Result = recipe.fit(text, progress, start=begun, **more)
    except (KeyboardInterrupt, FloatingPointError) as stop:
        learnt = getattr(stop, "partial", None)
        if out is None or partial is None or learnt is None:
            raise
        keep(learnt, partial, recipe.FORMAT if contextual(recipe) else formats.chosen(learnt.table(), out))
        told = str(stop) if isinstance(stop, FloatingPointError) else "interrupted"
        raise type(stop)(f"{told}; what was learnt so far is in {partial}") from None
    if text.invalid:
        log.warning("%d bytes of %s are not UTF-8; U+FFFD stands for them", text.invalid, text.name)
    if out is not None:
        name = formats.chosen(model.table(), out)
        lost = [PARTS[part] for part in formats.losses(model.table(), name) if part in TOLD]
        if lost:
            log.warning("%s is written as %s, which does not keep %s", out, name, " and ".join(lost))
        keep(model, Path(out), name)
        if "checkpoint" in more and partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
    return model, {**summary(model, out), "invalid": text.invalid}


def taken(recipe: Any, corpus: Any) -> Corpus | Labelled:
    """The text that ``recipe`` learns from: labelled where it is a classifier."""
    from wordfield.text.corpus import Corpus
    from wordfield.text.labelled import Labelled

    if isinstance(corpus, (Corpus, Labelled)):
        return corpus
    return Labelled(corpus) if hasattr(recipe, "label_prefix") else Corpus(corpus)
