"""What gensim saves (Řehůřek and Sojka 2010): ``KeyedVectors.save``, ``Word2Vec.save``, ``FastText.save``; of a model
its vectors are read.

The file is a Python pickle of an object and its attributes: ``index_to_key``, the words; ``key_to_index``; ``vectors``
(V, D); ``expandos``, further arrays of a value a word, of which "count" is read. An array of ten million numbers or
more lies beside, as ``<file>.vectors.npy``, of a model as ``<file>.wv.vectors.npy``, and is mapped. Vectors of fastText
have ``vectors_vocab`` (V, D) and ``vectors_ngrams`` (B, D) instead. gensim 3 has ``index2word`` and ``vocab``: word to
an object of index and count; older ones have ``syn0``, in the model itself.

Nothing is unpickled: see ``wordfield.formats.restricted``. To the word ``</s>`` alone gensim gives n-grams, as to any
other word, where fastText gives it none, and neither do we.

Written are ``KeyedVectors`` or ``FastTextKeyedVectors`` as gensim 4 reads them, in one file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import restricted
from wordfield.formats.arrays import dense
from wordfield.formats.buckets import announce, rows_of_all
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, replacing
from wordfield.formats.gensim_parts import REMEDY, Saved, array, told, write
from wordfield.formats.restricted_machine import Record
from wordfield.formats.table import FormatError, Table
from wordfield.text.ngrams import Ngrams

HOLDS: frozenset[str] = frozenset({"counts", "ngrams"})
START = re.compile(rb"\x80[\x02-\x05](\x95.{8})?(c|\x8c.)gensim\.", re.DOTALL)
KEYED, FASTTEXT = "gensim.models.keyedvectors.KeyedVectors", "gensim.models.fasttext.FastTextKeyedVectors"
VECTORS = {KEYED, FASTTEXT} | {
    f"gensim.models.keyedvectors.{name}KeyedVectors" for name in ("Base", "WordEmbeddings", "Word2Vec", "FastText")
}
MODELS = {
    "gensim.models.word2vec.Word2Vec": "word2vec",
    "gensim.models.fasttext.FastText": "fasttext",
    "gensim.models.doc2vec.Doc2Vec": "doc2vec",
}
"""Whose vectors of words are read, and what they are called here."""
WORDS = ("index_to_key", "index2word", "index2entity")
RECIPE = {
    "dim": "vector_size",
    "window": "window",
    "negatives": "negative",
    "epochs": "epochs",
    "min_count": "min_count",
}
LARGEST = 2**31 - 1

check_target = check_file


def sniff(path: Path, head: bytes) -> bool:
    """A pickle of something of gensim's."""
    return not path.is_dir() and START.match(head) is not None


def load(path: Path, faults: Faults) -> Table:
    """Read words, vectors, counts and n-grams; ``FormatError`` with the byte where the pickle is damaged, the file
    beside it that is missing or another, or the name of what could only be unpickled.
    """
    saved, recipe = _saved(path, restricted.read(path, faults))
    vectors, ngrams = saved.array("vectors"), None
    if vectors is None:
        vectors = saved.array("syn0")
    if "vectors_ngrams" in saved.attributes or saved.aside("vectors_ngrams"):
        vectors, ngrams, buckets = _fasttext(saved, faults, vectors)
    if vectors is None:
        raise FormatError(f"{path}: there are no vectors in it: a model that was not trained, or not saved whole")
    words, counts, rows = _words(saved, faults, len(vectors))
    vectors = vectors[: len(words)] if rows is None else vectors[rows]
    if ngrams is not None:
        vectors = np.concatenate([vectors, buckets])
    return Table(words, dense(vectors), counts, recipe, ngrams=ngrams)


def beside(path: Path) -> list[Path]:
    """The arrays that gensim wrote apart."""
    return sorted(
        each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}.") and each.suffix == ".npy"
    )


def save(table: Table, path: Path) -> None:
    """Write a file that ``gensim.models.KeyedVectors.load`` opens; ``FormatError`` for n-grams that gensim does not
    have. Buckets of n-grams that only share a row of zeros get one each.
    """
    words, dim, ngrams = table.words, table.storage.shape[1], table.ngrams
    if ngrams is not None and (not ngrams.plain or (ngrams.kept is not None and not ngrams.zeros)):
        what = "hashed or marked in another way" if ngrams.kept is None else "pruned, so that some have no row"
        raise FormatError(
            f"gensim has the n-grams of fastText with all their buckets; these are {what}: use the native format, or "
            "one of words alone (word2vec-binary)"
        )
    announce(path, ngrams, dim)
    expandos = {} if table.counts is None else {"count": np.asarray(table.counts)}
    attributes: dict[str, Any] = {"vector_size": dim, "next_index": len(words), "norms": None, "expandos": expandos}
    attributes |= {"mapfile_path": None}
    if ngrams is None:
        attributes["vectors"] = (table.storage, range(len(words)))
    else:
        attributes |= {"min_n": ngrams.minn, "max_n": ngrams.maxn, "bucket": ngrams.bucket, "compatible_hash": True}
        attributes |= {
            "vectors": None,
            "buckets_word": None,
            "vectors_vocab": (table.storage, range(len(words))),
            "vectors_ngrams": (table.storage, rows_of_all(ngrams, len(words))),
        }
    with replacing(path) as stream:
        write(stream, KEYED if ngrams is None else FASTTEXT, words, attributes)


