"""GloVe as its user sees it: what it learns, repeats, resumes and grows, and what it refuses."""

import logging
import os

import numpy as np
import pytest
from scipy.sparse import csr_array

import naive_glove as naive
from support import JIT_OFF
from wordfield import Corpus, Word2Vec
from wordfield.kernels.glove import Weighting
from wordfield.models.predict import descent
from wordfield.models.predict.glove import GloVe
from wordfield.models.predict.training import Plan
from wordfield.models.runs import Trial
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text import sampling
from wordfield.text.counting import Counts
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

SMALL = {"dim": 8, "min_count": 1, "window": 5, "threads": 1, "epochs": 3}


def sentences(count=150, seed=0):
    """Two worlds that seldom meet: animals with animal words, ships with ship words."""
    random = np.random.default_rng(seed)
    worlds = [["cat", "dog", "cow", "milk", "fur", "tail"], ["ship", "boat", "sail", "sea", "wave", "port"]]
    return [[*random.choice(worlds[line % 2], 5), random.choice(worlds[line // 2 % 2])] for line in range(count)]


@pytest.fixture
def small_jobs(monkeypatch):
    """Tiles and jobs so small that even a small matrix has many."""
    monkeypatch.setattr(descent, "TILE", 4 * 512)
    monkeypatch.setattr(descent, "SPAN", 5)
    monkeypatch.setattr(descent, "SMALLEST_JOB", 4)


class Stop:
    """Interrupts as Ctrl-C would, once so many updates are done."""

    def __init__(self, updates):
        self.updates = updates

    def __call__(self, done, total, **measures):
        if "loss" in measures and done >= self.updates:
            raise KeyboardInterrupt


def vectors_of(number, words=("cat", "zebra"), dim=8):
    """A model made elsewhere, all of its numbers alike."""
    table = Dense(np.full((len(words), dim), number, np.float32))
    return StaticModel(WordVectors(Vocabulary(list(words)), table), Tokenizer.of("words"))


def test_words_of_one_world_are_nearer_than_words_of_two():
    model = GloVe(dim=12, min_count=1, threads=1, epochs=40 if not JIT_OFF else 20, learning_rate=0.1).fit(sentences())
    inside = model.words.similarity("cat", "cow")
    across = max(model.words.similarity("cat", "ship"), model.words.similarity("cow", "wave"))
    assert inside > across + 0.3
    loss = model.history["loss"]
    assert loss[:5] == sorted(loss[:5], reverse=True)
    assert loss[-1] < loss[0] / 20


@pytest.mark.usefixtures("small_jobs")
def test_the_same_seed_on_one_thread_repeats_bit_for_bit():
    recipe, other = (GloVe(**SMALL, seed=seed) for seed in (7, 8))
    first, again = (recipe.fit(sentences()) for _ in range(2))
    np.testing.assert_array_equal(first.words.vectors, again.words.vectors)
    assert first.history["loss"] == again.history["loss"]
    assert not np.array_equal(first.words.vectors, other.fit(sentences()).words.vectors)


@pytest.mark.usefixtures("small_jobs")
def test_more_threads_train_on_every_pair_too():
    model = GloVe(**SMALL | {"threads": 2}).fit(sentences())
    history = model.history
    assert history["updates"] == 3 * history["pairs"] == 3 * 144
    assert history["tokens"] == history["planned"] == 3 * 150 * 6
    assert history["threads"] == 2
    assert set(history["seconds"]) == {"read", "count", "train"}
    assert np.isfinite(model.words.vectors).all()


@pytest.mark.parametrize("bias_rate", ["same", "reference"])
def test_a_pass_is_what_the_original_does_with_the_same_order(bias_rate):
    """One pair of words, so that there is only one order."""
    matrix, start, rate = np.array([[0, 3.0], [0, 0]]), vectors_of(0.5, ("a", "b"), 2), 0.2
    recipe = GloVe(dim=2, threads=1, epochs=5, learning_rate=rate, bias_rate=bias_rate, vectors="word")
    begun = GloVe(dim=2, threads=1, epochs=1, learning_rate=1e-9, vectors="word")
    words = Vocabulary(["a", "b"], [3, 3])
    parts = begun.fit_counts(csr_array(matrix), words, start=start).state["parameters"].astype(np.float64)
    squares = np.ones_like(parts)
    losses = [naive.train(parts, squares, [(0, 1, 3.0)], 10.0, 0.75, rate, bias_rate) for _ in range(5)]
    model = recipe.fit_counts(csr_array(matrix), words, start=start)
    assert model.history["loss"] == pytest.approx(losses, rel=1e-3)
    np.testing.assert_allclose(model.state["parameters"], parts, atol=1e-5)


def test_a_vector_is_the_sum_of_word_and_context_or_the_word_alone():
    whole, word = (GloVe(**SMALL, vectors=vectors).fit(sentences()) for vectors in ("sum", "word"))
    np.testing.assert_array_equal(whole.state["parameters"], word.state["parameters"])
    parts = whole.state["parameters"][:, :, :8]
    np.testing.assert_array_equal(whole.words.vectors, parts[0] + parts[1])
    np.testing.assert_array_equal(word.words.vectors, parts[0])
    assert whole.state["squares"].min() >= 1


def test_how_to_count_is_a_choice():
    learnt = [
        GloVe(**SMALL, **each).fit(sentences()).words.vectors.tobytes()
        for each in ({}, {"weight": "flat"}, {"weight": "decay"}, {"context": "left"}, {"context": "right"})
    ]
    assert len(set(learnt)) == 5


@pytest.mark.usefixtures("small_jobs")
@pytest.mark.parametrize("at", [1, 143, 144, 300])
def test_what_was_interrupted_resumes_as_if_it_had_not_been(at, tmp_path):
    recipe = GloVe(**SMALL)
    whole = recipe.fit(sentences())
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit(sentences(), Stop(at))
    partial = caught.value.partial
    assert partial.history["stopped"] == "interrupted"
    assert at <= partial.history["updates"] <= whole.history["updates"]  # threads go on until they hear of it
    partial.save(tmp_path / "partial")
    resumed = recipe.fit(sentences(), start=StaticModel.load(tmp_path / "partial"))
    np.testing.assert_array_equal(resumed.words.vectors, whole.words.vectors)
    for name, array in whole.state.items():
        np.testing.assert_array_equal(resumed.state[name], array)
    assert resumed.history["loss"] == pytest.approx(whole.history["loss"], rel=1e-12)
    assert resumed.history["tokens"] == whole.history["tokens"]
    assert 0 < resumed.history["resumed"] <= resumed.history["tokens"]
    assert resumed.history["stopped"] == ""


@pytest.mark.usefixtures("small_jobs")
def test_an_interruption_waits_for_all_threads_and_counts_what_they_did():
    seen = []

    def progress(done, total, **measures):
        if measures.get("loss"):
            seen.append(done)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        GloVe(**SMALL | {"threads": 2}).fit(sentences(), progress)
    assert caught.value.partial.history["updates"] >= seen[-1]
    assert np.isfinite(caught.value.partial.words.vectors).all()


def small_tiles():
    return descent.tiled(Counts.of(np.ones((6, 6))), 128, Weighting(10.0, 0.75), 1, None)


def test_a_failure_in_a_thread_reaches_the_caller():
    def broken(*_):
        raise RuntimeError("broken kernel")

    with pytest.raises(RuntimeError, match="broken kernel"):
        descent.Descent(small_tiles(), broken, Plan(1, 0.1, 1, 2, 1), lambda *_, **__: None).run()


def test_a_loss_that_is_no_number_stops_with_advice():
    run = descent.Descent(small_tiles(), lambda *_: float("nan"), Plan(1, 0.5, 1, 1, 1), lambda *_, **__: None)
    with pytest.raises(FloatingPointError, match=r"epoch 1 is no number: lower learning_rate, 0\.5"):
        run.run()


@pytest.mark.usefixtures("small_jobs")
def test_each_epoch_goes_over_all_pairs_in_another_order():
    tiles = descent.tiled(Counts.of(np.ones((40, 40))), 128, Weighting(10.0, 0.75), 1, None)
    seen = []

    def step(spans, state):
        seen.append(spans)
        return 1.0

    descent.Descent(tiles, step, Plan(2, 0.1, 1, 1, 1), lambda *_, **__: None).run()
    spans = np.concatenate(seen)
    first, second = spans[: len(tiles.spans)], spans[len(tiles.spans) :]
    assert not np.array_equal(first, second)
    for each in (first, second):
        assert sorted(map(tuple, each.tolist())) == sorted(map(tuple, tiles.spans.tolist()))
        covered = np.concatenate([np.arange(begin, end) for begin, end, _, _ in each])
        assert sorted(covered.tolist()) == list(range(1600))


def test_more_pairs_than_fit_in_memory_go_to_a_file_and_train_the_same(monkeypatch, tmp_path):
    recipe, inside = GloVe(**SMALL), GloVe(**SMALL).fit(sentences())
    monkeypatch.setattr(descent, "MEMORY", 100)
    assert (descent.Tiles.room(8), descent.Tiles.room(9)) == (96, 0)
    np.testing.assert_array_equal(recipe.fit(sentences()).words.vectors, inside.words.vectors)


@pytest.mark.parametrize("reserve", [True, False], ids=["reserved", "truncated"])
def test_a_full_disk_is_said_before_training(monkeypatch, tmp_path, reserve):
    def full(*_):
        raise OSError(28, "No space left on device")

    if not reserve:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
        assert descent._mapped(np.float32, 5, tmp_path).shape == (5,)
        return
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match=r"No space left on device: 20 bytes of counts do not fit in .*" + tmp_path.name):
        descent._mapped(np.float32, 5, tmp_path)


def test_a_trained_model_grows_with_new_text(tmp_path):
    recipe = GloVe(**SMALL)
    old = recipe.fit(sentences())
    old.save(tmp_path / "old")
    text = [["cat", "sees", "goat"], ["goat", "eats", "grass"], ["cat", "and", "goat"]] * 30
    grown = recipe.fit(text, start=StaticModel.load(tmp_path / "old"))
    before, now = old.words.vocabulary, grown.words.vocabulary
    assert set(before) < set(now)
    assert now.counts[now.index["cat"]] == before.counts[before.index["cat"]] + 60
    assert now.counts[now.index["goat"]] == 90
    np.testing.assert_array_equal(grown.words["wave"], old.words["wave"])  # the new text does not mention it
    assert not np.array_equal(grown.words["cat"], old.words["cat"])
    ours, theirs = now.index["wave"], before.index["wave"]
    for name in ("parameters", "squares"):
        np.testing.assert_array_equal(grown.state[name][:, ours], old.state[name][:, theirs])


@pytest.mark.parametrize("vectors", ["sum", "word"])
def test_vectors_from_anywhere_are_a_place_to_start(vectors):
    model = GloVe(**SMALL | {"epochs": 1}, learning_rate=1e-9, vectors=vectors).fit(sentences(), start=vectors_of(3))
    assert "zebra" not in model.words
    np.testing.assert_allclose(model.words["cat"], 3, atol=1e-5)
    assert np.abs(model.words["dog"]).max() < 0.2


def test_what_is_no_place_to_start_is_refused(caplog):
    recipe = GloVe(**SMALL)
    with pytest.raises(ValueError, match=r"8 dimensions.*dim=9"):
        GloVe(**SMALL | {"dim": 9}).fit(sentences(), start=vectors_of(1))
    with pytest.raises(ValueError, match="NaN perhaps, at the word 'cat'"):
        recipe.fit(sentences(), start=vectors_of(np.nan))
    trained = recipe.fit(sentences())
    for name, number in (("parameters", np.inf), ("squares", np.nan), ("squares", 0)):
        state = {key: array.copy() for key, array in trained.state.items()}
        state[name][1, 4, 3] = number
        with pytest.raises(ValueError, match=f"at the word '{trained.words.vocabulary.words[4]}'"):
            recipe.fit(sentences(), start=StaticModel(trained.words, trained.tokenizer, state=state))
    state = {"parameters": trained.state["parameters"][:, :, :5]}
    with pytest.raises(ValueError, match=r"parameters of shape \(2, 12, 5\); expected \(2, 12, 9\)"):
        recipe.fit(sentences(), start=StaticModel(trained.words, trained.tokenizer, state=state))
    assert "know none of" not in caplog.text
    recipe.fit(sentences(), start=vectors_of(1, ["zebra"]))
    assert "know none of the 12 words" in caplog.text


def test_word2vec_and_glove_start_from_each_other():
    other = Word2Vec(dim=8, min_count=1, threads=1, epochs=1).fit(sentences())
    assert len(GloVe(**SMALL).fit(sentences(), start=other).words) == 12
    assert len(Word2Vec(dim=8, min_count=1, threads=1).fit(sentences(), start=GloVe(**SMALL).fit(sentences())).words)


def test_counts_alone_are_enough():
    matrix = csr_array(np.array([[0, 4, 1], [4, 0, 2], [1, 2, 0.5]]))
    words = Vocabulary(["the", "Cat", "sat"], [9, 5, 2])
    recipe = GloVe(**SMALL)
    model = recipe.fit_counts(matrix, words)
    assert model.words.vocabulary is words
    assert model.history["pairs"] == 7
    assert model.history["corpus_tokens"] == 16
    assert not model.tokenizer.lowercase
    counted = recipe.fit_counts(Counts.of(matrix), words, tokenizer=Tokenizer.of("whitespace"))
    np.testing.assert_array_equal(counted.words.vectors, model.words.vectors)
    assert counted.tokenizer.name == "whitespace"
    with pytest.raises(ValueError, match="counts of 3 words, but the vocabulary has 2"):
        recipe.fit_counts(matrix, Vocabulary(["a", "b"]))
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit_counts(matrix, words, Stop(7))
    resumed = recipe.fit_counts(matrix, words, start=caught.value.partial)
    np.testing.assert_array_equal(resumed.words.vectors, model.words.vectors)


def test_one_word_alone_has_nothing_to_learn(caplog):
    model = GloVe(**SMALL).fit([["hermit"]] * 20)
    assert model.words["hermit"].shape == (8,)
    assert model.history["loss"] == [0, 0, 0]
    assert "nothing to learn from" in caplog.text
    assert np.isfinite(GloVe(**SMALL).fit([["a", "b"]] * 20).words.vectors).all()


def test_a_rehearsal_tells_what_fit_will_find(monkeypatch):
    monkeypatch.setattr(Trial, "SECONDS", 0.01)
    text = Corpus(sentences())
    with sampling.sample(text).scan as scan:
        looked = sampling.Sample(scan, 1.0, 0.1, [scan.counts])
        found = GloVe(**SMALL).rehearse(looked)
    assert found.vocabulary == 12
    assert found.known_tokens == 900
    assert 0 < found.seconds < 60
    assert found.memory > 1 << 20


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dim", 0, "dim must be a whole number of at least 1, not 0"),
        ("dim", 4097, "dim must be at most 4096 .*, not 4097"),
        ("window", 2.5, "window must be a whole number"),
        ("window", 100_001, "window must be at most 100,000, not 100001"),
        ("epochs", True, "epochs must be a whole number"),
        ("min_count", 0, "min_count must be"),
        ("max_vocab", 0, "max_vocab must be"),
        ("threads", 0, "threads must be"),
        ("seed", -1, "seed must be"),
        ("x_max", 0, "x_max must be above 0"),
        ("alpha", -1, "alpha must be from 0 to 10"),
        ("learning_rate", float("nan"), "learning_rate must be from 1e-9 to 1000, not nan"),
        ("weight", "linear", "weight must be one of harmonic, flat, decay"),
        ("context", "around", "context must be one of both, left, right"),
        ("bias_rate", "none", "bias_rate must be one of same, reference"),
        ("vectors", "both", "vectors must be one of sum, word"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        GloVe(**{field: value})


def test_what_starts_is_told_in_the_log(caplog):
    with caplog.at_level(logging.INFO):
        GloVe(**SMALL).fit(sentences(), start=vectors_of(1))
    assert "1 of 12 words start from given vectors" in caplog.text
