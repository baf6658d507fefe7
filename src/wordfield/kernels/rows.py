"""Rows of vectors as they stand in a file, a word before its numbers: where they are, how long they are, and what their
digits mean.

B bytes, R rows, L lines, D numbers a row, Q vectors, E entries that are not zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import inlined, kernel

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Places = NDArray[np.int64]

FEED, SPACE, TAB, RETURN, COLON, DOT, PLUS, MINUS = 10, 32, 9, 13, 58, 46, 43, 45
LETTER_E = 101
ZERO = 48
DIGITS = 18
"""Digits that always fit into 64 bits; those after them are less than what rounding allows for."""
FURTHEST = 60
"""Places that the point is moved at most: far enough for all of float32."""
POWERS = np.array([float(f"1e{power}") for power in range(FURTHEST + 1)])
ZEROS = np.array([0.0, -0.0], np.float32)
UNSURE = 2.0**-50
"""More than four roundings to float64 change a number by, as a share of it."""
SEED, PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)


@kernel
def records(
    data: Bytes, here: int, width: int, starts: Places, hashes: NDArray[np.uint64], names: Bytes
) -> tuple[int, int, int]:
    """Where the rows of a word2vec file begin: a word, perhaps after a line feed, a space, and ``width`` bytes.

    data (B,), read from byte ``here``; starts (R,): where the bytes after the space begin; hashes (R,): of the words,
    FNV-1a; names: the words, a space after each. Ends where a row is not whole, or where one of them is full. Returns
    the rows found, the byte after them, and the bytes of their names.
    """
    size, room, put = len(data), len(names), 0
    for row in range(len(starts)):
        begin = here
        if begin < size and data[begin] == FEED:
            begin += 1
        hashed, kept, there = SEED, put, begin
        while there < size and data[there] != SPACE and put < room:
            letter = data[there]
            names[put] = letter
            hashed = (hashed ^ np.uint64(letter)) * PRIME
            put += 1
            there += 1
        if put == room or there + 1 + width > size:
            return row, here, kept
        names[put] = SPACE
        put += 1
        starts[row] = there + 1
        hashes[row] = hashed
        here = there + 1 + width
    return len(starts), here, put


@kernel
def gathered(data: Bytes, starts: Places, out: Bytes) -> None:
    """The bytes from each start on, out (R, 4 D), at whatever odd place they stand."""
    width = out.shape[1]
    for row in range(len(starts)):
        some, line = data[starts[row] : starts[row] + width], out[row]
        for here in range(width):
            line[here] = some[here]


@kernel
def lengths(data: Bytes, starts: Places, dim: int, out: Floats) -> None:
    """The Euclidean length of the row at each start, out (R,), from squares in float64."""
    row = np.empty(dim, np.float32)
    line = row.view(np.uint8)
    for here in range(len(starts)):
        some = data[starts[here] : starts[here] + 4 * dim]
        for byte in range(len(line)):
            line[byte] = some[byte]
        total = 0.0
        for place in range(dim):
            total += np.float64(row[place]) * np.float64(row[place])
        out[here] = np.sqrt(total)


@kernel
def products(data: Bytes, starts: Places, vectors: Floats, out: Floats) -> None:
    """The products of vectors (Q, D) with the row at each start, out (Q, R)."""
    dim = vectors.shape[1]
    row = np.empty(dim, np.float32)
    line = row.view(np.uint8)
    for here in range(len(starts)):
        some = data[starts[here] : starts[here] + 4 * dim]
        for byte in range(len(line)):
            line[byte] = some[byte]
        for query in range(len(vectors)):
            vector = vectors[query]
            total = np.float32(0.0)
            for place in range(dim):
                total += row[place] * vector[place]
            out[query, here] = total


@inlined
def digits(data: Bytes, here: int, mantissa: int, count: int) -> tuple[int, int, int, int]:
    """Digits that go on a number: where they end, the number, its digits that count, and those left out."""
    left, size = 0, len(data)
    while here < size:
        digit = int(data[here]) - ZERO
        if digit < 0 or digit > 9:
            break
        if count < DIGITS:
            mantissa = mantissa * 10 + digit
            if mantissa > 0:
                count += 1
        else:
            left += 1
        here += 1
    return here, mantissa, count, left


@inlined
def decimal(data: Bytes, here: int) -> tuple[int, np.float32]:
    """The number that stands in characters at a byte: where it ends, and its nearest float32 by way of the nearest
    float64; -1 where it is none, or where what is written does not fit so that this were certain.
    """
    size, negative = len(data), 0
    if here < size and (data[here] == MINUS or data[here] == PLUS):
        negative = 1 if data[here] == MINUS else 0
        here += 1
    begin = here
    here, mantissa, count, moved = digits(data, here, 0, 0)
    written = here - begin
    if here < size and data[here] == DOT:
        begin = here + 1
        here, mantissa, count, left = digits(data, begin, mantissa, count)
        written += here - begin
        moved -= here - begin - left
    if written == 0:
        return -1, ZEROS[0]
    if here < size and data[here] | 32 == LETTER_E:
        here += 1
        falling = here < size and data[here] == MINUS
        if here < size and (data[here] == MINUS or data[here] == PLUS):
            here += 1
        begin = here
        here, power, count, left = digits(data, begin, 0, 0)
        if here == begin or left > 0:
            return -1, ZEROS[0]
        moved += -power if falling else power
    if mantissa == 0:
        return here, ZEROS[negative]
    if moved < -FURTHEST or moved > FURTHEST:
        return -1, ZEROS[0]
    value = np.float64(mantissa)
    value = value / POWERS[-moved] if moved < 0 else value * POWERS[moved]
    value = -value if negative else value
    least, most = np.float32(value * (1.0 - UNSURE)), np.float32(value * (1.0 + UNSURE))
    if least != most:
        return -1, ZEROS[0]
    return here, least


@inlined
def after(data: Bytes, here: int) -> int:
    """The first byte from ``here`` on that is no space or tab."""
    while here < len(data) and (data[here] == SPACE or data[here] == TAB):
        here += 1
    return here


@inlined
def line_end(data: Bytes, here: int) -> int:
    """Where the line ends: at its line feed, or at the end of all."""
    while here < len(data) and data[here] != FEED:
        here += 1
    return here


@inlined
def word_end(data: Bytes, here: int) -> int:
    """Where the word of a line ends: at its first space, or, where it has none, at its first tab; -1 where there is no
    word.
    """
    there, tab = here, -1
    while there < len(data) and data[there] != SPACE and data[there] != FEED:
        if data[there] == TAB and tab < 0:
            tab = there
        there += 1
    if there == len(data) or data[there] == FEED:
        there = tab
    return there if there > here else -1


@inlined
def row_end(data: Bytes, here: int) -> int:
    """Where the line feed after a row stands, or the end of all; -1 where something else comes first."""
    while here < len(data) and (data[here] == SPACE or data[here] == TAB or data[here] == RETURN):
        here += 1
    return here if here == len(data) or data[here] == FEED else -1


@kernel
def dense(
    data: Bytes, here: int, values: Floats, names: Bytes, bounds: Places, rows: Places
) -> tuple[int, int, int, int]:
    """Lines of a word and D numbers in characters, from byte ``here`` on.

    values (R, D): the numbers of the rows, in order; names (B,): their words, a line feed after each; bounds (L, 2):
    where each line begins and ends; rows (L,): which row it is, -1 for a line that is not written so plainly that it
    is certain. Ends where the rows or the lines are full. Returns the lines, rows, bytes of names, and the next byte.
    """
    size, dim = len(data), values.shape[1]
    lines, count, put = 0, 0, 0
    while here < size and lines < len(rows) and count < len(values):
        bounds[lines, 0] = here
        word = word_end(data, here)
        there = word
        place = 0
        while there >= 0 and place < dim:
            begin = after(data, there)
            if begin == there:
                there = -1
                break
            there, value = decimal(data, begin)
            values[count, place] = value
            place += 1
        if there >= 0:
            there = row_end(data, there)
        if there >= 0:
            rows[lines] = count
            for letter in range(here, word):
                names[put] = data[letter]
                put += 1
            names[put] = FEED
            put += 1
            count += 1
        else:
            rows[lines] = -1
            there = line_end(data, here)
        bounds[lines, 1] = there
        lines += 1
        here = there + 1
    return lines, count, put, here


@kernel
def sparse(
    data: Bytes, here: int, columns: Places, values: Floats, ends: Places, names: Bytes, bounds: Places, rows: Places
) -> tuple[int, int, int, int]:
    """Lines of a word and entries ``column:number`` in characters, from byte ``here`` on.

    columns, values (E,): the entries of the rows, in order; ends (R,): where those of each row end; names, bounds,
    rows and what is returned: as ``dense``. A row that no longer fits into the entries is not begun.
    """
    size = len(data)
    lines, count, put, entries = 0, 0, 0, 0
    while here < size and lines < len(rows) and count < len(ends):
        bounds[lines, 0] = here
        word = word_end(data, here)
        there, placed = word, entries
        while there >= 0 and placed < len(values):
            begin = after(data, there)
            if begin == there or row_end(data, begin) >= 0:
                break
            stop, column, _, left = digits(data, begin, 0, 0)
            there = -1
            if stop > begin and left == 0 and stop < size and data[stop] == COLON:
                there, value = decimal(data, stop + 1)
                columns[placed] = column
                values[placed] = value
                placed += 1
        if there >= 0:
            there = row_end(data, there)
        if there >= 0 and placed > entries:
            rows[lines] = count
            entries = placed
            ends[count] = entries
            for letter in range(here, word):
                names[put] = data[letter]
                put += 1
            names[put] = FEED
            put += 1
            count += 1
        else:
            rows[lines] = -1
            there = line_end(data, here)
        bounds[lines, 1] = there
        lines += 1
        here = there + 1
    return lines, count, put, here
