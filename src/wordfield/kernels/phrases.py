"""Neighbours -> words of two: candidates (pairs that may be frequent enough), sift and tally (count those that are),
join.

How often a pair has to be seen is a bound that its two words set, so most pairs are dropped without being counted. The
rest are first counted in a sketch, one byte a cell, in which pairs that hash alike share a cell: it never says too
little, so that the table, filled in a second reading, holds only few pairs, and exact counts of them. (The sketch is a
counting Bloom filter with one hash function; Fan et al. 2000.)

T types (different words), N tokens and E line ends of a block, P pairs, C cells (a power of two), S slots (a power of
two).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import kernel

Bytes = NDArray[np.uint8]
Keys = NDArray[np.uint64]  # left << 32 | right; in slots each followed by its value, 0 where the slot is free
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

# Positions are unsigned: Numba then need not ask whether they count from the end.
ZERO, ONE, TWO, HALF = (np.uint64(number) for number in (0, 1, 2, 32))
NONE = np.uint64(0xFFFFFFFF)  # the word before the first of a line
FULL = 255  # a cell counts no further
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd (Knuth, TAOCP 3, 6.4)


@kernel
def candidates(
    before: np.uint64,
    ids: Ints,
    ends: Ints,
    bounds: Floats,
    least: np.float32,
    base: np.float32,
    keys: Keys,
    needs: Bytes,
) -> tuple[int, int]:
    """The pairs of ``ids`` (N,) that can have been seen ``least`` times, and more often than ``base`` + the product of
    the weights of their words; how many these are, and the last word, NONE after a line end.

    ``before``: the word before the block, or NONE; bounds (T, 2): the weight of a word, and how often a pair with it
    was seen at most; keys, needs (N,) are filled: the pairs, and how often each has to be seen, FULL where that is
    more.
    """
    pairs = here = ZERO
    left = before
    for line in range(len(ends) + 1):
        end = np.uint64(ends[line]) if line < len(ends) else np.uint64(len(ids))
        weight, limit = np.float32(0), np.float32(0)
        if left != NONE:
            weight, limit = bounds[left, ZERO], bounds[left, ONE]
        while here < end:
            right = np.uint64(ids[here])
            next_weight, next_limit = bounds[right, ZERO], bounds[right, ONE]
            need = max(least, base + weight * next_weight)
            keys[pairs] = left << HALF | right
            needs[pairs] = np.uint8(np.ceil(min(need, np.float32(FULL))))
            pairs += np.uint64(need <= min(limit, next_limit))  # no branch: half of them are, at random
            left, weight, limit = right, next_weight, next_limit
            here += ONE
        if line < len(ends):
            left = NONE
    return int(pairs), int(left)


@kernel
def mixed(key: np.uint64) -> np.uint64:
    """A hash of a pair: its highest bits choose a cell, its lowest a slot."""
    product = (key ^ key >> HALF) * SPREAD
    return np.uint64(product ^ product >> HALF)


@kernel
def sift(keys: Keys, sketch: Bytes, shift: np.uint64, first: np.uint64, last: np.uint64) -> None:
    """Count the pairs whose cell, ``mixed(key) >> shift`` of ``sketch`` (C,), is one of ``first:last``."""
    for at in range(len(keys)):
        cell = mixed(keys[at]) >> shift
        if first <= cell < last and sketch[cell] < FULL:
            sketch[cell] += 1


@kernel
def slot_of(slots: Keys, key: np.uint64) -> np.uint64:
    """Where in ``slots`` (2 S,) a pair stands, or the free slot where it belongs."""
    end = np.uint64(len(slots) - 2)
    here = mixed(key) << ONE & end
    while slots[here + ONE] != ZERO and slots[here] != key:
        here = here + TWO & end
    return here


@kernel
def tally(
    keys: Keys,
    needs: Bytes,
    begin: int,
    sketch: Bytes,
    shift: np.uint64,
    first: np.uint64,
    last: np.uint64,
    slots: Keys,
    taken: int,
) -> tuple[int, int]:
    """Count the pairs from ``begin`` on whose cell is one of ``first:last`` and says that they may be frequent enough.

    ``taken`` of the slots (2 S,) are not free. Returns how far it came, less than P where half the slots are taken and
    it needs one more, and how many are taken now.
    """
    for at in range(begin, len(keys)):
        key = keys[at]
        cell = mixed(key) >> shift
        if first <= cell < last and sketch[cell] >= needs[at]:
            slot = slot_of(slots, key)
            if slots[slot + ONE] == ZERO:
                if 4 * (taken + 1) > len(slots):
                    return at, taken
                slots[slot] = key
                taken += 1
            slots[slot + ONE] += ONE
    return len(keys), taken


@kernel
def enter(keys: Keys, values: Keys, slots: Keys) -> None:
    """Enter pairs (P,) with their values (P,), none 0, into ``slots`` (2 S,), S > P."""
    for at in range(len(keys)):
        slot = slot_of(slots, keys[at])
        slots[slot] = keys[at]
        slots[slot + ONE] = values[at]


@kernel
def join(
    held: np.uint64, ids: Ints, ends: Ints, sieve: Bytes, shift: np.uint64, slots: Keys, joined: Ints, joined_ends: Ints
) -> tuple[int, int]:
    """Put one word for each pair in ``slots`` (2 S,), whose values are the number of that word + 1: from the left, no
    word in two pairs, none over a line end.

    ``held``: a word that waits for the one after it, or NONE; ``sieve`` (C,): a sketch of the pairs, since few are in
    slots; joined (N + 1,) and joined_ends (E,) are filled. Returns how many tokens there are now, and the word that
    waits now.
    """
    tokens = here = ZERO
    left = held
    for line in range(len(ends) + 1):
        end = np.uint64(ends[line]) if line < len(ends) else np.uint64(len(ids))
        while here < end:
            right = np.uint64(ids[here])
            here += ONE
            if left == NONE:
                left = right
                continue
            joined[tokens] = left
            key = left << HALF | right
            left = right
            if sieve[mixed(key) >> shift]:
                value = slots[slot_of(slots, key) + ONE]
                if value != ZERO:
                    joined[tokens] = value - ONE
                    left = NONE
            tokens += ONE
        if line < len(ends):
            if left != NONE:
                joined[tokens] = left
                tokens += ONE
            left = NONE
            joined_ends[line] = tokens
    return int(tokens), int(left)


@kernel
def note(ids: Ints, counts: Longs, order: Ints, seen: int) -> int:
    """Count the words of ``ids`` in ``counts`` (T,), and put those not counted before into ``order`` (T,), from
    ``seen`` on; how many there are now.
    """
    for at in range(len(ids)):
        word = ids[at]
        if counts[word] == 0:
            order[seen] = word
            seen += 1
        counts[word] += 1
    return seen
