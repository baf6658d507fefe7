"""One function a verb: each command of the command line is one of these, with the same name.

``load`` and ``save`` complete them. A ``model`` is a path, or a result that is already in memory. Heavy imports happen
inside the functions.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.alignment import Settings
    from wordfield.protocols import Matrix
    from wordfield.search.approximate import Index, Kind
    from wordfield.static import StaticModel
    from wordfield.supervised import ClassifierModel, Predictions
    from wordfield.text.corpus import Corpus
    from wordfield.text.labelled import Labelled
    from wordfield.unknown import Found, Policy, Unknown
    from wordfield.vectors import WordVectors

Result: TypeAlias = "StaticModel | ClassifierModel"
Model: TypeAlias = "str | Path | Result"
Choice: TypeAlias = "Unknown | Policy | None"
"""What becomes of unknown words: all of it, a policy by its name, or what is usual."""

__all__ = [
    "align",
    "analogy",
    "cache",
    "convert",
    "datasets",
    "demo",
    "embed",
    "evaluate",
    "index",
    "info",
    "load",
    "matrix",
    "neighborhoods",
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
INDEXED = 200_000  # words from which an index is clearly sooner than exact search

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
    "segmentation": "how Chinese is cut into words: texts must come with spaces between theirs",
    "script": "the conversion of Chinese: texts must come in the script of the model",
    "phrases": "the joining of phrases: texts must come with theirs joined",
    "unknown": "one way with unknown pieces: model2vec leaves them out, sentence-transformers counts them",
    "pooling": "prompts and dimensions that are left out, of which model2vec knows nothing",
    "settings": "tokenizer and history, and of the recipe what is no setting of fastText's, such as the learning rate",
    "squares": "how far the steps of training have become smaller: training goes on, with large ones",
    "words": "words: they keep their vectors, but none is listed",
}


def load(path: str | Path, format: str | None = None, *, repair: bool = False) -> Result:
    """Read a model of any known format, recognised by its content; a classifier where it has labels.

    ``FileNotFoundError`` if nothing is there; ``FormatError`` if it is no model, or a damaged one. ``format``: what it
    is, of the names in ``wordfield.formats.FORMATS``, where its beginning does not show it. ``repair``: rows that are
    damaged, or stand twice, are left out, which the log says, and the rest is read.
    """
    from wordfield import formats
    from wordfield.static import StaticModel
    from wordfield.supervised import ClassifierModel

    table = formats.load(path, format, repair)
    return StaticModel.of(table) if table.classes is None else ClassifierModel.of(table)


def save(model: Result, path: str | Path, format: str | None = None) -> None:
    """Write a model: in the format named, of those in ``wordfield.formats.FORMATS``, or the one that the name's ending
    says, see ``wordfield.formats.SUFFIXES``; without an ending a native folder, which keeps all. Of what else is left
    out ``wordfield.formats.losses`` tells.
    """
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

    described, name = load(model).info(), formats.recognise(model)
    return {"model": str(model), "format": name, **described, "bytes": stored_bytes(model, name)}


def index(
    model: Model,
    out: str | Path,
    *,
    recall: float = 0.95,
    kind: Kind = "float16",
    threads: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Make an index of the words of ``model``, by which ``neighbors`` finds the nearest sooner, and write it to the
    folder ``out``; measure how many it finds, and how fast, beside exact search.

    ``recall``, ``kind``, ``threads``: see ``wordfield.search.approximate.Index.build``. ``ImportError`` naming the
    extra without usearch.

    Returns out, words, rows (those that have a direction), dim, kind, recall (of the 10 nearest, on ``sample`` words),
    sample, width (how widely it looks for that), seconds, threads, bytes (on disk), and ``queries_per_second`` of the
    index and of exact search, each of one query after the other ("alone") and of many at once ("together").
    """
    from wordfield.formats.files import check_folder, replacing_folder
    from wordfield.search import approximate, described

    check_folder(Path(out), described.FILES, described.ABOUT)
    field = opened(model).words
    if len(field) < INDEXED:
        log.warning("%d words: exact search is about as fast below %d, and misses none", len(field), INDEXED)
    built = approximate.Index.build(field, recall=recall, kind=kind, threads=threads, progress=progress)
    with replacing_folder(Path(out), described.FILES, described.ABOUT) as folder:
        built.write(folder)
    about = asdict(built.about)
    told = ("words", "rows", "dim", "kind", "recall", "sample", "width", "seconds", "threads")
    return {
        "out": str(out),
        **{name: about[name] for name in told},
        "bytes": stored_bytes(out),
        "queries_per_second": {"index": about["speed"], "exact": about["exact_speed"]},
    }


