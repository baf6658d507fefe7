"""Vectors of a narrow cone are made to point in all directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordfield import api
from wordfield.isotropy import Isotropy


@pytest.fixture
def cone() -> np.ndarray:
    random = np.random.default_rng(1)
    spread = random.normal(size=(500, 6)) * [5, 1, 1, 0.5, 0.5, 0.2]
    turned = spread @ np.linalg.qr(random.normal(size=(6, 6)))[0]
    vectors = (turned + 9).astype(np.float32)
    vectors[7] = 0
    return vectors


def cosine(vectors: np.ndarray) -> float:
    near = vectors[np.any(vectors, axis=1)]
    near = near / np.linalg.norm(near, axis=1, keepdims=True)
    return float((near @ near.T).mean())


def test_whitened_vectors_vary_alike_in_all_directions(cone: np.ndarray) -> None:
    assert cosine(cone) > 0.8
    found = Isotropy.fit(cone, "whitening").apply(cone)
    there = np.delete(found, 7, axis=0)
    np.testing.assert_allclose(np.cov(there.T, bias=True), np.eye(6), atol=1e-3)
    assert abs(there.mean(axis=0)).max() < 1e-4
    assert not found[7].any()
    assert abs(cosine(found)) < 0.01
    fewer = Isotropy.fit(cone, "whitening", 2).apply(cone)
    np.testing.assert_allclose(fewer, found[:, :2], atol=1e-5)


def test_the_top_is_what_most_vary_in(cone: np.ndarray) -> None:
    found = np.delete(Isotropy.fit(cone, "all-but-the-top").apply(cone), 7, axis=0)
    before = np.sort(np.linalg.eigvalsh(np.cov(np.delete(cone, 7, axis=0).T)))
    after = np.sort(np.linalg.eigvalsh(np.cov(found.T)))
    np.testing.assert_allclose(after[1:], before[:-1], rtol=1e-3)
    assert after[0] == pytest.approx(0, abs=1e-6)
    assert abs(cosine(found)) < 0.01


def test_what_cannot_be_made_so_is_refused() -> None:
    with pytest.raises(ValueError, match="isotropy must be one of all-but-the-top, whitening"):
        Isotropy.fit(np.eye(3, dtype=np.float32), "none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 vectors do not show"):
        Isotropy.fit(np.eye(3, dtype=np.float32)[[0]], "whitening")


def test_texts_are_embedded_so_by_command(vectors: Path, run: Any) -> None:
    asked = ["king", "queen", "king queen", "queen queen king"]
    plain, white = api.embed(vectors, asked), api.embed(vectors, asked, isotropy="whitening")
    np.testing.assert_allclose(white, Isotropy.fit(plain, "whitening").apply(plain))
    done = run("embed", vectors, *asked, "--isotropy", "all-but-the-top", "--json")
    assert done.status == 0, done.err
    assert run("embed", vectors, "king", "--isotropy", "whitening").status == 1
