"""A table whose rows stay in a mapped file answers as the dense one does, and is saved without being copied whole."""

import mmap

import numpy as np
import pytest

from wordfield import formats
from wordfield.formats import Table, word2vec_binary
from wordfield.storage import Dense, Records
from wordfield.vectors import WordVectors

WORDS = ["the", "naïve", "词", "of", "a-long-one", "x"]


@pytest.fixture
def dense():
    return Dense(np.random.default_rng(4).standard_normal((6, 5)).astype(np.float32))


@pytest.fixture
def table(dense, tmp_path, monkeypatch):
    """The same, opened as a large file is."""
    for name in ("SMALL", "FEW"):
        monkeypatch.setattr(word2vec_binary, name, 0)
    formats.save(Table(WORDS, dense), tmp_path / "x.bin")
    return formats.load(tmp_path / "x.bin")


def test_rows_norms_products_and_means_are_those_of_the_dense_table(table, dense):
    storage = table.storage
    assert isinstance(storage, Records)
    assert (storage.shape, storage.nbytes, len(storage)) == ((6, 5), 120, 6)
    for rows in ([], [3], [5, 0, 0, 2]):
        np.testing.assert_array_equal(storage.take(rows), dense.take(rows))
        np.testing.assert_array_equal(storage.mean(rows), dense.mean(rows))
    np.testing.assert_array_equal(storage[1:4], dense.matrix[1:4])
    np.testing.assert_array_equal(storage[::-2], dense.matrix[::-2])
    np.testing.assert_array_equal(np.asarray(storage), dense.matrix)
    np.testing.assert_allclose(storage.norms, dense.norms, rtol=1e-6)
    vectors = np.ones((2, 5), np.float32)
    np.testing.assert_allclose(storage.products(vectors), vectors @ dense.matrix.T, rtol=1e-5, atol=1e-6)
    assert repr(storage) == "Records(6 x 5, 120 bytes)"


@pytest.mark.parametrize("count", [1, 6])
def test_neighbours_are_those_of_the_dense_table(table, dense, count):
    mapped, held = WordVectors.of(table), WordVectors.of(Table(WORDS, dense))
    for one, other in zip(mapped.most_similar(WORDS[:count]), held.most_similar(WORDS[:count]), strict=True):
        assert [word for word, _ in one] == [word for word, _ in other]
        np.testing.assert_allclose([score for _, score in one], [score for _, score in other], atol=1e-6)
    np.testing.assert_array_equal(mapped.vectors, dense.matrix)


def test_rows_stay_in_the_file(table):
    owner = table.storage.data
    while isinstance(owner, np.ndarray):
        owner = owner.base
    assert isinstance(owner.obj if isinstance(owner, memoryview) else owner, mmap.mmap)
    assert table.storage.chosen(np.array([4, 1])).data is table.storage.data


@pytest.mark.parametrize("name", ["native", "word2vec-text", "word2vec-binary", "glove-text", "sparse-text"])
def test_it_is_saved_in_every_plain_format(table, dense, tmp_path, name):
    formats.save(Table(table.words, table.storage), tmp_path / "again", name)
    again = formats.load(tmp_path / "again")
    assert again.words == WORDS
    np.testing.assert_array_equal(again.storage.take(range(6)), dense.matrix)


def test_the_native_folder_is_that_of_a_dense_table_and_written_in_pieces(table, dense, tmp_path, monkeypatch):
    from wordfield.formats import tensors

    monkeypatch.setattr(tensors, "STEP", 64)
    asked = []
    real = Records.chosen
    monkeypatch.setattr(Records, "chosen", lambda self, rows: asked.append(rows) or real(self, rows))
    formats.save(Table(table.words, table.storage), tmp_path / "mapped", "native")
    formats.save(Table(table.words, dense), tmp_path / "held", "native")
    assert [(rows.start, rows.stop) for rows in asked] == [(0, 3), (3, 6)]
    for file in (tmp_path / "held").iterdir():
        assert (tmp_path / "mapped" / file.name).read_bytes() == file.read_bytes()


def test_rows_that_do_not_lie_in_the_file_are_refused():
    data = np.zeros(20, np.uint8)
    for starts in ([13], [-1]):
        with pytest.raises(ValueError, match="rows of 8 bytes do not all lie in 20 bytes"):
            Records(data, np.array(starts), 2)
    assert Records(data, np.empty(0, np.int64), 2).shape == (0, 2)


def test_an_empty_slice_has_no_rows(table):
    assert table.storage[2:2].shape == (0, 5)
