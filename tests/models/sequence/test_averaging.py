"""Static vectors from a network, each mean and each spread told by a plain loop; and the senses of a word."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import BERT, Corpus, Word2Vec, api, load  # noqa: E402
from wordfield.models.sequence import averaging  # noqa: E402
from wordfield.models.sequence.averaging import average, occurrences  # noqa: E402

TEXT = [
    "the cat drinks milk by the river bank",
    "a ship sails west from the bank of the river",
    "the bank gave a loan to the ship",
    "money in the bank and a loan",
    "the cat and the dog",
    "a dog drinks water",
] * 3
RECIPE = BERT(dim=12, layers=2, heads=2, context=12, min_count=1, batch=4, epochs=2, heldout=0.0, threads=1)


@pytest.fixture(scope="module")
def model():
    return replace(RECIPE, precision="float32").fit([line.split() for line in TEXT])


def by_hand(model, layer):
    """All vectors of each word."""
    found = {}
    for line in TEXT:
        words, vectors = model.embed_words(line.split(), layer)
        for word, vector in zip(words, vectors, strict=True):
            found.setdefault(word, []).append(vector)
    return found


@pytest.mark.parametrize("chunk", [7, 1 << 20])
@pytest.mark.parametrize("layer", [-1, [0, 1], None])
def test_over_all_occurrences_it_is_the_mean_of_all(model, monkeypatch, layer, chunk):
    monkeypatch.setattr(averaging, "CHUNK", chunk)
    monkeypatch.setattr(averaging, "AT_ONCE", 5)
    found = average(model, TEXT, contexts=1000, min_count=1, layer=layer)
    expected = by_hand(model, [0, 1] if layer is None else layer)
    words = found.model.words
    assert {*words.vocabulary.words} == {*expected}
    for row, word in enumerate(words.vocabulary.words):
        vectors = np.array(expected[word])
        np.testing.assert_allclose(words[word], vectors.mean(axis=0), atol=1e-5)
        assert found.contexts[row] == len(vectors) == words.vocabulary.counts[row]
        near = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        pairs = [near[i] @ near[j] for i in range(len(near)) for j in range(i)]
        assert found.spread[row] == pytest.approx(1 - np.mean(pairs), abs=1e-5)
    every = np.concatenate([np.array(vectors) for vectors in expected.values()])
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    count = len(every)
    assert found.unlike == pytest.approx(1 - ((every @ every.T).sum() - count) / count / (count - 1), abs=1e-4)


def test_over_some_occurrences_they_are_drawn_from_all(model):
    found = average(model, TEXT, contexts=4, min_count=1)
    counts = found.model.words.vocabulary.counts
    assert found.contexts.tolist() == np.minimum(counts, 4).tolist()
    again, other = (average(model, TEXT, contexts=4, min_count=1, seed=seed) for seed in (1, 2))
    assert np.array_equal(found.model.words.vectors, again.model.words.vectors)
    assert not np.array_equal(found.model.words.vectors, other.model.words.vectors)
    drawn = np.zeros(18)
    for seed in range(60):
        for words, _ in occurrences(model, TEXT, "river", most=2, seed=seed)[0]:
            drawn[[place for place, line in enumerate(TEXT) if line.split() == words]] += 1
    assert (drawn > 0).sum() == 6, "each of the two sentences with it, wherever it stands"


def test_rare_words_are_left_out_and_a_word_seen_once_has_no_spread(model):
    found = average(model, [*TEXT, "the unicorn"], min_count=1, contexts=5)
    row = found.model.words.vocabulary.index["unicorn"]
    assert found.contexts[row] == 1
    assert np.isnan(found.spread[row])
    assert "unicorn" not in average(model, [*TEXT, "the unicorn"], min_count=2).model.words
    assert len(average(model, TEXT, max_vocab=3).model.words) == 3


def test_the_result_is_a_static_model_like_any_other(model, tmp_path):
    told = api.average(model, TEXT, tmp_path / "words", min_count=1, k=3)
    assert told["words"] == len(load(tmp_path / "words").words)
    assert len(told["apart"]) == len(told["alike"]) == 3
    assert told["apart"][0][1] >= told["alike"][0][1]
    assert load(tmp_path / "words").recipe["model"] == "average"
    np.testing.assert_array_equal(load(tmp_path / "words").state["contexts"] > 0, True)
    assert api.neighbors(tmp_path / "words", ["river"], k=2)["river"]
    api.average(model, TEXT, tmp_path / "words.txt", min_count=1, isotropy="all-but-the-top")
    assert abs(load(tmp_path / "words.txt").words.vectors.mean(axis=0)).max() < 1e-3


def test_chinese_words_over_characters():
    text = ["我们在北京大学学习", "北京是中国的首都", "他们学习中文"] * 8
    small = replace(RECIPE, pieces=60, context=16).fit(text)
    pytest.importorskip("rjieba", reason="Chinese words need rjieba")
    found = average(small, Corpus(text, tokenizer="chinese"), min_count=1, contexts=3)
    assert {"北京大学", "中国", "学习"} <= {*found.model.words.vocabulary.words}
    expected = small.embed_words(["我们", "在", "北京大学", "学习"], [0, 1])[1][2]
    np.testing.assert_allclose(found.model.words["北京大学"], expected, atol=1e-5)


def test_senses_are_told_apart_by_what_stands_around(model, run, tmp_path):
    told = api.senses(model, TEXT, "bank", 2, lines=2)
    assert told["occurrences"] == 12
    assert sum(sense["share"] for sense in told["senses"]) == pytest.approx(1)
    assert all(word == "bank" for sense in told["senses"] for _, word, _ in sense["lines"])
    assert -1 <= told["silhouette"] <= 1
    assert api.senses(model, TEXT, "bank", 1)["silhouette"] is None
    assert 2 <= len(api.senses(model, TEXT, "bank")["senses"]) <= 5
    model.save(tmp_path / "model")
    (tmp_path / "text").write_text("\n".join(TEXT), "utf-8")
    done = run("senses", tmp_path / "model", "bank", tmp_path / "text", "--clusters", 2)
    assert done.status == 0, done.err
    assert "[bank]" in done.out
    done = run("average", tmp_path / "model", tmp_path / "text", "--out", tmp_path / "w", "--layer", 0, "--layer", 1)
    assert done.status == 0, done.err
    assert "most apart" in done.out


def test_what_cannot_be_is_refused(model):
    with pytest.raises(KeyError, match="'unicorn' does not occur"):
        api.senses(model, TEXT, "unicorn")
    with pytest.raises(ValueError, match="no word of 18 sentences was seen 500 times"):
        average(model, TEXT, min_count=500)
    with pytest.raises(ValueError, match="contexts is over how many"):
        average(model, TEXT, contexts=0)
    with pytest.raises(ValueError, match="clusters must be at least 1"):
        api.senses(model, TEXT, "bank", 0)
    static = Word2Vec(dim=4, epochs=1, min_count=1, threads=1).fit(TEXT)
    with pytest.raises(ValueError, match="the model is no network that can be run here"):
        api.senses(static, TEXT, "bank")
