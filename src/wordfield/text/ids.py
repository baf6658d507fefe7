"""What a scan found: words with their counts, and the text as numbers on disk. T types (different words), N tokens, S
sentences.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary, by_frequency

Item = TypeVar("Item")
Result = TypeVar("Result")


class Unwritable(OSError):
    """Numbers of a corpus cannot be written where they should be."""


class Spool:
    """A file of arrays: ``file``, or a temporary one in ``folder`` (the system's if None), gone when it is closed,
    forgotten or interrupted: it has no name where the system allows that.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, file: IO[bytes] | None = None) -> None:
        self.folder = os.fspath(folder) if folder is not None else tempfile.gettempdir()
        self._file = file or tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115 - closed by close() or finalizer
        self._size = 0
        self.close = weakref.finalize(self, self._file.close)

    def write(self, array: NDArray[Any]) -> int:
        """Append ``array``; the byte where it begins. ``OSError`` naming the folder if the disk is full."""
        begin = self._size
        try:
            self._file.write(array.data)
        except OSError as error:
            raise self._unwritable(error) from error
        self._size += array.nbytes
        return begin

    def read(self, dtype: type[np.generic], begin: int, count: int) -> NDArray[Any]:
        """``count`` values from byte ``begin`` on, memory-mapped: a fresh small map, whose pages go when it goes."""
        if self._file.closed:
            raise ValueError(
                "the numbers of this corpus are gone: its scan was closed; use them in `with corpus.scan() as scan:`"
            )
        if count == 0:
            nothing: NDArray[Any] = np.empty(0, dtype)
            nothing.flags.writeable = False  # as a map is: one kernel for both
            return nothing
        return np.memmap(self._file, dtype, "r", begin, (count,))

    def _unwritable(self, error: OSError) -> Unwritable:
        return Unwritable(error.errno, f"{error.strerror} while keeping a corpus as numbers in {self.folder}")

    def flush(self) -> None:
        """Let readers see all that was written."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error


class Written(NamedTuple):
    """Where a block's tokens (int32) and line ends (int32, in tokens of the block) are: spool, byte, how many; byte,
    how many.
    """

    spool: int
    ids: int
    tokens: int
    ends: int
    lines: int


class Words(Sequence[str]):
    """T words kept as UTF-8, decoded when asked for. ``bounds`` (T, 2): where each begins and ends in ``text``."""

    def __init__(self, text: bytes, bounds: NDArray[np.int64]) -> None:
        self.text, self.bounds = text, bounds

    @staticmethod
    def packed(words: Iterable[str]) -> dict[str, Any]:
        """``words`` as the ``text`` and ``bounds`` of a ``Words``."""
        encoded = [word.encode() for word in words]
        ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return {"text": b"".join(encoded), "bounds": np.stack([ends[:-1], ends[1:]], axis=1)}

    def __len__(self) -> int:
        return len(self.bounds)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return self.take(self.bounds[at])
        begin, end = self.bounds[at]
        return self.text[begin:end].decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self.take(self.bounds))

    def chosen(self, types: NDArray[np.integer[Any]]) -> list[str]:
        """The words of these types."""
        return self.take(self.bounds[types])

    def take(self, bounds: NDArray[np.int64]) -> list[str]:
        """The words between these bounds, (n, 2)."""
        text = self.text
        return [
            text[begin:end].decode() for begin, end in zip(bounds[:, 0].tolist(), bounds[:, 1].tolist(), strict=True)
        ]


class Scan:
    """A corpus read once: its words and how often each was seen, and the whole text as numbers in temporary files.

    ``tokenizer``: what cut the text into words; ``words_seen``: T words in order of first occurrence; ``counts`` (T,)
    int64; ``tokens``: all tokens; ``sentences``: those with a token; ``invalid``: bytes of invalid UTF-8; ``bytes``:
    all bytes of text. A context manager: the files go when it ends, or when the scan and all ``Ids`` made of it are
    forgotten.
    """

    def __init__(
        self,
        *,
        name: str,
        tokenizer: Tokenizer,
        text: bytes,
        bounds: NDArray[np.int64],
        counts: NDArray[np.int64],
        sentences: int,
        invalid: int,
        size: int,
        spools: list[Spool],
        types: list[NDArray[np.int32]],
        written: list[Written],
        threads: int = 1,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self.name, self.tokenizer = name, tokenizer
        self.words_seen = Words(text, bounds)
        self.counts = counts
        self.tokens = int(counts.sum())
        self.sentences, self.invalid, self.bytes = sentences, invalid, size
        self.threads, self.folder = threads, folder
        self._spools, self._types, self._written = spools, types, written
        self._made: list[Spool] = []
        self._known: tuple[Vocabulary, NDArray[np.int64]] | None = None
        for spool in spools:
            spool.flush()

    def __enter__(self) -> Scan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete the temporary files."""
        for spool in self._spools + self._made:
            spool.close()

    def vocabulary(self, min_count: int = 5, max_vocab: int | None = None) -> Vocabulary:
        """The words seen at least ``min_count`` times, most frequent first, then by first occurrence; at most
        ``max_vocab``.

        ``ValueError`` if the corpus has no word, or none that often.
        """
        self._refuse_empty()
        chosen = by_frequency(self.counts, min_count, max_vocab)
        if not len(chosen):
            raise ValueError(
                f"no word of {self.name} was seen {min_count} times: the most frequent of its {len(self.counts)} words "
                f"was seen {self.counts.max()} times; lower min_count, or give more text"
            )
        vocabulary = Vocabulary(self.words_seen.chosen(chosen), self.counts[chosen])
        self._known = (vocabulary, chosen)
        return vocabulary

    def merged(self, old: Vocabulary, min_count: int = 5, max_vocab: int | None = None) -> Vocabulary:
        """``old`` grown by this text: counts added, every old word kept, new words by their count here; most frequent
        first.

        ``max_vocab`` limits the new words only: never is an old one dropped. ``ValueError`` if the corpus has no word.
        """
        self._refuse_empty()
        by_frequency(self.counts, min_count, max_vocab)
        words = list(self.words_seen)
        rows = np.array([old.index.get(word, -1) for word in words], np.int64)
        counts = np.zeros(len(old), np.int64) if old.counts is None else old.counts.copy()
        counts[rows[rows >= 0]] += self.counts[rows >= 0]
        new = np.flatnonzero(rows < 0)
        room = len(new) if max_vocab is None else max(max_vocab - len(old), 0)
        new = new[by_frequency(self.counts[new], min_count, None)][:room]
        counts = np.concatenate([counts, self.counts[new]])
        together = old.words + [words[type_] for type_ in new.tolist()]
        order = np.argsort(-counts, kind="stable")
        return Vocabulary([together[row] for row in order.tolist()], counts[order])

    def encode(self, vocabulary: Vocabulary, unknown: int | None = None) -> Ids:
        """The text as rows of ``vocabulary``, on disk; the text is not read again. Words that it lacks are left out, or
        get the row ``unknown``.
        """
        rows = self._rows_of(vocabulary)
        if unknown is not None:
            rows = np.where(rows < 0, np.int32(unknown), rows)
        by_spool = [rows[types] for types in self._types]
        ids, starts = Spool(self.folder), Spool(self.folder)
        self._made += [ids, starts]
        tokens = begun = sentences = 0  # begun: the token at which the open sentence begins
        starts.write(np.zeros(1, np.int64))
        for kept, ends in in_order(lambda written: self._remapped(written, by_spool), self._written, self.threads):
            ids.write(kept)
            here = ends.astype(np.int64) + tokens
            if len(here) and here[0] == begun:
                here = here[1:]
            if len(here):
                starts.write(here)
                sentences, begun = sentences + len(here), int(here[-1])
            tokens += len(kept)
        ids.flush()
        starts.flush()
        return Ids(self, ids, starts, tokens, sentences)

    def blocks(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """The text in order, a piece at a time: the numbers of its words in ``words_seen``, and after how many of them
        lines end. A sentence may go on over several pieces.
        """

        def numbered(written: Written) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
            ids, ends = self._read(written)
            return self._types[written.spool][ids], ends

        return in_order(numbered, self._written, self.threads)

    def rewritten(
        self,
        tokenizer: Tokenizer,
        words: Sequence[str],
        counts: NDArray[np.int64],
        blocks: Iterable[tuple[NDArray[np.int32], NDArray[np.int32]]],
    ) -> Scan:
        """A scan of the same text in other ``words``, as ``tokenizer`` cuts it: ``counts`` of them, and ``blocks`` as
        ``blocks()`` gives them, in numbers of these words.
        """
        spool, written = Spool(self.folder), []
        for ids, ends in blocks:
            written.append(Written(0, spool.write(ids), len(ids), spool.write(ends), len(ends)))
        return Scan(
            name=self.name,
            tokenizer=tokenizer,
            **Words.packed(words),
            counts=counts,
            sentences=self.sentences,
            invalid=self.invalid,
            size=self.bytes,
            spools=[spool],
            types=[np.arange(len(counts), dtype=np.int32)],
            written=written,
            threads=self.threads,
            folder=self.folder,
        )

    def described(self, folder: Path) -> dict[str, Any]:
        """All but the numbers, for ``of_description``: what JSON can hold, arrays in files in ``folder``."""
        words = self.words_seen
        arrays: dict[str, NDArray[Any]] = {"bounds": words.bounds, "counts": self.counts}
        arrays |= {f"types-{number}": types for number, types in enumerate(self._types)}
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / "words").write_bytes(words.text)
        return {
            "tokens": self.tokens,
            "sentences": self.sentences,
            "invalid": self.invalid,
            "size": self.bytes,
            "spools": len(self._spools),
            "written": self._written,
        }

    @classmethod
    def of_description(
        cls,
        described: Mapping[str, Any],
        folder: Path,
        name: str,
        tokenizer: Tokenizer,
        threads: int,
        temporary: str | os.PathLike[str] | None,
    ) -> Scan:
        """The scan that ``described`` put into ``folder``, beside its numbers in files called numbers-0 and on.

        ``OSError``, ``ValueError`` or ``KeyError`` for what is damaged.
        """
        spools = range(described["spools"])
        scan = cls(
            name=name,
            tokenizer=tokenizer,
            text=(folder / "words").read_bytes(),
            bounds=np.load(folder / "bounds.npy", allow_pickle=False),
            counts=np.load(folder / "counts.npy", allow_pickle=False),
            sentences=described["sentences"],
            invalid=described["invalid"],
            size=described["size"],
            spools=[Spool(folder, (folder / f"numbers-{number}").open("rb")) for number in spools],
            types=[np.load(folder / f"types-{number}.npy", allow_pickle=False) for number in spools],
            written=[Written(*each) for each in described["written"]],
            threads=threads,
            folder=temporary,
        )
        if scan.tokens != described["tokens"]:
            raise ValueError(f"{scan.tokens} tokens are counted, {described['tokens']} were said")
        return scan

    def _read(self, written: Written) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        spool = self._spools[written.spool]
        return spool.read(np.int32, written.ids, written.tokens), spool.read(np.int32, written.ends, written.lines)

    def _refuse_empty(self) -> None:
        if not len(self.counts):
            raise ValueError(f"no words in {self.name}: {self.bytes} bytes were read; give text, or another tokenizer")

    def _rows_of(self, vocabulary: Vocabulary) -> NDArray[np.int32]:
        """(T,) the row of each type, -1 for none."""
        if self._known is not None and self._known[0] is vocabulary:
            rows = np.full(len(self.counts), -1, np.int32)
            rows[self._known[1]] = np.arange(len(vocabulary), dtype=np.int32)
            return rows
        return np.array([vocabulary.index.get(word, -1) for word in self.words_seen], np.int32)

    def _remapped(self, written: Written, rows: list[NDArray[np.int32]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        from wordfield.kernels.scan import remap

        ids, ends = self._read(written)
        kept, kept_ends = np.empty(written.tokens + 1, np.int32), np.empty(written.lines, np.int32)
        tokens, lines = remap(ids, ends, rows[written.spool], kept, kept_ends)
        return kept[:tokens], kept_ends[:lines]


class Ids:
    """A text as rows of a vocabulary, on disk: ``tokens`` N int32 and where its ``sentences`` S begin. Lives as long as
    its scan is open. ``folder``: where temporary files go.
    """

    def __init__(self, scan: Scan, ids: Spool, starts: Spool, tokens: int, sentences: int) -> None:
        self._scan, self._ids = scan, ids
        self.tokens, self.sentences, self.folder = tokens, sentences, scan.folder
        self.starts: NDArray[np.int64] = starts.read(np.int64, 0, sentences + 1)

    def window(self, first: int, last: int) -> NDArray[np.int32]:
        """Tokens ``first:last``, (last - first,), in a memory map of just these: what is no longer used takes no
        memory.
        """
        if not 0 <= first <= last <= self.tokens:
            raise IndexError(f"tokens {first}:{last} asked for, but there are {self.tokens}")
        return self._ids.read(np.int32, 4 * first, last - first)

    def decode(self, vocabulary: Vocabulary) -> Iterator[list[str]]:
        """The sentences as words again, by the ``vocabulary`` that they were encoded with; what it lacked is gone."""
        words = vocabulary.words
        for begin, end in zip(self.starts.tolist(), self.starts[1:].tolist(), strict=False):
            yield [words[row] for row in self.window(begin, end).tolist()]

    def chunks(self, size: int) -> list[tuple[int, int]]:
        """Ranges of at most ``size`` tokens that cover all in order, cut between sentences; a longer sentence is cut
        inside, losing nothing.
        """
        if size < 1:
            raise ValueError(f"a chunk must have at least 1 token, not {size}")
        ranges, begin = [], 0
        while begin < self.tokens:
            end = min(begin + size, self.tokens)
            cut = int(self.starts[np.searchsorted(self.starts, end, "right") - 1])
            ranges.append((begin, cut if cut > begin else end))
            begin = ranges[-1][1]
        return ranges


def in_order(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """``work`` of each item, in order, done by ``threads`` threads that are never more than a few items ahead."""
    if threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
