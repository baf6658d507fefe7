"""Word2Vec as its user sees it: what it learns, repeats, resumes and grows, and what it refuses."""

import numpy as np
import pytest

from support import JIT_OFF
from wordfield import Corpus, Word2Vec
from wordfield.models import runs
from wordfield.models.predict import training
from wordfield.models.predict.training import Loop
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

LOSSES, ARCHITECTURES = ("negative", "hierarchical", "softmax"), ("skipgram", "cbow")
SMALL = {"dim": 8, "min_count": 1, "subsample": 0, "threads": 1, "epochs": 2}


def sentences(count=150, seed=0):
    """Two worlds that never meet: animals with animal words, ships with ship words."""
    random = np.random.default_rng(seed)
    worlds = [["cat", "dog", "cow", "milk", "fur", "tail"], ["ship", "boat", "sail", "sea", "wave", "port"]]
    return [[*random.choice(worlds[line % 2], 6)] for line in range(count)]


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks so small that even a small corpus has many."""
    monkeypatch.setattr(training, "SMALLEST_CHUNK", 64)


class Stop:
    """Interrupts as Ctrl-C would, once so many tokens have been trained on."""

    def __init__(self, tokens):
        self.tokens = tokens

    def __call__(self, done, total, **measures):
        if "loss" in measures and done >= self.tokens:
            raise KeyboardInterrupt


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("loss", LOSSES)
def test_words_of_one_world_are_nearer_than_words_of_two(loss, architecture):
    epochs, rate = (40, 0.1) if not JIT_OFF else (15, 0.3)
    recipe = Word2Vec(
        dim=12,
        min_count=1,
        subsample=0,
        threads=1,
        loss=loss,
        architecture=architecture,
        epochs=epochs,
        learning_rate=rate,
    )
    model = recipe.fit(Corpus(sentences()))
    inside = model.words.similarity("cat", "cow")
    across = max(model.words.similarity("cat", "ship"), model.words.similarity("cow", "wave"))
    assert inside > across + 0.3
    assert model.history["loss"][-1] < model.history["loss"][0]


@pytest.mark.parametrize("gradient", ["reference", "corrected"])
def test_the_gradient_of_cbow_is_a_choice(gradient):
    recipe = Word2Vec(**SMALL, architecture="cbow", gradient=gradient, learning_rate=0.1)
    vectors = recipe.fit(Corpus(sentences())).words.vectors
    other = Word2Vec(**SMALL, architecture="cbow", learning_rate=0.1).fit(Corpus(sentences())).words.vectors
    assert np.array_equal(vectors, other) == (gradient == "reference")


@pytest.mark.parametrize("loss", LOSSES)
def test_the_same_seed_on_one_thread_repeats_bit_for_bit(loss):
    recipe, other = (Word2Vec(**SMALL, loss=loss, seed=seed) for seed in (7, 8))
    first, again = (recipe.fit(Corpus(sentences())) for _ in range(2))
    np.testing.assert_array_equal(first.words.vectors, again.words.vectors)
    assert first.history["loss"] == again.history["loss"]
    assert not np.array_equal(first.words.vectors, other.fit(Corpus(sentences())).words.vectors)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("loss", LOSSES)
def test_more_threads_train_on_every_token_too(loss):
    model = Word2Vec(**{**SMALL, "threads": 2}, loss=loss).fit(Corpus(sentences()))
    assert model.history["tokens"] == model.history["planned"] == 2 * 150 * 6
    assert model.history["threads"] == 2
    assert np.isfinite(model.words.vectors).all()


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("at", [100, 899, 900, 1500])
@pytest.mark.parametrize("loss", ["negative", "hierarchical"])
def test_what_was_interrupted_resumes_as_if_it_had_not_been(loss, at, tmp_path):
    recipe = Word2Vec(**SMALL, loss=loss)
    whole = recipe.fit(Corpus(sentences()))
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit(Corpus(sentences()), Stop(at))
    partial = caught.value.partial
    assert partial.history["stopped"] == "interrupted"
    assert at <= partial.history["tokens"] <= whole.history["tokens"]  # threads go on until they hear of it
    partial.save(tmp_path / "partial")
    resumed = recipe.fit(Corpus(sentences()), start=StaticModel.load(tmp_path / "partial"))
    np.testing.assert_array_equal(resumed.words.vectors, whole.words.vectors)
    assert resumed.history["loss"] == pytest.approx(whole.history["loss"], rel=1e-12)
    assert resumed.history["tokens"] == whole.history["tokens"]
    assert resumed.history["stopped"] == ""


@pytest.mark.usefixtures("small_chunks")
def test_an_interruption_waits_for_all_threads_and_counts_what_they_did():
    seen = []

    def progress(done, total, **measures):
        seen.append(done)
        if measures.get("loss"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        Word2Vec(**{**SMALL, "threads": 2}).fit(Corpus(sentences()), progress)
    assert caught.value.partial.history["tokens"] >= seen[-1]
    assert np.isfinite(caught.value.partial.words.vectors).all()


def test_a_failure_in_a_thread_reaches_the_caller():
    def broken(*_):
        raise RuntimeError("broken kernel")

    with Corpus(sentences()).scan() as scan:
        ids = scan.encode(scan.vocabulary(1))
        with pytest.raises(RuntimeError, match="broken kernel"):
            Loop(ids, broken, training.Plan(1, 0.1, 0, 2, 1), lambda *_, **__: None).run()


def test_a_loss_that_is_no_number_stops_with_advice():
    with Corpus(sentences()).scan() as scan:
        ids = scan.encode(scan.vocabulary(1))
        loop = Loop(ids, lambda *_: (float("nan"), 1), training.Plan(1, 0.5, 0, 1, 1), lambda *_, **__: None)
        with pytest.raises(FloatingPointError, match=r"lower learning_rate, 0\.5"):
            loop.run()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_trained_model_grows_with_new_text(loss, tmp_path):
    recipe = Word2Vec(**{**SMALL, "epochs": 5}, loss=loss)
    old = recipe.fit(Corpus(sentences()))
    old.save(tmp_path / "old")
    text = [["cat", "sees", "goat"], ["goat", "eats", "grass"], ["cat", "and", "goat"]] * 30
    grown = recipe.fit(Corpus(text), start=StaticModel.load(tmp_path / "old"))
    counts = dict(zip(grown.words.vocabulary.words, grown.words.vocabulary.counts, strict=True))
    before = dict(zip(old.words.vocabulary.words, old.words.vocabulary.counts, strict=True))
    assert set(before) < set(counts)
    assert counts["cat"] == before["cat"] + 60
    assert counts["ship"] == before["ship"]
    assert counts["goat"] == 90
    # What the new text does not mention, and no noise word reached, stays where it was.
    if loss != "softmax":
        np.testing.assert_array_equal(grown.words["wave"], old.words["wave"])
    assert not np.array_equal(grown.words["cat"], old.words["cat"])
    again = recipe.fit(Corpus(text), start=grown)
    assert len(again.words) == len(grown.words)


def test_growing_without_training_keeps_every_prediction():
    """The old words' turns keep their nodes and rows, whatever their new place in the table."""
    recipe = Word2Vec(**{**SMALL, "epochs": 5}, loss="hierarchical")
    old = recipe.fit(Corpus(sentences()))
    text = [["goat", "eats", "grass"]] * 500
    frozen = Word2Vec(**SMALL, loss="hierarchical", learning_rate=1e-12)
    grown = frozen.fit(Corpus(text), start=old)
    assert grown.words.vocabulary.words[0] == "goat"

    def turns(model, word):
        tree, row = model.state["tree"], model.words.key_to_index[word]
        node, path = -1 - row, []
        while (above := np.argwhere(tree == node)).size:
            node, side = (int(part) for part in above[0])
            path.append((model.state["output"][node].tobytes(), side))
        return path

    grown_output = grown.state["output"][: len(old.state["output"])]
    np.testing.assert_allclose(grown_output[:-1], old.state["output"][:-1], atol=1e-6)
    for word in old.words.vocabulary.words:
        kept = [side for _, side in turns(old, word)]
        now = [side for _, side in turns(grown, word)]
        missing = len(now) - len(kept)
        assert missing in (0, 1)  # the branch of the new words is one turn more, for the words beside it