def neighbors(
    model: Model,
    words: Sequence[str],
    k: int = 10,
    *,
    unknown: Choice = None,
    index: str | Path | Index | None = None,
) -> dict[str, list[tuple[str, float]]]:
    """For each of ``words`` its ``k`` nearest words with their cosines, nearest first.

    ``unknown``: what becomes of words that the vocabulary does not have, see ``wordfield.Unknown``; None: n-grams,
    where the model has them, else ``KeyError``. A word that is left out, or has zeros, has no neighbours; a word that stands in for
    another is no neighbour of it, as no word is its own. ``index``: find them by what ``index`` wrote, sooner among
    very many words; it may miss some.
    """
    from wordfield.unknown import ZEROS

    field, asked = opened(model).words, list(dict.fromkeys(words))
    if isinstance(index, (str, Path)):
        from wordfield.search.approximate import Index

        index = Index.open(index, field)
    found = looked_up(field, asked, unknown)
    terms = [None if kind == ZEROS else term for term, kind in zip(found.terms, found.kinds, strict=True)]
    near = iter(field.most_similar([term for term in terms if term is not None], k, index=index))
    return {word: [] if term is None else next(near) for word, term in zip(asked, terms, strict=True)}


def similarity(model: Model, a: str, b: str, *, unknown: Choice = None) -> float | None:
    """The cosine of two words, -1 to 1; None where one of them is left out. ``unknown``: as in ``neighbors``."""
    field = opened(model).words
    one, other = looked_up(field, [a, b], unknown).terms
    return None if one is None or other is None else field.similarity(one, other)


def analogy(
    model: Model,
    a: str,
    b: str,
    c: str,
    k: int = 5,
    method: Literal["add", "mul"] = "add",
    *,
    unknown: Choice = None,
) -> list[tuple[str, float]]:
    """The ``k`` words that are to ``c`` as ``b`` is to ``a``, with their scores; the three, and the words that stand in
    for them, are left out; no answer where one of the three is left out. ``unknown``: as in ``neighbors``.
    """
    field = opened(model).words
    terms = [term for term in looked_up(field, [a, b, c], unknown).terms if term is not None]
    return field.analogy(terms[0], terms[1], terms[2], k, method) if len(terms) == 3 else []


def looked_up(field: WordVectors, words: Sequence[str], unknown: Choice = None) -> Found:
    """The vectors of words that somebody asks about, and where each comes from."""
    from wordfield.unknown import QUESTIONS, Unknown

    return Unknown.of(unknown, QUESTIONS).find(field, words)


def origins(model: Model, words: Sequence[str], unknown: Choice = None) -> dict[str, str]:
    """What stands for each of ``words`` that has no row of its own: "n-grams, 7 of 9 known", "the spelling 'keyboard',
    1 edit", "the mean of the 100 rarest words", "zeros", "nothing".
    """
    return dict(looked_up(opened(model).words, words, unknown).notes)


def matrix(
    model: Model, words: Sequence[str] = (), out: str | Path | None = None, *, unknown: Choice = None
) -> dict[str, Any]:
    """What stands between words: in a model of counts or PPMI the entries of its matrix, else the cosines.

    ``words``: all of the model's if none are given, which at most ``MATRIX`` may be. ``out``: also draw it as a heat
    map, .png, .svg or .pdf. ``unknown``: as in ``neighbors``; words that are left out have no row. Returns words,
    ``values`` (a list for each word) and ``kind``: counts, ppmi or cosine.
    """
    import numpy as np

    read = opened(model)
    field = read.words
    if not words and len(field) > MATRIX:
        raise ValueError(f"the model has {len(field)} words; name those to show, or draw, {MATRIX} at most at once")
    found = looked_up(field, list(dict.fromkeys(words)) or field.index_to_key, unknown)
    asked = [word for word, known in zip(found.asked, found.known, strict=True) if known]
    kind = KINDS.get(read.recipe.get("model", ""), "cosine")
    taken = found.vectors[found.known]
    if kind == "cosine":
        lengths = np.maximum(np.linalg.norm(taken, axis=1, keepdims=True), 1e-30)
        values = (taken / lengths) @ (taken / lengths).T
    else:
        values = entries(found)
    if out is not None:
        from wordfield.plots import heat_map

        heat_map(values, asked, out, kind)
    return {"words": asked, "kind": kind, "values": values.tolist()}


