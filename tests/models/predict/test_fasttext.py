"""FastText as its user sees it: what it learns, what it makes of unknown words, how it resumes and grows."""

import numpy as np
import pytest

from support import JIT_OFF
from wordfield import Corpus, FastText, Word2Vec
from wordfield.models.predict import training
from wordfield.text.ngrams import Ngrams

LOSSES, ARCHITECTURES = ("negative", "hierarchical", "softmax"), ("skipgram", "cbow")
SMALL = {"dim": 8, "min_count": 1, "subsample": 0, "threads": 1, "epochs": 2, "bucket": 500}


def sentences(count=150, seed=0):
    """Two worlds that never meet: words of growing things, and of ships; endings that stand in both."""
    random = np.random.default_rng(seed)
    worlds = [
        ["garden", "gardener", "flower", "flowers", "seeding", "planting"],
        ["sailor", "sailors", "sailing", "harbour", "anchors", "rowing"],
    ]
    return [[*random.choice(worlds[line % 2], 6)] for line in range(count)]


def alike(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_word_nobody_has_seen_is_like_those_that_it_is_spelled_like(loss, architecture):
    epochs, rate = (30, 0.1) if not JIT_OFF else (8, 0.3)
    recipe = FastText(**SMALL | {"epochs": epochs, "learning_rate": rate}, loss=loss, architecture=architecture)
    words = recipe.fit(Corpus(sentences())).words
    assert words.similarity("gardens", "flower") > words.similarity("gardens", "harbour") + 0.3
    assert words.similarity("sailng", "anchors") > words.similarity("sailng", "flower") + 0.3
    assert "gardens" not in words


@pytest.mark.parametrize("options", [{}, {"maxn": 0}, {"hash": "floret", "hash_count": 2, "bucket": 100}])
@pytest.mark.parametrize("loss", LOSSES)
def test_one_thread_and_one_seed_repeat_bit_for_bit(loss, options):
    one, other, another = (
        FastText(**SMALL | {"seed": seed} | options, loss=loss).fit(Corpus(sentences(40))) for seed in (1, 1, 2)
    )
    assert one.words.storage.matrix.tobytes() == other.words.storage.matrix.tobytes()
    assert one.words.storage.matrix.tobytes() != another.words.storage.matrix.tobytes()


def test_only_buckets_that_a_word_uses_have_rows_and_the_row_of_the_others_stays_zero():
    model = FastText(**SMALL).fit(Corpus(sentences(40)))
    vocabulary, storage = model.words.vocabulary, model.words.storage
    hashes, _ = Ngrams(3, 6, 500).hashes(vocabulary.words)
    assert vocabulary.ngrams.kept.tolist() == sorted({int(each) % 500 for each in hashes})
    assert storage.shape[0] == len(vocabulary) + len(vocabulary.ngrams.kept) + 1
    assert not storage.matrix[-1].any()
    assert storage.matrix[:-1].any(axis=1).all()


def test_without_ngrams_a_word_is_its_own_row_and_others_are_unknown():
    model = FastText(**SMALL | {"minn": 0, "maxn": 0}).fit(Corpus(sentences(40)))
    row = model.words.vocabulary.index["garden"]
    np.testing.assert_array_equal(model.words["garden"], model.words.storage.matrix[row])
    with pytest.raises(KeyError, match=r"gardens.*garden"):
        model.words["gardens"]


def test_in_floret_all_words_share_the_buckets():
    model = FastText(**SMALL | {"bucket": 90}, hash="floret", hash_count=2).fit(Corpus(sentences(40)))
    assert model.words.storage.shape == (90, 8)
    bag = model.words.vocabulary.bag("garden")
    assert len(bag) == 2 * (1 + len(Ngrams(3, 6, 90).spelled("garden")))
    assert bag.max() < 90


class Stop:
    """Interrupts as Ctrl-C would, once so many tokens have been trained on."""

    def __init__(self, tokens):
        self.tokens = tokens

    def __call__(self, done, total, **measures):
        if "loss" in measures and done >= self.tokens:
            raise KeyboardInterrupt


@pytest.mark.parametrize("options", [{}, {"hash": "floret", "bucket": 100}])
@pytest.mark.parametrize("loss", LOSSES)
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(loss, options, monkeypatch):
    monkeypatch.setattr(training, "SMALLEST_CHUNK", 64)
    recipe, corpus = FastText(**SMALL | options, loss=loss), Corpus(sentences(150 if JIT_OFF else 3000))
    whole = recipe.fit(corpus)
    with pytest.raises(KeyboardInterrupt) as stopped:
        recipe.fit(corpus, Stop(640))
    partial = stopped.value.partial
    assert 640 <= partial.history["tokens"] <= whole.history["tokens"]  # threads go on until they hear of it
    again = recipe.fit(corpus, start=partial)
    np.testing.assert_array_equal(again.words.storage.matrix, whole.words.storage.matrix)
    np.testing.assert_array_equal(again.state["output"], whole.state["output"])
    assert again.history["loss"] == pytest.approx(whole.history["loss"], rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_trained_model_grows_with_new_text(loss):
    recipe = FastText(**SMALL, loss=loss)
    old = recipe.fit(Corpus(sentences(40)))
    still = FastText(**SMALL | {"learning_rate": 1e-9}, loss=loss)
    grown = still.fit(Corpus([["gardening", "flower"]] * 5), start=old)
    assert set(grown.words.index_to_key) == {*old.words.index_to_key, "gardening"}
    for word in old.words.index_to_key:
        np.testing.assert_allclose(grown.words[word], old.words[word], atol=1e-6)
    # Of the new word the n-grams that others have too were learnt before.
    rows = {ngram: row for ngram, row, _ in grown.words.vocabulary.origin("gardening").ngrams}
    before = {ngram: row for ngram, row, _ in old.words.vocabulary.origin("garden").ngrams}
    for ngram in rows.keys() & before.keys():
        now, then = grown.words.storage.matrix[rows[ngram]], old.words.storage.matrix[before[ngram]]
        np.testing.assert_allclose(now, then, atol=1e-6)


def test_vectors_of_another_recipe_are_a_start_for_the_words_own_rows():
    old = Word2Vec(dim=8, min_count=1, subsample=0, threads=1).fit(Corpus(sentences(40)))
    model = FastText(**SMALL | {"learning_rate": 1e-9}).fit(Corpus(sentences(40)), start=old)
    own = model.words.storage.matrix[: len(model.words)]
    np.testing.assert_allclose(own, old.words[model.words.index_to_key], atol=1e-6)
    with pytest.raises(ValueError, match="8 dimensions, the recipe dim=9"):
        FastText(**SMALL | {"dim": 9}).fit(Corpus(sentences(40)), start=old)


def test_the_best_epoch_is_kept_where_the_heldout_loss_rises(monkeypatch):
    monkeypatch.setattr(training, "SMALLEST_CHUNK", 64)
    recipe = FastText(**SMALL | {"epochs": 30, "learning_rate": 0.5}, heldout=0.3, patience=2)
    model = recipe.fit(Corpus(sentences(60)))
    assert model.history["stopped"].startswith(("after epoch", "in epoch"))
    assert len(model.history["heldout"]) < 30


def test_the_mean_of_a_text_counts_each_word_alike_and_knows_unknown_ones():
    model = FastText(**SMALL | {"epochs": 5, "bucket": 100_000}).fit(Corpus(sentences(40)))
    words = [model.words[word] for word in ("garden", "gardens")]
    expected = np.mean([word / np.linalg.norm(word) for word in words], axis=0)
    found = model.embed(["garden gardens", "", "zzzz"])
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    assert not found[1].any()
    assert not found[2].any()  # all of its n-grams are zeros
    assert model.words.similarity("garden", "zzzz") == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"minn": 5, "maxn": 4}, "minn must be at most maxn, not 5 for maxn=4"),
        ({"bucket": 0}, "bucket must be a whole number of at least 1, not 0"),
        ({"bucket": 1 << 31}, "bucket must be at most 2,147,483,647"),
        ({"hash_count": 2}, "1 row, in floret"),
        ({"hash": "floret", "hash_count": 5}, "1 to 4, not 5 in floret"),
        ({"hash": "murmur"}, "hash must be one of fasttext, floret"),
        ({"patience": 1}, "patience needs held-out text"),
        ({"maxn": -1}, "maxn must be a whole number of at least 0"),
    ],
)
def test_recipes_that_cannot_be_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        FastText(**fields)
