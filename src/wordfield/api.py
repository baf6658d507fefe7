"""One function a verb: each command of the command line is one of these, with the same name.

``load`` and ``save`` complete them. A ``model`` is a path, or a result that is already in memory. Heavy imports happen
inside the functions.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.protocols import Matrix
    from wordfield.static import StaticModel
    from wordfield.supervised import ClassifierModel, Predictions
    from wordfield.text.corpus import Corpus
    from wordfield.text.labelled import Labelled

Result: TypeAlias = "StaticModel | ClassifierModel"
Model: TypeAlias = "str | Path | Result"

__all__ = [
    "analogy",
    "cache",
    "convert",
    "demo",
    "embed",
    "evaluate",
    "info",
    "load",
    "matrix",
    "neighbors",
    "phrases",
    "plan",
    "predict",
    "save",
    "similarity",
    "subwords",
    "tokens",
    "train",
    "tune",
]

log = logging.getLogger(__name__)

# What `demo` asks the documentation of Python.
DEMO_WORDS = ("month", "socket", "true", "bytes", "thread")
DEMO_ANALOGIES = (("minimum", "maximum", "smallest"), ("x", "y", "width"))

MATRIX = 200  # words of a matrix that is shown or drawn

# By recipe: what the entries of its table say of two words, where they do.
KINDS = {"cooccurrence": "counts", "ppmi": "ppmi"}

# What a model remembers besides its words and vectors, as people call it.
PARTS = {
    "counts": "word counts",
    "config": "recipe, tokenizer and history",
    "state": "what training goes on from",
    "ngrams": "n-grams, and so vectors of unknown words",
    "classes": "labels",
    "codes": "codes: all numbers are written in full",
    "product": "codes: all numbers are written in full",
}


def load(path: str | Path) -> Result:
    """Read a model of any known format, recognised by its content; a classifier where it has labels.

    ``FileNotFoundError`` if nothing is there; ``FormatError`` if it is no model, or a damaged one.
    """
    from wordfield import formats
    from wordfield.static import StaticModel
    from wordfield.supervised import ClassifierModel

    table = formats.load(path)
    return StaticModel.of(table) if table.classes is None else ClassifierModel.of(table)


def save(model: Result, path: str | Path, format: str | None = None) -> None:
    """Write a model: in the format named, or the one that the name's ending says (.bin, .txt, .vec; none: a folder)."""
    model.save(path, format)


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
    recipe: Any, corpus: Corpus | Any, out: str | Path, *, start: Model | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Fit ``recipe`` to ``corpus`` (a ``Corpus`` or what one is made of; for a classifier labelled text, a
    ``text.labelled.Labelled`` or what one is made of) and write the result to ``out``.

    ``start``: a saved result to go on training, or vectors to start from. What stands against writing ``out`` is found
    before training: ``FileExistsError`` for something that is no model, ``OSError`` for a place that cannot be written.

    Returns recipe, tokens, known_tokens (in the vocabulary), vocabulary, dim, seconds (read, train), words_per_second,
    loss and heldout (one an epoch), out, invalid (bytes that were not UTF-8).
    On Ctrl-C what was learnt is written to ``out`` + ".partial", an older ``out`` stays as it was, and
    ``KeyboardInterrupt`` says so.
    """
    return trained(recipe, corpus, out, start, progress)[1]


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
        passes = getattr(recipe, "epochs", 1)
        return {
            "recipe": recipe.described()["model"],
            "tokens": looked.tokens,
            "known_tokens": trial.known_tokens,
            "vocabulary": trial.vocabulary,
            "dim": getattr(recipe, "dim", trial.vocabulary),
            "seconds": {"read": looked.seconds, "train": trial.seconds},
            "words_per_second": passes * looked.tokens / max(1e-9, trial.seconds),
            "memory": trial.memory,
            "disk": {"numbers": 4 * (looked.tokens + trial.known_tokens), "result": trial.result},
            "sample": looked.share,
        }


def info(model: Model | Corpus, *, progress: Progress = silent) -> dict[str, Any]:
    """Of a model: kind, dimension, vocabulary, recipe, provenance and, of a path, format and size in bytes.

    Of a ``Corpus``, which is read for it: files, stored_bytes, bytes, sentences, tokens, types, invalid_bytes,
    tokenizer, longest_line (bytes, number), and ``unsegmented``, the share of it that has no spaces between words.
    """
    from wordfield.text.corpus import Corpus

    if isinstance(model, Corpus):
        from wordfield.text.inspection import inspect

        return inspect(model, progress)
    if not isinstance(model, (str, Path)):
        return model.info()
    from wordfield import formats

    described = load(model).info()
    return {
        "model": str(model),
        "format": formats.recognise(model),
        **described,
        "bytes": stored_bytes(model),
    }


def neighbors(model: Model, words: Sequence[str], k: int = 10) -> dict[str, list[tuple[str, float]]]:
    """For each of ``words`` its ``k`` nearest words with their cosines, nearest first."""
    asked = list(dict.fromkeys(words))
    return dict(zip(asked, opened(model).words.most_similar(asked, k), strict=True))


def similarity(model: Model, a: str, b: str) -> float:
    """The cosine of two words, -1 to 1."""
    return opened(model).words.similarity(a, b)


def analogy(
    model: Model, a: str, b: str, c: str, k: int = 5, method: Literal["add", "mul"] = "add"
) -> list[tuple[str, float]]:
    """The ``k`` words that are to ``c`` as ``b`` is to ``a``, with their scores; the three are left out."""
    return opened(model).words.analogy(a, b, c, k, method)


def matrix(model: Model, words: Sequence[str] = (), out: str | Path | None = None) -> dict[str, Any]:
    """What stands between words: in a model of counts or PPMI the entries of its matrix, else the cosines.

    ``words``: all of the model's if none are given, which at most ``MATRIX`` may be. ``out``: also draw it as a heat
    map, .png, .svg or .pdf. Returns words, ``values`` (a list for each word) and ``kind``: counts, ppmi or cosine.
    """
    import numpy as np

    read = opened(model)
    field = read.words
    if not words and len(field) > MATRIX:
        raise ValueError(f"the model has {len(field)} words; name those to show, or draw, {MATRIX} at most at once")
    asked = list(dict.fromkeys(words)) or list(field.index_to_key)
    rows = field.vocabulary.rows(asked)
    kind = KINDS.get(read.recipe.get("model", ""), "cosine")
    taken = field.table.take(rows)
    if kind == "cosine":
        lengths = np.maximum(np.linalg.norm(taken, axis=1, keepdims=True), 1e-30)
        values = (taken / lengths) @ (taken / lengths).T
    else:
        values = taken[:, rows]
    if out is not None:
        from wordfield.plots import heat_map

        heat_map(values, asked, out, kind)
    return {"words": asked, "kind": kind, "values": values.tolist()}


def embed(model: Model, texts: Sequence[str], output: str | Path | None = None) -> Matrix:
    """One vector a text, (len(texts), dim) float32; a text without a known word is a row of zeros.

    ``output``: also write them, as .npy (the matrix) or .jsonl (an object of text and vector a line).
    """
    writers = {".npy": write_npy, ".jsonl": write_jsonl}
    if output is not None and Path(output).suffix.lower() not in writers:
        raise ValueError(f"cannot write vectors to {output}: give a name that ends in {' or '.join(writers)}")
    vectors = opened(model).embed(texts)
    if unknown := len(texts) - int(vectors.any(axis=1).sum()):
        log.warning("%d of %d texts have no known word: their vectors are zeros", unknown, len(texts))
    if output is not None:
        writers[Path(output).suffix.lower()](Path(output), texts, vectors)
    return vectors


def predict(model: Model, texts: Sequence[str], k: int | None = 1, threshold: float = 0.0) -> Predictions:
    """For each text its ``k`` most probable labels (None: all) with their probabilities, the most probable first; only
    those of at least ``threshold``. ``ValueError`` for a model that is no classifier.
    """
    return classifier(model).predict(texts, k, threshold)


def classifier(model: Model) -> ClassifierModel:
    """The classifier itself, loaded if it is a path; ``ValueError`` for another model."""
    from wordfield.supervised import ClassifierModel

    read = opened(model)
    if not isinstance(read, ClassifierModel):
        raise ValueError(
            f"{model if isinstance(model, (str, Path)) else 'the model'} is no classifier: it has no labels"
        )
    return read


def tokens(model: Model, text: str) -> list[dict[str, Any]]:
    """How ``text`` is cut into words, and of which rows of the table each is the mean: objects of word, known (whether
    the vocabulary has it), rows, and ``ngrams``, objects of ngram, row and known (whether a word of the vocabulary has
    it). A word without rows has no vector.
    """
    from wordfield.text.ngrams import NgramVocabulary

    read = opened(model)
    vocabulary = read.words.vocabulary
    found = []
    for word in read.tokenizer.tokenize(text):
        known = word in vocabulary
        ngrams: list[tuple[str, int, bool]] = []
        rows = [vocabulary.index[word]] if known else []
        if isinstance(vocabulary, NgramVocabulary):
            ngrams, rows = vocabulary.origin(word).ngrams, vocabulary.bag(word).tolist()
        parts = [{"ngram": ngram, "row": row, "known": seen} for ngram, row, seen in ngrams]
        found.append({"word": word, "known": known, "rows": rows, "ngrams": parts})
    return found


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
) -> dict[str, Any]:
    """Write the model ``source`` to ``target`` in another format, or smaller; ``FormatError`` for a word that it cannot
    hold.

    ``quantize``, ``part``, ``norms``, ``output``, ``max_words``, ``max_ngrams``, ``seed``: how it is made smaller, see
    ``wordfield.compression.compressed``. ``data``: what ``evaluate`` takes, to score before and after.

    Returns out, format, vocabulary, dim, and ``lost``: what is not kept besides words and vectors. Where it was made
    smaller, or there is ``data``, also ``bytes`` (before, after) on disk, and ``overlap``: the mean share of the 10
    nearest words that stay, of up to 1,000 frequent words. With ``data`` also ``results``: objects of task, dataset,
    metric, before, after, change and covered (before, after).
    """
    from wordfield import compression, formats
    from wordfield.vectors import WordVectors

    refuse_foreign(Path(target), format or formats.format_of(target))
    table = whole = formats.load(source)
    name = format or formats.chosen(whole, target)
    before = {"bytes": stored_bytes(source), "results": evaluate(source, data)["results"] if data else []}
    chosen = {"part": part, "norms": norms, "output": output, "max_words": max_words, "max_ngrams": max_ngrams}
    smaller = quantize is not None or max_words is not None or max_ngrams is not None
    if smaller or output or norms:
        table = compression.compressed(whole, quantize, seed=seed, **chosen)  # type: ignore[arg-type]
    formats.save(table, target, name)
    lost = formats.losses(table, name) + (["state"] if len(whole.state) > len(table.state) else [])
    result = {
        "out": str(target),
        "format": name,
        "vocabulary": len(table.words),
        "dim": table.storage.shape[1],
        "lost": [PARTS[part] for part in lost],
    }
    if not smaller and not data:
        return result
    written = WordVectors.of(formats.load(target))
    result |= {
        "bytes": {"before": before["bytes"], "after": stored_bytes(target)},
        "overlap": compression.overlap(WordVectors.of(whole), written),
    }
    after = evaluate(target, data)["results"] if data else []
    return result | ({"results": [*map(changed, before["results"], after)]} if data else {})


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """A score of two models of the same words: before, after, change; None where nothing can be said."""
    one, other = before["value"], after["value"]
    named = {part: before[part] for part in ("task", "dataset", "metric")}
    covered = {"before": before["covered"], "after": after["covered"]}
    change = None if one is None or other is None else other - one
    return named | {"before": one, "after": other, "change": change, "covered": covered}


def stored_bytes(path: str | Path) -> int:
    """Bytes of a model's file, or of all files of its folder."""
    files = sorted(Path(path).iterdir()) if Path(path).is_dir() else [Path(path)]
    return sum(file.stat().st_size for file in files)


