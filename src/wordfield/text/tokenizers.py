"""Text -> words: first the text is prepared (one form of each character, words of unspaced text set apart), then cut
by what each code point is.

``words`` follows the spirit of Unicode's word boundaries (UAX 29) without its tables of exceptions; ``whitespace`` is
what word2vec.c and fastText do, for every space that Unicode knows; ``ascii-whitespace`` is what they do.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordfield.text import codepoints
from wordfield.text.normalization import SCRIPTS, compatible, in_script, lower, scalar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from wordfield.text.phrases import Phrases
    from wordfield.text.subwords import Pieces, Stored

log = logging.getLogger(__name__)

HABITS = {
    "words": {"lowercase": True},
    "whitespace": {},
    "ascii-whitespace": {},
    "characters": {"lowercase": True, "nfkc": True},
    "chinese": {"lowercase": True, "nfkc": True},
    "subwords": {},
}
"""By the name of a tokenizer: what it does to text when nobody says."""


@dataclass(frozen=True)
class Tokenizer:
    """Cuts a text into words.

    ``words``: runs of letters, marks, numbers and connectors. An apostrophe between two letters joins them ("don't" is
    one word; ’ becomes '), as zero-width joiners do; everything else separates. ``whitespace``: what stands between
    spaces; ``ascii-whitespace``: between those of ASCII, so that a no-break space is part of a word. ``characters``: as
    ``words``, but each character of a script that puts no space between words (Chinese, Japanese, Thai ...) is a word
    of its own, with the marks upon it. ``chinese``: words as jieba cuts them; Latin words as in ``words``, numbers with
    their decimal point. ``subwords``: pieces of words, by a vocabulary that was learnt. NUL separates in all.
    Lower-casing is by character, one to one, whatever stands around it.
    """

    name: str
    """words, whitespace, ascii-whitespace, characters, chinese or subwords."""
    lowercase: bool
    """Whether words are lower-cased."""
    nfkc: bool = False
    """Whether text is first put into Unicode's form NFKC: full-width letters narrow, ligatures apart."""
    script: str = ""
    """Chinese is first converted into ``simplified`` or ``traditional`` characters; empty: left as it is."""
    dictionary: tuple[str, ...] = field(default=(), repr=False)
    """``chinese``: words to know besides jieba's own, each ``word [frequency [tag]]``."""
    subwords: str | Stored = field(default="", repr=False)
    """``subwords``: the vocabulary, a tokenizer.json or a SentencePiece model, as ``text.subwords.read`` gives it."""
    version: str = ""
    """The libraries that cut and convert, with their versions."""
    phrases: Phrases | None = field(default=None, repr=False)
    """Words that are joined into one after all."""

    def __post_init__(self) -> None:
        if self.name not in HABITS:
            raise ValueError(f"unknown tokenizer {self.name!r}; choose one of: {', '.join(HABITS)}")
        if self.script not in SCRIPTS:
            raise ValueError(f"script must be simplified or traditional, not {self.script!r}")
        for option, name in (("dictionary", "chinese"), ("subwords", "subwords")):
            if getattr(self, option) and self.name != name:
                raise ValueError(f"{option} goes with the tokenizer {name!r}, not with {self.name!r}")
        if self.name == "subwords" and not self.subwords:
            raise ValueError(
                "the tokenizer `subwords` needs a vocabulary: give a tokenizer.json or SentencePiece model as tokenizer"
            )

    @classmethod
    def of(
        cls,
        name: str | Path | Tokenizer,
        lowercase: bool | None = None,
        *,
        nfkc: bool | None = None,
        script: str = "",
        dictionary: str | Path | Sequence[str] = (),
    ) -> Tokenizer:
        """The tokenizer of that name, or of that file: a tokenizer.json or a SentencePiece model.

        ``lowercase`` and ``nfkc``: None is the tokenizer's habit. ``words`` lower-cases; ``chinese`` and ``characters``
        also put text into NFKC; the others leave text as it is (a subword vocabulary brings its own rules).
        ``dictionary``: a file of ``word [frequency [tag]]`` a line, or such lines. ``ImportError`` naming the extra
        where a library is missing.
        """
        said = {"lowercase": lowercase, "nfkc": nfkc, "script": script or None}
        chosen: dict[str, Any] = {option: value for option, value in said.items() if value is not None}
        if isinstance(name, Tokenizer):
            if not chosen and not dictionary:
                return name
            made = replace(name, **chosen)
        else:
            subwords = ""
            if name not in HABITS or name == "subwords":
                subwords, name = _vocabulary(name), "subwords"
            made = cls(str(name), **({"lowercase": False} | HABITS[str(name)] | chosen), subwords=subwords)
        rows = _entries(dictionary) or made.dictionary
        if rows and made.name == "chinese":
            rows = tuple(made.normal(row) for row in rows)
        return replace(made, dictionary=rows, version=made.libraries())

    @classmethod
    def for_words(cls, words: Sequence[str]) -> Tokenizer:
        """The tokenizer for words from elsewhere, of which nobody says how they were cut: ``words``, which lower-cases
        unless one of them has an upper-case letter.
        """
        text = "\n".join(words)
        return cls.of("words", lowercase=text == text.lower())

    @classmethod
    def described(cls, description: Mapping[str, Any]) -> Tokenizer:
        """The tokenizer that ``describe`` described. ``TypeError`` or ``ValueError`` if it is none."""
        options = dict(description)
        if "dictionary" in options:
            options["dictionary"] = tuple(options["dictionary"])
        if "phrases" in options:
            from wordfield.text.phrases import Phrases

            options["phrases"] = Phrases.of(options["phrases"])
        return cls(**options)

    def describe(self) -> dict[str, Any]:
        """What to store with a model, as JSON can hold it: the name, whether it lower-cases, and what else is set."""
        options = {"name": self.name, "lowercase": self.lowercase}
        for option in fields(self)[2:]:
            value = getattr(self, option.name)
            if option.name == "subwords":
                value = str(value)
            if value != option.default:
                options[option.name] = list(value) if isinstance(value, tuple) else value
        return options if self.phrases is None else options | {"phrases": self.phrases.describe()}

    def told(self) -> dict[str, Any]:
        """What to tell people: as ``describe``, but of a vocabulary of pieces only how large it is."""
        if not self.subwords:
            return self.describe()
        from wordfield.text.subwords import told

        return replace(self, subwords=told(self.subwords)).describe()

    def tokenize(self, text: str) -> list[str]:
        """The words of ``text``, exactly as a scan of a file with this text finds them."""
        lines = (self.words_of(line) for line in scalar(text).split("\n"))
        return [word for line in lines for word in line]

    def pieces_of(self, text: str) -> list[str]:
        """``subwords``: the pieces of a text that is not cut into lines before."""
        text = self.normal(scalar(text))
        return self.pieces.tokenize_lines([lower(text) if self.lowercase else text])[0]

    def words_of(self, line: str) -> list[str]:
        """The words of a line of text that holds no lone surrogate."""
        text = self.prepared(line)
        if self.name == "subwords":
            words = [piece for piece in text.replace("\n", "\0").split("\0") if piece]
        elif self.name == "whitespace":
            words = (lower(text) if self.lowercase else text).replace("\0", " ").split()
        elif self.name == "ascii-whitespace":
            parts = (lower(text) if self.lowercase else text).translate(codepoints.ASCII_SPACES).split(" ")
            words = [part for part in parts if part]
        else:
            words = codepoints.pattern(self.name).findall(lower(text) if self.lowercase else text)
            if self.name == "characters":
                words = [word.rstrip(codepoints.JOINERS) for word in words]
            if "\u2019" in text:
                words = [word.replace("\u2019", "'") for word in words]
        return words if self.phrases is None else self.phrases.join(words)

    @property
    def plain(self) -> bool:
        """Whether the tables say all, so that text need not be prepared."""
        return not self.nfkc and not self.script and self.name not in ("chinese", "subwords")

    @property
    def slow(self) -> bool:
        """Whether preparing text takes long and holds the interpreter's lock."""
        return not self.plain and self.name != "subwords"

    def prepared(self, text: str) -> str:
        """``text``, any number of lines, as the tables can cut it: normal, and with NUL between words where there is no
        space.
        """
        if self.plain:
            return text
        text = self.normal(text)
        if self.name == "chinese":
            from wordfield.text.chinese import segmented

            self._compare()
            return segmented(text, self.dictionary)
        if self.name == "subwords":
            self._compare()
            lines = (lower(text) if self.lowercase else text).replace("\0", " ").split("\n")
            return "\n".join(["\0".join(pieces) for pieces in self.pieces.tokenize_lines(lines)])
        return text

    def normal(self, text: str) -> str:
        """``text`` in NFKC and in one script, as far as these are asked for."""
        text = compatible(text) if self.nfkc else text
        return in_script(text, self.script) if self.script else text

    def libraries(self) -> str:
        """The libraries at work here, with their versions."""
        from importlib.metadata import version

        used = []
        if self.name == "chinese":
            from wordfield.text import chinese

            used.append(chinese.version())
        if self.subwords:
            from wordfield.text import subwords

            used.append(subwords.version(self.subwords))
        if self.script:
            in_script("", self.script)
            used.append(f"opencc {version('opencc')}")
        return ", ".join(used)

    @property
    def tables(self) -> codepoints.Tables:
        """The arrays that the kernel reads; built on first use, once per process."""
        return codepoints.tables(self.name, self.lowercase and self.name != "subwords")

    @property
    def cuts(self) -> NDArray[np.uint8]:
        """(U,) classes that say where text can be cut in two without changing its words."""
        if self.plain:
            return self.tables.classes
        return codepoints.lines() if self.name == "subwords" else codepoints.clauses()

    @cached_property
    def pieces(self) -> Pieces:
        """``subwords``: what cuts text into pieces."""
        from wordfield.text.subwords import Pieces

        return Pieces(self.subwords)

    def _compare(self) -> None:
        if self.version:
            _warn_of_another(self.version, self.libraries())


@cache
def _warn_of_another(version: str, here: str) -> None:
    """Say, once, that other versions are at work than those that the model was made with."""
    if version != here:
        log.warning("this text is cut by %s, the model's was by %s", here, version)


def _vocabulary(name: str | Path) -> str:
    if name == "subwords" or not Path(name).is_file():
        choices = ", ".join(known for known in HABITS if known != "subwords")
        raise ValueError(
            f"unknown tokenizer {str(name)!r}; choose one of: {choices}; "
            "or name a file: a tokenizer.json or a SentencePiece model"
        )
    from wordfield.text.subwords import read

    return read(name)


def _entries(dictionary: str | Path | Sequence[str]) -> tuple[str, ...]:
    if not dictionary:
        return ()
    from wordfield.text.chinese import entries, read_dictionary

    return read_dictionary(dictionary) if isinstance(dictionary, (str, Path)) else entries(dictionary)
