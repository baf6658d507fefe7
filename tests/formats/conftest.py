import numpy as np
import pytest

from wordfield.formats import Table
from wordfield.storage import Dense


@pytest.fixture
def table():
    """Seven words of several scripts with vectors of every size."""
    rng = np.random.default_rng(5)
    words = ["the", "naïve", "词向量", "a\u00a0b", "don't", "🙂", "\u2028"]
    vectors = (rng.standard_normal((7, 5)) * 10.0 ** rng.integers(-30, 30, (7, 5))).astype(np.float32)
    vectors[0] = [0, -0.0, 1, 1e-45, 3.4e38]
    counts = np.array([9, 5, 5, 3, 2, 1, 1])
    state = {"output": vectors[::-1].copy(), "steps": np.array([1, 2**40], np.int64), "odd": np.array([7], np.uint8)}
    return Table(words, Dense(vectors), counts, {"recipe": {"model": "word2vec", "dim": 5}}, state)
