"""The tokenizer.json of Hugging Face ``tokenizers``: the tokens that one has, and one that cuts text into whole words.

Whole words become tokens by byte-pair encoding without pairs. Each word of a text, set apart as the tokenizer of the
model does it, is marked with a space before it; " king" is looked up as it stands (``ignore_merges``), and of a word
that is not there nothing remains: it would be made of single characters, none of which is a token, and there is no
token for what is unknown. So unknown words leave no trace in a mean, whoever computes it. A vocabulary of WordLevel
would need a token for them, which model2vec leaves out of its means and sentence-transformers counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wordfield.formats.faults import Faults
from wordfield.formats.table import FormatError
from wordfield.text.codepoints import ASCII_SPACES, JOINERS, LETTERS, SPACELESS, WORDS
from wordfield.text.subwords import BASE64
from wordfield.text.tokenizers import Tokenizer

MARK = " "
"""Before each word: no tokenizer of whole words leaves a space in one."""
ALONE = rf"[{SPACELESS}&&[^\p{{M}}]]"
OTHER = rf"[{WORDS}&&[^{ALONE}]]"
SPACES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\0"


def tokens(path: Path, given: Mapping[str, Any], faults: Faults) -> dict[str, int]:
    """Each token of a tokenizer.json and its row, rows ascending; a token or row that stands twice is a fault."""
    model = given.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    match vocabulary:
        case dict():
            pairs = [*vocabulary.items()]
        case [*entries] if all(isinstance(entry, list) and len(entry) == 2 for entry in entries):
            pairs = [(entry[0], row) for row, entry in enumerate(entries)]
        case _:
            raise FormatError(f'{path}: "model" has no "vocab", an object of tokens and ids or a list of tokens')
    known = {token for token, _ in pairs if isinstance(token, str)}
    added = given.get("added_tokens") or []
    if not isinstance(added, list) or not all(isinstance(entry, dict) for entry in added):
        raise FormatError(f'{path}: "added_tokens" is no list of objects')
    pairs += [(entry.get("content"), entry.get("id")) for entry in added if entry.get("content") not in known]
    found: dict[str, int] = {}
    rows: set[int] = set()
    for token, row in pairs:
        if not isinstance(token, str) or type(row) is not int or row < 0:
            raise FormatError(
                f"{path}: the token {token!r:.60} has the id {row!r:.60}; a text and a whole number are needed"
            )
        if token in found or row in rows:
            faults.found(path.name, f"the token {token!r} or its id {row} stands there a second time")
            continue
        found[token] = row
        rows.add(row)
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def added(given: Mapping[str, Any]) -> list[str]:
    """The tokens that were added to the vocabulary of a tokenizer.json, special ones and others."""
    return [str(entry.get("content")) for entry in given.get("added_tokens") or ()]


def unknown(given: Mapping[str, Any], known: Mapping[str, int]) -> str | None:
    """The token that stands for what is unknown, where there is one."""
    model = given["model"]
    if isinstance(model["vocab"], list):
        row = model.get("unk_id")
        return next((token for token, here in known.items() if here == row), None)
    token = model.get("unk_token")
    return token if token in known else None


def of_words(tokenizer: Tokenizer, words: Sequence[str]) -> dict[str, Any]:
    """A tokenizer.json whose tokens are the words, marked, in their order; ``FormatError`` for one that it cannot hold.

    Text is cut as ``tokenizer`` does it, as far as the parts of the library allow: see ``unlike``.
    """
    if not words:
        raise FormatError("there are no words to write: use the native format, which also holds n-grams alone")
    for row, word in enumerate(words):
        if not word or not _valid(word):
            what = "is no valid Unicode" if word else "is empty"
            raise FormatError(
                f"row {row}: the word {word!r} {what}, which a tokenizer.json cannot hold: use the native format, or "
                "replace the word"
            )
    cut = {"type": "Split", "pattern": {"Regex": _pattern(tokenizer.name)}, "behavior": "Removed", "invert": True}
    marked = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": _normalizer(tokenizer, None),
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [cut, marked]},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": {MARK + word: row for row, word in enumerate(words)},
            "merges": [],
        },
    }


def of_spaced(tokenizer: Tokenizer, words: Sequence[str], unknown: str, special: Sequence[str]) -> dict[str, Any]:
    """A tokenizer.json whose tokens are the words as they are, in their order; a word that is not there is ``unknown``,
    which is one of them. ``special``: those that stand for themselves wherever a text has them, ``unknown`` among them.
    """
    made = of_words(tokenizer, words)
    made["pre_tokenizer"] = made["pre_tokenizer"]["pretokenizers"][0]
    rows = {word: row for row, word in enumerate(words)}
    made["model"] = {"type": "WordLevel", "vocab": rows, "unk_token": unknown}
    made["added_tokens"] = [special_token(word, rows[word]) for word in words if word in special]
    return made


def special_token(content: str, row: int) -> dict[str, Any]:
    """A token that stands for itself wherever a text has it."""
    shape = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": row, "content": content} | shape


def of_wordpieces(rows: Mapping[str, int], lowercase: bool) -> dict[str, Any]:
    """The tokenizer.json of a vocabulary of word pieces, as BERT cuts text (Devlin et al. 2018): its tokens in brackets
    stand for themselves.
    """
    special = [token for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if token in rows]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [special_token(token, rows[token]) for token in special],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": lowercase,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": dict(rows),
        },
    }


def of_merges(rows: Mapping[str, int], merges: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The tokenizer.json of a vocabulary of bytes that are joined in this order, as GPT-2 and RoBERTa cut text (Radford
    et al. 2019): its tokens in angle brackets stand for themselves.
    """
    special = [token for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>") if token in rows]
    added = [special_token(token, rows[token]) | {"lstrip": token == "<mask>"} for token in special]
    byte = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte,
        "post_processor": None,
        "decoder": byte,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": dict(rows),
            "merges": [list(pair) for pair in merges],
        },
    }


