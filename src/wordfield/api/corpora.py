"""Corpora: phrases, subwords, and the cache of what was read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.text.corpus import Corpus


def phrases(
    corpus: Corpus | Any,
    out: str | Path | None = None,
    *,
    passes: int = 1,
    score: Literal["word2phrase", "npmi"] = "word2phrase",
    threshold: float | None = None,
    min_count: int = 5,
    delimiter: str = "_",
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """Words of ``corpus`` that stand together much more often than chance would have it, best first: objects of phrase,
    left, right, count, score. See ``wordfield.text.phrases.learn`` for the options.

    ``out``: also write them, as JSON that ``Phrases.read`` reads and ``Corpus(phrases=...)`` takes.
    """
    from wordfield.formats.files import replacing
    from wordfield.text.corpus import Corpus
    from wordfield.text.phrases import learn

    text = Corpus.of(corpus)
    with text.scan(progress) as scan:
        joined, found = learn(scan, passes, score, threshold, min_count, delimiter, progress)
    joined.close()
    learnt = joined.tokenizer.phrases
    if out is not None and learnt is not None:
        with replacing(Path(out)) as stream:
            stream.write(f"{learnt.dumps()}\n".encode())
    return [phrase._asdict() for phrase in found]


def subwords(
    corpus: Corpus | Any,
    out: str | Path,
    *,
    size: int = 8000,
    kind: Literal["bpe", "unigram", "wordpiece"] = "bpe",
    lowercase: bool = False,
    min_count: int = 2,
) -> dict[str, Any]:
    """Learn a vocabulary of pieces of words from ``corpus`` and write it to ``out``, a tokenizer.json, which is a
    ``tokenizer`` for a ``Corpus``. See ``wordfield.text.subwords.learn``.

    Returns out, kind and pieces (how many there are).
    """
    from wordfield.formats.files import replacing
    from wordfield.text import subwords as library
    from wordfield.text.corpus import Corpus

    text = Corpus.of(corpus)
    vocabulary = library.learn(text.lines(), size, kind, lowercase=lowercase, min_count=min_count)
    with replacing(Path(out)) as stream:
        stream.write(vocabulary.encode())
    return {"out": str(out), "kind": kind, "pieces": len(library.Pieces(vocabulary))}


def cache(*, clear: bool = False) -> dict[str, Any]:
    """What is kept of corpora that were read: ``folder``, ``limit`` and ``bytes`` in all, and ``corpora``: objects of
    corpus, tokenizer, tokens, bytes and used (seconds since 1970), last used first. ``clear``: delete it first; then
    also ``freed``, in bytes.
    """
    from wordfield.text import cache as kept

    freed = {"freed": kept.clear()} if clear else {}
    found = kept.entries()
    total = sum(entry["bytes"] for entry in found)
    return {"folder": str(kept.folder()), "limit": kept.limit(), "bytes": total, "corpora": found} | freed
