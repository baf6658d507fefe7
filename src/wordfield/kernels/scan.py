"""Bytes -> words: fold (split and lower-case), tally (hash, count, number), absorb (merge two tables), remap (number
again).

A block of valid UTF-8 is first *folded*: its words lower-cased, each separator a byte that UTF-8 never holds. The end
of a word is then found eight bytes at a time, and a word of up to eight bytes is its own key, so that most words are
counted without touching their text again.

U code points, B bytes of a block, S slots (a power of two), T types (different words), N tokens.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import kernel

Bytes = NDArray[np.uint8]
Eights = NDArray[np.uint64]  # eights[p]: the eight bytes from p on, little-endian; the array overlaps itself
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Whole = int | np.int64

# Folded text. Greater than every byte of UTF-8; the two that end a word differ in the lowest bit only. The first 256
# entries of a table of bytes hold these too, and JOINER and MULTIBYTE where the way of a byte has to be found out.
LINE_END, SPLIT, JOINER, MULTIBYTE = 0xFC, 0xFD, 0xFE, 0xFF
PADDING = 16  # SPLIT bytes that must follow the last byte of folded text

# The classes of code points, as text.codepoints names them.
CLASS_SPLIT, CLASS_LETTER, CLASS_JOINER, CLASS_LINE_END = 0, 2, 3, 4
CLASS_ALONE, CLASS_MARK, CLASS_DIGIT, CLASS_POINT, CLASS_CASED = 5, 6, 7, 8, 0x80

# Positions in Table.state.
READ, TOKENS, ENDS, TYPES, TEXT, EVERY = 0, 1, 2, 3, 4, 5

# Positions in text and slots are unsigned: Numba then need not ask whether they count from the end.
ZERO, ONE, TWO, THREE, SEVEN, EIGHT, HALF = (np.uint64(number) for number in (0, 1, 2, 3, 7, 8, 32))
LOW_HALF = np.uint64(0xFFFFFFFF)
ONES = np.uint64(0x0101010101010101)
HIGHS = np.uint64(0x8080808080808080)
ENDINGS = np.uint64(0xFCFCFCFCFCFCFCFC)
BUT_LOWEST = np.uint64(0xFEFEFEFEFEFEFEFE)
COUNT_SHIFT = np.uint64(56)
BYTE = np.uint64(0xFF)
SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd (Knuth, TAOCP 3, 6.4)
MIX = np.uint64(0xD6E8FEB86659FD93)


class Table(NamedTuple):
    """Words by number, open addressing. A slot is two integers: the word's key; its length << 32 | its number + 1, 0
    where free.

    ``slots`` (2 S,), ``counts`` (T,), ``firsts`` (T,) where each word was first seen, ``starts`` (T + 1,) of the words
    in ``text``, ``eights`` the same text by eights, ``state`` (6,): see the positions above; EVERY is 1 where each line
    end counts.
    """

    slots: Eights
    counts: Longs
    firsts: Longs
    starts: Longs
    text: Bytes
    eights: Eights
    state: Longs


@kernel
def code_point(block: Bytes, here: Whole) -> np.int64:
    """The code point whose first byte is at ``here``, in valid UTF-8."""
    first = np.int64(block[here])
    if first < 0x80:
        return first
    second = np.int64(block[here + 1]) & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second
    third = np.int64(block[here + 2]) & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third
    return (first & 0x07) << 18 | second << 12 | third << 6 | np.int64(block[here + 3]) & 0x3F


@kernel
def put(code: Whole, out: Bytes, there: Whole) -> Whole:
    """Write ``code`` as UTF-8 at ``there``; the position after it."""
    if code < 0x80:
        out[there] = code
        return there + 1
    if code < 0x800:
        out[there] = 0xC0 | code >> 6
        out[there + 1] = 0x80 | code & 0x3F
        return there + 2
    if code < 0x10000:
        out[there] = 0xE0 | code >> 12
        out[there + 1] = 0x80 | code >> 6 & 0x3F
        out[there + 2] = 0x80 | code & 0x3F
        return there + 3
    out[there] = 0xF0 | code >> 18
    out[there + 1] = 0x80 | code >> 12 & 0x3F
    out[there + 2] = 0x80 | code >> 6 & 0x3F
    out[there + 3] = 0x80 | code & 0x3F
    return there + 4


@kernel
def after(block: Bytes, here: Whole) -> Whole:
    """The position after the character at ``here``, in valid UTF-8."""
    first = block[here]
    return here + 1 if first < 0x80 else here + 2 if first < 0xE0 else here + 3 if first < 0xF0 else here + 4


@kernel
def joins(block: Bytes, here: Whole, there: Whole, size: Whole, kind: Whole, classes: Bytes) -> bool:
    """Whether the character in ``here:there``, a joiner or a point, stands between two letters or marks, or between two
    digits.
    """
    if here == 0 or there >= size:
        return False
    before = here - 1
    while block[before] & 0xC0 == 0x80:
        before -= 1
    left, right = classes[code_point(block, before)] & 0x7F, classes[code_point(block, there)] & 0x7F
    if kind == CLASS_POINT:
        return bool(left == CLASS_DIGIT and right == CLASS_DIGIT)
    return bool(left in (CLASS_LETTER, CLASS_MARK) and right in (CLASS_LETTER, CLASS_MARK))


@kernel
def plain_run(block: Bytes, here: np.uint64, stop: np.uint64, ways: Bytes, out: Bytes, there: np.uint64) -> np.int64:
    """Fold the bytes from ``here`` on that say by themselves what becomes of them; how many these are."""
    begin = here
    while here < stop and ways[block[here]] < JOINER:
        out[there] = ways[block[here]]
        here += ONE
        there += ONE
    return np.int64(here - begin)


@kernel
def fold(block: Bytes, size: int, ways: Bytes, classes: Bytes, lower: Ints, out: Bytes) -> Whole:
    """Fold ``block[:size]``, valid UTF-8, into ``out`` (2 size + PADDING bytes at least); the folded size.

    ``ways`` (256,) says what becomes of a byte: itself in lower case, LINE_END, SPLIT, or that it takes a look at its
    character (JOINER, MULTIBYTE).
    """
    here: Whole = 0
    there: Whole = 0
    while here < size:
        plain = plain_run(block, np.uint64(here), np.uint64(size), ways, out, np.uint64(there))
        here += plain
        there += plain
        if here == size:
            break
        end = after(block, here)
        code = code_point(block, here)
        kind = classes[code]
        joiner = kind in (CLASS_JOINER, CLASS_POINT)
        if kind == CLASS_SPLIT or (joiner and not joins(block, here, end, size, kind, classes)):
            out[there] = SPLIT
            there += 1
        elif kind == CLASS_ALONE:
            end = after_marks(block, end, size, classes)
            out[there] = SPLIT
            there += 1
            for byte in range(here, end):
                out[there] = block[byte]
                there += 1
            out[there] = SPLIT
            there += 1
            if end < size and classes[code_point(block, end)] == CLASS_JOINER:
                end = after(block, end)
        elif kind & CLASS_CASED or joiner:
            there = put(lower[code], out, there)
        else:
            for byte in range(here, end):
                out[there] = block[byte]
                there += 1
        here = end
    out[there : there + PADDING] = SPLIT
    return there


@kernel
def after_marks(block: Bytes, here: Whole, size: Whole, classes: Bytes) -> Whole:
    """The position after the marks that begin at ``here``."""
    while here < size and classes[code_point(block, here)] == CLASS_MARK:
        here = after(block, here)
    return here


@kernel
def last_split(block: Bytes, size: int, classes: Bytes) -> int:
    """The position after the last separator in ``block[:size]``, which may be invalid UTF-8 or end inside a character;
    0 if there is none.
    """
    here = size - 1
    while here >= 0:
        first = block[here]
        width = (
            1
            if first < 0x80
            else 0
            if first < 0xC2
            else 2
            if first < 0xE0
            else 3
            if first < 0xF0
            else 4
            if first < 0xF5
            else 0
        )
        whole = width > 0 and here + width <= size
        for byte in range(here + 1, here + width if whole else 0):
            whole = whole and block[byte] & 0xC0 == 0x80
        if whole:
            code = code_point(block, here)
            least = 0 if width == 1 else 0x80 if width == 2 else 0x800 if width == 3 else 0x10000
            if (
                least <= code < len(classes)
                and (classes[code] == CLASS_SPLIT or code == 10)
                and not 0xD800 <= code < 0xE000
            ):
                return here + width
        here -= 1
    return 0


@kernel
def endings(eight: np.uint64) -> np.uint64:
    """The lowest bit set is the highest bit of the first byte among eight that ends a word; 0 if none does."""
    zero = (eight ^ ENDINGS) & BUT_LOWEST
    return (zero - ONES) & ~zero & HIGHS


@kernel
def key_of(eights: Eights, start: np.uint64, length: np.uint64) -> np.uint64:
    """The key of a word: its bytes where they are at most eight, a 64-bit hash of them where they are more."""
    rest = length & SEVEN
    mask = (ONE << (rest << THREE)) - ONE
    key = eights[start]
    if length < EIGHT:
        return np.uint64(key & mask)
    at, end = start + EIGHT, start + length - rest
    while at < end:
        key = (key ^ eights[at]) * MIX
        key ^= key >> HALF
        at += EIGHT
    if rest and length > EIGHT:
        key = (key ^ (eights[at] & mask)) * MIX
        key ^= key >> HALF
    return np.uint64(key)


@kernel
def same(eights: Eights, start: np.uint64, others: Eights, other: np.uint64, length: np.uint64) -> bool:
    """Whether two words of ``length`` > 8 bytes are equal."""
    at, last = ZERO, length - EIGHT
    while at < last:
        if eights[start + at] != others[other + at]:
            return False
        at += EIGHT
    return bool(eights[start + last] == others[other + last])


@kernel
def home(key: np.uint64, last: np.uint64) -> np.uint64:
    """The slot where the search for ``key`` begins; ``last`` is the last even position in slots."""
    return (((key ^ (key >> HALF)) * SPREAD) >> HALF) << ONE & last


@kernel
def slot_of(
    slots: Eights, starts: Longs, text: Eights, eights: Eights, start: np.uint64, length: np.uint64, key: np.uint64
) -> np.uint64:
    """Where in ``slots`` a word stands, or the free slot where it belongs."""
    last = np.uint64(len(slots) - 2)
    here = home(key, last)
    while True:
        entry = slots[here + ONE]
        if entry == ZERO:
            return here
        if (
            slots[here] == key
            and entry >> HALF == length
            and (length <= EIGHT or same(eights, start, text, np.uint64(starts[(entry & LOW_HALF) - ONE]), length))
        ):
            return here
        here = here + TWO & last


@kernel
def add(
    table: Table, here: np.uint64, eights: Eights, start: np.uint64, length: np.uint64, key: np.uint64, first: Whole
) -> bool:
    """Give the word the next number and the free slot ``here``; False if the table must grow before it can take the
    word.
    """
    number, end, size = table.state[TYPES], table.state[TEXT], np.int64(length)
    if number == len(table.counts) or end + size > len(table.text) - PADDING:
        return False
    table.slots[here] = key
    table.slots[here + ONE] = length << HALF | np.uint64(number + 1)
    for at in range(size):
        table.text[end + at] = np.uint8(eights[start + np.uint64(at)] & BYTE)
    table.counts[number] = 0
    table.firsts[number] = first
    table.starts[number + 1] = end + size
    table.state[TYPES] = number + 1
    table.state[TEXT] = end + size
    return True


@kernel
def tally(folded: Bytes, eights: Eights, size: int, table: Table, base: int, ids: Ints, ends: Ints) -> bool:
    """Number the words of ``folded[:size]`` into ``ids``, count them, and note in ``ends`` after how many tokens each
    line ends.

    Goes on from ``table.state``; False if the table has to grow before it goes on. ``base`` + the token's position is
    when a word was first seen. A line end that adds no token since the one before it is left out, save the first of a
    block, and unless ``table.state[EVERY]`` is set.
    """
    slots, counts, starts, text, state = table.slots, table.counts, table.starts, table.eights, table.state
    here, tokens, lines, stop = np.uint64(state[READ]), np.uint64(state[TOKENS]), state[ENDS], np.uint64(size)
    every = state[EVERY] != 0
    while here < stop:
        start = here
        eight = eights[here]
        found = endings(eight)
        while found == ZERO:
            here += EIGHT
            eight = eights[here]
            found = endings(eight)
        below = ((found & (~found + ONE)) - ONE) >> SEVEN  # all bits of the bytes before the ending
        here += ((below & ONES) * ONES) >> COUNT_SHIFT
        length = here - start
        if length > ZERO:
            key = eight & below if length < EIGHT else key_of(eights, start, length)
            slot = slot_of(slots, starts, text, eights, start, length, key)
            if slots[slot + ONE] == ZERO and not add(table, slot, eights, start, length, key, base + np.int64(tokens)):
                state[READ], state[TOKENS], state[ENDS] = start, tokens, lines
                return False
            number = (slots[slot + ONE] & LOW_HALF) - ONE
            counts[number] += 1
            ids[tokens] = number
            tokens += ONE
        if folded[here] == LINE_END and here < stop and (every or lines == 0 or ends[lines - 1] != np.int64(tokens)):
            ends[lines] = tokens
            lines += 1
        here += ONE
    state[READ], state[TOKENS], state[ENDS] = here, tokens, lines
    return True


@kernel
def rehash(table: Table) -> None:
    """Enter every word anew into the slots, all free: in the order of their numbers, so that the words met first, the
    frequent ones, lie best.
    """
    slots, last = table.slots, np.uint64(len(table.slots) - 2)
    for number in range(table.state[TYPES]):
        start = table.starts[number]
        length = np.uint64(table.starts[number + 1] - start)
        key = key_of(table.eights, np.uint64(start), length)
        here = home(key, last)
        while slots[here + ONE]:
            here = here + TWO & last
        slots[here] = key
        slots[here + ONE] = length << HALF | np.uint64(number + 1)


@kernel
def absorb(table: Table, other: Table, begin: int, numbers: Ints) -> int:
    """Add the words of ``other`` from number ``begin`` on to ``table``, their counts too, the earlier first occurrence
    kept.

    ``numbers`` (T of other,) gets their numbers in ``table``. Returns how far it came: less than T where ``table`` has
    to grow.
    """
    for word in range(begin, other.state[TYPES]):
        start, length = np.uint64(other.starts[word]), np.uint64(other.starts[word + 1] - other.starts[word])
        key = key_of(other.eights, start, length)
        slot = slot_of(table.slots, table.starts, table.eights, other.eights, start, length, key)
        if table.slots[slot + ONE] == ZERO and not add(
            table, slot, other.eights, start, length, key, other.firsts[word]
        ):
            return word
        number = np.int64((table.slots[slot + ONE] & LOW_HALF) - ONE)
        numbers[word] = number
        table.counts[number] += other.counts[word]
        table.firsts[number] = min(table.firsts[number], other.firsts[word])
    return int(other.state[TYPES])


@kernel
def remap(ids: Ints, ends: Ints, rows: Ints, kept: Ints, kept_ends: Ints) -> tuple[int, int]:
    """Tokens as rows, tokens of row -1 left out, and the line ends among those that stay. How many tokens and line ends
    there are.

    A line end that adds no token since the one before it is left out, save the first of a block.
    """
    tokens = lines = here = 0
    for line in range(len(ends) + 1):
        end = ends[line] if line < len(ends) else len(ids)
        while here < end:
            row = rows[ids[here]]
            kept[tokens] = row
            tokens += row >= 0
            here += 1
        if line < len(ends) and (lines == 0 or kept_ends[lines - 1] != tokens):
            kept_ends[lines] = tokens
            lines += 1
    return tokens, lines