def evaluate(
    model: Model,
    data: Sequence[str | Path],
    suite: str | None = None,
    restrict_vocab: int | None = 30000,
    *,
    k: int = 1,
    threshold: float = 0.0,
    field: str | None = None,
    label_field: str | None = None,
) -> dict[str, Any]:
    """Score word pairs (Spearman) and analogies (accuracy) in ``data``, files or folders, recognised by content; of a
    classifier, unless ``suite`` says otherwise, the labels that it gives to labelled texts (``classification``).

    Returns model and results, each of task, dataset, metric, value, low, high (95 % interval), pairs, covered, oov.
    Analogies are answered among the ``restrict_vocab`` most frequent words; None: among all. ``k``, ``threshold``,
    ``field`` and ``label_field`` are for classifiers: see ``evaluation.classification``.
    """
    from wordfield import evaluation
    from wordfield.evaluation import classification
    from wordfield.supervised import ClassifierModel

    read = opened(model)
    if suite == "classification" or (suite is None and isinstance(read, ClassifierModel)):
        results = classification.evaluate(classifier(read), data, k, threshold, field, label_field)
    else:
        results = evaluation.evaluate(read.words, data, suite=suite, restrict_vocab=restrict_vocab)
    return {"model": str(model) if isinstance(model, (str, Path)) else None, "results": results}


