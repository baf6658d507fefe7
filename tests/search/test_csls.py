"""CSLS is what its definition says, on tables of every kind."""

import numpy as np
import pytest

import naive_csls
from wordfield.compression import int8
from wordfield.search import csls
from wordfield.storage import Dense


def rows(count, dim=5, seed=1):
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


@pytest.fixture(params=["dense", "coded"])
def table(request):
    return Dense(rows(60)) if request.param == "dense" else int8(Dense(rows(60)))


def test_the_nearest_are_those_of_the_definition(table):
    queries, k = rows(30, seed=2), 4
    every, plain = np.arange(60), table.take(np.arange(60))
    crowded = csls.crowding(Dense(queries), plain, k, np.arange(30))
    assert crowded == pytest.approx(naive_csls.crowding(plain, queries, k), abs=1e-6)
    found, scores = csls.nearest(table, queries, 7, crowded, every)
    expected = naive_csls.csls(queries, plain, k)
    assert (found == np.argsort(-expected, axis=1, kind="stable")[:, :7]).all()
    own = csls.crowding(table, queries, k, every)
    assert scores - own[:, None] == pytest.approx(-np.sort(-expected, axis=1)[:, :7], abs=1e-5)


def test_only_candidates_answer_and_fewer_than_k_are_filled_up(table):
    queries, some = rows(8, seed=3), np.array([3, 17, 40])
    plain = table.take(some)
    crowded = csls.crowding(Dense(queries), plain, 10, np.arange(8))
    assert crowded == pytest.approx(naive_csls.cosines(plain, queries).mean(axis=1), abs=1e-6)
    found, scores = csls.nearest(table, queries, 5, crowded, some)
    expected = naive_csls.csls(queries, plain, 10)
    assert (found[:, :3] == some[np.argsort(-expected, axis=1, kind="stable")]).all()
    assert (found[:, 3:] == -1).all()
    assert np.isneginf(scores[:, 3:]).all()


def test_a_hub_is_set_back():
    """A row in the middle of all is among the nearest of most by cosine, of few by CSLS."""
    around = rows(200, 100) + 1
    table = Dense(np.concatenate([around.mean(axis=0, keepdims=True), around]))
    queries, every = around + 2 * rows(200, 100, 4), np.arange(201)
    crowded = csls.crowding(Dense(queries), table.matrix, 10, np.arange(200))
    plain, _ = csls.nearest(table, queries, 10, np.zeros(201, np.float32), every)
    scaled, _ = csls.nearest(table, queries, 10, crowded, every)
    assert (plain == 0).any(axis=1).mean() > 0.5
    assert (scaled == 0).any(axis=1).mean() < 0.2
