"""Phrases are the pairs that the formula says, joined the same way in a scan and in a list of words."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_phrases as naive
from support import JIT_OFF
from wordfield.kernels import phrases as kernels
from wordfield.text import phrases as module
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Scan
from wordfield.text.phrases import Phrases, learn
from wordfield.text.tokenizers import Tokenizer

WORDS = ["a", "b", "c", "d", "a_b", "b_c", "c_d"]
SENTENCES = st.lists(st.lists(st.sampled_from(WORDS), max_size=12), min_size=1, max_size=12)
THRESHOLDS = {"word2phrase": [0.0, 0.13, 0.77, 1.9], "npmi": [0.0123, 0.2345, 0.4567]}
CITY = [["in", "new", "york", "city"], ["new", "york", "is", "new"], ["the", "new", "york", "city", "hall"]] * 5


def read(scan: Scan) -> list[list[str]]:
    """The sentences of a scan that have a word, and that all it says of its words is true."""
    text: list[list[str]] = [[]]
    words = list(scan.words_seen)
    for ids, ends in scan.blocks():
        assert ids.dtype == ends.dtype == np.int32
        assert (np.diff(ends) > 0).all()
        for begin, end in itertools.pairwise([0, *ends.tolist(), len(ids)]):
            text[-1] += [words[number] for number in ids[begin:end]]
            text += [[]] if end in ends[ends >= begin] and (end > begin or end == 0) else []
    sentences = [sentence for sentence in text if sentence]
    seen = Counter(word for sentence in sentences for word in sentence)
    assert list(seen.items()) == list(zip(words, scan.counts.tolist(), strict=True))
    assert (scan.tokens, scan.sentences) == (seen.total(), len(sentences))
    return sentences


@settings(max_examples=40 if JIT_OFF else 250, deadline=None)
@given(st.data())
def test_a_scan_is_joined_as_the_definition_says(data):
    sentences = data.draw(SENTENCES)
    score = data.draw(st.sampled_from(sorted(THRESHOLDS)))
    thresholds = data.draw(st.lists(st.sampled_from(THRESHOLDS[score]), min_size=1, max_size=3))
    min_count, delimiter = data.draw(st.integers(1, 3)), data.draw(st.sampled_from(["_", "", "++"]))
    how = {"threads": data.draw(st.sampled_from([1, 2])), "block": data.draw(st.integers(1, 60))}
    passes, expected = naive.learn(sentences, score, thresholds, min_count, delimiter)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_CELLS", data.draw(st.sampled_from([1, 5, 1 << 20])))
        patch.setattr(module, "SLOTS", 2)
        text = Path(folder, "text.txt")
        text.write_text("\n".join(map(" ".join, sentences)), "utf-8")
        with Corpus(text, tokenizer="whitespace").scan(**how) as scan:
            options = {"score": score, "min_count": min_count, "delimiter": delimiter, "threads": how["threads"]}
            joined, listed = learn(scan, len(thresholds), threshold=thresholds, **options)
            phrases = joined.tokenizer.phrases
            assert phrases is not None
            assert [set(pairs) for pairs in phrases.passes] == [set(found) for found in passes]
            told = [((each.left, each.right), each.count, each.score) for each in listed]
            known = [(pair, count, score) for found in passes for pair, (count, score) in found.items()]
            assert sorted(told) == [(*each, pytest.approx(score)) for *each, score in sorted(known)]
            assert [each.score for each in listed] == sorted((each.score for each in listed), reverse=True)
            assert read(joined) == [sentence for sentence in expected if sentence]
            assert [phrases.join(sentence) for sentence in sentences] == expected
            assert read(phrases.apply(scan)) == read(joined)


def test_later_passes_make_longer_phrases():
    with Corpus([["new", "york", "city"], ["of", "course"]] * 6).scan() as scan:
        joined, listed = learn(scan, 2, threshold=0.1)
        phrases = joined.tokenizer.phrases
        assert phrases.passes == (
            (("new", "york"), ("york", "city"), ("of", "course")),
            (("new_york", "city"),),
        )
        assert joined.tokenizer == replace(scan.tokenizer, phrases=phrases)
        assert joined.tokenizer.tokenize("New York city, of course") == ["new_york_city", "of_course"]
        assert read(joined) == [["new_york_city"], ["of_course"]] * 6
        assert {each.phrase for each in listed} == {"new_york", "york_city", "of_course", "new_york_city"}


def test_a_line_end_is_never_joined_over():
    phrases = Phrases(((("new", "york"),),))
    tokenizer = Tokenizer.of("words")
    with Corpus(["in new", "york", ["new", "york"]]).scan() as scan:
        assert read(phrases.apply(scan)) == [["in", "new"], ["york"], ["new_york"]]
    assert replace(tokenizer, phrases=phrases).tokenize("in new\nyork new york") == ["in", "new", "york", "new_york"]


def test_a_joined_word_that_is_spelt_like_another_is_that_word():
    phrases = Phrases(((("a", "b"), ("c", "a_b")), (("a_b", "a_b"), ("a", "b_b"))))
    with Corpus([["a_b", "x", "a", "b", "c", "a_b"]]).scan() as scan:
        joined = phrases.apply(scan)
        assert list(zip(joined.words_seen, joined.counts.tolist(), strict=True)) == [("a_b", 2), ("x", 1), ("c_a_b", 1)]
    assert phrases.join(["a", "b", "a_b"]) == ["a_b_a_b"]
    assert phrases.join(["a", "b", "b"]) == ["a_b", "b"]  # nothing is joined twice in a pass
    assert phrases.join(["c", "a", "b"]) == ["c", "a_b"]


@pytest.mark.parametrize("sentences", [[], [[]], ["", ""], [["alone"]]])
@pytest.mark.parametrize("score", sorted(THRESHOLDS))
def test_a_text_without_pairs_has_no_phrases(sentences, score):
    with Corpus(sentences).scan() as scan:
        joined, listed = learn(scan, 2, score, min_count=1)
        assert (listed, joined.tokenizer.phrases.passes) == ([], ((), ()))
        assert read(joined) == read(scan)
        assert read(Phrases(()).apply(scan)) == read(scan)


def test_a_pair_must_be_seen_often_and_score_above_the_threshold():
    sentences = [["a", "b"]] * 4 + [["x"]] * 8
    with Corpus(sentences).scan() as scan:
        for threshold, expected in ((0.99, [("a", "b")]), (1.0, [])):  # (4 - 3) / (4 * 4) * 16 = 1
            assert [(e.left, e.right) for e in learn(scan, threshold=threshold, min_count=3)[1]] == expected
        assert [e.score for e in learn(scan, score="npmi", min_count=4)[1]] == [pytest.approx(1)]
        assert learn(scan, score="npmi", min_count=5)[1] == []


def test_counts_beyond_a_cell_are_exact():
    with Corpus([["a", "b"]] * 700 + [["a", "c"]] * 300).scan() as scan:
        listed = learn(scan, threshold=0, min_count=300, threads=3)[1]
        assert [(each.phrase, each.count) for each in listed] == [("a_b", 700)]
        assert {each.phrase for each in learn(scan, threshold=0, min_count=299)[1]} == {"a_b", "a_c"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passes": 0}, "passes must be at least 1, not 0"),
        ({"min_count": 0}, "min_count must be at least 1, not 0"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"score": "pmi"}, "unknown score 'pmi'; choose one of: word2phrase, npmi"),
        ({"passes": 3, "threshold": [1, 2]}, "2 thresholds for 3 passes: give one number, or one for each pass"),
        ({"threshold": -1}, "a threshold of word2phrase is at least 0 and below inf, not -1"),
        ({"threshold": float("nan")}, "not nan"),
        ({"threshold": float("inf")}, "not inf"),
        ({"score": "npmi", "threshold": 1}, "a threshold of npmi is at least 0 and below 1, not 1"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with Corpus(CITY).scan() as scan, pytest.raises(ValueError, match=message):
        learn(scan, **options)


def test_a_text_that_is_joined_is_not_joined_again():
    with Corpus(CITY).scan() as scan:
        joined, _ = learn(scan, threshold=0.1)
        with pytest.raises(ValueError, match="phrases joined already"):
            learn(joined)
        with pytest.raises(ValueError, match="phrases joined already"):
            joined.tokenizer.phrases.apply(joined)


def test_a_description_gives_the_same_phrases():
    with Corpus(CITY).scan() as scan:
        phrases = learn(scan, 2, threshold=[0.2, 0.1], min_count=3, delimiter="-")[0].tokenizer.phrases
    assert (phrases.score, phrases.thresholds, phrases.min_count) == ("word2phrase", (0.2, 0.1), 3)
    again = Phrases.of(json.loads(json.dumps(phrases.describe())))
    assert again == phrases
    assert hash(again) == hash(phrases)
    tokenizer = replace(Tokenizer.of("words"), phrases=phrases)
    assert Tokenizer.described(json.loads(json.dumps(tokenizer.describe()))) == tokenizer


@pytest.mark.parametrize(
    "nonsense",
    [
        *[None, "passes", 3, {}, {"pass": []}, {"passes": None}, {"passes": "ab"}, {"passes": ["ab"]}],
        *[{"passes": [["ab"]]}, {"passes": [[["a"]]]}, {"passes": [[["a", 1]]]}, {"passes": [3]}],
        *[{"passes": [], "delimiter": 1}, {"passes": [], "thresholds": 1}, {"passes": [], "min_count": "5"}],
    ],
)
def test_what_describes_no_phrases_is_refused(nonsense):
    with pytest.raises((TypeError, ValueError)):
        Phrases.of(nonsense)


def test_progress_goes_up_to_the_end():
    seen = []
    with Corpus(CITY).scan() as scan:
        joined, _ = learn(scan, 3, threshold=0.1, progress=lambda done, total: seen.append((done, total)))
        assert seen == sorted(seen)
        assert seen[-1] == (scan.tokens * 12, scan.tokens * 12)
        seen.clear()
        joined.tokenizer.phrases.apply(scan, lambda done, total: seen.append((done, total)))
        assert seen[-1] == (scan.tokens * 6, scan.tokens * 6)


def times_tokens(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
    """The score for gensim, with the number of tokens where gensim has that of different words and pairs."""
    return (bigram_count - min_count) / (worda_count * wordb_count) * corpus_word_count


@pytest.mark.skipif(JIT_OFF, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_kernels_are_compiled_once_whatever_the_text(tmp_path):
    def compiled():
        names = ("candidates", "sift", "tally", "enter", "join", "note")
        return [list(getattr(kernels, name).signatures) for name in names]

    path, before = tmp_path / "text.txt", []
    for text in ("a b a b", "", "a b\nb a\n" * 50):
        path.write_text(text, "utf-8")
        for source in (path, text.split("\n"), [text.split()]):
            with Corpus(source).scan() as scan:
                learn(scan, 2, threshold=0, min_count=1, threads=2)
            before = before or compiled()
    assert compiled() == before


@pytest.mark.data
@pytest.mark.skipif(JIT_OFF, reason="2 MB are too many without the compiler")
@pytest.mark.parametrize(("score", "scoring", "threshold"), [("word2phrase", times_tokens, 100), ("npmi", "npmi", 0.5)])
def test_gensim_finds_the_same_phrases(data, tmp_path, score, scoring, threshold):
    gensim = pytest.importorskip("gensim.models.phrases")
    text = tmp_path / "text.txt"
    with (data / "corpora" / "enwiki100m.txt").open("rb") as file:
        text.write_bytes(file.read(2_000_000))
    sentences = list(Corpus(text))
    theirs = gensim.Phrases(sentences, min_count=5, threshold=threshold, scoring=scoring, delimiter="++")
    with Corpus(text).scan(threads=2, block=100_000) as scan:
        joined, listed = learn(scan, score=score, delimiter="++", threads=2)
        found = theirs.export_phrases()
        assert {each.phrase: each.score for each in listed} == pytest.approx(found)
        assert len(listed) > 300
        assert read(joined) == list(theirs[sentences])