def entries(found: Found) -> Any:
    """Those of the matrix between words that have a row and a column, or stand for one that has; of zeros zeros."""
    import numpy as np

    from wordfield.unknown import ZEROS

    index = found.vocabulary.index
    known = [here for here, there in enumerate(found.known) if there]
    for here in known:
        if found.stand_ins[here] is None and found.kinds[here] != ZEROS:
            raise ValueError(
                f"{found.asked[here]!r}: {found.origins[here]} has no entry of the matrix; give unknown words another "
                "spelling, zeros or nothing"
            )
    columns = [-1 if (word := found.stand_ins[here]) is None else index[word] for here in known]
    return np.where(np.array(columns) < 0, 0, found.vectors[known][:, columns])


def embed(model: Model, texts: Sequence[str], output: str | Path | None = None, *, unknown: Choice = None) -> Matrix:
    """One vector a text, (len(texts), dim) float32; a text without a known word is a row of zeros.

    ``output``: also write them, as .npy (the matrix) or .jsonl (an object of text and vector a line). ``unknown``: what
    becomes of words that the vocabulary does not have, see ``StaticModel.embed``; not for a classifier, which makes the
    vector of a text in its own way.
    """
    return embedded(model, texts, output, unknown)[0]


def embedded(
    model: Model, texts: Sequence[str], output: str | Path | None = None, unknown: Choice = None
) -> tuple[Matrix, dict[str, int] | None]:
    """What ``embed`` returns, and how many words of the texts have which kind of vector: their own row, n-grams and so
    on, see ``unknown.KINDS``; None of a classifier.
    """
    from wordfield.static import StaticModel

    writers = {".npy": write_npy, ".jsonl": write_jsonl}
    if output is not None and Path(output).suffix.lower() not in writers:
        raise ValueError(f"cannot write vectors to {output}: give a name that ends in {' or '.join(writers)}")
    read = opened(model)
    tally: dict[str, int] | None = None
    if isinstance(read, StaticModel):
        vectors, counted = read.embedded(texts, unknown)
        tally = dict(counted)
    elif unknown is not None:
        raise ValueError("a classifier leaves out words without rows: what becomes of unknown words cannot be chosen")
    else:
        vectors = read.embed(texts)
    if missing := len(texts) - int(vectors.any(axis=1).sum()):
        log.warning("%d of %d texts have no known word: their vectors are zeros", missing, len(texts))
    if output is not None:
        writers[Path(output).suffix.lower()](Path(output), texts, vectors)
    return vectors, tally


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


def tokens(model: Model, text: str, *, unknown: Choice = None) -> list[dict[str, Any]]:
    """How ``text`` is cut into words, and of which rows of the table each is the mean: objects of word, known (whether
    the vocabulary has it), ``origin`` (what its vector is made of, in words), rows, and ``ngrams``, objects of ngram,
    row and known (whether a word of the vocabulary has it). A word without rows has no vector, or one of zeros.

    The words are those that ``embed`` takes: where a model says so itself, after a prompt, of a long text the first
    ones, and without the piece for what is unknown.

    ``unknown``: as in ``embed``. Of "rare" the rows are those of the rarest words.
    """
    from wordfield.text.ngrams import NgramVocabulary
    from wordfield.unknown import TEXTS, Unknown

    read = opened(model)
    vocabulary = read.words.vocabulary
    found = Unknown.of(unknown, TEXTS).find(read.words, read.words_of(text))
    told = []
    for word, origin, rows in zip(found.asked, found.origins, found.rows, strict=True):
        ngrams = vocabulary.origin(word).ngrams if isinstance(vocabulary, NgramVocabulary) else []
        parts = [{"ngram": ngram, "row": row, "known": seen} for ngram, row, seen in ngrams]
        told.append({"word": word, "known": word in vocabulary, "origin": origin, "rows": rows, "ngrams": parts})
    return told


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
) -> dict[str, Any]:
    """Write the model ``source`` to ``target`` in another format, or smaller; ``FormatError`` for a word that it cannot
    hold.

    ``quantize``, ``part``, ``norms``, ``output``, ``max_words``, ``max_ngrams``, ``seed``: how it is made smaller, see
    ``wordfield.compression.compressed``. ``data``: what ``evaluate`` takes, to score before and after. ``repair``: what
    is damaged in ``source`` is left out. ``source_format``: what ``source`` is, where its beginning does not show it.

    Returns out, format, vocabulary, dim, and ``lost``: what is not kept besides words and vectors; with ``repair`` also
    ``repaired``: what was left out, a text each, the first 20 and how many more. Where it was made
    smaller, or there is ``data``, also ``bytes`` (before, after) on disk, and ``overlap``: the mean share of the 10
    nearest words that stay, of up to 1,000 frequent words. With ``data`` also ``results``: objects of task, dataset,
    metric, before, after, change and covered (before, after).
    """
    from wordfield import compression, formats
    from wordfield.evaluation.neighbourhoods import overlap
    from wordfield.vectors import WordVectors

    refuse_foreign(Path(target), format or formats.format_of(target))
    source_format = source_format or formats.recognise(source)
    table = whole = formats.load(source, source_format, repair)
    name = format or formats.chosen(whole, target)
    scored = load(source, source_format, repair=repair) if data else source
    before = {
        "bytes": stored_bytes(source, source_format),
        "results": evaluate(scored, data)["results"] if data else [],
    }
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