def test_vectors_from_anywhere_are_a_place_to_start():
    theirs = WordVectors(Vocabulary(["cat", "zebra"]), Dense(np.full((2, 8), 3, np.float32)))
    start = StaticModel(theirs, Corpus(sentences()).tokenizer)
    model = Word2Vec(**{**SMALL, "epochs": 1}, learning_rate=1e-9).fit(Corpus(sentences()), start=start)
    assert "zebra" not in model.words
    np.testing.assert_allclose(model.words["cat"], 3, atol=1e-5)
    assert np.abs(model.words["dog"]).max() < 0.1


def test_vectors_of_another_dimension_are_refused():
    start = Word2Vec(**SMALL).fit(Corpus(sentences(40)))
    with pytest.raises(ValueError, match=r"8 dimensions.*dim=9"):
        Word2Vec(**{**SMALL, "dim": 9}).fit(Corpus(sentences()), start=start)


@pytest.mark.usefixtures("small_chunks")
def test_held_out_text_is_measured_and_not_learnt():
    model = Word2Vec(**{**SMALL, "epochs": 4}, heldout=0.2, learning_rate=0.2).fit(Corpus(sentences(300)))
    history = model.history
    assert len(history["heldout"]) == len(history["loss"]) == 4
    assert history["heldout"][-1] < history["heldout"][0]
    assert history["planned"] < 4 * history["known_tokens"]


