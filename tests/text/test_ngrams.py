import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_ngrams
from wordfield.text.ngrams import Ngrams, NgramVocabulary, word_hashes

WORDS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=8), st.integers(0, 4), st.integers(0, 7))
def test_hashes_and_ngrams_are_those_of_the_naive_twin(words, minn, maxn):
    if minn > maxn:
        minn, maxn = maxn, minn
    ngrams = Ngrams(minn, maxn, 1000)
    hashes, starts = ngrams.hashes(words)
    for word, first, last in zip(words, starts, starts[1:], strict=False):
        expected = naive_ngrams.ngrams(word, minn, maxn)
        assert ngrams.spelled(word) == expected
        assert hashes[first:last].tolist() == [naive_ngrams.fnv(ngram.encode()) for ngram in expected]
    assert word_hashes(words).tolist() == [naive_ngrams.fnv(word.encode()) for word in words]


def test_the_end_of_a_sentence_has_no_ngrams():
    hashes, starts = Ngrams(1, 6, 10).hashes(["</s>", "a"])
    assert starts.tolist() == [0, 0, len(hashes)]
    assert len(hashes) == len(naive_ngrams.ngrams("a", 1, 6)) == 4


def test_a_word_is_its_own_row_and_those_of_its_ngrams():
    vocabulary = NgramVocabulary(["king", "queen"], [2, 1], Ngrams(3, 4, 50))
    assert vocabulary.table_rows == 52
    own = [naive_ngrams.fnv(ngram.encode()) % 50 + 2 for ngram in naive_ngrams.ngrams("king", 3, 4)]
    bags = vocabulary.bags(["king", "kings"])
    assert bags.rows[: bags.starts[1]].tolist() == [0, *own]
    assert len(bags.rows) - bags.starts[1] == len(naive_ngrams.ngrams("kings", 3, 4))
    assert "king" in vocabulary
    assert "kings" not in vocabulary


def test_buckets_without_a_row_are_left_out_or_are_zeros():
    word, bucket = "king", 50
    buckets = [naive_ngrams.fnv(ngram.encode()) % bucket for ngram in naive_ngrams.ngrams(word, 3, 4)]
    kept = np.unique(buckets[:2])
    left_out = NgramVocabulary([word], None, Ngrams(3, 4, bucket, kept=kept))
    assert left_out.table_rows == 1 + len(kept)
    places = {int(each): 1 + place for place, each in enumerate(kept)}
    assert left_out.bag(word).tolist() == [0, *(places[each] for each in buckets if each in places)]
    zeros = NgramVocabulary([word], None, Ngrams(3, 4, bucket, kept=kept, zeros=True))
    assert zeros.table_rows == 2 + len(kept)
    assert zeros.bag(word).tolist() == [0, *(places.get(each, 1 + len(kept)) for each in buckets)]


def test_an_origin_tells_which_ngrams_are_known():
    vocabulary = NgramVocabulary(["kingdom"], None, Ngrams(3, 4, 10_000))
    origin = vocabulary.origin("kingdon")
    known = [ngram for ngram, _, seen in origin.ngrams if seen]
    assert known == [ngram for ngram in naive_ngrams.ngrams("kingdon", 3, 4) if ngram in "<kingdom>"]
    assert str(origin) == f"n-grams, {len(known)} of {len(naive_ngrams.ngrams('kingdon', 3, 4))} known"
    assert str(vocabulary.origin("kingdom")).startswith("its own row and n-grams, ")
    assert str(NgramVocabulary(["a"], None, Ngrams(3, 6, 10)).origin("")) == "nothing"


def test_a_word_without_any_row_is_unknown():
    vocabulary = NgramVocabulary(["king"], None, Ngrams(6, 6, 10))
    assert len(vocabulary.bag("ab")) == 0
    with pytest.raises(KeyError, match="'ab' is not among the 1 words"):
        vocabulary.bags(["king", "ab"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"minn": 4, "maxn": 3}, "from 4 to 3 characters"),
        ({"bucket": 0}, "at least 1 bucket, not 0; without n-grams, say maxn=0"),
        ({"maxn": 0, "minn": 0, "bucket": 0, "word_ngrams": 2}, "at least 1 bucket"),
        ({"word_ngrams": 0}, "word_ngrams 1 or more"),
    ],
)
def test_ngrams_that_cannot_be_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Ngrams(**fields)
