"""Where rows of vectors stand in files, and what their digits mean: beside the slow and obvious way."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import naive_rows as naive
from support import JIT_OFF
from wordfield.kernels import rows

EXAMPLES = 60 if JIT_OFF else 400


def array(data):
    return np.frombuffer(data, np.uint8)


def found_records(data, here, width, most, room=1000):
    starts, hashes, names = np.empty(most, np.int64), np.empty(most, np.uint64), np.empty(room, np.uint8)
    count, end, put = rows.records(array(data), here, width, starts, hashes, names)
    return starts[:count].tolist(), hashes[:count].tolist(), names[:put].tobytes(), end


@pytest.mark.parametrize("feed", [b"", b"\n"])
@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_records_are_found_up_to_the_last_whole_one(feed, cut):
    data = b"head" + b"".join(word + b" " + bytes([32, 10, 0, 255] * 2) + feed for word in (b"a", b"", b"\xe8\xaf\x8d"))
    data = data[: len(data) - cut]
    starts, words, end = naive.records(data, 4, 8, 3)
    hashes, names = [naive.hashed(word) for word in words], b"".join(word + b" " for word in words)
    assert found_records(data, 4, 8, 3) == (starts, hashes, names, end)
    assert found_records(data, 4, 8, 1)[0] == starts[:1]


def test_a_word_that_has_no_room_is_left_for_the_next_call():
    data = b"abc 1234" + b"defg 1234"
    assert found_records(data, 0, 4, 2, room=6) == ([4], [naive.hashed(b"abc")], b"abc ", 8)
    assert found_records(data, 8, 4, 2, room=4) == ([], [], b"", 8)


def test_rows_at_odd_bytes_are_copied_measured_and_multiplied():
    rng = np.random.default_rng(3)
    values = (rng.standard_normal((5, 7)) * 10.0 ** rng.integers(-30, 15, (5, 7))).astype("<f4")
    values[3] = 0
    data, starts = b"x", []
    for here, line in enumerate(values):
        starts.append(len(data))
        data += line.tobytes() + b"?" * here
    places = np.array(starts)
    copied, norms = np.empty((5, 7), np.float32), np.empty(5, np.float32)
    rows.gathered(array(data), places, copied.view(np.uint8))
    rows.lengths(array(data), places, 7, norms)
    np.testing.assert_array_equal(copied, [naive.row(data, start, 7) for start in starts])
    np.testing.assert_allclose(norms, np.linalg.norm(values.astype(np.float64), axis=1), rtol=1e-6)
    vectors = rng.standard_normal((2, 7)).astype(np.float32)
    products = np.empty((2, 5), np.float32)
    rows.products(array(data), places, vectors, products)
    np.testing.assert_allclose(products, vectors @ values.T, rtol=1e-4, atol=1e-30)


def number(text):
    """What the kernel makes of a number: its bits, None where it leaves it to others."""
    data = b"w " + text
    values, which = np.zeros((1, 1), np.float32), np.empty(1, np.int64)
    with np.errstate(over="ignore"):
        rows.dense(array(data), 0, values, np.empty(len(data) + 1, np.uint8), np.empty((1, 2), np.int64), which)
    return None if which[0] < 0 else values.view(np.uint32)[0, 0]


PLAIN = ["0", "-0", "0.0", "-0.000", "+3.", ".5", "0.1", "-8.269973595356034e-05", "1e-45", "7e-46", "3.4028235e38"]
PLAIN += ["1e39", "123456789.123456789", "0.30000000000000004", "000000000000000000000001.5", "1.17549435e-38", "1e-50"]
PLAIN += ["0.000000000000000000000000000000000000012345678901", "100000000000000000000000000000000000000", "1E+2"]
SLOW = ["", ".", "-", "+", "e5", "1e", "1e+", "1e999", "1e-999", "nan", "inf", "0x10", "1_0", "1,5", "--1", "1.5.2"]
SLOW += ["16777217", "1e61", "1e12345678901234567890"]


@pytest.mark.parametrize("text", PLAIN)
def test_numbers_written_plainly_are_the_nearest_float32(text):
    assert number(text.encode()) == naive.number(text.encode()).view(np.uint32)


@pytest.mark.parametrize("text", SLOW)
def test_what_is_no_number_or_not_certain_is_left_to_others(text):
    assert number(text.encode()) is None


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(["%.9g", "%.6g", "%.17g", "%.5f", "%r"])
)
@example(1.0000000596046448, "%.17g")  # halfway between two float32, so not certain
def test_any_number_as_programs_write_it_is_the_nearest_float32_or_left_to_others(value, form):
    text = (form % value).encode()
    found = number(text)
    assert found is None or found == naive.number(text).view(np.uint32)
    halfway = np.float32(value).astype(np.float64) != value
    assert found is not None or halfway or abs(value) < 1e-37 or "e" in text.decode()


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.from_regex(r"[+-]?[0-9]{0,25}\.?[0-9]{0,25}(e[+-]?[0-9]{1,3})?", fullmatch=True))
def test_any_digits_are_the_nearest_float32_or_left_to_others(text):
    found, expected = number(text.encode()), naive.number(text.encode())
    assert found is None or found == expected.view(np.uint32)


def lines_of(data, kernel, most=100):
    """The rows that a kernel makes, a line each; None for a line left to others."""
    names, bounds, which = np.empty(len(data) + 1, np.uint8), np.empty((most, 2), np.int64), np.empty(most, np.int64)
    lines, count, put, end = kernel(names, bounds, which)
    words = names[:put].tobytes().split(b"\n")[:-1]
    assert len(words) == count
    assert sorted(which[:lines][which[:lines] >= 0].tolist()) == list(range(count))
    assert [data[begin:stop] for begin, stop in bounds[:lines].tolist()] == data[:end].removesuffix(b"\n").split(b"\n")
    return words, which[:lines].tolist(), end


LINES = [
    b"the 1 2", b"of 3 4 ", b"and 5 6\r", b"to\t7\t8", b"in  9  10", b"a\xc2\xa0b 1 2", b"", b" 1 2", b"x", b"x 1",
    b"x 1 2 3", b"x 1 2x", b"x y 1 2", b"x\t1 2", b"\t1 2", b"x 1\r2", b"x ", b"x 1 nan", b"x 1\t2\t", b"x\x0b 1 2",
]  # fmt: skip


@pytest.mark.parametrize("end", [b"\n", b""])
def test_lines_of_numbers_are_rows_where_they_are_written_plainly(end):
    data = b"\n".join(LINES) + end
    values = np.zeros((len(LINES), 2), np.float32)
    words, which, stop = lines_of(data, lambda *out: rows.dense(array(data), 0, values, *out))
    assert stop >= len(data)
    for line, row in zip(LINES, which, strict=True):
        expected = naive.dense(line, 2)
        assert (row < 0) == (expected is None), line
        if expected:
            assert (words[row], values[row].tolist()) == expected, line


def test_reading_stops_where_rows_or_lines_are_full():
    data = b"a 1\nb 2\n\nc 3\n"
    for room, most, ends in ((1, 9, 4), (2, 9, 8), (3, 2, 8), (3, 3, 9), (9, 9, 13)):
        values = np.zeros((room, 1), np.float32)
        assert lines_of(data, lambda *out, values=values: rows.dense(array(data), 0, values, *out), most)[2] == ends
        held = np.zeros(9, np.int64), np.zeros(9, np.float32), np.zeros(room, np.int64)
        pairs = data.replace(b" ", b" 0:")
        end = lines_of(pairs, lambda *out, held=held, pairs=pairs: rows.sparse(array(pairs), 0, *held, *out), most)[2]
        assert end == ends + 2 * pairs[:end].count(b":")


ENTRIES = [
    b"the 1:2 3:4", b"of 0:.5 ", b"and 5:-6e1\r", b"to\t7:8", b"in  9:1  10:2", b"", b" 1:2", b"x", b"x ", b"x 1",
    b"x 1:", b"x :1", b"x 1:2:3", b"x y 1:2", b"x 1:2 y", b"12:30 1:2", b"x -1:2", b"x 1:nan",
    b"x 1234567890123456789:1",
]  # fmt: skip


@pytest.mark.parametrize("end", [b"\n", b""])
def test_lines_of_entries_are_rows_where_they_are_written_plainly(end):
    data = b"\n".join(ENTRIES) + end
    columns, values, ends = np.zeros(99, np.int64), np.zeros(99, np.float32), np.zeros(len(ENTRIES), np.int64)
    words, which, stop = lines_of(data, lambda *out: rows.sparse(array(data), 0, columns, values, ends, *out))
    assert stop >= len(data)
    starts = [0, *ends.tolist()]
    for line, row in zip(ENTRIES, which, strict=True):
        expected = naive.sparse(line)
        if b"123456789012" in line:
            expected = None  # more digits than are certain to fit
        assert (row < 0) == (expected is None), line
        if expected:
            here = slice(starts[row], starts[row + 1])
            assert (words[row], list(zip(columns[here].tolist(), values[here], strict=True))) == expected, line
