"""MurmurHash3 in 128 bits (Austin Appleby 2011, its variant x64), by which floret chooses the rows of n-grams; and
MurmurHash2 in 64 bits (Appleby 2008, MurmurHash64A), by which spaCy names words.

W words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import inlined, kernel

FIRST, SECOND = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
ONE, OTHER = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
ADDED = np.uint64(0x52DCE729), np.uint64(0x38495AB5)
BITS, HALF, FIVE, WORD = np.uint64(64), np.uint64(33), np.uint64(5), np.uint64(0xFFFFFFFF)
EARLIER, SHIFT = np.uint64(0xC6A4A7935BD1E995), np.uint64(47)
ROUNDS = np.uint64(31), np.uint64(27), np.uint64(33), np.uint64(31)

Bytes = NDArray[np.uint8]
Bounds = NDArray[np.int64]


@inlined
def turned(state: np.uint64, bits: np.uint64) -> np.uint64:
    """The bits moved to the left, those that fall out come in again on the right."""
    return (state << bits) | (state >> (BITS - bits))


@inlined
def mixed(state: np.uint64) -> np.uint64:
    """The state once each bit of it may have changed any other."""
    state = (state ^ (state >> HALF)) * ONE
    state = (state ^ (state >> HALF)) * OTHER
    return state ^ (state >> HALF)


@inlined
def number(text: Bytes, begin: int, end: int) -> np.uint64:
    """Up to eight bytes as a number, the first the least."""
    found = np.uint64(0)
    for here in range(begin, min(begin + 8, end)):
        found |= np.uint64(text[here]) << np.uint64(8 * (here - begin))
    return found


@kernel
def hashes(text: Bytes, bounds: Bounds, seed: int) -> NDArray[np.uint32]:
    """The hash of each word ``text[bounds[w, 0]:bounds[w, 1]]``, as four numbers of 32 bits, (W, 4)."""
    found = np.empty((len(bounds), 4), np.uint32)
    for word in range(len(bounds)):
        begin, end = bounds[word, 0], bounds[word, 1]
        size = np.uint64(end - begin)
        low = high = np.uint64(seed)
        here = begin
        while here < end:
            low ^= turned(number(text, here, end) * FIRST, ROUNDS[0]) * SECOND
            whole = here + 16 <= end
            if whole:
                low = (turned(low, ROUNDS[1]) + high) * FIVE + ADDED[0]
            high ^= turned(number(text, here + 8, end) * SECOND, ROUNDS[2]) * FIRST
            if whole:
                high = (turned(high, ROUNDS[3]) + low) * FIVE + ADDED[1]
            here += 16
        low, high = low ^ size, high ^ size
        low += high
        high += low
        low, high = mixed(low), mixed(high)
        low += high
        high += low
        found[word, 0], found[word, 1] = np.uint32(low & WORD), np.uint32(low >> np.uint64(32))
        found[word, 2], found[word, 3] = np.uint32(high & WORD), np.uint32(high >> np.uint64(32))
    return found


@kernel
def names(text: Bytes, bounds: Bounds, seed: int) -> NDArray[np.uint64]:
    """The MurmurHash64A of each word ``text[bounds[w, 0]:bounds[w, 1]]``, (W,)."""
    found = np.empty(len(bounds), np.uint64)
    for word in range(len(bounds)):
        begin, end = bounds[word, 0], bounds[word, 1]
        state = np.uint64(seed) ^ (np.uint64(end - begin) * EARLIER)
        for here in range(begin, end, 8):
            part = number(text, here, end)
            if here + 8 <= end:
                part *= EARLIER
                part = (part ^ (part >> SHIFT)) * EARLIER
            state = (state ^ part) * EARLIER
        state = (state ^ (state >> SHIFT)) * EARLIER
        found[word] = state ^ (state >> SHIFT)
    return found
