"""The decomposition is that of the whole matrix, as far as the columns asked for go."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

import wordfield as wf
from support import JIT_OFF
from wordfield.models.count import svd
from wordfield.models.count.ppmi import weigh
from wordfield.models.count.svd import SVD, Parts, decomposed
from wordfield.text.counting import Counts

RANDOM = np.random.default_rng(1)
SENTENCES = [[f"w{word}" for word in RANDOM.zipf(1.3, RANDOM.integers(2, 12)) % 60] for _ in range(300)]
SMALL = {"min_count": 1, "dim": 8, "threads": 1}


def decaying(size, rank):
    """A sparse matrix whose singular values fall as those of words do."""
    left, right = (np.linalg.qr(RANDOM.normal(size=(size, rank)))[0] for _ in range(2))
    dense = (left * np.arange(1, rank + 1) ** -1.0) @ right.T
    return csr_array(dense.astype(np.float32))


@pytest.mark.parametrize("size", [40, 700 if not JIT_OFF else 80])
def test_singular_values_and_vectors_are_those_of_the_whole(size):
    matrix = decaying(size, 30)
    parts = decomposed(matrix, 5, threads=2)
    left, values, right = np.linalg.svd(matrix.toarray().astype(np.float64))
    np.testing.assert_allclose(parts.values, values[:5], rtol=1e-4)
    for found, expected in ((parts.left, left[:, :5]), (parts.right, right[:5].T)):
        np.testing.assert_allclose(np.abs(found.T @ expected), np.eye(5), atol=2e-3)
        np.testing.assert_allclose(found.T @ found, np.eye(5), atol=1e-4)
    assert parts.captured == pytest.approx(np.square(values[:5]).sum() / np.square(values).sum(), rel=1e-3)
    np.testing.assert_allclose(
        (parts.left * parts.values) @ parts.right.T @ right[:5].T, matrix @ right[:5].T, atol=1e-3
    )


@pytest.mark.skipif(JIT_OFF, reason="as plain Python it is too slow")
def test_the_result_does_not_depend_on_the_threads_but_on_the_seed():
    matrix = random_array((900, 900), density=0.02, rng=RANDOM, dtype=np.float32, format="csr")
    one, other, seeded = (
        decomposed(matrix, 3, threads=threads, seed=seed) for threads, seed in [(1, 1), (3, 1), (1, 2)]
    )
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(one.left, seeded.left)
    np.testing.assert_allclose(one.values, seeded.values, rtol=0.02)


@pytest.fixture
def narrow(monkeypatch):
    """Panels so narrow that a small matrix is not decomposed as a whole."""
    monkeypatch.setattr(svd, "PANEL", 4)
    monkeypatch.setattr(svd, "LEAST_PANELS", 6)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("shape", [(60, 60), (90, 40), (40, 90)])
def test_few_narrow_panels_find_what_matters_in_matrices_of_any_shape(shape):
    rows, columns = (np.linalg.qr(RANDOM.normal(size=(size, 40)))[0] for size in shape)
    matrix = csr_array(((rows * 0.7 ** np.arange(40)) @ columns.T).astype(np.float32))
    parts = decomposed(matrix, 6, threads=2)
    np.testing.assert_allclose(parts.values, 0.7 ** np.arange(6), rtol=1e-5)
    for found, expected in ((parts.left, rows), (parts.right, columns)):
        np.testing.assert_allclose(np.linalg.norm(found.T @ expected[:, :6], axis=0), 1, rtol=1e-5)
        np.testing.assert_allclose(found.T @ found, np.eye(6), atol=1e-5)
    tops = parts.left[np.abs(parts.left).argmax(axis=0), np.arange(6)]
    assert (tops > 0).all()


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(
    ("dense", "rank"),
    [
        (np.eye(60), 60),  # one value sixty times: a panel times the matrix is nothing new
        (np.kron(np.eye(10), np.ones((6, 6))), 10),
        (np.outer(np.arange(60) % 7, np.arange(60) % 5), 1),
        (np.zeros((60, 60)), 0),
    ],
)
def test_a_space_that_is_exhausted_goes_on_elsewhere_until_the_rank_is_known(dense, rank):
    matrix, dim = csr_array(dense.astype(np.float32)), min(rank, 9)
    if rank:
        parts = decomposed(matrix, dim)
        np.testing.assert_allclose(parts.values, np.linalg.svd(dense, compute_uv=False)[:dim], rtol=1e-5)
        np.testing.assert_allclose(parts.left.T @ parts.left, np.eye(dim), atol=1e-5)
    if rank < 60:
        with pytest.raises(ValueError, match=f"take {rank} at most"):
            decomposed(matrix, rank + 1)


@pytest.mark.parametrize("power", [0, 0.5, 1])
def test_vectors_are_u_times_powers_of_the_singular_values(power):
    parts = Parts(RANDOM.normal(size=(6, 2)), np.array([4.0, 1.0]), RANDOM.normal(size=(6, 2)), 1.0)
    weights = np.array([4.0**power, 1.0])
    np.testing.assert_allclose(SVD(power=power)._vectors(parts), parts.left * weights, rtol=1e-6)
    both = SVD(power=power, add_contexts=True)._vectors(parts)
    np.testing.assert_allclose(both, (parts.left + parts.right) * weights, rtol=1e-6)


@pytest.mark.parametrize("matrix", ["ppmi", "log", "counts"])
def test_a_model_is_the_decomposition_of_its_matrix(matrix):
    corpus = wf.Corpus(SENTENCES)
    model = wf.SVD(matrix=matrix, window=3, power=1, **SMALL).fit(corpus)
    counts = wf.Cooccurrence(window=3, weight="decay", min_count=1).fit(corpus).words.vectors
    whole = {
        "ppmi": lambda: weigh(Counts.of(counts), 0.75, 1.0).toarray(),
        "log": lambda: np.log1p(counts.toarray()),
        "counts": counts.toarray,
    }[matrix]()
    values = np.linalg.svd(whole, compute_uv=False)[:8]
    np.testing.assert_allclose(np.linalg.norm(model.words.vectors, axis=0), values, rtol=1e-3)
    np.testing.assert_allclose(model.history["singular_values"], values, rtol=1e-3)
    assert 0 < model.history["captured"] <= 1.0001
    assert model.words.vectors.shape == (len(model.words), 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "dim must be a whole number of at least 1"),
        ({"matrix": "tfidf"}, "matrix must be one of ppmi, log, counts"),
        ({"power": 3}, "power must be from 0 to 2"),
        ({"oversample": 0}, "oversample must be above 0"),
        ({"smoothing": 7}, "smoothing must be"),
        ({"window": 0}, "window must be"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        wf.SVD(**options)


def test_more_columns_than_there_are_is_said():
    with pytest.raises(ValueError, match=r"dim=300 is more than the \d+ words there are"):
        wf.SVD(min_count=1).fit(wf.Corpus(SENTENCES))
    with pytest.raises(ValueError, match=r"dim=4 is more than the matrix tells apart: take 2 at most"):
        decomposed(csr_array(np.diag([1.0, 2, 0, 0]).astype(np.float32)), 4)
    with pytest.raises(ValueError, match="dim=9 is more than a matrix of 4 x 4 has"):
        decomposed(csr_array(np.eye(4, dtype=np.float32)), 9)
    with pytest.raises(ValueError, match="go on from"):
        wf.SVD(**SMALL).fit(wf.Corpus(SENTENCES), start=wf.SVD(**SMALL).fit(wf.Corpus(SENTENCES)))
