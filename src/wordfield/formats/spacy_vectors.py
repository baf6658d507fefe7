"""The vectors of spaCy (Honnibal, Montani and others 2016): the folder that ``vocab.vectors.to_disk`` writes, or
``vocab.to_disk``, or the folder of a whole pipeline, of which ``vocab`` is read.

``vectors``: an array (R, D) as NumPy's ``save`` writes it, mapped; ``key2row``: MessagePack, key of a word -> its row,
-1 for none; ``strings.json``: a list of strings, among which are the words; ``vectors.cfg``: JSON, ``{"mode":
"default"}``. A key is a hash, see ``spacy_names``. Where a vocabulary was pruned many words have one row: they are not
copied, see ``Shared``. With the mode "floret", ``vectors.cfg`` has the settings of floret's n-grams, ``vectors`` its
buckets, and no words are known; where minn is 1, spaCy also counts the marks alone, which floret does not, nor do we.

Written is a folder that ``Vocab.from_disk`` and ``Vectors.from_disk`` open.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from wordfield.formats import arrays
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_folder, replacing_folder
from wordfield.formats.spacy_names import SYMBOLS, keys
from wordfield.formats.table import FormatError, Table, composed
from wordfield.storage import Dense, Shared, Storage
from wordfield.text.ngrams import Ngrams

log = logging.getLogger(__name__)

HOLDS: frozenset[str] = frozenset({"ngrams"})
VECTORS, KEYS, CONFIG, STRINGS = "vectors", "key2row", "vectors.cfg", "strings.json"
FILES = frozenset({VECTORS, KEYS, CONFIG, STRINGS})
FLORET = {"minn": "minn", "maxn": "maxn", "hash_count": "hash_count", "hash_seed": "seed", "bow": "begin", "eow": "end"}
"""The names of settings there, and ours."""
STEP = 1 << 24


def check_target(path: Path) -> None:
    """``FileExistsError`` where the target is no such folder, or holds files that replacing it would delete."""
    check_folder(path, FILES, KEYS)


def sniff(path: Path, head: bytes) -> bool:
    """A folder with keys, or with vectors and their settings, or in which ``vocab`` is such a folder."""
    return not head and any(_is_ours(place) for place in (path, path / "vocab"))


def lost(table: Table, unheld: list[str]) -> list[str]:
    """n-grams other than floret's; beside those of floret the words."""
    if table.ngrams is None:
        return unheld
    return [*unheld, *(["words"] * bool(table.words) if _is_floret(table.ngrams) else ["ngrams"])]


def load(path: Path, faults: Faults) -> Table:
    """Read keys and strings and map the vectors; ``FormatError`` where a file is missing, damaged, or contradicts
    another.
    """
    place = path if _is_ours(path) else path / "vocab"
    config = _json(place / CONFIG, dict) if (place / CONFIG).is_file() else {}
    mode = config.get("mode", "default")
    if mode not in ("default", "floret"):
        raise FormatError(f'{place / CONFIG}: "mode" is {mode!r:.60}; default and floret are read')
    vectors = arrays.mapped(place / VECTORS, 2)
    if not vectors.size:
        raise FormatError(
            f"{place / VECTORS}: {vectors.shape[0]} vectors of {vectors.shape[1]} dimensions: none to read"
        )
    if mode == "floret":
        return _floret(place / CONFIG, config, arrays.dense(vectors))
    rows = _rows(place / KEYS, faults, len(vectors))
    strings = next((each / STRINGS for each in (place, place.parent) if (each / STRINGS).is_file()), None)
    if strings is None:
        raise FormatError(
            f"{place / STRINGS}: missing; keys are hashes, and without the strings no word is known by them: save the "
            "whole vocabulary (nlp.vocab.to_disk)"
        )
    words, chosen = _named(place / KEYS, faults, rows, _json(strings, list))
    table = arrays.dense(vectors)
    if len(words) == len(vectors) and len(set(chosen)) == len(chosen):
        order = np.argsort(chosen)
        return Table([words[each] for each in order.tolist()], table)
    return Table(words, Shared(table, np.array(chosen, np.int64)))


def save(table: Table, path: Path) -> None:
    """Write the four files, in place of an older folder; ``FormatError`` for a word that is no valid Unicode. n-grams
    are kept where they are floret's, for which there are no words.
    """
    check_target(path)
    words, storage, ngrams = table.words, table.storage, table.ngrams
    config: dict[str, Any] = {"mode": "default"}
    if ngrams is not None and _is_floret(ngrams):
        if words:
            log.warning("%s: the %d words are not kept, which have a vector all the same", path, len(words))
        config = {"mode": "floret"} | {theirs: getattr(ngrams, ours) for theirs, ours in FLORET.items()}
        words = []
        config["attr"] = SYMBOLS["LOWER" if _lowers(table) else "ORTH"]
    elif ngrams is not None:
        log.warning("%s: the n-grams are not kept: words beyond the vocabulary have no vectors there", path)
        storage = Dense(composed(storage, table.vocabulary.bags(words)))
    broken = next((row for row, word in enumerate(words) if not _is_unicode(word)), None)
    if broken is not None:
        raise FormatError(f"row {broken}: the word {words[broken]!r} is no valid Unicode, which spaCy cannot hold")
    rows, table_of = range(len(words)), storage
    if isinstance(storage, Shared):
        rows, table_of = storage.rows.tolist(), storage.table
    found = dict(zip(keys(words).tolist(), rows, strict=True))
    if len(found) != len(words):
        raise FormatError(f"{len(words) - len(found)} words have the hash of another, which spaCy cannot tell apart")
    with replacing_folder(path, FILES, KEYS) as folder:
        (folder / STRINGS).write_bytes(json.dumps(words, ensure_ascii=False).encode())
        (folder / KEYS).write_bytes(msgspec.msgpack.encode(found))
        (folder / CONFIG).write_bytes(json.dumps(config, ensure_ascii=False).encode())
        _write(folder / VECTORS, table_of)


