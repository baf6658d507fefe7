"""The JSON files of a folder of model2vec or of sentence-transformers: where its parts are, and how it makes a text's
vector of those of the tokens.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from statistics import median
from typing import Any, NamedTuple

from wordfield.formats import tokenizer_json
from wordfield.formats.table import FormatError

TOKENIZER, TENSORS, CONFIG, MODULES = "tokenizer.json", "model.safetensors", "config.json", "modules.json"
SENTENCES = "config_sentence_transformers.json"
NESTED = "0_StaticEmbedding"
MAX_LENGTH = 512
"""Tokens of a text that model2vec looks at where nothing is said."""
HEAD = 1 << 16


class Place(NamedTuple):
    """Where the parts of a model are."""

    folder: Path
    tensors: Path
    tokenizer: Path
    config: dict[str, Any] | None
    """The config.json of model2vec."""
    modules: list[dict[str, Any]]
    """The modules of sentence-transformers after the first."""


def recognised(path: Path) -> bool:
    """Whether a folder looks like one of these, though it may be damaged."""
    if b"StaticEmbedding" in _head(path / MODULES):
        return True
    if not (path / TENSORS).is_file():
        return (path / NESTED / TENSORS).is_file()
    if b'"model2vec"' in _head(path / CONFIG):
        return True
    head = _head(path / TENSORS)
    return (path / TOKENIZER).is_file() and (b'"embeddings"' in head or b'"embedding.weight"' in head)


def place(path: Path) -> Place:
    """The files of the folder. ``FormatError`` for one that is missing, and for modules that do other work."""
    modules = _json(path / MODULES) if (path / MODULES).is_file() else []
    if not isinstance(modules, list) or not all(isinstance(each, dict) for each in modules):
        raise FormatError(f"{path / MODULES}: a list of modules is needed")
    inside = NESTED if not (path / TENSORS).exists() and (path / NESTED).is_dir() else ""
    if modules:
        _first(path, modules[0])
        inside = modules[0].get("path", "")
    if not isinstance(inside, str) or PurePosixPath(inside).is_absolute() or ".." in PurePosixPath(inside).parts:
        raise FormatError(f'{path / MODULES}: the "path" of a module is {inside!r:.60}; a folder in {path} is needed')
    folder = path / inside
    if (folder / "pytorch_model.bin").is_file() and not (folder / TENSORS).is_file():
        raise FormatError(
            f"{folder / TENSORS}: missing; pytorch_model.bin is a pickle, which is never read because reading one runs "
            "code: load the model with sentence-transformers and save it again"
        )
    for name in (TENSORS, TOKENIZER):
        if not (folder / name).is_file():
            raise FormatError(f"{folder / name}: missing; a model is {TENSORS} and {TOKENIZER} together")
    config = _object(folder / CONFIG) if (folder / CONFIG).is_file() else None
    return Place(path, folder / TENSORS, folder / TOKENIZER, config, modules[1:])


def tokenizer(path: Path) -> tuple[str, dict[str, Any]]:
    """A tokenizer.json as it stands, and what it says."""
    given = _object(path)
    return path.read_text("utf-8"), given


def pooling_of_model2vec(
    place: Place, config: dict[str, Any], given: dict[str, Any], tokens: dict[str, int]
) -> dict[str, Any]:
    """How model2vec makes a text's vector: of the text's first characters, as many as so many tokens of median length
    have, of the first tokens of these, those for what is unknown left out.
    """
    normalize, most = config.get("normalize"), config.get("max_length", MAX_LENGTH)
    if normalize is not None and not isinstance(normalize, bool):
        raise FormatError(f'{place.folder / CONFIG}: "normalize" is {normalize!r:.60}; true or false is needed')
    if most is not None and (type(most) is not int or not 0 <= most < 1 << 31):
        raise FormatError(
            f'{place.folder / CONFIG}: "max_length" is {most!r:.60}; a number of tokens or null is needed'
        )
    found: dict[str, Any] = {"normalize": True} if normalize else {}
    if most is not None:
        found |= {"tokens": most, "characters": most * int(median([len(token) for token in tokens] or [0]))}
    piece = tokenizer_json.unknown(given, tokens)
    return found if piece is None else found | {"unknown": piece}


def pooling_of_sentences(place: Place, given: dict[str, Any]) -> dict[str, Any]:
    """How sentence-transformers makes a text's vector: of as many tokens as the tokenizer.json says, all counted."""
    found: dict[str, Any] = {}
    for module in place.modules:
        if _normalizes(place, module):
            found["normalize"] = True
    cut = given.get("truncation")
    match cut:
        case None:
            pass
        case {"max_length": int(most)} if most >= 0:
            found |= {"tokens": most} | ({"left": True} if cut.get("direction") == "Left" else {})
        case _:
            raise FormatError(f'{place.tokenizer}: "truncation" is {cut!r:.60}; null or a max_length is needed')
    path = place.folder / SENTENCES
    config = _object(path) if path.is_file() else {}
    dim, name, prompts = config.get("truncate_dim"), config.get("default_prompt_name"), config.get("prompts") or {}
    if dim is not None and (type(dim) is not int or dim < 1):
        raise FormatError(f'{path}: "truncate_dim" is {dim!r:.60}; a number of dimensions or null is needed')
    if name is not None and not (isinstance(prompts, dict) and isinstance(prompts.get(str(name)), str)):
        raise FormatError(f'{path}: "default_prompt_name" is {name!r:.60}, which "prompts" does not have')
    found |= {} if dim is None else {"dim": dim}
    return found | ({"prompt": prompts[name]} if name is not None and prompts[name] else {})


