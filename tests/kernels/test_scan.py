"""The table of the scan never takes two words for one, whatever their keys."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naive_scan import words_of
from wordfield.kernels import scan
from wordfield.text.scanning import eights, empty_table, larger_table, ways_of
from wordfield.text.tokenizers import Tokenizer


@pytest.fixture(autouse=True)
def _wrapping_integers():
    with np.errstate(over="ignore"):
        yield


def laid_out(words):
    """The words one after another, as folded text, and where each begins."""
    text = bytearray()
    starts = []
    for word in words:
        starts.append(len(text))
        text += word + bytes([scan.SPLIT])
    size = len(text)
    text += bytes([scan.SPLIT]) * (scan.PADDING + 16 - size % 8)
    return np.frombuffer(bytes(text), np.uint8), size, starts


def enter(table, text, start, length, key):
    """The number of a word that is said to have this key."""
    over, start, length = eights(text), np.uint64(start), np.uint64(length)
    slot = scan.slot_of(table.slots, table.starts, table.eights, over, start, length, key)
    if table.slots[slot + np.uint64(1)] == 0:
        assert scan.add(table, np.uint64(slot), over, start, length, key, 0)
    return int(table.slots[slot + np.uint64(1)] & np.uint64(0xFFFFFFFF)) - 1


LONG = st.lists(
    st.binary(min_size=9, max_size=40).map(lambda word: word.replace(b"\xfc", b"x").replace(b"\xfd", b"y")),
    min_size=1,
    max_size=20,
)


@settings(deadline=None)
@given(words=LONG)
def test_long_words_with_equal_keys_stay_apart(words):
    text, _, starts = laid_out(words)
    table = empty_table(64, 1024)
    numbers = [enter(table, text, start, len(word), np.uint64(42)) for start, word in zip(starts, words, strict=True)]
    again = [enter(table, text, start, len(word), np.uint64(42)) for start, word in zip(starts, words, strict=True)]
    order = list(dict.fromkeys(words))
    assert numbers == again == [order.index(word) for word in words]
    kept = [table.text[table.starts[number] : table.starts[number + 1]].tobytes() for number in range(len(order))]
    assert kept == order


def test_short_and_long_words_with_equal_keys_stay_apart():
    long = b"a word of some length"
    text, _, starts = laid_out([long, b"short"])
    table = empty_table(8, 64)
    key = scan.key_of(eights(text), np.uint64(starts[1]), np.uint64(5))
    assert enter(table, text, starts[0], len(long), key) == 0
    assert enter(table, text, starts[1], 5, key) == 1
    assert enter(table, text, starts[0], len(long), key) == 0


@settings(deadline=None)
@given(word=st.binary(min_size=1, max_size=40), other=st.binary(min_size=1, max_size=40), shift=st.integers(0, 9))
def test_the_key_of_a_word_is_its_own(word, other, shift):
    def key(word, shift):
        padded = b"z" * shift + word + b"~" * 40
        return int(
            scan.key_of(
                eights(np.frombuffer(padded[: len(padded) // 8 * 8], np.uint8)), np.uint64(shift), np.uint64(len(word))
            )
        )

    assert key(word, shift) == key(word, 0)
    if len(word) <= 8:
        assert key(word, 0) == int.from_bytes(word, "little")
    elif word != other and len(word) == len(other):
        assert key(word, 0) != key(other, 0)


@settings(deadline=None)
@given(
    eight=st.lists(
        st.one_of(st.integers(0, 255), st.sampled_from([0xFC, 0xFD, 0xFB, 0xFE, 0x7C, 0xF4])), min_size=8, max_size=8
    )
)
def test_the_first_ending_of_eight_bytes_is_found(eight):
    found = int(scan.endings(np.frombuffer(bytes(eight), np.uint64)[0]))
    first = next((at for at, byte in enumerate(eight) if byte in (scan.SPLIT, scan.LINE_END)), None)
    lowest = found & -found
    assert lowest == (0 if first is None else 0x80 << 8 * first)


@pytest.mark.parametrize("tokenizer", [Tokenizer("words", True), Tokenizer("whitespace", False)])
@settings(deadline=None)
@given(text=st.text(max_size=30))
def test_folded_text_holds_the_words(tokenizer, text):
    data = np.frombuffer(text.encode(errors="replace") or b" ", np.uint8)
    out = np.zeros(len(data) * 3 // 2 + scan.PADDING, np.uint8)
    size = scan.fold(data, len(data), ways_of(tokenizer), *tokenizer.tables, out)
    assert (out[size : size + scan.PADDING] == scan.SPLIT).all()
    words = out[:size].tobytes().replace(b"\xfc", b"\xfd").split(b"\xfd")
    assert [word.decode() for word in words if word] == words_of(text, tokenizer.name, tokenizer.lowercase)


@pytest.mark.parametrize("code", [0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF])
def test_code_points_are_written_and_read_as_utf8(code):
    out = np.zeros(4, np.uint8)
    width = scan.put(code, out, 0)
    assert out[:width].tobytes() == chr(code).encode()
    assert scan.code_point(out, 0) == code


@pytest.mark.parametrize(
    ("data", "cut"),
    [
        (b"", 0),
        (b"word", 0),
        (b"two words", 4),
        ("字。字".encode(), 6),
        ("字。".encode()[:-1], 0),
        (b"a\xe0\x80\xa0b", 0),  # a space written too long
        (b"a\xed\xa0\x80b", 0),  # half a surrogate pair
        (b"a\xf4\x90\x80\x80b", 0),  # beyond Unicode
        (b"a \xe4\xb8", 2),
        (b"a\x80\xff\xf8", 0),
        ("a\U0001f600b".encode(), 5),
        ("a\u00d7b".encode(), 3),
        (b"a\nb", 2),
        (b"it's", 0),
    ],
)
def test_text_is_cut_after_its_last_separator(data, cut):
    block = np.frombuffer(data, np.uint8)
    assert scan.last_split(block, len(block), Tokenizer.of("words").tables.classes) == cut


def test_tally_stops_for_a_table_to_grow_and_goes_on():
    words = [f"word number {n}".encode() for n in range(20)] * 2
    text, size, _ = laid_out(words)
    table, grown = empty_table(2, 32), 0
    ids, ends = np.zeros(40, np.int32), np.zeros(40, np.int32)
    while not scan.tally(text, eights(text), size, table, 0, ids, ends):
        table, grown = larger_table(table), grown + 1
    assert grown > 5
    assert ids.tolist() == list(range(20)) * 2
    assert table.counts[:20].tolist() == [2] * 20
    assert table.firsts[:20].tolist() == list(range(20))


def test_absorbing_adds_counts_and_keeps_the_first_occurrence():
    tables = []
    for words, base in (([b"a", b"b", b"a"], 100), ([b"c", b"b", b"a much longer word", b"b"], 0)):
        text, size, _ = laid_out(words)
        tables.append(empty_table(4, 64))
        assert scan.tally(text, eights(text), size, tables[-1], base, np.zeros(9, np.int32), np.zeros(9, np.int32))
    table, other = tables
    numbers = np.zeros(3, np.int32)
    assert scan.absorb(table, other, 0, numbers) == 3
    assert numbers.tolist() == [2, 1, 3]
    assert table.counts.tolist() == [2, 3, 1, 1]
    assert table.firsts.tolist() == [100, 1, 0, 2]
    full = empty_table(1, 64)
    assert scan.absorb(full, other, 0, numbers) == 1
    full = larger_table(full)
    assert scan.absorb(full, other, 1, numbers) == 2
    assert scan.absorb(larger_table(full), other, 2, numbers) == 3
    assert numbers.tolist() == [0, 1, 2]


def test_remapping_leaves_out_unknown_words_and_empty_lines():
    rows = np.array([1, -1, 0], np.int32)
    kept, ends = np.zeros(8, np.int32), np.zeros(5, np.int32)
    ids, lines = np.array([0, 1, 1, 2, 2, 1, 0], np.int32), np.array([0, 1, 2, 5, 6], np.int32)
    assert scan.remap(ids, lines, rows, kept, ends) == (4, 3)
    assert kept[:4].tolist() == [1, 0, 0, 1]
    assert ends[:3].tolist() == [0, 1, 3]
