"""What is compressed answers nearly as before, takes less, and says what was done."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from support import JIT_OFF
from wordfield import api, compression, formats
from wordfield.compression import compressed
from wordfield.formats.table import Classes, Table
from wordfield.storage import Dense, Float16, Int8, Product, Sparse
from wordfield.text.ngrams import Ngrams
from wordfield.vectors import WordVectors


@pytest.fixture(autouse=True)
def _few_iterations(monkeypatch):
    if JIT_OFF:
        monkeypatch.setattr(compression, "ITERATIONS", 1)


def rows(count, dim, seed=1):
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def table(count=12, dim=6, **more):
    words = [f"w{number}" for number in range(count)]
    return Table(words, Dense(rows(count, dim)), np.arange(count, 0, -1), {"recipe": {"model": "glove"}}, **more)


def subwords(kept=None, zeros=False):
    """Four words, and eight buckets of which all or some have rows."""
    ngrams = Ngrams(2, 3, 8, kept=kept, zeros=zeros)
    vectors = rows(4 + ngrams.rows, 6)
    if zeros:
        vectors[-1] = 0
    return Table(["one", "two", "three", "four"], Dense(vectors), np.array([9, 7, 5, 3]), ngrams=ngrams)


def off(storage, vectors):
    """The error of a storage, as a share of the length of all."""
    return np.linalg.norm(storage[:] - vectors) / np.linalg.norm(vectors)


def test_float16_rounds_each_number():
    vectors = rows(9, 5)
    assert (compression.float16(Dense(vectors))[:] == vectors.astype(np.float16)).all()
    with pytest.raises(ValueError, match=r"row 4 of the vectors holds 70000: float16 ends at 65,504"):
        compression.float16(Dense(np.where(np.arange(9)[:, None] == 4, 7e4, vectors)))


@pytest.mark.parametrize("size", [1e-44, 1e-30, 1, 1e30])
def test_int8_is_off_by_half_a_step_at_most(size):
    vectors = (rows(9, 5) * size).astype(np.float32)
    vectors[3] = 0
    coded = compression.int8(Dense(vectors))
    assert (coded[3] == 0).all()
    steps = np.maximum(np.abs(vectors.astype(np.float64)).max(axis=1, keepdims=True) / 127, np.finfo(np.float32).tiny)
    assert (np.abs(coded[:] - vectors.astype(np.float64)) <= steps * 0.5001).all()


@pytest.mark.parametrize("size", [1e-30, 1, 1e30])
@pytest.mark.parametrize("norms", [False, True])
def test_few_rows_come_back_from_products_as_they_were(size, norms):
    vectors = (rows(20, 5) * size).astype(np.float32)
    vectors[7] = 0
    coded = compression.product(Dense(vectors), 2, norms)
    np.testing.assert_allclose(coded[:] / np.float32(size), vectors / np.float32(size), atol=1e-5)


def test_a_product_is_closer_with_smaller_parts():
    vectors = rows(40 if JIT_OFF else 2000, 8)
    errors = [off(compression.product(Dense(vectors), part, norms), vectors) for part in (1, 2, 8) for norms in (0, 1)]
    if JIT_OFF:
        return
    assert errors[0] < errors[2] < errors[4]
    assert errors[1] < errors[3] < errors[5]
    assert errors[2] < 0.08


def test_the_number_of_threads_and_the_size_of_a_step_change_nothing(monkeypatch):
    vectors = Dense(rows(30, 5))
    monkeypatch.setattr(compression, "SAMPLE", 20)
    one = compression.product(vectors, 2, True, 3, threads=1)
    monkeypatch.setattr(compression, "STEP", 35)
    other = compression.product(vectors, 2, True, 3, threads=3)
    for each, same in zip(
        (one.codes, one.centroids, *one.lengths), (other.codes, other.centroids, *other.lengths), strict=True
    ):
        assert (each == same).all()
    assert (
        compression.product(vectors, 2, seed=4).centroids != compression.product(vectors, 2, seed=3).centroids
    ).any()


@pytest.mark.skipif(JIT_OFF, reason="too slow as plain Python")
@pytest.mark.parametrize("part", [2, 4])
@pytest.mark.parametrize("norms", [False, True])
def test_errors_are_no_larger_than_those_of_fasttext(data, tmp_path, part, norms):
    fasttext = pytest.importorskip("fasttext")
    options = {"epoch": 5, "lr": 1.0, "dim": 20, "minCount": 3, "thread": 1, "verbose": 0}
    model = fasttext.train_supervised(str(data / "classify" / "cooking.train"), **options)
    vectors = np.array([model.get_word_vector(word) for word in model.words])
    model.quantize(dsub=part, qnorm=norms)
    theirs = np.array([model.get_word_vector(word) for word in model.words])
    ours = compression.product(Dense(vectors), part, norms)
    assert off(ours, vectors) <= np.linalg.norm(theirs - vectors) / np.linalg.norm(vectors)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("to", ["float16", "int8", "product"])
def test_rows_that_no_code_stands_for_are_refused(to, bad):
    vectors = rows(9, 4)
    vectors[5, 2] = bad
    with pytest.raises(ValueError, match="row 5 of the vectors holds NaN or infinity"):
        compression.coded(Dense(vectors), to)


@pytest.mark.parametrize(("to", "kind"), [("float16", Float16), ("int8", Int8), ("product", Product)])
def test_a_compressed_table_keeps_words_and_counts_and_no_state(to, kind):
    before = table(state={"output": rows(3, 2)})
    after = compressed(before, to)
    assert isinstance(after.storage, kind)
    assert (after.words, after.counts.tolist(), after.state) == (before.words, before.counts.tolist(), {})
    assert after.config["recipe"] == {"model": "glove"}
    assert (
        after.config["history"]["compressed"][0] | {"to": to, "words": 12} == after.config["history"]["compressed"][0]
    )
    assert before.config == {"recipe": {"model": "glove"}}
    assert off(after.storage, before.storage.matrix) < 0.02
    again = compressed(after, "float16", max_words=5)
    assert [step["words"] for step in again.config["history"]["compressed"]] == [12, 5]
    assert json.dumps(again.config)


def test_empty_tables_are_compressed():
    for storage in (Dense(np.empty((0, 4))), Dense(np.empty((3, 0)))):
        for to in ("float16", "int8", "product"):
            assert compression.coded(storage, to)[:].shape == storage.shape


@pytest.mark.parametrize("to", [None, "float16", "int8", "product"])
def test_the_most_frequent_words_are_kept(to):
    before = replace(table(), counts=np.array([5, 1, 9, 9, 2, 8, 1, 1, 1, 1, 1, 3]))
    after = compressed(before, to, max_words=4)
    assert after.words == ["w0", "w2", "w3", "w5"]
    assert after.counts.tolist() == [5, 9, 9, 8]
    assert off(after.storage.matrix, before.storage.take([0, 2, 3, 5])) < 0.02
    assert compressed(replace(before, counts=None), to, max_words=2).words == ["w0", "w1"]
    assert compressed(before, to, max_words=99).words == before.words


def test_words_of_a_list_are_kept():
    assert compressed(table(), words=["w7", "w3", "other"]).words == ["w3", "w7"]
    assert compressed(table(), words=["w7", "w3", "w5"], max_words=2).words == ["w3", "w5"]
    with pytest.raises(ValueError, match="none of the 1 words to keep is in the vocabulary of 12 words"):
        compressed(table(), words=["other"])


def test_codes_are_pruned_as_codes():
    once = compressed(table(), "int8")
    assert (compressed(once, max_words=3).storage.codes == once.storage.codes[:3]).all()


def test_the_columns_of_a_table_of_counts_go_with_its_words():
    counts = np.array([[0, 2, 1], [2, 0, 0], [1, 0, 4]], np.float32)
    before = Table(["a", "b", "c"], Sparse(csr_array(counts)))
    assert compressed(before, words=["a", "c"]).storage.matrix.toarray().tolist() == [[0, 1], [1, 4]]
    wide = Table(["a", "b"], Sparse(csr_array(counts[:2])))
    assert compressed(wide, words=["b"]).storage.matrix.toarray().tolist() == [[2, 0, 0]]


def test_zeros_are_not_written_out_where_that_takes_more():
    thin = Table([str(number) for number in range(100)], Sparse.identity(100))
    with pytest.raises(ValueError, match=r"sparse and take 0\.0 MB; as int8, with their zeros"):
        compressed(thin, "int8")
    full = Table([str(number) for number in range(9)], Sparse(csr_array(rows(9, 9))))
    assert off(compressed(full, "int8").storage, rows(9, 9)) < 0.02


@pytest.mark.parametrize(("kept", "zeros"), [(None, False), (np.array([6, 1, 4]), False), (np.array([6, 1, 4]), True)])
def test_ngrams_with_the_longest_vectors_are_kept(kept, zeros):
    before = subwords(kept, zeros)
    own = before.storage.matrix[4:]
    buckets = np.arange(8) if kept is None else kept
    longest = np.argsort(-np.linalg.norm(own[: len(buckets)], axis=1))[:2]
    after = compressed(before, max_ngrams=2)
    assert after.ngrams.kept.tolist() == sorted(buckets[longest])
    assert not after.ngrams.zeros
    assert after.words == before.words
    for bucket, row in zip(after.ngrams.kept, after.storage.matrix[4:], strict=True):
        assert (row == own[buckets.tolist().index(bucket)]).all()
    hashes = np.array(after.ngrams.kept)
    assert after.ngrams.placed(hashes, 4).tolist() == [4, 5]
    assert set(after.ngrams.placed(np.setdiff1d(np.arange(8), hashes), 4)) == {-1}
    same = compressed(before, max_ngrams=8)
    assert same.ngrams is before.ngrams
    assert (same.storage.matrix == before.storage.matrix).all()


def test_a_word_that_is_left_out_lives_on_in_its_ngrams():
    before = subwords()
    after = compressed(before, "float16", max_words=2, max_ngrams=7)
    assert after.words == ["one", "two"]
    field = WordVectors.of(after)
    assert "three" not in field
    three = WordVectors.of(subwords(np.sort(after.ngrams.kept)))
    row = after.storage[2:]
    bag = field.vocabulary.bag("three") - 2
    assert len(bag) == len(three.vocabulary.bag("three")) - 1
    np.testing.assert_allclose(field["three"], row[bag].mean(axis=0), rtol=1e-6)


def classifier():
    classes = Classes(["good", "bad", "so"], Dense(rows(3, 6, 2)), "softmax", np.array([5, 4, 1]))
    return replace(
        table(), words=["</s>", *(f"w{number}" for number in range(11))], classes=classes, counts=np.arange(12)
    )


def test_a_classifier_keeps_the_end_of_the_line_and_its_labels():
    after = compressed(classifier(), "product", max_words=3)
    assert after.words == ["</s>", "w8", "w9", "w10"]
    assert after.classes.labels == ["good", "bad", "so"]
    assert isinstance(after.classes.storage, Dense)
    both = compressed(classifier(), "int8", output=True)
    assert isinstance(both.classes.storage, Int8)
    assert off(both.classes.storage, classifier().classes.storage.matrix) < 0.02


@pytest.mark.parametrize(
    ("to", "options", "message"),
    [
        ("int4", {}, "unknown compression 'int4'; known: product, int8, float16"),
        ("product", {"part": 0}, "at least 1, not 0"),
        ("int8", {"norms": True}, "in product quantisation only, not in int8"),
        ("int8", {"output": True}, "labels of a classifier"),
        (None, {"max_words": 0}, "at least 1, not 0"),
        (None, {"max_ngrams": 5}, "this model has none"),
    ],
)
def test_what_makes_no_sense_is_refused(to, options, message):
    with pytest.raises(ValueError, match=message):
        compressed(table(), to, **options)


@pytest.fixture
def model(tmp_path):
    formats.save(table(300, state={"output": rows(300, 6)}), tmp_path / "model")
    return tmp_path / "model"


def test_convert_tells_size_overlap_and_scores(model, tmp_path):
    (tmp_path / "pairs.txt").write_text("w1 w2 9\nw3 w4 8\nw5 w6 1\nw7 w8 2\nw1 w299 4\n")
    told = api.convert(model, tmp_path / "out", quantize="int8", max_words=100, data=[tmp_path / "pairs.txt"])
    assert told["bytes"]["before"] > told["bytes"]["after"] > 100 * 6
    assert told["vocabulary"] == 100
    assert 0 < told["overlap"] < 1
    assert told["lost"] == ["what training goes on from"]
    (score,) = told["results"]
    assert (score["dataset"], score["covered"]) == ("pairs", {"before": 5, "after": 4})
    assert score["change"] == pytest.approx(score["after"] - score["before"])
    assert isinstance(formats.load(tmp_path / "out").storage, Int8)
    plain = api.convert(model, tmp_path / "plain")
    assert "bytes" not in plain
    assert formats.load(tmp_path / "plain").state


def test_a_format_of_numbers_gets_them_decoded_and_convert_says_so(model, tmp_path):
    told = api.convert(model, tmp_path / "out.bin", quantize="product", part=1)
    assert "codes: all numbers are written in full" in told["lost"]
    there = formats.load(tmp_path / "out.bin")
    assert (there.storage.matrix == compressed(table(300), "product", part=1).storage[:]).all()
    for name in ("out.txt", "out.bin"):
        formats.save(compressed(table(), "int8"), tmp_path / name)
        assert (formats.load(tmp_path / name).storage.matrix == compressed(table(), "int8").storage[:]).all()


def test_a_format_without_ngrams_gets_a_row_a_word(tmp_path):
    formats.save(subwords(), tmp_path / "out.txt")
    there = WordVectors.load(tmp_path / "out.txt")
    assert there.index_to_key == ["one", "two", "three", "four"]
    assert (there["two"] == WordVectors.of(subwords())["two"]).all()
    assert "n-grams, and so vectors of unknown words" in [
        api.models.PARTS[part] for part in formats.losses(subwords(), "word2vec-text")
    ]


def test_convert_in_place_leaves_the_smaller_model(model):
    told = api.convert(model, model, quantize="float16")
    assert told["bytes"]["after"] < told["bytes"]["before"]
    assert isinstance(formats.load(model).storage, Float16)


def test_convert_refuses_before_it_works(model, tmp_path):
    with pytest.raises(ValueError, match="product quantisation only"):
        api.convert(model, tmp_path / "out", norms=True)
    with pytest.raises(FileNotFoundError, match="no evaluation set"):
        api.convert(model, tmp_path / "out", quantize="int8", data=[tmp_path / "none.txt"])
    assert not (tmp_path / "out").exists()


def test_the_command_prints_sizes_and_scores(run, model, tmp_path):
    (tmp_path / "pairs.txt").write_text("w1 w2 9\nw3 w4 8\nw5 w6 1\n")
    ran = run(
        "convert",
        model,
        tmp_path / "out",
        "--quantize",
        "product",
        "--part",
        "3",
        "--norms",
        "--data",
        tmp_path / "pairs.txt",
    )
    assert ran.status == 0, ran.err
    assert "MB before" in ran.out
    assert "of the 10 nearest words stay" in ran.out
    assert "pairs" in ran.out
    ran = run("convert", model, tmp_path / "out", "--quantize", "int8", "--max-words", "7", "--json")
    assert json.loads(ran.out)["vocabulary"] == 7


@pytest.mark.parametrize("to", [None, "int8", "product"])
def test_words_that_are_only_their_ngrams_are_pruned_too(to):
    ngrams = Ngrams(2, 3, 50, hash="floret", hash_count=2, own=False)
    before = Table(["one", "two", "three"], Dense(rows(50, 6)), ngrams=ngrams)
    after = compressed(before, to, max_words=2, max_ngrams=40)
    assert after.words == ["one", "two"]
    assert after.storage.shape == (40, 6)
    assert WordVectors.of(after)["three"].any()
