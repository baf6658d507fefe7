import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_ngrams
from wordfield.kernels import murmur
from wordfield.text import ngrams as module
from wordfield.text.ngrams import Ngrams, NgramVocabulary, encoded, word_hashes

WORDS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=8), st.integers(0, 4), st.integers(0, 7))
def test_hashes_and_ngrams_are_those_of_the_naive_twin(words, minn, maxn):
    if minn > maxn:
        minn, maxn = maxn, minn
    ngrams = Ngrams(minn, maxn, 1000)
    hashes, starts = ngrams.hashes(words)
    assert starts[-1] == len(hashes)
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
        ({"hash": "md5"}, "the hash is one of fasttext, floret, finalfusion, listed, not 'md5'"),
        ({"hash_count": 2}, "1 row, in floret 1 to 4, not 2 in fasttext"),
        ({"hash": "floret", "hash_count": 5}, "not 5 in floret"),
        ({"hash": "floret", "bucket": 0, "maxn": 0, "minn": 0}, "at least 1 bucket"),
        ({"seed": 1}, "without floret 2166136261, not 1"),
        ({"hash": "floret", "seed": 1 << 32}, "a number of 32 bits"),
        ({"hash": "finalfusion", "bucket": 64}, "finalfusion only where the rows of words are combined"),
        ({"hash": "finalfusion", "bucket": 65, "combined": True}, "a power of two of buckets, not 65"),
        ({"minn": 0, "combined": True}, "1 character or more"),
        ({"word_ngrams": 2, "combined": True}, "no runs of words"),
        ({"hash": "listed", "bucket": 1, "combined": True}, "given where they are listed, and only there"),
        ({"listed": {"abc": 0}, "bucket": 1}, "given where they are listed, and only there"),
        ({"hash": "listed", "listed": {"abc": 1}, "bucket": 1, "combined": True}, "one of the buckets 0 to 0"),
    ],
)
def test_ngrams_that_cannot_be_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Ngrams(**fields)


def test_broken_words_have_the_ngrams_of_their_bytes():
    ngrams = Ngrams(1, 3, 100)
    for word in ("a\udc80b", "\udcff", "\ud800x"):
        hashes, _ = ngrams.hashes([word])
        assert [naive_ngrams.fnv(encoded(each)) for each in ngrams.spelled(word)] == hashes.tolist()
    assert len(NgramVocabulary([], None, ngrams).origin("a\udc80b").ngrams) == len(ngrams.spelled("a\udc80b"))


def test_of_very_many_buckets_the_few_with_rows_are_found(monkeypatch):
    kept = np.random.default_rng(1).permutation(50)[:20]
    hashes = np.arange(200, dtype=np.uint32)
    for zeros in (False, True):
        expected = Ngrams(3, 4, 50, kept=kept, zeros=zeros).placed(hashes, 7)
        monkeypatch.setattr(module, "MANY", 10)
        assert Ngrams(3, 4, 50, kept=kept, zeros=zeros).placed(hashes, 7).tolist() == expected.tolist()
        monkeypatch.undo()
    none = Ngrams(3, 4, 2**31 - 1, kept=np.empty(0, np.int64))
    assert none.placed(hashes, 7).tolist() == [-1] * 200


# floret


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(0, 2**32 - 1))
def test_murmur_is_that_of_the_naive_twin(text, seed):
    found = murmur.hashes(np.frombuffer(text or b"\0", np.uint8), np.array([[0, len(text)]]), seed)
    assert found.tolist() == [naive_ngrams.murmur(text, seed)]


def test_murmur_is_the_published_one():
    text = b"The quick brown fox jumps over the lazy dog"
    assert naive_ngrams.murmur(text, 0) == [0xBC071B6C, 0xE34BBC7B, 0xC49A9347, 0x7A433CA9]
    assert naive_ngrams.murmur(b"", 0) == [0, 0, 0, 0]


@settings(deadline=None)
@given(st.lists(WORDS, max_size=6), st.integers(0, 3), st.integers(0, 5), st.integers(1, 4))
def test_in_floret_a_word_is_the_rows_of_itself_and_of_its_ngrams(words, minn, maxn, count):
    if minn > maxn:
        minn, maxn = maxn, minn
    ngrams = Ngrams(minn, maxn, 1000, hash="floret", hash_count=count, own=False)
    hashes, starts = ngrams.hashes(words)
    assert starts[-1] == len(hashes)
    for word, first, last in zip(words, starts, starts[1:], strict=False):
        spelled = [f"<{word}>", *naive_ngrams.ngrams(word, minn, maxn)]
        assert ngrams.spelled(word)[::count] == spelled
        assert len(ngrams.spelled(word)) == count * len(spelled)
        expected = [each for ngram in spelled for each in naive_ngrams.murmur(ngram.encode(), 2166136261)[:count]]
        assert hashes[first:last].tolist() == expected


