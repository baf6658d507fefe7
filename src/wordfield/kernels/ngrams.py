"""The n-grams of characters that a word is made of, as hashes, as fastText makes them (Bojanowski, Grave, Joulin and
Mikolov 2017, section 3.2; its dictionary.cc).

The hash is FNV-1a over bytes that are taken as signed: those of characters beyond ASCII differ from the textbook's.
finalfusion has the textbook's, of 64 bits. W words, H hashes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import inlined, kernel

OFFSET, PRIME, WORD = np.uint64(2166136261), np.uint64(16777619), np.uint64(0xFFFFFFFF)
LONG_OFFSET, LONG_PRIME, BYTE = np.uint64(14695981039346656037), np.uint64(1099511628211), np.uint64(0xFF)

Bytes = NDArray[np.uint8]
Bounds = NDArray[np.int64]


@inlined
def absorb(state: np.uint64, byte: np.uint8) -> np.uint64:
    """The hash after one more byte."""
    signed = np.uint64(byte) | (np.uint64(0xFFFFFF00) if byte & 0x80 else np.uint64(0))
    return ((state ^ signed) * PRIME) & WORD


@kernel
def hashes(text: Bytes, bounds: Bounds) -> NDArray[np.uint32]:
    """The hash of each word ``text[bounds[w, 0]:bounds[w, 1]]``, (W,)."""
    found = np.empty(len(bounds), np.uint32)
    for word in range(len(bounds)):
        state = OFFSET
        for here in range(bounds[word, 0], bounds[word, 1]):
            state = absorb(state, text[here])
        found[word] = state
    return found


@kernel
def spelled(
    text: Bytes, bounds: Bounds, minn: int, maxn: int, marks: bool, starts: NDArray[np.int64], found: NDArray[np.uint32]
) -> int:
    """The hashes of the n-grams of ``minn`` to ``maxn`` characters of each word, with its marks of beginning and
    end: those of word w from ``starts[w]`` on, as far as ``found`` has room; how many there are.

    They come by their first character, the shorter first. A mark alone is one only with ``marks``; bytes 10xxxxxx go
    with the character before them.
    """
    count = 0
    for word in range(len(bounds)):
        starts[word] = count
        begin, end = bounds[word, 0], bounds[word, 1]
        for first in range(begin, end):
            if text[first] & 0xC0 == 0x80:
                continue
            state, here, size = OFFSET, first, 0
            while here < end and size < maxn:
                state = absorb(state, text[here])
                here += 1
                while here < end and text[here] & 0xC0 == 0x80:
                    state = absorb(state, text[here])
                    here += 1
                size += 1
                if size >= minn and (marks or not (size == 1 and (first == begin or here == end))):
                    if count < len(found):
                        found[count] = state
                    count += 1
    starts[len(bounds)] = count
    return count


@kernel
def spans(
    text: Bytes, bounds: Bounds, minn: int, maxn: int, marks: bool, starts: NDArray[np.int64], found: NDArray[np.int64]
) -> int:
    """Where each word and each of its n-grams begin and end in the text: those of word w from ``starts[w]`` on, the
    whole word first, as far as ``found`` (S, 2) has room; how many there are. A word of no bytes has none.
    """
    count = 0
    for word in range(len(bounds)):
        starts[word] = count
        begin, end = bounds[word, 0], bounds[word, 1]
        if begin < end:
            if count < len(found):
                found[count, 0], found[count, 1] = begin, end
            count += 1
        for first in range(begin, end):
            if text[first] & 0xC0 == 0x80:
                continue
            here, size = first, 0
            while here < end and size < maxn:
                here += 1
                while here < end and text[here] & 0xC0 == 0x80:
                    here += 1
                size += 1
                if size >= minn and (marks or not (size == 1 and (first == begin or here == end))):
                    if count < len(found):
                        found[count, 0], found[count, 1] = first, here
                    count += 1
    starts[len(bounds)] = count
    return count


@inlined
def absorb_whole(state: np.uint64, number: np.uint64, bytes_: int) -> np.uint64:
    """The hash of 64 bits after so many more bytes, those of a number from the lowest on."""
    for _ in range(bytes_):
        state = (state ^ (number & BYTE)) * LONG_PRIME
        number = number >> np.uint64(8)
    return state


@kernel
def numbered(
    text: NDArray[np.uint32],
    bounds: Bounds,
    minn: int,
    maxn: int,
    starts: NDArray[np.int64],
    found: NDArray[np.uint64],
) -> int:
    """The hashes that finalfusion gives the n-grams of each word, with its marks, of a text of characters as numbers:
    FNV-1a of 64 bits over the length, as 8 bytes, and each character, as 4. A mark alone is one too. Otherwise as
    ``spelled``.
    """
    count = 0
    for word in range(len(bounds)):
        starts[word] = count
        begin, end = bounds[word, 0], bounds[word, 1]
        for first in range(begin, end):
            for size in range(minn, min(maxn, end - first) + 1):
                if count < len(found):
                    state = absorb_whole(LONG_OFFSET, np.uint64(size), 8)
                    for here in range(first, first + size):
                        state = absorb_whole(state, np.uint64(text[here]), 4)
                    found[count] = state
                count += 1
    starts[len(bounds)] = count
    return count
