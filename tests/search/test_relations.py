"""Questions answered through the cosines of their words are answered as one by one."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from wordfield.search import blocks, exact, relations
from wordfield.storage import Dense, Float16, Sparse


@pytest.fixture
def matrix():
    random = np.random.default_rng(5)
    matrix = random.standard_normal((90, 7)).astype(np.float32) * random.uniform(0.1, 30, (90, 1)).astype(np.float32)
    matrix[10] = 0
    matrix[11] = np.nan
    return matrix


MADE = {"numbers": Dense, "codes": lambda matrix: Float16(matrix.astype(np.float16))}
MADE["sparse"] = lambda matrix: Sparse(csr_array(np.where(np.abs(matrix) > 0.3, matrix, 0)))


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("multiplied", [False, True])
@pytest.mark.parametrize("candidates", [None, np.arange(40), np.arange(1, 90, 3)])
def test_answers_are_those_of_each_question_alone(monkeypatch, matrix, kind, multiplied, candidates):
    monkeypatch.setattr(relations, "LEAST", 7)
    monkeypatch.setattr(relations, "SCORES", 7)
    monkeypatch.setattr(relations, "PART", 20)
    monkeypatch.setattr(relations, "threads_allowed", lambda: 3)
    table, used = MADE[kind](matrix), np.arange(20, 36)
    asked = np.random.default_rng(1).permuted(np.tile(np.arange(16), (100, 1)), axis=1)[:, :3]
    options = {"norms": table.norms, "exclude": used[asked], "candidates": candidates}
    found = relations.answers(table.matrix, table.take(used), asked, multiplied=multiplied, **options)
    a, b, c = (exact.unit(table.take(used))[each] for each in asked.T)
    if multiplied:
        rows, scores = exact.nearest_by_product(table.matrix, np.stack([b, c, a], axis=1), 2, 2, **options)
    else:
        rows, scores = exact.nearest(table.matrix, b - a + c, 2, **options)
    clear = scores[:, 0] - scores[:, 1] > 1e-5  # of two as good as equal either may be the best
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(found[clear], rows[clear, 0])


def test_no_row_answers_where_none_may(matrix):
    table = Dense(matrix[10:12])
    options = {"norms": table.norms, "exclude": np.array([[0, 0, 0]])}
    asked = np.array([[0, 1, 2]])
    assert relations.answers(table.matrix, matrix[:3], asked, **options).tolist() == [-1]
    assert relations.answers(table.matrix, matrix[:3], asked[:0], **options).tolist() == []
    none = relations.answers(table.matrix, matrix[:3], asked, candidates=np.empty(0, np.int64), **options)
    assert none.tolist() == [-1]


def test_blocks_are_no_larger_than_the_words_allow(monkeypatch, matrix):
    table, seen = Dense(matrix), []
    monkeypatch.setattr(relations, "LEAST", 5)
    monkeypatch.setattr(relations, "SCORES", 16 * 9)
    made = blocks.product
    monkeypatch.setattr(relations, "product", lambda *given: seen.append(len(given[1])) or made(*given))
    asked = np.array([[0, 1, 2]])
    relations.answers(table.matrix, matrix[:16], asked, norms=table.norms, exclude=asked)
    assert max(seen) == 9
    assert sum(seen) == 90