def stored_bytes(path: str | Path, format: str | None = None) -> int:
    """Bytes of a model's file and of those that belong to it, or of all files in its folder."""
    from wordfield import formats

    return sum(file.stat().st_size for file in formats.files_of(path, format))


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
) -> dict[str, Any]:
    """Score a model, or several beside each other, on the sets in ``data``, files or folders, recognised by content:
    word pairs (Spearman), analogies (accuracy) and so on; of a classifier, unless ``suite`` says otherwise, the labels
    that it gives to labelled texts (``classification``).

    Of one model: model and results, each of task, dataset, metric, value, low, high (95 % interval), pairs, covered,
    oov. Of several: models (their names, made different) and results, each what ``evaluation.comparison`` says of a
    set: the values of all models, which is best, and how sure that is.

    Analogies are answered among the ``restrict_vocab`` most frequent words, None: among all; by ``method``, "add" or
    "mul". ``unknown``: what becomes of words that a model does not know, see ``wordfield.Unknown``; None: n-grams, where
    the model has them, else they are left out. ``k``, ``threshold``, ``field`` and ``label_field`` are for classifiers: see
    ``evaluation.classification``. ``plot``: also draw the values with their intervals, .png, .svg or .pdf.
    """
    from wordfield import evaluation
    from wordfield.evaluation import classification
    from wordfield.supervised import ClassifierModel

    if plot is not None:
        from wordfield.plots import check_target

        check_target(plot)
    several = not isinstance(model, (str, Path)) and isinstance(model, Sequence)
    models: list[Model] = list(model) if several else [model]  # type: ignore[arg-type,list-item]
    if not models:
        raise ValueError("there is no model to score: give one, or several to compare")
    if len(models) > 1:
        result = beside(models, data, suite, restrict_vocab, unknown, method)
    else:
        read = opened(models[0])
        if suite == "classification" or (suite is None and isinstance(read, ClassifierModel)):
            if unknown is not None:
                raise ValueError("what becomes of unknown words can be chosen for word vectors, not for classifiers")
            results = classification.evaluate(classifier(read), data, k, threshold, field, label_field)
        else:
            results = evaluation.evaluate(read.words, data, suite, restrict_vocab, method, unknown)
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
) -> dict[str, Any]:
    """What ``evaluate`` returns of several models; they are loaded one after the other."""
    from wordfield import evaluation
    from wordfield.evaluation.comparison import compare
    from wordfield.evaluation.scores import Settings
    from wordfield.supervised import ClassifierModel
    from wordfield.unknown import Unknown

    settings = Settings(restrict_vocab, method, Unknown.of(unknown, Settings().unknown))
    names, scores = [], []
    for place, model in enumerate(models, 1):
        names.append(str(model) if isinstance(model, (str, Path)) else f"model {place}")
        read = opened(model)
        if suite == "classification" or (suite is None and isinstance(read, ClassifierModel)):
            raise ValueError(
                f"{names[-1]}: classifiers are scored on their labels one at a time; for the word vectors of several "
                "models name a suite such as similarity"
            )
        scores.append(evaluation.scores(read.words, data, suite, settings))
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
    check_place(out)


def check_place(out: Path) -> None:
    """``OSError`` where nothing can be written to ``out``, before work is done that is to be written there."""
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