def phrases(
    corpus: Corpus | Any,
    out: str | Path | None = None,
    *,
    passes: int = 1,
    score: Literal["word2phrase", "npmi"] = "word2phrase",
    threshold: float | None = None,
    min_count: int = 5,
    delimiter: str = "_",
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Words of ``corpus`` that stand together much more often than chance would have it, best first: objects of phrase,
    left, right, count, score. See ``wordfield.text.phrases.learn`` for the options.

    ``out``: also write them, as JSON that ``Phrases.read`` reads and ``Corpus(phrases=...)`` takes.
    """
    from wordfield.formats.files import replacing
    from wordfield.text.corpus import Corpus
    from wordfield.text.phrases import learn

    text = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    with text.scan(progress) as scan:
        joined, found = learn(scan, passes, score, threshold, min_count, delimiter, progress)
    joined.close()
    learnt = joined.tokenizer.phrases
    if out is not None and learnt is not None:
        with replacing(Path(out)) as stream:
            stream.write(f"{learnt.dumps()}\n".encode())
    return [phrase._asdict() for phrase in found]


def subwords(
    corpus: Corpus | Any,
    out: str | Path,
    *,
    size: int = 8000,
    kind: Literal["bpe", "unigram"] = "bpe",
    lowercase: bool = False,
    min_count: int = 2,
) -> dict[str, Any]:
    """Learn a vocabulary of pieces of words from ``corpus`` and write it to ``out``, a tokenizer.json, which is a
    ``tokenizer`` for a ``Corpus``. See ``wordfield.text.subwords.learn``.

    Returns out, kind and pieces (how many there are).
    """
    from wordfield.formats.files import replacing
    from wordfield.text import subwords as library
    from wordfield.text.corpus import Corpus

    text = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
    vocabulary = library.learn(text.lines(), size, kind, lowercase=lowercase, min_count=min_count)
    with replacing(Path(out)) as stream:
        stream.write(vocabulary.encode())
    return {"out": str(out), "kind": kind, "pieces": len(library.Pieces(vocabulary))}


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
    from dataclasses import asdict
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


def cache(*, clear: bool = False) -> dict[str, Any]:
    """What is kept of corpora that were read: ``folder``, ``limit`` and ``bytes`` in all, and ``corpora``: objects of
    corpus, tokenizer, tokens, bytes and used (seconds since 1970), last used first. ``clear``: delete it first; then
    also ``freed``, in bytes.
    """
    from wordfield.text import cache as kept

    freed = {"freed": kept.clear()} if clear else {}
    found = kept.entries()
    total = sum(entry["bytes"] for entry in found)
    return {"folder": str(kept.folder()), "limit": kept.limit(), "bytes": total, "corpora": found} | freed


def opened(model: Model) -> Result:
    """The model itself, loaded if it is a path."""
    return load(model) if isinstance(model, (str, Path)) else model


def trained(
    recipe: Any, corpus: Corpus | Any, out: str | Path | None, start: Model | None, progress: Progress
) -> tuple[Result, dict[str, Any]]:
    """Fit, write to ``out`` unless that is None, and return the model with what ``train`` returns."""
    from wordfield import formats

    text = taken(recipe, corpus)
    if out is not None:
        refuse_foreign(Path(out), formats.format_of(out))
    begun = None if start is None else opened(start)
    if begun is not None and begun.recipe and replace(begun.tokenizer, phrases=None) != text.cutter:
        log.warning("the model to go on from cuts text by %s, this corpus is cut by %s", begun.tokenizer, text.cutter)
    try:
        model: Result = recipe.fit(text, progress, start=begun)
    except KeyboardInterrupt as stop:
        partial = getattr(stop, "partial", None)
        if out is None or partial is None:
            raise
        keep(partial, Path(f"{out}.partial"), formats.chosen(partial.table(), out))
        raise KeyboardInterrupt(f"interrupted; what was learnt so far is in {out}.partial") from None
    if text.invalid:
        log.warning("%d bytes of %s are not UTF-8; U+FFFD stands for them", text.invalid, text.name)
    if out is not None:
        name = formats.chosen(model.table(), out)
        if lost := [PARTS[part] for part in formats.losses(model.table(), name) if part in ("classes", "ngrams")]:
            log.warning("%s is written as %s, which does not keep %s", out, name, " and ".join(lost))
        keep(model, Path(out), name)
    return model, {**summary(model, out), "invalid": text.invalid}


def taken(recipe: Any, corpus: Any) -> Corpus | Labelled:
    """The text that ``recipe`` learns from: labelled where it is a classifier."""
    from wordfield.text.corpus import Corpus
    from wordfield.text.labelled import Labelled

    if isinstance(corpus, (Corpus, Labelled)):
        return corpus
    return Labelled(corpus) if hasattr(recipe, "label_prefix") else Corpus(corpus)


def keep(model: Result, out: Path, format: str) -> None:
    """Write ``out``; if that fails now, after all the work, write to the system's temporary folder and say where."""
    try:
        model.save(out, format)
    except (OSError, ValueError) as error:
        try:
            refuge = Path(tempfile.mkdtemp(prefix="wordfield-")) / out.stem
            model.save(refuge, "native")
        except (OSError, ValueError):
            raise error from None
        kind = OSError if isinstance(error, OSError) else ValueError
        said = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else error
        raise kind(f"{said}; the trained model is kept in {refuge}") from error


def refuse_foreign(out: Path, format: str) -> None:
    """Raise what stands against writing to ``out``: something that is no model, a place that cannot be written."""
    from wordfield import formats

    formats.check_target(out, format)
    if out.is_file() and out.stat().st_size:
        try:
            formats.recognise(out)
        except formats.FormatError:
            raise FileExistsError(f"{out} exists and is no model; it is left alone: give another name") from None
    place = out.absolute().parent
    while not place.exists():
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(out)) from None


