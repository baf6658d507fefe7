"""Asking a model: nearest words, similarity, vectors and labels of texts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wordfield.api.models import Choice, Model, answering, classifier, opened, stored_bytes
from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.formats.architecture import Side
    from wordfield.isotropy import Kind as Isotropy
    from wordfield.models.sequence.contextual import ContextualModel, Precision
    from wordfield.models.service.providers import Kind as Asked
    from wordfield.protocols import Matrix
    from wordfield.search.approximate import Index, Kind
    from wordfield.supervised import Predictions
    from wordfield.unknown import Found
    from wordfield.vectors import WordVectors

log = logging.getLogger(__name__)

MATRIX = 200  # words of a matrix that is shown or drawn
INDEXED = 200_000  # words from which an index is clearly sooner than exact search
# By recipe: what the entries of its table say of two words, where they do.
KINDS = {"cooccurrence": "counts", "ppmi": "ppmi"}


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
    table: Side = "input",
) -> dict[str, list[tuple[str, float]]]:
    """For each of ``words`` its ``k`` nearest words with their cosines, nearest first.

    ``unknown``: what becomes of words that the vocabulary does not have, see ``wordfield.Unknown``; None: n-grams, or
    the tokens of a table of tokens, where the model has such, else ``KeyError``. A word that is left out, or has zeros,
    has no neighbours; a word that stands in for another is no neighbour of it, as no word is its own. ``index``: find
    them by what ``index`` wrote, sooner among very many words; it may miss some. ``table``: of a network the vectors
    that go in or, "output", those by which it finds the next word.
    """
    from wordfield.unknown import ZEROS

    field, asked = opened(model, table).words, list(dict.fromkeys(words))
    if isinstance(index, (str, Path)):
        from wordfield.search.approximate import Index

        index = Index.open(index, field)
    found = looked_up(field, asked, unknown)
    terms = [None if kind == ZEROS else term for term, kind in zip(found.terms, found.kinds, strict=True)]
    near = iter(field.most_similar([term for term in terms if term is not None], k, index=index))
    return {word: [] if term is None else next(near) for word, term in zip(asked, terms, strict=True)}


def similarity(model: Model, a: str, b: str, *, unknown: Choice = None, table: Side = "input") -> float | None:
    """The cosine of two words, -1 to 1; None where one of them is left out. ``unknown``, ``table``: as in
    ``neighbors``.
    """
    field = opened(model, table).words
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
    table: Side = "input",
) -> list[tuple[str, float]]:
    """The ``k`` words that are to ``c`` as ``b`` is to ``a``, with their scores; the three, and the words that stand in
    for them, are left out; no answer where one of the three is left out. ``unknown``, ``table``: as in ``neighbors``.
    """
    field = opened(model, table).words
    terms = [term for term in looked_up(field, [a, b, c], unknown).terms if term is not None]
    return field.analogy(terms[0], terms[1], terms[2], k, method) if len(terms) == 3 else []


def looked_up(field: WordVectors, words: Sequence[str], unknown: Choice = None) -> Found:
    """The vectors of words that somebody asks about, and where each comes from."""
    from wordfield.unknown import QUESTIONS, Unknown

    return Unknown.of(unknown, QUESTIONS).find(field, words)


def origins(model: Model, words: Sequence[str], unknown: Choice = None) -> dict[str, str]:
    """What stands for each of ``words`` that has no row of its own: "n-grams, 7 of 9 known", "the token ▁king",
    "3 pieces: ▁un fathom able", "the spelling 'keyboard', 1 edit", "the mean of the 100 rarest words", "zeros",
    "nothing".
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


def embed(
    model: Model,
    texts: Sequence[str],
    output: str | Path | None = None,
    *,
    unknown: Choice = None,
    precision: Precision | None = None,
    isotropy: Isotropy | None = None,
    kind: Asked | None = None,
    progress: Progress = silent,
) -> Matrix:
    """One vector a text, (len(texts), dim) float32; a text without a known word is a row of zeros.

    ``output``: also write them, as .npy (the matrix) or .jsonl (an object of text and vector a line). ``unknown``: what
    becomes of words that the vocabulary does not have, see ``StaticModel.embed``; not for a classifier, which makes the
    vector of a text in its own way, and not for a network, which reads all. ``precision``: what a network multiplies
    matrices in; auto is bfloat16 where the processor has such arithmetic. ``isotropy``: make vectors of a narrow cone
    point in all directions, as these texts ask for it: all-but-the-top or whitening, see ``wordfield.isotropy``.
    ``kind``: of a model behind an API, whether the texts are questions (query) or answer them (document).
    """
    return embedded(model, texts, output, unknown, precision, isotropy, kind, progress)[0]


