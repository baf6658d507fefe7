"""What a corpus is like, before anything is trained on it: its size, its longest line, and whether its words stand
apart.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from wordfield.text.codepoints import SPACELESS

if TYPE_CHECKING:
    from wordfield.progress import Progress
    from wordfield.text.corpus import Corpus
    from wordfield.text.ids import Scan

RUN = 8
"""Letters of a script without spaces in a row that hardly any word has."""
PLAINLY = 0.2
"""Share of a text in such runs from which on it plainly has no spaces between words."""
LOOKED_AT = 10_000  # words of a scan, the first
REPORT = 1 << 14  # lines between two reports

log = logging.getLogger(__name__)


def inspect(corpus: Corpus, progress: Progress) -> dict[str, Any]:
    """``corpus``; ``files`` and ``stored_bytes`` of these (0 for text that is in no file); ``bytes`` of text;
    ``sentences`` (lines with a word), ``tokens``, ``types`` (different words); ``invalid_bytes``; the ``tokenizer``;
    ``longest_line``: its ``bytes`` and its ``number`` from 1 on; ``unsegmented``: the share of the characters, 0 to 1,
    that stand in runs of eight or more letters of a script without spaces.

    The text is read twice, unless the cache has it: standard input cannot be inspected. Errors as in scanning.
    """
    with corpus.scan(progress) as scan:
        found: dict[str, Any] = {
            "corpus": corpus.name,
            "files": len(corpus.parts),
            "stored_bytes": sum(part.size for part in corpus.parts),
            "bytes": scan.bytes,
            "sentences": scan.sentences,
            "tokens": scan.tokens,
            "types": len(scan.counts),
            "invalid_bytes": scan.invalid,
            "tokenizer": corpus.tokenizer.describe(),
        }
    longest = number = crowded = characters = done = 0
    for lines, line in enumerate(corpus.lines(), 1):
        size = len(line) if line.isascii() else len(line.encode())
        if size > longest:
            longest, number = size, lines
        if not line.isascii():
            crowded += _crowded(line)
        characters += len(line) - sum(map(line.count, " \t\r\n"))
        done += size
        if lines % REPORT == 0:
            progress(min(done, found["bytes"]), found["bytes"])
    longest_line = {"bytes": longest, "number": number}
    return found | {"longest_line": longest_line, "unsegmented": crowded / max(characters, 1)}


def warn_of_unsegmented(scan: Scan) -> None:
    """Say so where the tokenizer cuts at spaces and punctuation only, but the text has no spaces between its words."""
    if scan.tokenizer.name not in ("words", "whitespace", "ascii-whitespace"):
        return
    first, _ = next(scan.blocks(), (np.empty(0, np.int32), None))
    text = scan.words_seen.chosen(first[:LOOKED_AT])
    share = sum(map(_crowded, text)) / max(1, sum(map(len, text)))
    if share > PLAINLY:
        log.warning(
            "%.0f %% of %s stands in runs of %d or more letters without a space, as in Chinese, Japanese or Thai, and "
            "the tokenizer %r takes each run for a word: choose the tokenizer 'chinese' or 'characters' "
            "(--tokenizer chinese)",
            100 * share,
            scan.name,
            RUN,
            scan.tokenizer.name,
        )


def _crowded(text: str) -> int:
    """Letters in runs that hardly any word has."""
    return sum(map(len, _runs().findall(text)))


@cache
def _runs() -> Any:
    import regex

    return regex.compile(f"{SPACELESS}{{{RUN},}}", regex.V1)
