"""Which part of a text counts and what is done to the mean: in its order, and kept as JSON."""

import json

import numpy as np
import pytest

from wordfield.text.pooling import Pooling


def test_nothing_is_done_where_nothing_is_said():
    plain = Pooling()
    assert plain.describe() == {}
    assert Pooling.described(None) == Pooling.described({}) == plain
    assert plain.text("a b") == "a b"
    assert plain.kept(["a", "b"]) == ["a", "b"]
    means = np.float32([[3, 4], [0, 0]])
    np.testing.assert_array_equal(plain.finished(means), means)


def test_the_prompt_counts_among_the_characters_and_the_unknown_among_the_words():
    pooling = Pooling(prompt="q: ", characters=5, tokens=3, unknown="?", normalize=True, dim=1)
    assert pooling.text("king") == "q: ki"
    assert pooling.kept(["a", "?", "b", "c"]) == ["a", "b"]
    assert Pooling(tokens=3, left=True, unknown="?").kept(["a", "?", "b", "c"]) == ["b", "c"]
    assert Pooling(tokens=0, left=True).kept(["a"]) == []
    np.testing.assert_allclose(pooling.finished(np.float32([[3, 4], [0, 0]])), [[0.6], [0]])


def test_what_is_said_comes_back_from_json():
    pooling = Pooling("q: ", 9, True, 7, True, "[UNK]", True, 3)
    assert Pooling.described(json.loads(json.dumps(pooling.describe()))) == pooling


@pytest.mark.parametrize(
    "wrong", [[], "mean", {"mean": True}, {"tokens": -1}, {"tokens": True}, {"normalize": 1}, {"normalize": None}]
)
def test_what_is_no_pooling_is_refused(wrong):
    with pytest.raises(ValueError, match=r"no (object|part) of prompt"):
        Pooling.described(wrong)
