"""One-hot, co-occurrence and PPMI: the tables are those of the textbook."""

import json

import numpy as np
import pytest

import wordfield as wf
from naive_counting import counts_of, ppmi_of
from wordfield import api
from wordfield.models.count.ppmi import weigh
from wordfield.storage import Sparse
from wordfield.text.sampling import sample

NLP = ["I like NLP", "I like deep learning", "I enjoy flying"]
ORDER = ["I", "like", "enjoy", "NLP", "deep", "learning", "flying"]
TABLE = [
    [0, 2, 1, 1, 1, 1, 1],
    [2, 0, 0, 1, 1, 1, 0],
    [1, 0, 0, 0, 0, 0, 1],
    [1, 1, 0, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 1, 0],
    [1, 1, 0, 0, 1, 0, 0],
    [1, 0, 1, 0, 0, 0, 0],
]
RANDOM = np.random.default_rng(1)
SENTENCES = [[f"w{word}" for word in RANDOM.zipf(1.5, RANDOM.integers(1, 12)) % 30] for _ in range(200)]


def dense(model):
    """The table of a model, in the order of its words, and its words' numbers."""
    return model.words.vectors.toarray(), model.words.key_to_index


def numbers(index):
    return [[index[word] for word in sentence] for sentence in SENTENCES]


def test_the_example_everybody_starts_from(run, tmp_path):
    model = wf.Cooccurrence(window="sentence", min_count=1).fit(wf.Corpus(NLP, tokenizer="whitespace"))
    table, index = dense(model)
    places = [index[word] for word in ORDER]
    assert table[np.ix_(places, places)].tolist() == TABLE
    (tmp_path / "text.txt").write_text("\n".join(NLP))
    options = ["--window", "sentence", "--min-count", "1", "--tokenizer", "whitespace"]
    ran = run("train", "cooccurrence", tmp_path / "text.txt", "--out", tmp_path / "m", *options)
    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[-7].split() == ["I", "0", "2", "1", "1", "1", "1", "1"]
    told = json.loads(run("matrix", tmp_path / "m", *ORDER, "--json").out)
    assert told == {"words": ORDER, "kind": "counts", "values": TABLE}


@pytest.mark.parametrize(
    ("window", "weight", "context"),
    [(2, "flat", "both"), (5, "harmonic", "left"), (3, "decay", "right"), ("sentence", "harmonic", "both")],
)
def test_counts_of_a_recipe_equal_the_definition(window, weight, context):
    recipe = wf.Cooccurrence(window=window, weight=weight, context=context, min_count=1)
    table, index = dense(recipe.fit(wf.Corpus(SENTENCES)))
    expected = counts_of(numbers(index), len(index), window, weight, context)
    np.testing.assert_allclose(table, expected, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0, 0.75, 1])
@pytest.mark.parametrize("shift", [1, 5, 0.5])
@pytest.mark.parametrize("context", ["both", "right"])
def test_ppmi_equals_the_formula(smoothing, shift, context):
    recipe = wf.PPMI(window=3, context=context, smoothing=smoothing, shift=shift, min_count=1)
    model = recipe.fit(wf.Corpus(SENTENCES))
    table, index = dense(model)
    counts = counts_of(numbers(index), len(index), 3, "decay", context)
    np.testing.assert_allclose(table, ppmi_of(counts, smoothing, shift), rtol=1e-5, atol=1e-6)
    assert (model.words.vectors.data > 0).all()


def test_ppmi_of_a_matrix_given():
    counts = np.array([[0, 3, 0.5], [3, 0, 1], [0, 0, 0]])
    np.testing.assert_allclose(weigh(counts, 0.75, 2).toarray(), ppmi_of(counts, 0.75, 2), rtol=1e-5)
    assert weigh(np.zeros((3, 3))).nnz == 0


