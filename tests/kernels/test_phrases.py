"""Pairs are counted and joined as slow, obvious Python does it, in whatever blocks they come."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import JIT_OFF
from wordfield.kernels import phrases as kernels

WORDS = 5
LINES = st.lists(st.lists(st.integers(0, WORDS - 1), max_size=9), max_size=6)
EXAMPLES = settings(max_examples=30 if JIT_OFF else 200, deadline=None)


def blocks_of(lines: list[list[int]], size: int):
    """The lines in blocks of ``size`` tokens: tokens, and after how many of them lines end."""
    text = [word for line in lines for word in line]
    ends = sorted(set(np.cumsum([len(line) for line in lines], dtype=int).tolist()))
    for begin in range(0, len(text) + 1, size):
        here = [end - begin for end in ends if begin < end <= begin + size or end == begin == 0]
        yield np.array(text[begin : begin + size], np.int32), np.frombuffer(bytes(np.array(here, np.int32)), np.int32)


@EXAMPLES
@given(LINES, st.integers(1, 9), st.integers(1, 3), st.sampled_from([0.0, 0.4, 1.1]))
def test_candidates_are_the_pairs_that_their_words_allow(lines, size, least, base):
    bounds = np.array([[0.1, 3], [0.5, 2], [1.0, 9], [20.0, 300], [0.0, 0]], np.float32)
    expected, found = [], []
    for left, right in (pair for line in lines for pair in pairwise(line)):
        need = max(np.float32(least), np.float32(base) + bounds[left, 0] * bounds[right, 0])
        if need <= bounds[[left, right], 1].min():
            expected.append((left << 32 | right, min(255, int(np.ceil(need)))))
    before = kernels.NONE
    for ids, ends in blocks_of(lines, size):
        keys, needs = np.empty(len(ids), np.uint64), np.empty(len(ids), np.uint8)
        floats = bounds, np.float32(least), np.float32(base)
        pairs, last = kernels.candidates(before, ids, ends, *floats, keys, needs)
        before = np.uint64(last)
        found += zip(keys[:pairs].tolist(), needs[:pairs].tolist(), strict=True)
    assert found == expected


@pytest.mark.parametrize("bits", [1, 4, 12])
@pytest.mark.parametrize("parts", [1, 3])
def test_every_frequent_pair_is_counted_exactly_once(bits, parts):
    rng = np.random.default_rng(bits)
    keys = rng.zipf(1.3, 400).astype(np.uint64) % np.uint64(50) << np.uint64(32) | rng.integers(0, 3, 400, np.uint64)
    keys = np.concatenate([keys, np.full(300, 7, np.uint64)])
    needs = np.full(len(keys), 4, np.uint8)
    sketch, shift = np.zeros(1 << bits, np.uint8), np.uint64(64 - bits)
    shares = [np.uint64(len(sketch) * part // parts) for part in range(parts + 1)]
    for share in pairwise(shares):
        kernels.sift(keys, sketch, shift, *share)
    assert sketch.sum() <= len(keys)
    assert sketch.max() == kernels.FULL
    counts: Counter[int] = Counter()
    for share in pairwise(shares):
        slots, begin, taken = np.zeros(4, np.uint64), 0, 0
        while True:
            begin, taken = kernels.tally(keys, needs, begin, sketch, shift, *share, slots, taken)
            assert taken == np.count_nonzero(slots[1::2]) <= len(slots) // 4
            if begin == len(keys):
                break
            grown, full = np.zeros(2 * len(slots), np.uint64), slots[1::2] > 0
            kernels.enter(slots[::2][full], slots[1::2][full], grown)
            slots = grown
        counts.update({key: count for key, count in slots.reshape(-1, 2).tolist() if count})
    exact = Counter(keys.tolist())
    assert all(exact[key] == count for key, count in counts.items())
    assert {key for key, count in exact.items() if count >= 4} <= set(counts)


@EXAMPLES
@given(LINES, st.integers(1, 9), st.sets(st.tuples(st.integers(0, WORDS - 1), st.integers(0, WORDS - 1))))
def test_pairs_are_joined_from_the_left_within_lines(lines, size, pairs):
    expected, ends_expected = [], []
    for line in lines:
        here = 0
        while here < len(line):
            pair = tuple(line[here : here + 2])
            expected.append(100 + 10 * pair[0] + pair[1] if pair in pairs else line[here])
            here += 1 + (pair in pairs)
        ends_expected.append(len(expected))
    keys = np.array([left << 32 | right for left, right in pairs], np.uint64)
    slots, sieve, shift = np.zeros(128, np.uint64), np.zeros(16, np.uint8), np.uint64(60)
    kernels.enter(keys, np.array([101 + 10 * left + right for left, right in pairs], np.uint64), slots)
    kernels.sift(keys, sieve, shift, np.uint64(0), np.uint64(16))
    found, ends_found, held = [], [], kernels.NONE
    for ids, ends in blocks_of(lines, size):
        joined, joined_ends = np.empty(len(ids) + 1, np.int32), np.empty(len(ends), np.int32)
        tokens, last = kernels.join(held, ids, ends, sieve, shift, slots, joined, joined_ends)
        held = np.uint64(last)
        ends_found += [len(found) + end for end in joined_ends.tolist()]
        found += joined[:tokens].tolist()
    assert held == kernels.NONE
    assert found == expected
    assert ends_found == sorted(set(ends_expected))


def test_words_are_noted_in_the_order_that_they_come():
    counts, order = np.zeros(4, np.int64), np.empty(4, np.int32)
    seen = kernels.note(np.array([3, 1, 3], np.int32), counts, order, 0)
    seen = kernels.note(np.array([0, 1], np.int32), counts, order, seen)
    assert order[:seen].tolist() == [3, 1, 0]
    assert counts.tolist() == [1, 2, 0, 2]
