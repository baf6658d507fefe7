"""A trained static model: texts become means of word vectors, and a saved model is the same model."""

import json
from dataclasses import replace

import numpy as np
import pytest

from wordfield import formats
from wordfield.formats import FormatError
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.pooling import Pooling
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors


@pytest.fixture
def model():
    words = WordVectors(Vocabulary(["the", "cat", "sat"], [5, 2, 1]), Dense(np.array([[1, 0], [0, 1], [3, 4]])))
    recipe = {"model": "word2vec", "dim": 2, "learning_rate": None}
    state = {"output": np.arange(6, dtype=np.float32).reshape(3, 2)}
    return StaticModel(words, Tokenizer.of("words"), recipe, {"loss": [0.5, 0.25], "tokens": 8}, state)


def test_a_text_is_the_mean_of_its_known_words_each_as_often_as_it_occurs(model):
    vectors = model.embed(["The cat!", "the dog the cat sat", "dog", ""])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.5, 0.5], [1.25, 1.25], [0, 0], [0, 0]])
    assert model.embed([]).shape == (0, 2)
    with pytest.raises(TypeError, match=r"embed\(\[text\]\)"):
        model.embed("the cat")


def test_a_saved_model_is_the_same_model(model, tmp_path):
    model.save(tmp_path / "model")
    again = StaticModel.load(tmp_path / "model")
    assert (again.recipe, again.history, again.tokenizer) == (model.recipe, model.history, model.tokenizer)
    assert again.words.vocabulary == model.words.vocabulary
    np.testing.assert_array_equal(again.state["output"], model.state["output"])
    np.testing.assert_array_equal(again.embed(["the cat"]), model.embed(["the cat"]))
    again.save(tmp_path / "model")
    assert StaticModel.load(tmp_path / "model").info() == model.info()


def test_what_a_model_says_of_itself_is_json(model):
    info = json.loads(json.dumps(model.info()))
    assert info["kind"] == "word2vec"
    assert (info["dim"], info["vocabulary"], info["tokens"], info["trainable"]) == (2, 3, 8, True)


@pytest.mark.parametrize(("word", "lowercase"), [("cat", True), ("Cat", False), ("词", True)])
def test_vectors_from_elsewhere_are_lower_cased_only_if_all_their_words_are(tmp_path, word, lowercase):
    formats.save(formats.Table([word], Dense(np.ones((1, 2)))), tmp_path / "x.bin")
    model = StaticModel.load(tmp_path / "x.bin")
    assert model.tokenizer == Tokenizer("words", lowercase)
    assert model.embed([word]).tolist() == [[1, 1]]
    assert model.info()["kind"] == "word vectors"
    assert model.info()["tokens"] is None


@pytest.mark.parametrize("tokenizer", ["words", {"name": "words"}, {"name": "latin", "lowercase": True}])
def test_a_tokenizer_that_cannot_be_is_a_format_error(model, tmp_path, tokenizer):
    model.save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer": tokenizer}))
    with pytest.raises(FormatError, match='"tokenizer" is'):
        StaticModel.load(tmp_path / "model")


@pytest.mark.parametrize("texts", [[None], [b"the cat"], [["the", "cat"]]])
def test_what_is_no_text_is_refused(model, texts):
    with pytest.raises(TypeError, match="a text is a str, not"):
        model.embed(texts)


def test_how_a_text_is_made_a_vector_is_kept_and_checked(model, tmp_path):
    pooled = replace(model, pooling=Pooling(prompt="cat ", tokens=2, normalize=True))
    expected = [[2**-0.5, 2**-0.5], [0, 1]]
    np.testing.assert_allclose(pooled.embed(["the sat", "dog"]), expected, rtol=1e-6)
    pooled.save(tmp_path / "model")
    assert StaticModel.load(tmp_path / "model").pooling == pooled.pooling
    model.save(tmp_path / "plain")
    path = tmp_path / "plain" / "config.json"
    assert "pooling" not in json.loads(path.read_text())
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pooling": {"tokens": "many"}}))
    with pytest.raises(FormatError, match="\"pooling\": 'tokens' is 'many'"):
        StaticModel.load(tmp_path / "plain")