def of_pieces(tokenizer: Tokenizer) -> dict[str, Any]:
    """The tokenizer.json of a vocabulary of pieces, which also does what ``tokenizer`` does to text before."""
    if str(tokenizer.subwords).startswith(BASE64):
        raise FormatError(
            "the words are pieces of a SentencePiece model, which no tokenizer.json stands for: use the native format"
        )
    given: dict[str, Any] = json.loads(str(tokenizer.subwords))
    return given | {"normalizer": _normalizer(tokenizer, given.get("normalizer"))}


def unlike(tokenizer: Tokenizer) -> list[str]:
    """What a tokenizer.json does not do for this tokenizer, so that texts must come with it done: of "segmentation",
    "script" and "phrases".
    """
    done = {
        "segmentation": tokenizer.name == "chinese",
        "script": bool(tokenizer.script),
        "phrases": tokenizer.phrases is not None,
    }
    return [part for part, there in done.items() if there]


def _pattern(name: str) -> str:
    """What a word is, in the syntax of Oniguruma."""
    joined = rf"(?:(?<={LETTERS})[{JOINERS}](?={LETTERS})"
    match name:
        case "whitespace":
            return _none_of(SPACES)
        case "ascii-whitespace":
            return _none_of(" " + "".join(map(chr, ASCII_SPACES)))
        case "characters":
            return rf"{ALONE}\p{{M}}*+|{OTHER}+{joined}{OTHER}+)*"
        case "chinese":
            return rf"{WORDS}+(?:{joined}|(?<=\p{{Nd}})\.(?=\p{{Nd}})){WORDS}+)*"
    return rf"{WORDS}+{joined}{WORDS}+)*"


def _none_of(characters: str) -> str:
    escaped = "".join(rf"\x{{{ord(character):x}}}" for character in characters)
    return f"[^{escaped}]+"


def _normalizer(tokenizer: Tokenizer, then: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is done to text before it is cut: NFKC, one apostrophe, and lower case character by character."""
    steps: list[dict[str, Any]] = [{"type": "NFKC"}] if tokenizer.nfkc else []
    if tokenizer.name in ("words", "characters", "chinese"):
        steps.append(_replaced("\u2019", "'"))
    if tokenizer.lowercase:
        steps += [_replaced("\u0130", "i"), {"type": "Lowercase"}]
    steps += [then] if then else []
    if len(steps) < 2:
        return steps[0] if steps else None
    return {"type": "Sequence", "normalizers": steps}


def _replaced(old: str, new: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def _valid(word: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in word)