def embedded(
    model: Model,
    texts: Sequence[str],
    output: str | Path | None = None,
    unknown: Choice = None,
    precision: Precision | None = None,
    isotropy: Isotropy | None = None,
    kind: Asked | None = None,
    progress: Progress = silent,
) -> tuple[Matrix, dict[str, int] | None]:
    """What ``embed`` returns, and how many words of the texts have which kind of vector: their own row, n-grams and so
    on, see ``unknown.KINDS``; None of a classifier.
    """
    from wordfield import isotropy as isotropies
    from wordfield.models.sequence.contextual import ContextualModel
    from wordfield.models.service.hosted import HostedModel
    from wordfield.static import StaticModel

    writers = {".npy": write_npy, ".jsonl": write_jsonl}
    if output is not None and Path(output).suffix.lower() not in writers:
        raise ValueError(f"cannot write vectors to {output}: give a name that ends in {' or '.join(writers)}")
    read = answering(model)
    if kind is not None and not isinstance(read, HostedModel):
        raise ValueError("only models behind an API tell questions from what answers them: leave kind out")
    if precision is not None:
        if not isinstance(read, ContextualModel):
            raise ValueError("only networks multiply matrices to read a text: leave precision out")
        read = replace(read, precision=precision)
    tally: dict[str, int] | None = None
    if isinstance(read, StaticModel):
        vectors, counted, _ = read.embedded(texts, unknown)
        tally = dict(counted)
    elif unknown is not None:
        raise ValueError(
            "what becomes of unknown words cannot be chosen: a classifier leaves those without rows out, a network "
            "reads its token for them, a model behind an API has its own way"
        )
    elif isinstance(read, HostedModel):
        vectors = read.embed(texts, kind, progress)
    else:
        vectors = read.embed(texts)
    if missing := len(texts) - int(vectors.any(axis=1).sum()):
        log.warning("%d of %d texts have no known word: their vectors are zeros", missing, len(texts))
    if isotropy is not None:
        vectors = isotropies.Isotropy.fit(vectors, isotropy).apply(vectors)
    if output is not None:
        writers[Path(output).suffix.lower()](Path(output), texts, vectors)
    return vectors, tally


def predict(model: Model, texts: Sequence[str], k: int | None = 1, threshold: float = 0.0) -> Predictions:
    """For each text its ``k`` most probable labels (None: all) with their probabilities, the most probable first; only
    those of at least ``threshold``. ``ValueError`` for a model that is no classifier.
    """
    return classifier(model).predict(texts, k, threshold)


def tokens(model: Model, text: str, *, unknown: Choice = None) -> list[dict[str, Any]]:
    """How ``text`` is cut into words, and of which rows of the table each is the mean: objects of word, known (whether
    the vocabulary has it), ``origin`` (what its vector is made of, in words), rows, and ``ngrams``, objects of ngram,
    row and known (whether a word of the vocabulary has it). A word without rows has no vector, or one of zeros.

    The words are those that ``embed`` takes: where a model says so itself, after a prompt, of a long text the first
    ones, and without the piece for what is unknown.

    ``unknown``: as in ``embed``. Of "rare" the rows are those of the rarest words.

    Of a network the words are those of ``ContextualModel.embed_words``: the origin names the tokens of each, and
    ``vector`` is its own in this place.
    """
    from wordfield.models.sequence.contextual import ContextualModel
    from wordfield.text.ngrams import NgramVocabulary
    from wordfield.unknown import TEXTS, Unknown

    read = opened(model)
    if isinstance(read, ContextualModel):
        return occurrences(read, text)
    vocabulary = read.words.vocabulary
    found = Unknown.of(unknown, TEXTS).in_text(read.words).find(read.words, read.words_of(text))
    told = []
    for word, origin, rows in zip(found.asked, found.origins, found.rows, strict=True):
        ngrams = vocabulary.origin(word).ngrams if isinstance(vocabulary, NgramVocabulary) else []
        parts = [{"ngram": ngram, "row": row, "known": seen} for ngram, row, seen in ngrams]
        told.append({"word": word, "known": word in vocabulary, "origin": origin, "rows": rows, "ngrams": parts})
    return told


def occurrences(model: ContextualModel, text: str) -> list[dict[str, Any]]:
    """What ``tokens`` tells of the words of a text that a network reads."""
    tokens = model.tokens
    read = tokens.read(text)
    told = []
    for word, places, vector in zip(read.words, read.tokens, model.embed_words(text)[1], strict=True):
        read_as = [read.rows[place] for place in places]
        names, rows = zip(*map(tokens.told, read_as), strict=True)
        told.append(
            {
                "word": word,
                "known": all(map(tokens.knows, read_as)),
                "origin": " ".join(names),
                "rows": [row for row in rows if row is not None],
                "ngrams": [],
                "vector": vector.tolist(),
            }
        )
    return told


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
