"""Folders of models whose text vectors are means of token vectors: those of model2vec, and of sentence-transformers
with a StaticEmbedding.

model2vec: ``model.safetensors`` with "embeddings" (R, D) and perhaps "mapping" (V,), the row of each token, and
"weights" (V,), by which a token's row is multiplied; ``tokenizer.json``; ``config.json`` with normalize and max_length.
sentence-transformers: ``modules.json``, which names the folder of the StaticEmbedding, in that a ``model.safetensors``
with "embedding.weight" (V, D) and a ``tokenizer.json``; ``config_sentence_transformers.json`` with prompts and
truncate_dim. The tokens become words. How the owner makes a text's vector of them stands in the table's config under
"pooling", see ``wordfield.text.pooling``: the two differ in what becomes of unknown tokens and of long texts.

What is written is a folder that both read, and for which both give the same vectors: ``config.json`` names model2vec,
``modules.json`` StaticEmbedding and, where text vectors have unit length, Normalize. It also keeps recipe, history and
tokenizer, so that the words come back as they were.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import static_embedding_parts as parts
from wordfield.formats import tensors, tokenizer_json
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_folder, replacing_folder
from wordfield.formats.table import FormatError, Table, composed
from wordfield.storage import Dense, Float16, Int8, Storage
from wordfield.text import subwords
from wordfield.text.pooling import Pooling
from wordfield.text.subwords import BASE64
from wordfield.text.tokenizers import Tokenizer

log = logging.getLogger(__name__)

HOLDS = frozenset({"config"})
TOKENIZER, TENSORS, CONFIG, MODULES = parts.TOKENIZER, parts.TENSORS, parts.CONFIG, parts.MODULES
FILES = frozenset({TOKENIZER, TENSORS, CONFIG, MODULES, parts.SENTENCES})
KINDS = ("sentence_transformers.models.StaticEmbedding", "sentence_transformers.models.Normalize")
STEP = 1 << 22


def sniff(path: Path, head: bytes) -> bool:
    """A folder whose modules begin with a StaticEmbedding, whose config names model2vec, or whose tensors are called as
    theirs and lie beside a tokenizer.json.
    """
    return not head and path.is_dir() and parts.recognised(path)


def check_target(path: Path) -> None:
    """``FileExistsError`` where the target is no such model, or holds files that replacing it would delete."""
    if path.is_dir() and any(path.iterdir()) and not sniff(path, b""):
        raise FileExistsError(f"{path} is a folder of something else; it is left alone: give another name")
    check_folder(path, FILES, MODULES)


def load(path: Path, faults: Faults) -> Table:
    """Map the vectors and read the tokens. ``FormatError`` for files that are missing, damaged, or contradict each
    other, and for modules whose work is not done here, by name.
    """
    place = parts.place(path)
    arrays = tensors.read(place.tensors, ("embeddings", "embedding.weight", "mapping", "weights"))
    text, given = parts.tokenizer(place.tokenizer)
    tokens = tokenizer_json.tokens(place.tokenizer, given, faults)
    if not tokens:
        raise FormatError(f"{place.tokenizer}: no tokens")
    name = next((name for name in ("embedding.weight", "embeddings") if name in arrays), None)
    if name is None:
        raise FormatError(f'{place.tensors}: tensor "embeddings" or "embedding.weight" is missing')
    theirs = place.config if name == "embeddings" else None
    storage = _storage(place.tensors, arrays, name, tokens)
    if theirs is None:
        pooling, theirs = parts.pooling_of_sentences(place, given), {}
    else:
        pooling = parts.pooling_of_model2vec(place, theirs, given, tokens)
    config: dict[str, Any] = {key: theirs[key] for key in ("recipe", "history") if key in theirs}
    words, ours = subwords.names([*tokens], tokenizer_json.added(given), given), theirs.get("tokenizer")
    if isinstance(ours, dict) and all(word.startswith(tokenizer_json.MARK) for word in words):
        words = [word.removeprefix(tokenizer_json.MARK) for word in words]
        config["tokenizer"] = ours
    else:
        config["tokenizer"] = {"name": "subwords", "lowercase": False, "subwords": text}
        pooling = {"whole": True} | pooling
    return Table(words, storage, config=config | ({"pooling": pooling} if pooling else {}))


def save(table: Table, path: Path) -> None:
    """Write the folder. ``FormatError`` for words that a tokenizer.json cannot hold and for pieces of a SentencePiece
    model; what a tokenizer.json does not do for the table's tokenizer is told in the log.
    """
    check_target(path)
    tokenizer, pooling = _habits(table)
    if tokenizer.name == "subwords":
        made = tokenizer_json.of_pieces(tokenizer)
        matrix = _by_token(table, made, pooling)
    else:
        made = tokenizer_json.of_words(tokenizer, table.words)
        matrix = _rows(table)
    made["truncation"] = None if pooling.tokens is None else parts.truncation(pooling.tokens, pooling.left)
    for part in lost(table, []):
        log.warning("%s: %s", path, TOLD[part])
    with replacing_folder(path, FILES, MODULES) as folder:
        _write(folder / TOKENIZER, made)
        _write(folder / CONFIG, _config(table, tokenizer, pooling))
        _write(folder / MODULES, _modules(pooling.normalize))
        if pooling.prompt or pooling.dim:
            _write(folder / parts.SENTENCES, parts.sentences(pooling.prompt, pooling.dim))
        tensors.write(folder / TENSORS, {"embeddings": matrix})


TOLD = {
    "segmentation": "a tokenizer.json does not cut Chinese into words: texts must come with spaces between their words",
    "script": "a tokenizer.json does not convert Chinese: texts must come in the script of the model",
    "phrases": "a tokenizer.json does not join phrases: texts must come with theirs joined",
    "unknown": "model2vec leaves unknown pieces out of its means, sentence-transformers counts them",
    "pooling": "model2vec knows no prompts and keeps all dimensions: its text vectors are others",
}
"""What text vectors of others lack."""


def lost(table: Table, unheld: list[str]) -> list[str]:
    """Also why text vectors made with the folder are not those of the table: of the names in ``TOLD``."""
    tokenizer, pooling = _habits(table)
    found = tokenizer_json.unlike(tokenizer)
    if tokenizer.name == "subwords" and not str(tokenizer.subwords).startswith(BASE64):
        given = json.loads(str(tokenizer.subwords))
        piece = tokenizer_json.unknown(
            given, tokenizer_json.tokens(Path(TOKENIZER), given, Faults(Path(TOKENIZER), True))
        )
        dropped = pooling.unknown == piece and pooling.normalize
        found += ["unknown"] if piece is not None and not dropped else []
    return unheld + found + (["pooling"] if pooling.prompt or pooling.dim or pooling.left else [])


def _storage(path: Path, arrays: dict[str, NDArray[Any]], name: str, tokens: dict[str, int]) -> Storage:
    """The vectors of the tokens, mapped where there is a row for each."""
    rows, vectors = np.fromiter(tokens.values(), np.int64, len(tokens)), arrays[name]
    if vectors.ndim != 2 or 0 in vectors.shape or vectors.dtype.kind not in "f" + "i" * (vectors.dtype == np.int8):
        raise FormatError(
            f"{path}: tensor {name!r} is {vectors.dtype} of shape {vectors.shape}; tokens by dimensions of float32, "
            "float16, float64 or int8 are needed"
        )
    mapping, weights = (None, None) if name == "embedding.weight" else (arrays.get("mapping"), arrays.get("weights"))
    each = {name: vectors} if mapping is None else {"mapping": mapping}
    each |= {} if weights is None else {"weights": weights}
    for tensor, array in each.items():
        if len(rows) and array.ndim and len(array) <= rows[-1]:
            raise FormatError(
                f"{path}: tensor {tensor!r} has {len(array)} rows, but the token {list(tokens)[-1]!r} has the id "
                f"{rows[-1]}: vectors and tokenizer.json do not go together"
            )
    scales = None if weights is None else _scales(path, weights, rows)
    if mapping is not None:
        if mapping.ndim != 1 or mapping.dtype.kind not in "iu" or mapping.min() < 0 or mapping.max() >= len(vectors):
            raise FormatError(f'{path}: tensor "mapping" has other numbers than the rows of "embeddings", 0 and up')
        rows = mapping[rows].astype(np.int64)
    whole = len(rows) == len(vectors) and bool((rows == np.arange(len(rows))).all())
    taken = vectors if whole else vectors[rows]
    if taken.dtype == np.int8:
        return Int8(taken, np.ones(len(taken), np.float32) if scales is None else scales)
    if taken.dtype == np.float16 and scales is None:
        return Float16(taken)
    with np.errstate(over="ignore", invalid="ignore"):
        return Dense(taken if scales is None else taken.astype(np.float32) * scales[:, None])


def _scales(path: Path, weights: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    if weights.ndim != 1 or weights.dtype.kind != "f":
        raise FormatError(
            f'{path}: tensor "weights" is {weights.dtype} of shape {weights.shape}; one a token is needed'
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return weights[rows].astype(np.float32)


def _habits(table: Table) -> tuple[Tokenizer, Pooling]:
    """The tokenizer of the table, or the one that is taken for words from elsewhere, and its pooling."""
    named = table.config.get("tokenizer")
    try:
        tokenizer = Tokenizer.for_words(table.words) if named is None else Tokenizer.described(named)
        return tokenizer, Pooling.described(table.config.get("pooling"))
    except (TypeError, ValueError) as error:
        raise FormatError(f'what the model says of its "tokenizer" or "pooling" cannot be: {error}') from error


def _rows(table: Table) -> Any:
    """The vectors of the words, in unit length where a text's vector is the mean of their directions: with n-grams."""
    if table.ngrams is None:
        return table.storage.matrix if isinstance(table.storage, Dense) else table.storage.take(range(len(table.words)))
    rows = composed(table.storage, table.vocabulary.bags(table.words))
    if table.classes is None:
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.where(lengths > 0, lengths, 1)
    return rows