def _write(path: Path, storage: Storage) -> None:
    rows, dim = storage.shape
    step = max(1, STEP // max(1, 4 * dim))
    with path.open("xb") as stream:
        arrays.write(stream, "<f4", (rows, dim))
        for start in range(0, rows, step):
            block = storage.take(range(start, min(start + step, rows)))
            stream.write(np.ascontiguousarray(block, "<f4").tobytes())


def _is_ours(place: Path) -> bool:
    return (place / KEYS).is_file() or ((place / VECTORS).is_file() and (place / CONFIG).is_file())


def _is_floret(ngrams: Ngrams) -> bool:
    """Whether spaCy has such n-grams."""
    return ngrams.hash == "floret" and not ngrams.own and ngrams.kept is None


def _is_unicode(word: str) -> bool:
    return word.isascii() or not any("\ud800" <= each <= "\udfff" for each in word)


def _lowers(table: Table) -> bool:
    """Whether words are lower-cased before they are looked up."""
    tokenizer = table.config.get("tokenizer")
    return isinstance(tokenizer, dict) and tokenizer.get("lowercase") is True


def _json(path: Path, kind: type[Any]) -> Any:
    try:
        found = json.loads(path.read_bytes())
    except RecursionError as error:
        raise FormatError(f"{path}: JSON nested too deeply to be of spaCy") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: byte {error.start}: not UTF-8") from error
    except ValueError as error:
        raise FormatError(f"{path}: damaged or truncated JSON ({error})") from error
    if not isinstance(found, kind):
        raise FormatError(f"{path}: JSON, but no {'object' if kind is dict else 'list of strings'}")
    return found


def _floret(path: Path, config: dict[str, Any], table: Dense) -> Table:
    """The n-grams of these settings."""
    given: dict[str, Any] = {}
    for theirs, ours in FLORET.items():
        value, usual = config.get(theirs), getattr(Ngrams, ours)
        if type(value) is not type(usual) or (isinstance(value, int) and not 0 <= value < 1 << 32):
            raise FormatError(f'{path}: "{theirs}" is {value!r:.60}, where a value like {usual!r} is needed')
        given[ours] = value
    try:
        ngrams = Ngrams(bucket=table.shape[0], hash="floret", own=False, **given)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from error
    tokenizer = {"name": "words", "lowercase": config.get("attr") == SYMBOLS["LOWER"]}
    return Table([], table, config={"tokenizer": tokenizer}, ngrams=ngrams)


def _rows(path: Path, faults: Faults, size: int) -> dict[int, int]:
    """Key -> row, without those that have none."""
    if not path.is_file():
        raise FormatError(f"{path}: missing; it tells which word has which of the vectors")
    try:
        rows = msgspec.msgpack.decode(raw := path.read_bytes(), type=dict[int, int])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FormatError(f"{path}: damaged or truncated MessagePack of keys and rows ({error})") from error
    twice = _promised(raw) - len(rows)
    if twice:
        faults.found("byte 0", f"{twice} keys stand there a second time")
    for key, row in rows.items():
        if not 0 <= key < 1 << 64 or not -1 <= row < size:
            faults.found(f"key {key}", f"row {row} in {KEYS}, but there are {size} vectors")
    return {key: row for key, row in rows.items() if 0 <= key < 1 << 64 and 0 <= row < size}


def _promised(raw: bytes) -> int:
    """How many pairs a map of MessagePack has."""
    if raw[0] in (0xDE, 0xDF):
        return int.from_bytes(raw[1 : 3 if raw[0] == 0xDE else 5], "big")
    return raw[0] & 0x0F


def _named(path: Path, faults: Faults, rows: dict[int, int], strings: list[Any]) -> tuple[list[str], list[int]]:
    """The word of each key and its row, in the order of the keys, without keys that are no string's."""
    for here, string in enumerate(strings):
        if not isinstance(string, str):
            faults.found(f"string {here} of {STRINGS}", f"{type(string).__name__} where a string is needed")
    known = [string for string in strings if isinstance(string, str) and _is_unicode(string)]
    names = {number: name for name, number in SYMBOLS.items()} | dict(zip(keys(known).tolist(), known, strict=True))
    words, chosen, seen = [], [], set()
    for key, row in rows.items():
        word = names.get(key)
        if word is None or word in seen:
            faults.found(f"key {key}", f"no string has this key: the word of row {row} is not known")
            continue
        seen.add(word)
        words.append(word)
        chosen.append(row)
    if not words:
        raise FormatError(f"{path}: of {len(rows)} keys none is that of one of {len(strings)} strings")
    return words, chosen