@pytest.mark.usefixtures("small_chunks")
def test_patience_stops_and_gives_back_the_best_epoch():
    random = np.random.default_rng(0)
    noise = [[*random.choice(list("abcdefghij"), 8)] for _ in range(60)]  # nothing to learn but the noise by heart
    recipe = {"dim": 8, "min_count": 1, "subsample": 0, "threads": 1, "learning_rate": 0.3, "final_rate": 1.0}
    stopped = Word2Vec(**recipe, epochs=50, heldout=0.3, patience=2).fit(Corpus(noise))
    heldout = stopped.history["heldout"]
    best = int(np.argmin(heldout)) + 1
    assert len(heldout) == best + 2 < 50
    assert "had not fallen" in stopped.history["stopped"]
    until_best = Word2Vec(**recipe, epochs=best, heldout=0.3).fit(Corpus(noise))
    np.testing.assert_array_equal(stopped.words.vectors, until_best.words.vectors)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("dim", 0, "dim must be a whole number of at least 1, not 0"),
        ("window", 0, "window must be"),
        ("window", 2.5, "window must be"),
        ("negatives", 0, "negatives must be"),
        ("dim", 4097, "dim must be at most 4096 .*, not 4097"),
        ("window", 100_001, "window must be at most 100,000, not 100001"),
        ("negatives", 201, "negatives must be at most 200 .*, not 201"),
        ("epochs", 0, "epochs must be"),
        ("min_count", 0, "min_count must be"),
        ("threads", 0, "threads must be"),
        ("max_vocab", 0, "max_vocab must be"),
        ("seed", -1, "seed must be"),
        ("subsample", 1.5, "subsample must be a share"),
        ("heldout", 1.0, "heldout must be a share"),
        ("patience", 1, "patience needs held-out text"),
        ("learning_rate", 0.0, "learning_rate must be above 0"),
        ("learning_rate", float("nan"), "learning_rate must be above 0"),
        ("final_rate", 2.0, "final_rate must be a share"),
        ("exponent", float("inf"), "exponent must be from -3 to 3, not inf"),
        ("architecture", "glove", "architecture must be one of skipgram, cbow"),
        ("loss", "hinge", "loss must be one of"),
        ("gradient", "half", "gradient must be one of"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        Word2Vec(**{field: value})


def test_too_little_text_to_keep_any_aside():
    with pytest.raises(ValueError, match="needs a longer corpus"):
        Word2Vec(**SMALL, heldout=0.1).fit(Corpus([["a", "b"]]))


def test_more_threads_than_processors_is_allowed_and_said(caplog, monkeypatch):
    monkeypatch.setattr(runs, "cores", lambda: 2)
    assert runs.thread_count(5) == 5
    assert "5 threads for 2 processors" in caplog.text
    assert runs.thread_count(None) == 2
    caplog.clear()
    Word2Vec(**{**SMALL, "threads": 5}, loss="hierarchical").fit(sentences())
    assert caplog.text.count("5 threads for 2 processors") == 1


@pytest.mark.parametrize("loss", LOSSES)
def test_one_word_alone_and_two_words(loss):
    alone = Word2Vec(**SMALL, loss=loss).fit(Corpus([["hermit"]] * 20))
    assert alone.words["hermit"].shape == (8,)
    two = Word2Vec(**SMALL, loss=loss).fit(Corpus([["a", "b"]] * 20))
    assert np.isfinite(two.words.vectors).all()


def test_text_of_which_no_word_is_kept_is_said(caplog):
    Word2Vec(**{**SMALL, "subsample": 1e-9, "epochs": 1}).fit([["one", "two", "three", "one"]])
    assert "nothing to learn from" in caplog.text


def test_vectors_that_share_no_word_are_said(caplog):
    theirs = WordVectors(Vocabulary(["zebra"]), Dense(np.ones((1, 8), np.float32)))
    Word2Vec(**{**SMALL, "epochs": 1}).fit(sentences(), start=StaticModel(theirs, Corpus(sentences()).tokenizer))
    assert "know none of the 12 words" in caplog.text


@pytest.mark.usefixtures("small_chunks")
def test_a_run_with_patience_that_diverges_gives_back_its_best_epoch():
    with Corpus(sentences()).scan() as scan:
        ids, kept = scan.encode(scan.vocabulary(1)), []
        plan = training.Plan(9, 0.5, 0, 1, 1, heldout=0.2, patience=3)

        def step(chunk, rates, scratch, state):
            return (float("nan") if len(kept) == 1 and rates.first else 1.0), 1

        loop = Loop(ids, step, plan, lambda *_, **__: None)
        loop.run(lambda: kept.append("best"), lambda: kept.append("restored"))
    assert kept == ["best", "restored"]
    assert "is no number" in loop.history.stopped
