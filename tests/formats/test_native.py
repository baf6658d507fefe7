"""The native folder: everything comes back, mapped; every kind of damage is named with file and byte."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from wordfield import formats
from wordfield.formats import FormatError, Table, native, tensors
from wordfield.storage import Dense, Sparse


@pytest.fixture
def folder(table, tmp_path):
    formats.save(table, tmp_path / "model")
    return tmp_path / "model"


def test_all_comes_back(table, folder):
    again = formats.load(folder)
    assert again.counts.tolist() == table.counts.tolist()
    assert again.config == table.config
    assert list(again.state) == ["steps", "output", "odd"]
    for name, array in table.state.items():
        assert again.state[name].dtype == array.dtype
        np.testing.assert_array_equal(again.state[name], array)


def test_the_vectors_are_mapped_aligned_and_read_only(folder):
    matrix = formats.load(folder).storage.matrix
    base = matrix
    while not isinstance(base, np.memmap):
        base = base.base
    assert base.offset % tensors.ALIGNMENT == 0
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 1


def test_the_library_safetensors_reads_the_same(table, folder):
    numpy_of = pytest.importorskip("safetensors.numpy")
    arrays = numpy_of.load_file(folder / "vectors.safetensors")
    np.testing.assert_array_equal(arrays["vectors"], table.storage.matrix)
    np.testing.assert_array_equal(arrays["steps"], table.state["steps"])
    numpy_of.save_file(arrays, folder / "vectors.safetensors", metadata={"by": "the library"})
    np.testing.assert_array_equal(formats.load(folder).state["output"], table.state["output"])


def test_people_can_read_the_folder(folder):
    assert (folder / "vocabulary.json").read_text("utf-8").split("\n")[:2] == ['{"the": 9,', '"naïve": 5,']
    assert json.loads((folder / "config.json").read_text())["dim"] == 5
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "vectors.safetensors", "vocabulary.json"]


@settings(max_examples=50, deadline=None)
@given(words=st.lists(st.text(st.characters(exclude_categories=[])), max_size=8, unique=True))
def test_any_word_is_held(words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any") / "model"
    formats.save(Table(words, Dense(np.ones((len(words), 2)))), folder)
    again = formats.load(folder)
    assert again.words == words
    assert again.counts is None


def test_numbers_of_numpy_in_the_configuration_become_plain(tmp_path):
    table = Table(["a"], Dense(np.ones((1, 1))), None, {"loss": np.float32(0.5), "steps": np.arange(2)})
    formats.save(table, tmp_path / "model")
    assert formats.load(tmp_path / "model").config == {"loss": 0.5, "steps": [0, 1]}
    with pytest.raises(TypeError, match="JSON cannot"):
        formats.save(Table(["a"], Dense(np.ones((1, 1))), None, {"x": object()}), tmp_path / "model")
    assert formats.load(tmp_path / "model").config["loss"] == 0.5


def test_what_would_not_come_back_is_not_saved(tmp_path):
    one = Dense(np.ones((1, 2)))
    with pytest.raises(ValueError, match='called "vectors"'):
        formats.save(Table(["a"], one, state={"vectors": np.ones(2)}), tmp_path / "model")
    with pytest.raises(FormatError, match="dtype complex64"):
        formats.save(Table(["a"], one, state={"x": np.ones(2, np.complex64)}), tmp_path / "model")
    with pytest.raises(ValueError, match="1 words stand twice"):
        formats.save(Table(["a", "a"], Dense(np.ones((2, 2)))), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(native.FILES - {"config.json"}))
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FormatError, match=f"{name}: missing"):
        formats.load(folder)


@pytest.mark.parametrize("name", sorted(native.FILES))
def test_every_truncation_is_found(folder, name):
    whole = (folder / name).read_bytes()
    for length in {*range(0, len(whole) - 1, 7), len(whole) - 2, len(whole) - 1}:
        if whole[length:].strip() == b"":
            continue  # the line feed at the end of a text
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(FormatError, match=f"{name}: .*byte"):
            formats.load(folder, format="native")


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wordfield": native.VERSION + 1}, "newer wordfield"),
        ({"wordfield": None}, '"wordfield", the version'),
        ({"words": 6}, r"vectors of shape \(7, 5\), but config.json says \(6, 5\)"),
        ({"dim": 4}, r"says \(7, 4\)"),
        ({"dim": "5"}, '"dim", a whole number'),
    ],
)
def test_a_configuration_that_contradicts_the_rest_is_refused(folder, changes, message):
    edit(folder / "config.json", **changes)
    with pytest.raises(FormatError, match=message):
        formats.load(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "b": 2}', "2 words, but config.json says 7"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ('{"a": 1, "b": null}', "count of 'b' is None"),
        ('{"a": -1}', "count of 'a' is -1"),
        ('{"a": 1.5}', "count of 'a' is 1.5"),
        ('{"a": true}', "count of 'a' is True"),
        ('{"a": 99999999999999999999}', "count of 'a' is 9999"),
        ("[1]", "not an object"),
        ("[" * 100_000, "nested"),
        (b'{"\xff": 1}', "byte 2: not UTF-8"),
    ],
)
def test_a_vocabulary_that_makes_no_sense_is_refused(folder, text, message):
    (folder / "vocabulary.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FormatError, match=rf"vocabulary\.json: .*{message}"):
        formats.load(folder)


def header(**entries):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


def claim(dtype="F32", shape=(7, 5), offsets=(0, 140)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff" * 8 + b"{}", "byte 0: no safetensors file"),
        (b"\x02" + b"\0" * 7 + b"[]", "byte 8: the header is not a JSON object"),
        (b"\x02" + b"\0" * 7 + b"{{", "byte 8: the header is not JSON"),
        (header(vectors=claim()) + b"\0" * 139, "truncated"),
        (header(vectors=claim()) + b"\0" * 141, "1 bytes follow the last tensor"),
        (header(vectors=claim(shape=(7, 6))) + b"\0" * 140, "contradicts itself"),
        (header(vectors=claim(shape=(-7, -5))) + b"\0" * 140, "contradicts itself"),
        (header(vectors=claim(offsets=(0, "x"))) + b"\0" * 140, "contradicts itself"),
        (header(vectors=claim(offsets=(-140, 0))) + b"\0" * 140, "contradicts itself"),
        (header(vectors=claim(offsets=(4, 144))) + b"\0" * 144, "overlap or leave a gap"),
        (header(vectors=claim("BF16")) + b"\0" * 140, "dtype BF16"),
        (header(vectors=claim("I32")) + b"\0" * 140, 'tensor "vectors" is int32'),
        (header(other=claim()) + b"\0" * 140, 'tensor "vectors" is missing'),
        (header(vectors=5) + b"\0" * 140, "contradicts itself"),
    ],
)
def test_tensors_whose_header_lies_are_refused(folder, data, message):
    (folder / "vectors.safetensors").write_bytes(data)
    with pytest.raises(FormatError, match=rf"vectors\.safetensors: .*{message}"):
        formats.load(folder)


def test_a_name_that_is_no_unicode_is_kept(table, tmp_path):
    odd = Table(table.words, table.storage, table.counts, {"history": {"corpus": "\udcff.txt"}}, table.state)
    formats.save(odd, tmp_path / "model")
    assert formats.load(tmp_path / "model").config == odd.config
    (tmp_path / "model" / "config.json").read_text("utf-8")


def sparse() -> Table:
    dense = np.array([[0, 2, 0], [1, 0, 0.5], [0, 0, 0]], np.float32)
    return Table(["a", "b", "c"], Sparse(csr_array(dense)), np.array([3, 2, 1]), {"recipe": {"model": "ppmi"}})


def test_a_sparse_table_comes_back_sparse(tmp_path: Path) -> None:
    formats.save(sparse(), tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert (config["wordfield"], config["storage"], config["dim"]) == (2, "sparse", 3)
    again = formats.load(tmp_path / "m")
    assert isinstance(again.storage, Sparse)
    assert (again.storage.matrix != sparse().storage.matrix).nnz == 0
    assert (again.words, again.config) == (["a", "b", "c"], {"recipe": {"model": "ppmi"}})
    assert "storage" not in json.loads((saved(tmp_path / "dense") / "config.json").read_text())


def saved(path: Path) -> Path:
    formats.save(Table(["a"], Dense(np.ones((1, 2)))), path)
    return path


def test_a_small_sparse_table_is_written_densely_elsewhere_and_a_large_one_refused(tmp_path: Path) -> None:
    for name in ("v.txt", "v.bin"):
        formats.save(sparse(), tmp_path / name)
        assert (formats.load(tmp_path / name).storage.matrix == sparse().storage.matrix.toarray()).all()
    large = Table([str(number) for number in range(20_000)], Sparse.identity(20_000))
    with pytest.raises(FormatError, match=r"20000 sparse vectors of 20000 dimensions would take 1.6 GB .* native"):
        formats.save(large, tmp_path / "large.bin")
    assert not (tmp_path / "large.bin").exists()


BROKEN_PARTS = {
    "indptr falls": ({"indptr": np.array([0, 2, 1, 3], np.int32)}, '"indptr" does not say'),
    "indptr too short": ({"indptr": np.array([0, 3], np.int32)}, '"indptr" does not say'),
    "indptr too far": ({"indptr": np.array([0, 1, 3, 4], np.int32)}, '"indptr" does not say'),
    "column too large": ({"indices": np.array([1, 0, 3], np.int32)}, "there are 3 columns"),
    "column below zero": ({"indices": np.array([1, -1, 2], np.int32)}, "there are 3 columns"),
    "columns fall": ({"indices": np.array([1, 2, 0], np.int32)}, "do not ascend"),
    "too few numbers": ({"data": np.array([1.0, 2.0], np.float32)}, '3 "indices", but 2 numbers'),
    "numbers of another kind": ({"data": np.array([1.0, 2.0, 3.0])}, '"data" is float64'),
    "indices of another kind": ({"indices": np.array([1.0, 0.0, 2.0], np.float32)}, '"indices" is float32'),
    "not a number": ({"data": np.array([1.0, np.nan, 3.0], np.float32)}, 'entry 1 of "data" is nan'),
    "infinity": ({"data": np.array([1.0, 2.0, -np.inf], np.float32)}, 'entry 2 of "data" is -inf'),
    "no indices": ({"indices": None}, '"indices" is missing'),
}


@pytest.mark.parametrize(("change", "message"), BROKEN_PARTS.values(), ids=BROKEN_PARTS)
def test_a_damaged_sparse_table_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    formats.save(sparse(), tmp_path / "m")
    file = tmp_path / "m" / "vectors.safetensors"
    parts = {name: np.array(array) for name, array in tensors.read(file).items()} | change
    file.unlink()
    tensors.write(file, {name: array for name, array in parts.items() if array is not None})
    with pytest.raises(FormatError, match=message):
        formats.load(tmp_path / "m")


@pytest.mark.parametrize("storage", ["sparse", "identity"])
@pytest.mark.parametrize("size", [-1, 2, 10**15])
def test_nothing_is_made_on_the_word_of_a_number(tmp_path: Path, storage: str, size: int) -> None:
    formats.save(sparse(), tmp_path / "m")
    edit(tmp_path / "m" / "config.json", words=size, dim=size, storage=storage)
    with pytest.raises(FormatError, match='"words", a whole number' if size < 0 else f"3 words, but .* says {size}"):
        formats.load(tmp_path / "m")


def test_an_unknown_storage_is_refused(tmp_path: Path) -> None:
    formats.save(sparse(), tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    config.write_text(config.read_text().replace('"sparse"', '"quantised"'))
    with pytest.raises(FormatError, match="\"storage\" is 'quantised'"):
        formats.load(tmp_path / "m")