def summary(model: Result, out: str | Path | None) -> dict[str, Any]:
    """What ``train`` returns, from what the model remembers. Words a second are words of the text, known or not."""
    history = model.history
    read = history.get("read_tokens", history["known_tokens"])
    raw = (history["tokens"] - history["resumed"]) * history["corpus_tokens"] / max(1, read)
    return {
        "recipe": model.recipe["model"],
        "tokens": history["corpus_tokens"],
        "known_tokens": history["known_tokens"],
        "vocabulary": len(model.words),
        "dim": model.dim,
        "seconds": history["seconds"],
        "words_per_second": raw / max(1e-9, history["seconds"]["train"]),
        "loss": history["loss"],
        "heldout": history["heldout"],
        "out": None if out is None else str(out),
    }


def write_npy(path: Path, _: Sequence[str], vectors: Matrix) -> None:
    """The matrix alone."""
    import numpy as np

    from wordfield.formats.files import replacing

    with replacing(path) as stream:  # np.save into a real file does not say why it could not write
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(vectors))
        stream.write(np.ascontiguousarray(vectors).data)


def write_jsonl(path: Path, texts: Sequence[str], vectors: Matrix) -> None:
    """An object of text and vector a line."""
    from json import dumps

    from wordfield.formats.files import replacing

    with replacing(path) as stream:
        for text, vector in zip(texts, vectors, strict=True):
            stream.write((dumps({"text": text, "vector": vector.tolist()}) + "\n").encode())
