"""The files of an ELMo: what options.json says, and which datasets weights.hdf5 has to have for it.

V words, P numbers of a word and of a direction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.faults import Faults
from wordfield.formats.table import FormatError

OPTIONS, WEIGHTS, VOCABULARY = "options.json", "weights.hdf5", "vocabulary.txt"
BEGIN, END, UNKNOWN = "<S>", "</S>", "<UNK>"
"""What stands before a sentence and behind it, and what words are called that are too rare to be foreseen."""
BYTES = 256
MARKS = 5
"""Numbers behind those of the characters: a sentence begins, ends; a word begins, ends; nothing follows."""
EMBEDDING, LEXICON, OUTPUT, BIAS = "embedding", "word_embed", "softmax/W", "softmax/b"
CELL = "RNN_{}/RNN/MultiRNNCell/Cell{}/LSTMCell/{}"
ACTIVATIONS = ("relu", "tanh")


@dataclass(frozen=True)
class Options:
    """What an options.json says."""

    filters: tuple[tuple[int, int], ...]
    """Characters that a convolution sees at once, and how many numbers it makes of them."""
    width: int
    """Numbers in a character's vector."""
    highways: int
    longest: int
    """Characters of a word that are read, two marks with them."""
    characters: str | None
    """Those that have numbers; None: the bytes."""
    activation: str
    dim: int
    """Numbers of a word, and of each direction (P)."""
    cell: int
    layers: int
    cell_bound: float
    output_bound: float
    added: bool
    """Whether what goes into a layer is added to what comes out, but for the first."""
    word_width: int = 0
    """Numbers that known words have besides those that are made of their characters."""

    @property
    def size(self) -> int:
        """Numbers that characters have."""
        return size(self.characters)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each dataset."""
        wide, dim = sum(count for _, count in self.filters), self.dim
        found: dict[str, tuple[int, ...]] = {"char_embed": (self.size, self.width)}
        for number, (width, count) in enumerate(self.filters):
            found |= {f"CNN/W_cnn_{number}": (1, width, self.width, count), f"CNN/b_cnn_{number}": (count,)}
        for number in range(self.highways):
            for part in ("carry", "transform"):
                found |= {f"CNN_high_{number}/W_{part}": (wide, wide), f"CNN_high_{number}/b_{part}": (wide,)}
        found |= {"CNN_proj/W_proj": (self.word_width + wide, dim), "CNN_proj/b_proj": (dim,)}
        gates, parts = 4 * self.cell, ("W_0", "B", "W_P_0")
        for way in (0, 1):
            for layer in range(self.layers):
                sizes = ((2 * dim, gates), (gates,), (self.cell, dim))
                found |= {CELL.format(way, layer, part): size for part, size in zip(parts, sizes, strict=True)}
        return found

    def config(self) -> dict[str, Any]:
        """What the options.json says, and a config.json would say of any network."""
        cnn: dict[str, Any] = {
            "activation": self.activation,
            "filters": [list(each) for each in self.filters],
            "n_highway": self.highways,
            "embedding": {"dim": self.width},
            "n_characters": self.size + 1,
            "max_characters_per_token": self.longest,
        }
        lstm = {
            "use_skip_connections": self.added,
            "projection_dim": self.dim,
            "cell_clip": self.cell_bound or None,
            "proj_clip": self.output_bound or None,
            "dim": self.cell,
            "n_layers": self.layers,
        }
        told = {"lstm": lstm, "char_cnn": cnn | ({} if self.characters is None else {"characters": self.characters})}
        told |= {"word_embedding": {"dim": self.word_width}} if self.word_width else {}
        return {"model_type": "elmo", "num_layers": self.layers, "tie_word_embeddings": False} | told


class Dataset(NamedTuple):
    """What a dataset is."""

    shape: tuple[int, ...]
    kind: str = "F32"


@final
class Datasets(Mapping[str, NDArray[np.float32]]):
    """The datasets of a file by their names, read when they are asked for; not among them is ``embedding``, the table
    that is made of the others. ``entries``: what each is.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.entries = path, dict[str, Dataset]()
        h5py = library()

        def note(name: str, found: Any) -> None:
            if isinstance(found, h5py.Dataset):
                self.entries[name] = Dataset(found.shape)

        with self._opened() as file:
            file.visititems(note)
        self.embedding = self.entries.pop(EMBEDDING, None)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self.entries:
            raise KeyError(name)
        return self.read(name)

    def read(self, name: str) -> NDArray[np.float32]:
        """One of the file's."""
        with self._opened() as file:
            try:
                return np.asarray(file[name], np.float32)
            except (OSError, ValueError, TypeError) as error:
                raise FormatError(f"{self.path}: the dataset {name!r} cannot be read ({error})") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def _opened(self) -> Any:
        try:
            return library().File(self.path, "r")
        except OSError as error:
            raise FormatError(f"{self.path}: no HDF5 file, or a truncated one ({error})") from error


def size(characters: str | None) -> int:
    """How many numbers there are where these characters have one, or all bytes."""
    return MARKS + (BYTES if characters is None else len(characters) + 1)


