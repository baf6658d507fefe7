"""One file of tensors and their words: the library safetensors reads ours, and its files are read here."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wordfield as wf
from formats.fuzzing import MUTATIONS, survives
from wordfield import formats
from wordfield.formats import FormatError, Table, tensors
from wordfield.storage import Dense, Float16, Int8, Product

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture
def library():
    return pytest.importorskip("safetensors", reason="the library safetensors is not installed")


def test_the_library_reads_what_is_written(library, table, tmp_path):
    from safetensors.numpy import load_file

    formats.save(table, tmp_path / "x.safetensors")
    arrays = load_file(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(arrays["vectors"], table.storage.matrix)
    np.testing.assert_array_equal(arrays["counts"], table.counts)
    words = np.split(arrays["words"], arrays["word_ends"][:-1])
    assert [word.tobytes().decode() for word in words] == table.words
    with library.safe_open(tmp_path / "x.safetensors", "numpy") as opened:
        assert json.loads(opened.metadata()["config"]) == table.config


def test_all_but_the_state_comes_back_and_vectors_are_mapped(table, tmp_path):
    formats.save(table, tmp_path / "x.safetensors")
    assert formats.losses(table, "safetensors") == ["state"]
    again = formats.load(tmp_path / "x.safetensors")
    assert (again.words, again.config) == (table.words, table.config)
    np.testing.assert_array_equal(again.counts, table.counts)
    matrix = again.storage.matrix
    assert not matrix.flags.owndata
    while not isinstance(matrix, np.memmap):
        matrix = matrix.base
    assert matrix.offset % 64 == 0


def test_codes_stay_codes(tmp_path):
    words, rng = ["a", "b", "c"], np.random.default_rng(1)
    half = Float16(rng.random((3, 5)).astype(np.float16))
    byte = Int8(rng.integers(-127, 127, (3, 5)).astype(np.int8), rng.random(3).astype(np.float32))
    for storage in (half, byte):
        formats.save(Table(words, storage), tmp_path / "x.safetensors")
        again = formats.load(tmp_path / "x.safetensors").storage
        assert type(again) is type(storage)
        np.testing.assert_array_equal(again.take([0, 1, 2]), storage.take([0, 1, 2]))
    parts = Product(rng.integers(0, 256, (3, 2)).astype(np.uint8), rng.random(256 * 4).astype(np.float32), 2)
    formats.save(Table(words, parts), tmp_path / "x.safetensors")
    np.testing.assert_array_equal(formats.load(tmp_path / "x.safetensors").storage.take([0, 1]), parts.take([0, 1]))


@pytest.mark.parametrize("name", ["vectors", "embeddings", "embedding.weight", "weight", "anything"])
@pytest.mark.parametrize("where", ["header", "beside"])
def test_files_of_the_library_are_read(library, tmp_path, name, where):
    from safetensors.numpy import save_file

    kept = {"words": json.dumps(["the", "of", "and"])} if where == "header" else None
    save_file({name: VECTORS, "bias": np.ones(2, np.float32)}, tmp_path / "x.safetensors", kept)
    if where == "beside":
        (tmp_path / "x.words.txt").write_text("the\nof\nand\n")
    assert formats.recognise(tmp_path / "x.safetensors") == "safetensors"
    read = wf.load(tmp_path / "x.safetensors")
    assert read.words[["the", "of", "and"]].tolist() == VECTORS.tolist()


def test_files_of_staticvectors_are_read(library, tmp_path):
    from safetensors.numpy import save_file

    (tmp_path / "vocab.json").write_text(json.dumps({"tokens": {"the": 0, "of": 1, "and": 2}}))
    (tmp_path / "config.json").write_text('{"model_type": "staticvectors", "dim": 4}')
    rng = np.random.default_rng(1)
    codes, codewords = rng.integers(0, 256, (3, 2)).astype(np.uint8), rng.random((2, 256, 2)).astype(np.float32)
    expected = np.concatenate([codewords[part][codes[:, part]] for part in range(2)], axis=1)
    save_file({"vectors": expected}, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(wf.load(tmp_path / "model.safetensors").words[["the", "of", "and"]], expected)
    save_file({"vectors": codes, "pq": np.array([2, 2]), "codewords": codewords}, tmp_path / "model.safetensors")
    read = wf.load(tmp_path / "model.safetensors").words
    assert isinstance(read.storage, Product)
    np.testing.assert_array_equal(read[["the", "of", "and"]], expected)


WORDS = {"word_ends": np.array([1, 2, 3]), "words": np.frombuffer(b"abc", np.uint8)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": VECTORS, "b": VECTORS}, r"none of the 2 tensors \(a, b\) is called vectors"),
        ({"vectors": VECTORS}, r"no list of words lies beside it \(tried: x\.words\.txt"),
        ({"vectors": VECTORS[:2]} | WORDS, "2 rows of vectors, but .* has 3 words"),
        ({"vectors": VECTORS[0]} | WORDS, r"has the shape \(2,\)"),
        ({"vectors": np.ones((3, 2), np.int32)} | WORDS, "is int32; float32"),
        (
            {"vectors": VECTORS.astype(np.int8), "scales": np.ones(2, np.float32)} | WORDS,
            '"scales" is float32 of shape',
        ),
        ({"vectors": VECTORS} | WORDS | {"word_ends": np.array([1, 0, 3])}, "do not go together"),
        ({"vectors": VECTORS} | WORDS | {"word_ends": np.array([1, 2, 9])}, "do not go together"),
        ({"vectors": VECTORS} | WORDS | {"word_ends": np.ones(3, np.int32)}, "do not go together"),
        ({"vectors": VECTORS, "counts": np.ones(2, np.int64)} | WORDS, '"counts" is int64 of shape'),
        ({"vectors": VECTORS, "codewords": np.ones((2, 9), np.float32)} | WORDS, "codes are float32"),
    ],
)
def test_tensors_that_do_not_go_together_are_refused(tmp_path, arrays, message):
    tensors.write(tmp_path / "x.safetensors", arrays)
    with pytest.raises(FormatError, match=message):
        formats.load(tmp_path / "x.safetensors")


def test_a_word_that_stands_twice_is_a_fault_that_repair_leaves_out(tmp_path):
    arrays = WORDS | {"words": np.frombuffer(b"aba", np.uint8), "counts": np.array([3, 2, 1])}
    tensors.write(tmp_path / "x.safetensors", {"vectors": VECTORS} | arrays)
    with pytest.raises(FormatError, match="word 2: the word 'a' stands there a second time, first in word 0"):
        formats.load(tmp_path / "x.safetensors")
    table = formats.load(tmp_path / "x.safetensors", repair=True)
    assert (table.words, table.counts.tolist()) == (["a", "b"], [3, 2])
    np.testing.assert_array_equal(table.storage.matrix, VECTORS[:2])


def test_vectors_of_tokens_are_those_of_their_folder(tmp_path):
    tensors.write(tmp_path / "model.safetensors", {"embeddings": VECTORS})
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(FormatError, match="give the folder"):
        formats.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("word", ["", "\ud800"])
def test_words_that_cannot_be_written_are_refused(tmp_path, word):
    with pytest.raises(FormatError, match="row 1: the word"):
        formats.save(Table(["a", word], Dense(VECTORS[:2])), tmp_path / "x.safetensors")
    assert not (tmp_path / "x.safetensors").exists()


def test_headers_that_lie_are_refused(tmp_path, table):
    formats.save(table, tmp_path / "x.safetensors")
    whole = (tmp_path / "x.safetensors").read_bytes()
    for old, new, message in (
        (b'"__metadata__": {', b'"__metadata__":[{', "the header is not JSON"),
        (b'{"config": "', b'{"config": 3,"', "the header is not JSON"),
        (b'"config": "{', b'"config": "[', "no JSON"),
        (b'"F32"', b'"F8_"', "has dtype F8_"),
    ):
        (tmp_path / "x.safetensors").write_bytes(whole.replace(old, new, 1))
        with pytest.raises(FormatError, match=message):
            formats.load(tmp_path / "x.safetensors")
    (tmp_path / "x.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(FormatError, match="none of the 0 tensors"):
        formats.load(tmp_path / "x.safetensors")


def test_damage_is_refused_or_read_but_never_worse(tmp_path):
    formats.save(Table(["a", "b", "词"], Dense(VECTORS), np.array([3, 2, 1])), tmp_path / "x.safetensors")
    assert survives(tmp_path / "x.safetensors", "safetensors", tmp_path, MUTATIONS // 10).refused
