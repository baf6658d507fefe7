"""Words are put into clusters as a slow twin does it, tight ones; purity is that of a count by hand."""

from __future__ import annotations

from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from wordfield import evaluation
from wordfield.evaluation import categories
from wordfield.evaluation.categories import commonest, cosines
from wordfield.evaluation.clustering import clustered, fill, first_centres, moved, settled, tightness
from wordfield.storage import Dense, Sparse
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors


def directions(count, dim=4, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def slow(vectors, centres):
    """Spherical k-means as it is written in the paper, on the vectors themselves."""
    means = [vectors[centre] for centre in centres]
    labels = [max(range(len(means)), key=lambda k: vector @ means[k]) for vector in vectors]
    while True:
        for k in range(len(means)):
            members = [vector for vector, label in zip(vectors, labels, strict=True) if label == k]
            assert members, "this twin knows no empty clusters"
            total = np.sum(members, axis=0)
            means[k] = total / np.linalg.norm(total)
        new = [max(range(len(means)), key=lambda k: vector @ means[k]) for vector in vectors]
        if new == labels:
            return labels
        labels = new


@pytest.mark.parametrize("seed", range(8))
def test_clusters_are_those_of_a_slow_twin(seed):
    vectors = directions(40, seed=seed)
    centres = first_centres(vectors @ vectors.T, 3, np.random.default_rng(seed))
    assert settled(vectors @ vectors.T, centres).tolist() == slow(vectors, centres)


def lengths(vectors, labels, clusters):
    return sum(np.linalg.norm(vectors[np.array(labels) == k].sum(axis=0)) for k in range(clusters))


@pytest.mark.parametrize("seed", range(5))
def test_vectors_are_moved_as_a_slow_twin_does_it(seed):
    vectors, clusters = directions(15, seed=seed), 3
    begin = np.random.default_rng(seed).integers(0, clusters, 15)
    labels = begin.tolist()
    while True:
        tries = [[*labels[:here], k, *labels[here + 1 :]] for here in range(15) for k in range(clusters)]
        best = max(tries, key=lambda each: lengths(vectors, each, clusters))
        if lengths(vectors, best, clusters) <= lengths(vectors, labels, clusters) + 1e-9:
            break
        labels = best
    assert moved(vectors @ vectors.T, begin, clusters).tolist() == labels
    assert lengths(vectors, labels, clusters) == pytest.approx(
        tightness(vectors @ vectors.T, np.array(labels), clusters)
    )


@pytest.mark.parametrize("seed", range(5))
def test_of_a_few_vectors_the_best_clusters_are_found(seed):
    vectors = directions(7, 3, seed)
    near = vectors @ vectors.T
    best = max(lengths(vectors, labels, 3) for labels in product(range(3), repeat=7))
    found = clustered(near, 3)
    assert tightness(near, found, 3) == pytest.approx(best)
    assert (clustered(near, 3) == found).all()
    assert tightness(near, clustered(near, 3, starts=1), 3) <= best + 1e-9


def test_empty_clusters_take_what_fits_worst():
    vectors = np.array([[1, 0.0], [1, 0.01], [1, -0.01], [0, 1]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.zeros(4, np.int64)
    fill(vectors @ vectors.T, labels, 2)
    assert labels.tolist() == [0, 0, 0, 1]
    labels = np.array([0, 0, 0, 1])
    fill(vectors @ vectors.T, labels, 3)
    assert sorted(Counter(labels.tolist()).values()) == [1, 1, 2]


def test_equal_vectors_and_zeros_are_clustered_too():
    same = np.ones((5, 5))
    assert len(set(clustered(same, 3).tolist())) == 3
    nothing = np.zeros((4, 4))
    assert len(clustered(nothing, 2)) == 4
    assert clustered(np.ones((2, 2)), 5).max() < 2


def test_what_is_right_is_what_most_of_a_cluster_are():
    draw = np.random.default_rng(3)
    for size in (1, 5, 40):
        clusters, kinds = draw.integers(0, 4, size), draw.integers(0, 3, size)
        found = commonest(clusters, kinds)
        for cluster in set(clusters.tolist()):
            counts = Counter(kinds[clusters == cluster].tolist())
            most = min(kind for kind, count in counts.items() if count == max(counts.values()))
            assert (found[clusters == cluster] == (kinds[clusters == cluster] == most)).all()
    assert not len(commonest(np.empty(0, np.int64), np.empty(0, np.int64)))


def test_cosines_of_wide_vectors_are_made_in_parts(monkeypatch):
    vectors = np.random.default_rng(2).normal(size=(6, 50)).astype(np.float32)
    vectors[3] = 0
    whole = cosines(vectors)
    monkeypatch.setattr(categories, "NUMBERS", 40)
    np.testing.assert_allclose(cosines(vectors), whole, atol=1e-12)
    assert whole[0, 0] == pytest.approx(1)
    assert not whole[3].any()


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    path = tmp_path / "kinds.csv"
    rows = [("Cat", "animal"), ("dog", "animal"), ("oak", "tree"), ("elm", "tree"), ("ash", "tree"), ("moo", "noise")]
    path.write_text("word,category\n" + "".join(f"{word},{kind}\n" for word, kind in [*rows, rows[1]]))
    return path


TABLE = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0.1, 0.9, 0], [1, 0.1, 0]], np.float32)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_set_of_categories_is_scored(kinds: Path, sparse: bool) -> None:
    storage = Sparse(csr_array(TABLE)) if sparse else Dense(TABLE)
    words = WordVectors(Vocabulary(["cat", "dog", "oak", "elm", "ash"]), storage)
    (result,) = evaluation.evaluate(words, kinds)
    assert (result["task"], result["dataset"], result["metric"]) == ("categories", "kinds", "purity")
    assert (result["pairs"], result["covered"], result["oov"]) == (7, 6, "skip")
    assert (result["categories"], result["duplicates"]) == (2, 1)
    assert result["value"] == pytest.approx(5 / 6)  # ash lies with the animals
    assert result["low"] <= result["value"] <= result["high"] == 1
    (zero,) = evaluation.evaluate(words, kinds, unknown="zero")
    assert (zero["covered"], zero["categories"], zero["oov"]) == (7, 3, "zero")
    with pytest.raises(KeyError, match="moo"):
        evaluation.evaluate(words, kinds, unknown="raise")


def test_nothing_known_is_no_score(kinds: Path) -> None:
    (result,) = evaluation.evaluate(WordVectors(Vocabulary(["x"]), Dense(np.ones((1, 2)))), kinds)
    assert (result["value"], result["low"], result["covered"], result["categories"]) == (None, None, 0, 0)
