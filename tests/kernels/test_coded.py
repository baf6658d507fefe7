"""Rows multiplied as they are kept give what their numbers give."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

import naive_coded as naive
from support import JIT_OFF
from wordfield.kernels import llvm_coded
from wordfield.kernels.arrays import gapless
from wordfield.kernels.coded import centroid_products, looked_up, products, widened

KINDS = ["float32", "float16", "bfloat16", "int8"]
WIDTHS = [1, 3, 4, 7, 8, 16, 31, 33, 64, 100]
"""Shorter than a vector of the processor, whole vectors, several at once, and what is left over."""


def made(kind, rows, dim):
    numbers = np.random.default_rng(dim).standard_normal((rows, dim)).astype(np.float32)
    if kind == "float16":
        return numbers.astype(np.float16).view(np.uint16)
    if kind == "bfloat16":
        return numbers.view(np.int16)[:, 1::2].copy()  # the second half of a number of little-endian bytes
    return (numbers * 40).astype(np.int8) if kind == "int8" else numbers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", WIDTHS)
@pytest.mark.parametrize("vectors", [1, 3])
def test_products_are_those_of_the_numbers(kind, dim, vectors):
    rows, out = made(kind, 5, dim), np.full((vectors, 5), np.nan, np.float32)
    asked = made("float32", vectors, dim)
    products(gapless(rows), asked, out)
    np.testing.assert_allclose(out, naive.products(rows, asked), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("dim", WIDTHS)
def test_rows_are_widened_to_their_numbers(kind, dim):
    rows, scales = made(kind, 5, dim), np.array([0.5, 1, 2, 0, 3], np.float32)
    for each in (scales, scales[1:2]):
        out = np.full((5, dim), np.nan, np.float32)
        widened(gapless(rows), each, out)
        np.testing.assert_array_equal(out, naive.widened(rows, np.resize(each, 5)))


@pytest.mark.parametrize("dim", [1, 64])
def test_every_number_of_16_bits_is_widened_exactly(dim):
    bits = np.arange(1 << 16, dtype=np.uint16).reshape(-1, dim)
    bits = bits[:: 512 // dim] if JIT_OFF else bits
    for each in (bits, bits.view(np.int16)):
        out = np.empty(bits.shape, np.float32)
        widened(gapless(each), np.ones(1, np.float32), out)
        with np.errstate(invalid="ignore"):  # some are no numbers
            expected = naive.numbers(each).astype(np.float32)
        np.testing.assert_array_equal(out, expected)


def test_rows_at_odd_bytes_of_a_file_are_read():
    for kind in KINDS:
        rows = made(kind, 4, 9)
        moved = np.frombuffer(b"x" + rows.tobytes(), np.uint8)[1:].view(rows.dtype).reshape(rows.shape)
        out, asked = np.empty((2, 4), np.float32), made("float32", 2, 9)
        products(gapless(moved), asked, out)
        np.testing.assert_allclose(out, naive.products(rows, asked), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("dim", "part"), [(6, 2), (7, 3), (5, 1), (4, 9)])
def test_codes_are_multiplied_by_looking_up(dim, part):
    random, size = np.random.default_rng(part), 16
    centroids, vectors = random.standard_normal(size * dim).astype(np.float32), made("float32", 2, dim)
    codes = random.integers(0, size, (5, -(-dim // part))).astype(np.uint8)
    table = np.empty((2, codes.shape[1], size), np.float32)
    centroid_products(vectors, centroids, part, table)
    np.testing.assert_allclose(table, naive.centroid_products(vectors, centroids, part, size), rtol=1e-5, atol=1e-6)
    out = np.empty((2, 5), np.float32)
    looked_up(gapless(codes), table, out)
    np.testing.assert_allclose(out, naive.looked_up(codes, table), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(JIT_OFF, reason="vectors have a width only when compiled")
@pytest.mark.parametrize(("name", "features"), [("haswell", "+avx2,+fma"), ("x86-64", "+sse4.2")])
def test_processors_without_the_instruction_for_16_bits_give_the_same(name, features, tmp_path):
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("this processor cannot stand for another one of x86")
    settings = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "WORDFIELD_CACHE": str(tmp_path)}
    lines = "from wordfield.kernels import llvm_coded; import pytest, sys; print('widens', llvm_coded.WIDENS)"
    chosen = "are_widened or every_number or of_the_numbers"
    command = f"{lines}; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-k', {chosen!r}, {__file__!r}]))"
    ran = subprocess.run([sys.executable, "-c", command], env=os.environ | settings, capture_output=True, text=True)
    assert "widens False" in ran.stdout
    assert ran.returncode == 0, ran.stdout


def test_whether_16_bits_have_an_instruction_is_what_the_processor_says(monkeypatch):
    monkeypatch.setattr(llvm_coded.platform, "machine", lambda: "arm64")
    assert llvm_coded._host_widens()
    monkeypatch.setattr(llvm_coded.platform, "machine", lambda: "x86_64")
    for features, widens in (("+f16c", True), ("+avx2", False), ("+avx512f", True)):
        monkeypatch.setattr(llvm_coded.SETTINGS, "CPU_FEATURES", features)
        assert llvm_coded._host_widens() is widens
