"""The native folder: everything comes back, mapped; every kind of damage is named with file and byte."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from wordfield import formats
from wordfield.formats import FormatError, Table, native, tensors
from wordfield.formats.table import Classes
from wordfield.storage import Dense, Float16, Int8, Product, Sparse, Storage
from wordfield.text.ngrams import Ngrams


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
@given(words=st.lists(st.text(st.characters(exclude_categories=[])), min_size=1, max_size=8, unique=True))
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
        (header(vectors=claim("F8_E4M3")) + b"\0" * 140, "dtype F8_E4M3"),
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


RANDOM = np.random.default_rng(7)


def rows_of(kind: str, rows: int, dim: int = 5) -> Storage:
    numbers = RANDOM.standard_normal((rows, dim)).astype(np.float32)
    codes = RANDOM.integers(0, 256, (rows, 3)).astype(np.uint8)
    centroids = RANDOM.standard_normal(256 * dim).astype(np.float32)
    lengths = (RANDOM.integers(0, 256, rows).astype(np.uint8), RANDOM.random(256).astype(np.float32))
    made: dict[str, Storage] = {
        "dense": Dense(numbers),
        "sparse": Sparse(csr_array(np.where(numbers > 0, numbers, 0))),
        "float16": Float16(numbers.astype(np.float16)),
        "int8": Int8((numbers * 40).astype(np.int8), np.abs(numbers[:, 0])),
        "product": Product(codes, centroids, 2),
        "lengths": Product(codes, centroids, 2, lengths),
    }
    return made[kind]


KINDS = ("dense", "sparse", "float16", "int8", "product", "lengths")
NGRAMS = {
    "none": None,
    "all": Ngrams(3, 4, 6),
    "some": Ngrams(2, 5, 2**31 - 1, word_ngrams=2, kept=np.array([2**31 - 2, 5, 77])),
    "zeros": Ngrams(3, 6, 100, kept=np.array([8, 5]), zeros=True),
    "few": Ngrams(0, 0, 0),
    "floret": Ngrams(3, 4, 6, hash="floret", hash_count=2, seed=7, own=False, begin="[", end="]]"),
}
LABELS = {
    "none": None,
    "dense": Classes(["a", "b c", "\udcff"], rows_of("dense", 3), "softmax", np.array([5, 2, 0]), "__label__"),
    "product": Classes(["a", "b", "c"], rows_of("lengths", 3), "hierarchical", None, ""),
    "int8": Classes(["a"], rows_of("int8", 1), "one-vs-all", None, "#"),
}


def younger(kind: str = "dense", ngrams: str = "none", labels: str = "none", state: bool = False) -> Table:
    given = NGRAMS[ngrams]
    rows = 4 if given is None else 4 * given.own + given.rows
    kept = {"output": RANDOM.random((4, 5)), "odd": np.arange(3, dtype=np.uint8)} if state else {}
    config = {"recipe": {"model": "fasttext"}}
    words = ["</s>", "the", "naïve", "词"]
    return Table(words, rows_of(kind, rows), np.array([4, 3, 2, 1]), config, kept, given, LABELS[labels])


def alike(one: Storage, other: Storage) -> None:
    assert type(one) is type(other)
    assert one.shape == other.shape
    assert (one.take(range(one.shape[0])) == other.take(range(one.shape[0]))).all()
    if isinstance(one, Product) and isinstance(other, Product):
        assert (one.part, one.lengths is None) == (other.part, other.lengths is None)
        assert (one.codes == other.codes).all()


@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("ngrams", NGRAMS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_combination_comes_back(tmp_path: Path, kind: str, ngrams: str, labels: str, state: bool) -> None:
    before = younger(kind, ngrams, labels, state)
    formats.save(before, tmp_path / "m")
    plain = kind in ("dense", "sparse") and ngrams == labels == "none"
    version = json.loads((tmp_path / "m" / "config.json").read_text())["wordfield"]
    assert version == (1 + (kind == "sparse") if plain else 3)
    after = formats.load(tmp_path / "m")
    assert (after.words, after.config) == (before.words, before.config)
    assert after.counts is not None
    assert after.counts.tolist() == [4, 3, 2, 1]
    assert sorted(after.state) == sorted(before.state)
    for name, array in before.state.items():
        assert after.state[name].dtype == array.dtype
        assert (after.state[name] == array).all()
    alike(after.storage, before.storage)
    if before.ngrams is None:
        assert after.ngrams is None
    else:
        for field in fields(Ngrams):
            assert np.array_equal(getattr(after.ngrams, field.name), getattr(before.ngrams, field.name)), field.name
    if before.classes is None:
        assert after.classes is None
    else:
        assert after.classes is not None
        alike(after.classes.storage, before.classes.storage)
        for name in ("labels", "loss", "prefix"):
            assert getattr(after.classes, name) == getattr(before.classes, name)
        assert np.array_equal(after.classes.counts, before.classes.counts)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["float16", "int8", "lengths"])
def test_codes_are_mapped(tmp_path: Path, kind: str) -> None:
    formats.save(younger(kind, "zeros"), tmp_path / "m")
    base = formats.load(tmp_path / "m").storage.codes  # type: ignore[attr-defined]
    while not isinstance(base, np.memmap):
        base = base.base
    assert base.mode == "r"


@pytest.mark.parametrize("name", sorted(native.FILES))
@pytest.mark.parametrize("kind", ["float16", "int8", "lengths"])
def test_every_truncation_of_codes_is_found(tmp_path: Path, kind: str, name: str) -> None:
    formats.save(younger(kind, "zeros", "int8"), tmp_path / "m")
    file = tmp_path / "m" / name
    whole = file.read_bytes()
    step = 1 if len(whole) < 2000 else 13
    for length in {*range(0, len(whole) - 1, step), len(whole) - 2, len(whole) - 1}:
        if whole[length:].strip() == b"":
            continue
        file.write_bytes(whole[:length])
        with pytest.raises(FormatError, match=rf"{name}: .*byte"):
            formats.load(tmp_path / "m", format="native")


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), name=st.sampled_from(sorted(native.FILES)))
def test_a_changed_byte_gives_an_error_that_says_so_or_a_sound_model(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int, name: str
) -> None:
    folder = tmp_path_factory.mktemp("changed") / "m"
    formats.save(younger("lengths", "zeros", "int8"), folder)
    data = bytearray((folder / name).read_bytes())
    edge = min(len(data), 1500)  # where JSON is, not numbers
    data[place % edge] = value
    (folder / name).write_bytes(data)
    told = ""
    try:
        table = formats.load(folder, format="native")
    except FormatError as error:
        told = str(error)
    else:
        assert table.storage.take(range(table.storage.shape[0])).shape == table.storage.shape
    assert told == "" or str(folder) in told


DAMAGED: dict[str, tuple[dict[str, Any], str]] = {
    "no part": ({"part": None}, '"part" is None'),
    "part zero": ({"part": 0}, '"part" is 0'),
    "part that does not fit": ({"part": 3}, r"codes of shape \(7, 3\), but config.json says \(7, 2\)"),
    "part that is true": ({"part": True}, '"part" is True'),
    "words": ({"words": 5}, "4 words, but config.json says 5"),
    "dim": ({"dim": 6}, "centroids of shape"),
    "storage": ({"storage": "int4"}, "\"storage\" is 'int4'"),
    "storage of others": ({"storage": "int8"}, '"scales" is missing'),
    "ngrams no object": ({"ngrams": [3]}, r'"ngrams" is \[3\], not an object'),
    "unknown entry": ({"ngrams": {"minn": 3, "fancy": 1}}, "'fancy' is 1, which no n-grams have"),
    "entry of another kind": ({"ngrams": {"minn": "3"}}, "'minn' is '3'"),
    "true for a number": ({"ngrams": {"minn": True}}, "'minn' is True"),
    "minn over maxn": ({"ngrams": {"minn": 5, "maxn": 3}}, "minn is from 0 to maxn"),
    "too many buckets": ({"ngrams": {"bucket": 2**40}}, "there are at most 2,147,483,647"),
    "buckets below zero": ({"ngrams": {"bucket": -1, "maxn": 0, "minn": 0}}, "-1 buckets; there are at most"),
    "fewer buckets than kept": ({"ngrams": {"bucket": 6, "zeros": True}}, '"buckets" from 5 to 8, but there are 6'),
    "no row of zeros": ({"ngrams": {"bucket": 100}}, r"says \(6, 3\)"),
    "classes no object": ({"classes": 5}, '"classes" is no object of labels'),
    "a loss nobody knows": ({"classes.loss": "hinge"}, "\"loss\" is 'hinge'; known: softmax"),
    "a loss that is no text": ({"classes.loss": ["softmax"]}, '"loss" is'),
    "a label twice": ({"classes.labels": ["a", "a"]}, "one stands twice"),
    "a label that is a number": ({"classes.labels": [1]}, "one is 1"),
    "too many labels": ({"classes.labels": ["a", "b"]}, r"says \(2, 5\)|says \(2,\)"),
    "counts of others": ({"classes.counts": [1, 2]}, '"counts" of labels are 1 whole numbers'),
    "counts below zero": ({"classes.counts": [-1]}, '"counts" of labels'),
    "counts too large": ({"classes.counts": [2**63]}, '"counts" of labels'),
}


@pytest.mark.parametrize(("changes", "message"), DAMAGED.values(), ids=DAMAGED)
def test_claims_that_contradict_the_tensors_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    formats.save(younger("lengths", "zeros", "int8"), tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text())
    for name, value in changes.items():
        place, _, part = name.rpartition(".")
        (config[place] if place else config)[part] = value
    path.write_text(json.dumps(config))
    with pytest.raises(FormatError, match=message):
        formats.load(tmp_path / "m")


BROKEN_TENSORS: dict[str, tuple[dict[str, Any], str]] = {
    "a bucket twice": ({"buckets": np.array([5, 5])}, 'a bucket stands twice in "buckets"'),
    "a bucket below zero": ({"buckets": np.array([5, -1])}, '"buckets" from -1 to 5'),
    "buckets with a point": ({"buckets": np.array([5.0, 6.0])}, 'tensor "buckets" is float64'),
    "no codes": ({"codes": None}, '"codes" is missing'),
    "no table of lengths": ({"length_of": None}, '"length_of" is missing'),
    "no lengths": ({"lengths": None}, '"lengths" is missing'),
    "lengths of others": ({"lengths": np.zeros(6, np.uint8)}, r"lengths of shape \(6,\)"),
    "not a number": ({"centroids": np.full(256 * 5, np.nan, np.float32)}, 'entry 0 of "centroids" is nan'),
    "infinity": ({"length_of": np.full(256, np.inf, np.float32)}, 'entry 0 of "length_of" is inf'),
    "labels without scales": ({"classes.scales": None}, '"classes.scales" is missing'),
    "labels of another kind": ({"classes.bytes": np.zeros((1, 5), np.uint8)}, '"classes.bytes" is uint8'),
}


@pytest.mark.parametrize(("change", "message"), BROKEN_TENSORS.values(), ids=BROKEN_TENSORS)
def test_damaged_tensors_of_codes_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    formats.save(younger("lengths", "zeros", "int8"), tmp_path / "m")
    file = tmp_path / "m" / "vectors.safetensors"
    parts = {name: np.array(array) for name, array in tensors.read(file).items()} | change
    file.unlink()
    tensors.write(file, {name: array for name, array in parts.items() if array is not None})
    with pytest.raises(FormatError, match=message):
        formats.load(tmp_path / "m")


def test_an_older_file_may_have_entries_of_these_names(tmp_path: Path) -> None:
    config = {"ngrams": [1], "classes": "two"}
    formats.save(Table(["a"], Dense(np.ones((1, 2))), None, config), tmp_path / "m")
    assert formats.load(tmp_path / "m").config == config


def test_the_state_cannot_hide_vectors(tmp_path: Path) -> None:
    table = younger("int8", state=True)
    table.state["scales"] = np.ones(2)
    with pytest.raises(ValueError, match='called "scales"'):
        formats.save(table, tmp_path / "m")
