"""Small checkpoints, made without the libraries that make them elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from wordfield.formats import tensors
from wordfield.text.subwords import LETTERS

NAME = "model.embed_tokens.weight"
OUTPUT = "lm_head.weight"


def letters(text: str) -> str:
    """A text as a byte-level vocabulary writes it."""
    return "".join(LETTERS[byte] for byte in text.encode())


def byte_level(texts: list[str], added: list[str] = ()) -> dict[str, Any]:
    """A tokenizer.json of all bytes and of these texts, joined from the left."""
    vocabulary = {LETTERS[byte]: byte for byte in range(256)}
    merges = []
    for text in texts:
        token = letters(text)
        for end in range(2, len(token) + 1):
            if token[:end] not in vocabulary:
                merges.append([token[: end - 1], token[end - 1]])
                vocabulary[token[:end]] = len(vocabulary)
    shape = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": len(vocabulary) + place, "content": each} | shape for place, each in enumerate(added)],
        "normalizer": None,
        "pre_tokenizer": byte,
        "post_processor": None,
        "decoder": byte,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": merges,
        },
    }


def numbers(rows: int, dim: int, seed: int = 1) -> Any:
    """Random numbers whose second half is zeros, so that bfloat16 has them too."""
    wide = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    return (wide.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def put(
    folder: Path,
    arrays: dict[str, Any],
    tokenizer: dict[str, Any] | None,
    config: dict[str, Any] | None = None,
    *,
    shards: int = 1,
    dtype: str = "float32",
) -> Path:
    """Write a checkpoint of these arrays, in one file or several."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, dim = next(iter(arrays.values())).shape
    usual = {"model_type": "qwen2", "vocab_size": rows, "hidden_size": dim, "num_hidden_layers": 1}
    (folder / "config.json").write_text(json.dumps(usual | (config or {})))
    if tokenizer is not None:
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")
    made = {name: halved(array) if dtype == "bfloat16" else array.astype(dtype) for name, array in arrays.items()}
    names = [*made]
    parts = [names[number::shards] for number in range(shards)]
    files = (
        ["model.safetensors"]
        if shards == 1
        else [f"model-{n + 1:05}-of-{shards:05}.safetensors" for n in range(shards)]
    )
    for file, part in zip(files, parts, strict=True):
        with (folder / file).open("wb") as stream:
            some = {name: made[name] for name in part}
            tensors.write_to(stream, some, {"format": "pt"}, bfloat16=part if dtype == "bfloat16" else ())
    if shards > 1:
        places = {name: file for file, part in zip(files, parts, strict=True) for name in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder


def halved(array: Any) -> Any:
    """The first halves of float32."""
    return (np.ascontiguousarray(array, np.float32).view(np.uint32) >> np.uint32(16)).astype(np.uint16)