def _saved(path: Path, root: Any) -> tuple[Saved, dict[str, Any]]:
    """The object that has the vectors, and what is remembered of the model around it."""
    name = root.name if isinstance(root, Record) else ""
    if name in VECTORS:
        return Saved(path, str(path), root.attributes), {}
    if name not in MODELS:
        raise FormatError(
            f"{path}: holds {told(root)}; vectors or models of words are read (KeyedVectors, Word2Vec, FastText, "
            f"Doc2Vec): {REMEDY}"
        )
    keyed = root.attributes.get("wv", root)  # before gensim 1 a model was its own vectors
    if keyed is not root and not (isinstance(keyed, Record) and keyed.name in VECTORS):
        raise FormatError(f"{path}: the vectors of the model are {told(keyed)}, which is not known: {REMEDY}")
    return Saved(path, str(path) if keyed is root else f"{path}.wv", keyed.attributes), _told(name, root.attributes)


def _told(name: str, attributes: dict[Any, Any]) -> dict[str, Any]:
    """The settings under our names."""
    recipe: dict[str, Any] = {}
    for ours, theirs in RECIPE.items():
        if type(value := attributes.get(theirs)) is int and 0 <= value <= LARGEST:
            recipe[ours] = value
    if type(share := attributes.get("sample")) is float and 0 <= share < math.inf:
        recipe["subsample"] = share
    if not recipe:
        return {}
    recipe["architecture"] = "skipgram" if attributes.get("sg") == 1 else "cbow"
    return {"recipe": {"model": MODELS[name]} | recipe}


def _fasttext(
    saved: Saved, faults: Faults, whole: NDArray[Any] | None
) -> tuple[NDArray[Any] | None, Ngrams | None, NDArray[Any]]:
    """The words' own rows, the n-grams, and their rows; without n-grams the words' vectors, ``whole`` where the file
    has these alone.
    """
    own, buckets = saved.array("vectors_vocab"), saved.array("vectors_ngrams")
    minn, maxn, bucket = saved.whole("min_n"), saved.whole("max_n"), saved.whole("bucket")
    if own is None or buckets is None or not bucket or maxn < max(1, minn):
        return (whole if own is None else own), None, np.empty((0, 0), np.float32)
    if saved.attributes.get("compatible_hash") is not True:
        faults.found("compatible_hash", "the n-grams are hashed as only gensim before 3.8 did: words alone can be read")
        return whole, None, buckets
    if len(buckets) != bucket or buckets.shape[1] != own.shape[1]:
        raise FormatError(
            f"{saved.path}: vectors_ngrams of shape {buckets.shape}, but there are {bucket} buckets and vectors_vocab "
            f"has the shape {own.shape}: files of different models?"
        )
    try:
        return own, Ngrams(minn, maxn, bucket), buckets
    except ValueError as error:
        raise FormatError(f"{saved.path}: min_n, max_n and bucket: {error}") from error


def _words(
    saved: Saved, faults: Faults, size: int
) -> tuple[list[str], NDArray[np.int64] | None, NDArray[np.int64] | None]:
    """Words, counts where there are any, and the rows of the words where these are not the first."""
    name = next((name for name in WORDS if name in saved.attributes), WORDS[0])
    keys = saved.attributes.get(name)
    if not isinstance(keys, list):
        raise FormatError(f"{saved.path}: {name} is {told(keys)}, not a list of words: {REMEDY}")
    if len(keys) > size:
        raise FormatError(f"{saved.path}: {len(keys)} words in {name}, but {size} vectors: files of different models?")
    index, counts = _index(saved), _counts(saved, faults, keys)
    sound = all(type(key) is str for key in keys) and len(set(keys)) == len(keys)
    if sound and (index is None or list(map(index.get, keys)) == list(range(len(keys)))):
        return keys, counts, None
    rows = list(_sound(keys, index, faults))
    chosen = np.array(rows, np.int64)
    return [keys[row] for row in rows], None if counts is None else counts[chosen], chosen


def _sound(keys: list[Any], index: dict[Any, Any] | None, faults: Faults) -> Iterator[int]:
    """The rows whose words can be used. A place without any is kept for words to come."""
    seen: set[str] = set()
    for row, key in enumerate(keys):
        if key is None:
            continue
        if type(key) is not str:
            faults.found(f"key {row}", f"{told(key)}; a text is needed")
        elif key in seen:
            faults.found(f"key {row}", f"the word {key!r} stands there a second time")
        elif index is not None and index.get(key) != row:
            faults.found(f"key {row}", f"the word {key!r} is said to be key {told(index.get(key))} as well")
        else:
            seen.add(key)
            yield row


def _index(saved: Saved) -> dict[Any, Any] | None:
    """Word -> row, where the file has it."""
    index, older = saved.attributes.get("key_to_index"), saved.attributes.get("vocab")
    if isinstance(older, dict) and not isinstance(index, dict):
        return {word: each.attributes.get("index") for word, each in older.items() if isinstance(each, Record)}
    return index if isinstance(index, dict) else None


def _counts(saved: Saved, faults: Faults, keys: list[Any]) -> NDArray[np.int64] | None:
    """How often each word was seen (V,), where the file tells."""
    expandos, older = saved.attributes.get("expandos"), saved.attributes.get("vocab")
    if isinstance(expandos, dict) and "count" in expandos:
        found = array(saved.path, "count", expandos["count"], 1, "iuf")
        if not ((found >= 0) & (found <= 2**62)).all():
            faults.found("count", "some are no numbers from 0 up: damaged")
            return None
        counts = np.zeros(len(keys), np.int64)  # words that were added later have none
        counts[: len(found)] = found[: len(keys)]
        return counts
    if not isinstance(older, dict):
        return None
    told_of = [older.get(key) if isinstance(key, str) else None for key in keys]
    values = [each.attributes.get("count") if isinstance(each, Record) else None for each in told_of]
    if not all(type(value) is int and 0 <= value < 2**62 for value in values):
        return None
    return np.array(values, np.int64)