def test_in_floret_no_word_has_a_row_of_its_own():
    ngrams = Ngrams(2, 3, 40, hash="floret", hash_count=2, own=False, begin="[", end="]]")
    vocabulary = NgramVocabulary(["ab", "</s>"], [2, 1], ngrams)
    assert vocabulary.table_rows == 40
    spelled = ["[ab]]", "[a", "[ab", "ab", "ab]", "b]", "b]]", "]]"]
    rows = [each % 40 for ngram in spelled for each in naive_ngrams.murmur(ngram.encode(), 2166136261)[:2]]
    assert vocabulary.bag("ab").tolist() == rows
    assert vocabulary.bag("</s>").tolist() == []
    origin = vocabulary.origin("ab")
    assert not origin.known
    assert origin.ngrams == [(ngram, rows[here], True) for here, ngram in enumerate(np.repeat(spelled, 2))]
    assert not ngrams.plain
    assert Ngrams().plain


# finalfusion


@settings(deadline=None)
@given(st.lists(WORDS, max_size=6), st.integers(1, 4), st.integers(1, 7))
def test_the_hashes_of_finalfusion_are_those_of_the_naive_twin(words, minn, maxn):
    minn, maxn = min(minn, maxn), max(minn, maxn)
    ngrams = Ngrams(minn, maxn, 1 << 20, hash="finalfusion", combined=True)
    hashes, starts = ngrams.hashes(words)
    assert starts[-1] == len(hashes)
    for word, first, last in zip(words, starts, starts[1:], strict=False):
        expected = naive_ngrams.ngrams(word, minn, maxn, marks=True)
        assert ngrams.spelled(word) == expected
        assert hashes[first:last].tolist() == [naive_ngrams.long_fnv(ngram) for ngram in expected]


def test_the_hashes_of_finalfusion_are_its_own():
    """Buckets that its own tests name (subword.rs)."""
    ngrams = Ngrams(3, 6, 1 << 21, hash="finalfusion", combined=True)
    named = dict(zip(ngrams.spelled("Daniël"), ngrams.placed(ngrams.hashes(["Daniël"])[0], 0).tolist(), strict=True))
    assert {name: named[name] for name in ("Dan", "iël>", "<Danië", "aniël>")} == {
        "Dan": 214157,
        "iël>": 488897,
        "<Danië": 1680294,
        "aniël>": 1693100,
    }


def test_where_rows_are_combined_a_known_word_is_its_row_and_an_unknown_one_its_ngrams():
    for hash, hashed in (
        ("fasttext", lambda ngram: naive_ngrams.fnv(ngram.encode())),
        ("finalfusion", naive_ngrams.long_fnv),
    ):
        ngrams = Ngrams(1, 3, 64, hash=hash, combined=True)
        vocabulary = NgramVocabulary(["king", "</s>"], None, ngrams)
        bags = vocabulary.bags(["</s>", "kin", "king", "kinks"])
        unknown = [
            [2 + hashed(each) % 64 for each in naive_ngrams.ngrams(word, 1, 3, True)] for word in ("kin", "kinks")
        ]
        assert bags.rows.tolist() == [1, *unknown[0], 0, *unknown[1]]
        assert np.diff(bags.starts).tolist() == [1, len(unknown[0]), 1, len(unknown[1])]
        assert vocabulary.bag("king").tolist() == [0]
        assert str(vocabulary.origin("king")) == "its own row"
        assert vocabulary.origin("king").ngrams == []
        origin = vocabulary.origin("kin")
        assert [(ngram, row) for ngram, row, _ in origin.ngrams] == [
            *zip(naive_ngrams.ngrams("kin", 1, 3, True), unknown[0], strict=True)
        ]
        assert {ngram for ngram, _, seen in origin.ngrams if seen} >= {"<", "<k", "kin", ">"}
        assert not ngrams.plain


def test_listed_ngrams_have_the_rows_that_are_named_and_others_none():
    ngrams = Ngrams(2, 3, 3, hash="listed", combined=True, listed={"<k": 2, "kin": 0, "ing": 2})
    vocabulary = NgramVocabulary(["king"], None, ngrams)
    assert vocabulary.table_rows == 4
    assert vocabulary.bag("kin").tolist() == [3, 1]
    assert vocabulary.bag("king").tolist() == [0]
    assert vocabulary.bag("xyz").tolist() == []
    assert vocabulary.origin("kings").ngrams == [("<k", 3, True), ("kin", 1, True), ("ing", 3, True)]
    few = NgramVocabulary(["king"], None, ngrams.narrowed(np.array([2]), zeros=False))
    assert few.table_rows == 2
    assert few.bag("kings").tolist() == [1, 1]
    with pytest.raises(KeyError, match="'xyz' is not among the 1 words"):
        vocabulary.bags(["king", "xyz"])


def test_in_floret_with_combined_rows_the_marks_alone_count():
    bare, marked = (Ngrams(1, 2, 40, hash="floret", own=False, combined=combined) for combined in (False, True))
    assert bare.spelled("a") == ["<a>", "<a", "a", "a>"]
    assert marked.spelled("a") == ["<a>", "<", "<a", "a", "a>", ">"]
    expected = [naive_ngrams.murmur(each.encode(), 2166136261)[0] for each in marked.spelled("a")]
    assert marked.hashes(["a"])[0].tolist() == expected
