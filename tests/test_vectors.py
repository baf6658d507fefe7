"""Asking words: what is near, what is like what, and what is said when there is no answer."""

import numpy as np
import pytest

from wordfield.storage import Dense
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

WORDS = ["king", "queen", "man", "woman", "apple", "pear", "void"]
VECTORS = [[1, 0, 1, 0], [1, 0, 0, 1], [0.1, 0, 1, 0], [0.1, 0, 0, 1], [0, 1, 0.2, 0], [0, 2, 0, 0.1], [0, 0, 0, 0]]


@pytest.fixture
def field():
    return WordVectors(Vocabulary(WORDS, np.arange(7, 0, -1)), Dense(np.array(VECTORS)))


def cosine(field, a, b):
    return float(field[a] @ field[b] / np.linalg.norm(field[a]) / np.linalg.norm(field[b]))


def test_looking_up_words(field):
    assert len(field) == 7
    assert "king" in field
    assert "prince" not in field
    assert field.dim == field.vector_size == 4
    assert field["king"].tolist() == [1, 0, 1, 0]
    assert field["king"].dtype == np.float32
    assert field[["queen", "king", "queen"]].tolist() == [VECTORS[1], VECTORS[0], VECTORS[1]]
    assert field[[]].shape == (0, 4)
    assert field.index_to_key[field.key_to_index["pear"]] == "pear"
    assert field.vectors.shape == (7, 4)
    assert repr(field) == "WordVectors(7 words, 4 dimensions)"


def test_what_is_looked_up_is_a_copy(field):
    field["king"][:] = 9
    assert field["king"].tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda field: field["qeen"],
        lambda field: field[["king", "qeen"]],
        lambda field: field.most_similar("qeen"),
        lambda field: field.most_similar(positive=["king"], negative=[("qeen", 2)]),
        lambda field: field.similarity("king", "qeen"),
        lambda field: field.analogy("man", "king", "qeen"),
        lambda field: field.doesnt_match(["king", "man", "qeen"]),
        lambda field: field.rank("king", "qeen"),
    ],
)
def test_an_unknown_word_is_a_key_error_that_names_the_nearest_spelling(field, ask):
    with pytest.raises(KeyError, match=r"qeen.*queen"):
        ask(field)


def test_similarity_is_the_cosine(field):
    assert field.similarity("king", "queen") == pytest.approx(0.5)
    assert field.similarity("king", "king") == pytest.approx(1, abs=1e-12)
    assert field.similarity("king", np.array([-1, 0, -1, 0])) == pytest.approx(-1)


def test_a_word_of_zeros_is_like_nothing_and_never_not_a_number(field):
    assert field.similarity("void", "king") == field.similarity("void", "void") == 0.0
    assert [score for _, score in field.most_similar("void")] == [0.0] * 6
    assert dict(field.most_similar("king"))["void"] == 0.0
    assert field.doesnt_match(["king", "queen", "void"]) == "void"
    assert field.rank("king", "void") >= 1
    assert all(np.isfinite(score) for _, score in field.analogy("void", "king", "man", method="mul"))


def test_neighbours_are_ordered_by_cosine_and_leave_the_word_out(field):
    found = field.most_similar("king", k=3)
    assert [word for word, _ in found] == ["man", "queen", "apple"]
    assert found[0][1] == pytest.approx(cosine(field, "king", "man"))
    assert all(isinstance(word, str) and type(score) is float for word, score in found)
    assert len(field.most_similar("king", k=100)) == 6


def test_a_list_of_words_gives_a_list_of_lists_and_a_vector_one_list(field):
    assert field.most_similar(["king", "pear"], k=2) == [
        field.most_similar("king", k=2),
        field.most_similar("pear", k=2),
    ]
    assert field.most_similar([]) == []
    assert [word for word, _ in field.most_similar(field["pear"] * 3, k=2)] == ["pear", "apple"]
    assert field.most_similar([field["pear"], "king"], k=1)[0][0][0] == "pear"


def test_positive_and_negative_terms_with_weights(field):
    found = field.most_similar(positive=["king", "woman"], negative=["man"], k=1)
    assert found[0][0] == "queen"
    assert found == field.analogy("man", "king", "woman", k=1)
    assert field.most_similar(["king", "woman"], negative=["man"], k=1) == found
    assert field.most_similar(positive=("king", 1.0), k=2) == field.most_similar("king", k=2)
    heavy = field.most_similar(positive=[("pear", 9.0), ("king", 0.01)], k=1)
    assert heavy[0][0] == "apple"
    with_vector = field.most_similar(positive=[field["king"], ("woman", 1)], negative="man", k=2)
    assert [word for word, _ in with_vector] == ["queen", "king"]
    assert field.most_similar(negative=["king"], k=1)[0][1] <= 0


def test_only_words_that_are_wanted_answer(field):
    assert [word for word, _ in field.most_similar("king", restrict_vocab=3)] == ["man", "queen"]
    assert [word for word, _ in field.most_similar("king", keep={"pear", "apple", "king", "unknown"})] == [
        "apple",
        "pear",
    ]
    assert [word for word, _ in field.most_similar("king", keep=lambda word: len(word) == 5)] == [
        "queen",
        "apple",
        "woman",
    ]
    assert field.most_similar("king", keep=[]) == []
    assert field.analogy("man", "king", "woman", keep={"pear"})[0][0] == "pear"


