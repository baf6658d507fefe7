"""A corpus as one stream: any stretch of it is what a plain list has there."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import Corpus
from wordfield.models.sequence.streams import PARTS, Stream, everything, split

END = 99
SENTENCES = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), max_size=12)


class Held:
    """Sentences in memory, read as ``Ids`` are."""

    def __init__(self, sentences):
        self._all = np.array([row for sentence in sentences for row in sentence], np.int32)
        self.starts = np.cumsum([0, *map(len, sentences)])
        self.tokens, self.sentences = len(self._all), len(sentences)

    def window(self, first, last):
        assert 0 <= first <= last <= self.tokens
        return self._all[first:last]


def plain(sentences, stretches):
    """The stream as a list: an end, then each sentence with an end behind it."""
    found = [END]
    for first, last in stretches:
        for sentence in sentences[first:last]:
            found += [*sentence, END]
    return found


@settings(max_examples=150, deadline=None)
@example([], [], 0)
@example([[1]], [(0, 1)], 0)
@example([[1, 2], [3], [4, 5, 6]], [(2, 3), (0, 1)], 3)
@given(SENTENCES, st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=4), st.integers(0, 1 << 30))
def test_any_stretch_is_that_of_a_plain_list(sentences, stretches, seed):
    stretches = [tuple(min(each, len(sentences)) for each in pair) for pair in stretches]
    expected = plain(sentences, stretches)
    stream = Stream(Held(sentences), stretches, END)
    assert len(stream) == len(expected)
    random = np.random.default_rng(seed)
    ranges = [(0, len(expected)), (0, 0), (0, 1), (len(expected) - 1, len(expected)), (len(expected), len(expected))]
    ranges += [tuple(sorted(random.integers(0, len(expected) + 1, 2))) for _ in range(8)]
    for first, last in ranges:
        read = stream.read(int(first), int(last))
        assert read.dtype == np.int64
        assert read.tolist() == expected[first:last]


def test_the_numbers_of_a_scan_are_read_alike():
    sentences = [["a", "b"], ["c"], ["a", "a", "c", "b"], ["b"]]
    with Corpus(sentences).scan() as scan:
        vocabulary = scan.vocabulary(1)
        rows = [[vocabulary.index[word] for word in sentence] for sentence in sentences]
        ids = scan.encode(vocabulary)
        whole, part = Stream(ids, everything(ids), END), Stream(ids, [(3, 4), (1, 3)], END)
        assert whole.read(0, len(whole)).tolist() == plain(rows, [(0, 4)])
        assert part.read(0, len(part)).tolist() == plain(rows, [(3, 4), (1, 3)])
        assert part.read(2, 6).tolist() == plain(rows, [(3, 4), (1, 3)])[2:6]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=300),
    st.floats(0, 0.99, exclude_min=True),
    st.integers(0, 1 << 30),
)
def test_each_sentence_is_kept_or_held_out_once(sizes, share, seed):
    ids = Held([[0] * size for size in sizes])
    kept, held = split(ids, share, seed)
    assert kept
    assert held
    assert sorted(each for low, high in [*kept, *held] for each in range(low, high)) == [*range(len(sizes))]
    assert (kept, held) == split(ids, share, seed)


def test_a_share_of_the_text_is_held_out_in_stretches():
    ids = Held([[0] * 5] * 1000)
    kept, held = split(ids, 0.2, 1)
    assert sum(high - low for low, high in held) == pytest.approx(200, abs=10)
    assert len(kept) + len(held) == PARTS
    assert held != split(ids, 0.2, 2)[1]


def test_without_a_share_all_is_kept():
    ids = Held([[0], [1, 2], [3]])
    kept, held = split(ids, 0.0, 1)
    assert held == []
    assert [each for low, high in kept for each in range(low, high)] == [0, 1, 2]
    assert everything(ids) == [(0, 3)]


def test_one_sentence_cannot_be_held_out_and_trained_on():
    with pytest.raises(ValueError, match=r"heldout=0.1 needs more than one sentence: the corpus has 1"):
        split(Held([[1, 2, 3]]), 0.1, 1)