def sentences(prompt: str, dim: int | None) -> dict[str, Any]:
    """What config_sentence_transformers.json says of prompts and dimensions."""
    prompts = {"default": prompt} if prompt else {}
    return {
        "prompts": prompts,
        "default_prompt_name": "default" if prompts else None,
        "similarity_fn_name": "cosine",
        "truncate_dim": dim,
    }


def truncation(tokens: int, left: bool) -> dict[str, Any]:
    """What a tokenizer.json says of texts that are longer than so many tokens."""
    direction = "Left" if left else "Right"
    return {"direction": direction, "max_length": tokens, "strategy": "LongestFirst", "stride": 0}


def _first(path: Path, module: dict[str, Any]) -> None:
    kind = str(module.get("type"))
    if kind.rpartition(".")[2] != "StaticEmbedding":
        raise FormatError(
            f"{path / MODULES}: the first module is {kind}, not a StaticEmbedding: it gives no word vectors"
        )


def _normalizes(place: Place, module: dict[str, Any]) -> bool:
    """Whether a later module brings text vectors to unit length; ``FormatError`` for one that does anything else."""
    kind = str(module.get("type"))
    if kind.rpartition(".")[2] != "Normalize":
        raise FormatError(
            f"{place.folder / MODULES}: the module {kind} follows the StaticEmbedding: text vectors are no means of "
            "token vectors, which is all that is read here"
        )
    inside = PurePosixPath(str(module.get("path", "")))
    path = place.folder / inside / CONFIG
    sure = not inside.is_absolute() and ".." not in inside.parts and str(inside) != "."
    config = _object(path) if sure and path.is_file() else {}
    taken = config.get("module_input_name", "sentence_embedding")
    return bool(taken == "sentence_embedding" == (config.get("module_output_name") or taken))


def _object(path: Path) -> dict[str, Any]:
    given = _json(path)
    if not isinstance(given, dict):
        raise FormatError(f"{path}: not a JSON object")
    return given


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: byte {error.start}: not UTF-8") from error
    except json.JSONDecodeError as error:
        byte = len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
        raise FormatError(f"{path}: byte {byte}: damaged or truncated JSON ({error.msg})") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: JSON that is no model ({error})") from error


def _head(path: Path) -> bytes:
    """The first bytes of a file, none where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD)
    except OSError:
        return b""