def test_frequent_words_are_skipped_before_windows_or_leaving_gaps():
    corpus = wf.Corpus(SENTENCES)
    options = {"window": 2, "weight": "flat", "min_count": 1}
    all_, dirty, clean, other = (
        wf.PPMI(**options, **more).fit(corpus).words.vectors
        for more in ({}, {"subsample": 0.01}, {"subsample": 0.01, "dirty": False}, {"subsample": 0.01, "seed": 2})
    )
    assert all((dirty != different).nnz for different in (all_, clean, other))
    again = wf.PPMI(**options, subsample=0.01, threads=1).fit(corpus).words.vectors
    assert (dirty != again).nnz == 0


def test_one_hot_vectors_are_distinct_orthogonal_and_as_wide_as_the_vocabulary():
    fruit = ["apple"] * 5 + ["banana"] * 4 + ["cherry"] * 3 + ["date"] * 2 + ["elderberry"]
    model = wf.OneHot(min_count=1).fit(wf.Corpus(fruit))
    table, _ = dense(model)
    assert (table == np.eye(5)).all()
    assert model.words["apple"].tolist() == [1, 0, 0, 0, 0]
    assert model.words.similarity("apple", "banana") == 0
    assert model.words.most_similar("cherry", 2) == [("apple", 0.0), ("banana", 0.0)]
    assert model.embed(["apple banana apple unknown", "unknown"]).tolist() == [
        pytest.approx([2 / 3, 1 / 3, 0, 0, 0]),
        [0, 0, 0, 0, 0],
    ]
    matrix = RANDOM.normal(size=(5, 3)).astype(np.float32)
    for row, word in enumerate(model.words.index_to_key):
        assert (model.words[word] @ matrix == matrix[row]).all()


def test_one_hot_vectors_are_stored_as_nothing(tmp_path):
    model = wf.OneHot(min_count=1).fit(wf.Corpus(SENTENCES))
    model.save(tmp_path / "model")
    assert (tmp_path / "model" / "vectors.safetensors").stat().st_size < 100
    again = wf.load(tmp_path / "model")
    assert isinstance(again.words.storage, Sparse)
    assert again.words.storage.is_identity
    assert again.embed(["w1 w2"]).tolist() == model.embed(["w1 w2"]).tolist()


@pytest.mark.parametrize("recipe", [wf.OneHot(min_count=1), wf.Cooccurrence(min_count=1), wf.PPMI(min_count=1)])
def test_a_dry_run_knows_what_a_small_corpus_gives(recipe):
    looked = sample(wf.Corpus(SENTENCES))
    with looked.scan:
        trial = recipe.rehearse(looked)
    model = recipe.fit(wf.Corpus(SENTENCES))
    assert (trial.vocabulary, trial.known_tokens) == (len(model.words), model.history["known_tokens"])
    assert trial.memory > 10e6
    assert api.plan(recipe, wf.Corpus(SENTENCES))["dim"] == len(model.words)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (wf.Cooccurrence, {"window": 0}, "window must be"),
        (wf.Cooccurrence, {"weight": "x"}, "weight must be one of"),
        (wf.Cooccurrence, {"memory": 0}, "memory must be gigabytes, above 0"),
        (wf.Cooccurrence, {"min_count": 0}, "min_count must be"),
        (wf.PPMI, {"smoothing": 2}, "smoothing must be from 0 to 1"),
        (wf.PPMI, {"shift": 0}, "shift must be above 0"),
        (wf.PPMI, {"subsample": 1}, "subsample must be"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)


@pytest.mark.parametrize("kind", [wf.OneHot, wf.Cooccurrence, wf.PPMI])
def test_there_is_no_going_on_and_one_word_is_enough(kind):
    model = kind(min_count=1).fit(wf.Corpus(["only only only"]))
    assert model.words.most_similar("only") == []
    with pytest.raises(ValueError, match="go on from"):
        kind(min_count=1).fit(wf.Corpus(["only"]), start=model)


def test_too_little_memory_is_said_with_what_is_needed():
    with pytest.raises(ValueError, match=r"memory of 1000 bytes is too little to count \d+ words: give at least \d+"):
        wf.Cooccurrence(min_count=1, memory=1e-6).fit(wf.Corpus(SENTENCES))