@pytest.mark.parametrize("method", ["add", "mul"])
def test_man_is_to_king_as_woman_is_to_queen(field, method):
    found = field.analogy("man", "king", "woman", k=3, method=method)
    assert found[0][0] == "queen"
    assert not {"man", "king", "woman"} & {word for word, _ in found}


def test_3cosmul_is_the_formula(field):
    shifted = {word: (cosine(field, word, "queen") + 1) / 2 for word in ("man", "king", "woman")}
    expected = shifted["king"] * shifted["woman"] / (shifted["man"] + 0.001)
    assert field.analogy("man", "king", "woman", method="mul")[0][1] == pytest.approx(expected, rel=1e-5)


def test_the_word_that_does_not_match(field):
    assert field.doesnt_match(["king", "queen", "man", "pear"]) == "pear"
    for few in (["king", "pear"], [], "king"):
        with pytest.raises(ValueError, match="at least 3 words"):
            field.doesnt_match(few)


def test_rank_counts_the_closer_words(field):
    assert field.closer_than("king", "apple") == ["man", "queen"]
    assert field.rank("king", "apple") == 3
    assert field.rank("king", "man") == 1
    for place, (word, _) in enumerate(field.most_similar("king", k=3), 1):
        assert field.rank("king", word) == place


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda field: field.most_similar("king", k=0), "k is how many words"),
        (lambda field: field.analogy("man", "king", "woman", k=-1, method="mul"), "k is how many words"),
        (lambda field: field.analogy("man", "king", "woman", method="max"), "unknown method 'max'; known: add, mul"),
        (lambda field: field.most_similar("king", restrict_vocab=0), "at least 1, not 0"),
        (lambda field: field.most_similar(), "nothing to look for"),
        (lambda field: field.most_similar(positive=[], negative=[]), "both empty"),
        (lambda field: field.most_similar(np.ones(3)), "vector of 4 numbers is needed, not ndarray"),
        (lambda field: field.similarity("king", 5), "vector of 4 numbers is needed, not int"),
    ],
)
def test_questions_without_sense_say_what_is_needed(field, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(field)


def test_one_row_a_word_is_needed():
    with pytest.raises(ValueError, match="2 words for 3 rows"):
        WordVectors(Vocabulary(["a", "b"]), Dense(np.ones((3, 2))))


def test_equally_near_words_come_in_the_order_of_their_frequency():
    field = WordVectors(Vocabulary([str(row) for row in range(300)]), Dense(np.ones((300, 3))))
    assert [word for word, _ in field.most_similar("4", k=5)] == ["0", "1", "2", "3", "5"]
    assert all(0.999999 < score <= 1 for _, score in field.most_similar("4", k=5))


@pytest.mark.parametrize("name", ["model", "model.txt", "model.bin"])
def test_saved_vectors_answer_the_same(field, tmp_path, name):
    field.save(tmp_path / name)
    again = WordVectors.load(tmp_path / name)
    assert again.most_similar("king") == field.most_similar("king")
    assert (again.vocabulary.counts is None) == (name != "model")


def test_answers_are_gensims():
    keyed = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is a peer, not a dependency")
    rng = np.random.default_rng(1)
    words = [f"w{row}" for row in range(200)]
    vectors = rng.standard_normal((200, 8)).astype(np.float32) * rng.uniform(0.1, 9, (200, 1)).astype(np.float32)
    theirs = keyed.KeyedVectors(8)
    theirs.add_vectors(words, vectors)
    field = WordVectors(Vocabulary(words), Dense(vectors))

    def same(mine, other):
        assert [word for word, _ in mine] == [word for word, _ in other]
        np.testing.assert_allclose([score for _, score in mine], [score for _, score in other], atol=1e-5)

    same(field.most_similar("w3", k=20), theirs.most_similar("w3", topn=20))
    terms = {"positive": [("w1", 0.7), "w2"], "negative": ["w5"]}
    same(field.most_similar(k=9, **terms), theirs.most_similar(topn=9, **terms))
    same(field.analogy("w5", "w1", "w2", k=9), theirs.most_similar(positive=["w1", "w2"], negative=["w5"], topn=9))
    assert field.doesnt_match(words[:9]) == theirs.doesnt_match(words[:9])
    assert field.rank("w1", "w2") == theirs.rank("w1", "w2")
    assert set(field.closer_than("w1", "w2")) == set(theirs.closer_than("w1", "w2"))
    assert field.similarity("w1", "w2") == pytest.approx(float(theirs.similarity("w1", "w2")), abs=1e-6)


def test_a_word_is_exactly_like_itself():
    rows = np.random.default_rng(1).normal(size=(500, 50)).astype(np.float32)
    field = WordVectors(Vocabulary([f"w{row}" for row in range(500)]), Dense(rows))
    assert {field.similarity(word, word) for word in field.index_to_key} == {1.0}


def test_more_neighbours_than_words_take_no_memory(field):
    assert len(field.most_similar("king", 10**15)) == 6
    assert len(field.analogy("king", "man", "queen", 10**15)) == 4
    assert len(field.analogy("king", "man", "queen", 10**15, "mul")) == 4


def test_what_is_no_word_no_count_and_no_filter_is_said(field):
    for key in (5, None, 1.5):
        with pytest.raises(KeyError, match="words are str"):
            field[key]
    for k in ("3", 2.5):
        with pytest.raises(TypeError, match="k is how many words"):
            field.most_similar("king", k)
    with pytest.raises(TypeError, match=r"keep=\['queen'\]"):
        field.most_similar("king", keep="queen")