def library() -> Any:
    """``ImportError`` that names the extra where HDF5 files cannot be read."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"files of ELMo are HDF5, which needs h5py, not installed here ({error}): pip install 'wordfield[neural]'"
        ) from error
    return h5py


def places(path: Path) -> tuple[list[Path], list[Path]]:
    """The options and the weights in a folder, whatever stands before their names."""
    weights = [each for ending in ("hdf5", "h5") for each in path.glob(f"*weights*.{ending}")]
    return sorted(path.glob(f"*{OPTIONS}")), sorted(weights)


def recognised(path: Path) -> bool:
    """Whether there are options of an ELMo in a folder."""
    for file in places(path)[0]:
        try:
            given = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(given, dict) and {"char_cnn", "lstm"} & {*given}:
            return True
    return False


def options(path: Path) -> dict[str, Any]:
    """What an options.json says."""
    try:
        given = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: damaged or truncated JSON ({error})") from error
    if not isinstance(given, dict):
        raise FormatError(f'{path}: an object with "char_cnn" and "lstm" is needed')
    return given


def parsed(config: Mapping[str, Any]) -> Options:
    """The options that a configuration says. ``FormatError`` for one that cannot be."""
    cnn, lstm = _part(config, "char_cnn"), _part(config, "lstm")
    filters, characters, activation = cnn.get("filters"), cnn.get("characters"), cnn.get("activation")
    if not (isinstance(filters, list) and filters and all(_filter(each) for each in filters)):
        raise FormatError(f'{OPTIONS}: "filters" is {filters!r:.60}; pairs of a width and a count are needed')
    if activation not in ACTIVATIONS:
        raise FormatError(f'{OPTIONS}: "activation" is {activation!r}: {", ".join(ACTIVATIONS)} are known')
    if characters is not None and (not isinstance(characters, str) or len({*characters}) != len(characters)):
        raise FormatError(f'{OPTIONS}: "characters" is no text of characters that are all different')
    found = Options(
        filters=tuple((width, count) for width, count in filters),
        width=_number(_part(cnn, "embedding"), "dim", 1),
        highways=_number(cnn, "n_highway", 0),
        longest=_number(cnn, "max_characters_per_token", 3),
        characters=characters,
        activation=activation,
        dim=_number(lstm, "projection_dim", 1),
        cell=_number(lstm, "dim", 1),
        layers=_number(lstm, "n_layers", 1),
        cell_bound=_bound(lstm, "cell_clip"),
        output_bound=_bound(lstm, "proj_clip"),
        added=bool(lstm.get("use_skip_connections")),
        word_width=_number(config["word_embedding"], "dim", 1) if "word_embedding" in config else 0,
    )
    if _number(cnn, "n_characters", 1) not in (found.size, found.size + 1):
        raise FormatError(
            f'{OPTIONS}: "n_characters" is {cnn["n_characters"]}; there are {found.size}, and one for padding'
        )
    if (widest := max(width for width, _ in found.filters)) > found.longest:
        raise FormatError(f"{OPTIONS}: a filter is {widest} characters wide, words have {found.longest} at most")
    return found


def checked(path: Path, found: Options, datasets: Mapping[str, tuple[int, ...]]) -> None:
    """``FormatError`` that names the first dataset which is missing, or is not as the options say."""
    for name, shape in found.shapes().items():
        if name not in datasets:
            raise FormatError(f"{path}: there is no dataset {name!r}, which by {OPTIONS} has the shape {shape}")
        if datasets[name] != shape:
            raise FormatError(f"{path}: dataset {name!r} has the shape {datasets[name]}, by {OPTIONS} it is {shape}")


def uncomputed(path: Path) -> NDArray[np.float32]:
    """``FormatError``: the table is of what a network has yet to make."""
    raise FormatError(f"{path}: it has no vectors of words, which its network makes: load it, and save it as elmo")


def words(path: Path, faults: Faults) -> list[str]:
    """The words of a vocabulary, a line each."""
    found: dict[str, None] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            word = line.decode()
        except UnicodeDecodeError as error:
            faults.found(f"line {number} of {path.name}", f"invalid UTF-8 ({error})")
            continue
        if word in found or not word:
            faults.found(f"line {number} of {path.name}", f"the word {word!r} stands twice" if word else "no word")
            continue
        found[word] = None
    return [*found]


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = config.get(name)
    if not isinstance(found, Mapping):
        raise FormatError(f'{OPTIONS}: the entry "{name}" is missing')
    return found


def _number(config: Mapping[str, Any], name: str, least: int) -> int:
    if type(config.get(name)) is not int or config[name] < least:
        raise FormatError(f'{OPTIONS}: "{name}" is {config.get(name)!r}; a whole number of at least {least} is needed')
    return int(config[name])


def _bound(config: Mapping[str, Any], name: str) -> float:
    value = config.get(name)
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool) or value < 0):
        raise FormatError(f'{OPTIONS}: "{name}" is {value!r}; a number is needed, or null')
    return float(value or 0)


def _filter(given: Any) -> bool:
    return isinstance(given, list) and len(given) == 2 and all(type(each) is int and each > 0 for each in given)