def _by_token(table: Table, made: dict[str, Any], pooling: Pooling) -> NDArray[np.float32]:
    """The vectors in the order of the tokens' ids; zeros for a token without one, and for the one that is left out of
    means, so that sentence-transformers, which does not, at least keeps the direction.
    """
    tokens = tokenizer_json.tokens(Path(TOKENIZER), made, Faults(Path(TOKENIZER), True))
    if [*tokens.values()] != [*range(len(tokens))]:
        raise FormatError(
            "the ids of the tokenizer.json leave gaps, which model2vec does not read: use the native format"
        )
    rows = _rows(table)
    matrix = np.zeros((len(tokens), table.storage.shape[1]), np.float32)
    index = {word: row for row, word in enumerate(table.words)}
    ids = dict(zip(subwords.names([*tokens], tokenizer_json.added(made), made), tokens.values(), strict=True))
    known = [word for word in ids if word in index and word != pooling.unknown]
    matrix[[ids[word] for word in known]] = rows[[index[word] for word in known]]
    return matrix


def _config(table: Table, tokenizer: Tokenizer, pooling: Pooling) -> dict[str, Any]:
    config: dict[str, Any] = {"model_type": "model2vec", "architectures": ["StaticModel"]}
    config |= {"normalize": pooling.normalize, "max_length": pooling.tokens, "embedding_dtype": "float32"}
    if tokenizer.name != "subwords":
        config["tokenizer"] = tokenizer.describe()
    return config | {key: table.config[key] for key in ("recipe", "history") if table.config.get(key)}


def _modules(normalize: bool) -> list[dict[str, Any]]:
    modules = [{"idx": 0, "name": "0", "path": ".", "type": KINDS[0]}]
    return modules + ([{"idx": 1, "name": "1", "path": "1_Normalize", "type": KINDS[1]}] if normalize else [])


def _write(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, default=_plain) + "\n"
    path.write_bytes(text.encode("utf-8", "backslashreplace"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"the configuration holds {value!r}, which JSON cannot")
