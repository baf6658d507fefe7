"""finalfusion's files: vectors are those that finalfusion gives, in both directions, and damage is noticed."""

from __future__ import annotations

import json
import struct
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import naive_ngrams
import wordfield as wf
from formats.fuzzing import MUTATIONS, survives
from wordfield import compression, formats
from wordfield.formats import FormatError, Table
from wordfield.formats.finalfusion_parts import MOST, Kind
from wordfield.static import StaticModel
from wordfield.storage import CENTROIDS, Dense, Product, Scaled
from wordfield.text.ngrams import Ngrams
from wordfield.text.tokenizers import Tokenizer
from wordfield.vectors import WordVectors

WORDS = ["the", "king", "naïve", "词向量", "</s>", "a b", "🙂"]
UNKNOWN = ["kings", "q", "naïf", "词", "", "</s", "🙂🙂"]
LISTED = {"<k": 0, "kin": 1, "ing": 0, "ng>": 2, "<词": 3, "naï": 1, "<q": 2, "q>": 3, "🙂": 2, "<": 1, "</s": 0}


def rows(count: int, dim: int = 6, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


def in_unit_length(matrix: np.ndarray) -> np.ndarray:
    return (matrix / np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)).astype(np.float32)


def product(count: int, dim: int = 6, part: int = 2) -> Product:
    rng = np.random.default_rng(2)
    return Product(rng.integers(0, 256, (count, dim // part), np.uint8), rows(CENTROIDS, dim).reshape(-1), part)


def scaled(count: int, dim: int = 6) -> Scaled:
    turn = np.linalg.qr(rows(dim, dim, 3))[0].astype(np.float32)
    return Scaled(product(count, dim), np.linspace(0.5, 3, count, dtype=np.float32), turn)


NGRAMS = {
    "simple": None,
    "buckets": Ngrams(2, 4, 16, hash="finalfusion", combined=True),
    "fasttext": Ngrams(1, 3, 10, combined=True),
    "listed": Ngrams(1, 3, 4, hash="listed", combined=True, listed=LISTED),
}
ROWS = {"numbers": lambda count: Dense(rows(count)), "codes": product, "turned": scaled}
METADATA = {
    "title": "a \"b\" 'c' \\ \n 词",
    "n": 3,
    "rate": 1e-5,
    "some": ["x", "y"],
    "deep": {"on": True, "odd key": {"a": 1}},
}


def table(kind: str, storage: str = "numbers") -> Table:
    ngrams = NGRAMS[kind]
    count = len(WORDS) + (0 if ngrams is None else ngrams.rows)
    return Table(WORDS, ROWS[storage](count), config={"metadata": METADATA}, ngrams=ngrams)


def close(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, rtol=3e-6, atol=1e-6)


def chunk(kind: int, data: bytes, size: int | None = None) -> bytes:
    return struct.pack("<IQ", kind, len(data) if size is None else size) + data


def texts(*given: str | bytes) -> bytes:
    raw = [each if isinstance(each, bytes) else each.encode() for each in given]
    return b"".join(struct.pack("<I", len(each)) + each for each in raw)


def file_of(path: Path, *chunks: tuple[int, bytes], promised: list[int] | None = None) -> Path:
    """A file made by hand; ``PAD`` in a chunk becomes the padding that its place needs."""
    kinds = [kind for kind, _ in chunks] if promised is None else promised
    data = struct.pack("<4sII", b"FiFu", 0, len(kinds)) + struct.pack(f"<{len(kinds)}I", *kinds)
    for kind, content in chunks:
        here = len(data) + 12 + content.index(PAD) if PAD in content else 0
        data += chunk(kind, content.replace(PAD, bytes(4 - here % 4)))
    path.write_bytes(data)
    return path


PAD = b"<padding>"


def array(matrix: np.ndarray) -> tuple[int, bytes]:
    return Kind.ARRAY, struct.pack("<QII", *matrix.shape, 10) + PAD + matrix.astype("<f4").tobytes()


def simple(*words: str | bytes) -> tuple[int, bytes]:
    return Kind.WORDS, struct.pack("<Q", len(words)) + texts(*words)


# What is written comes back


@pytest.mark.parametrize("storage", ROWS)
@pytest.mark.parametrize("kind", NGRAMS)
def test_what_is_written_comes_back(tmp_path, kind, storage):
    before, path = table(kind, storage), tmp_path / "x.fifu"
    formats.save(before, path)
    assert formats.recognise(path) == "finalfusion"
    after = formats.load(path)
    assert (after.words, after.config) == (before.words, before.config)
    close(after.storage.take(range(len(WORDS))), before.storage.take(range(len(WORDS))))
    one, other = WordVectors.of(before), WordVectors.of(after)
    close(one[WORDS], other[WORDS])
    unknown = [] if before.ngrams is None else [word for word in UNKNOWN if len(one.vocabulary.bag(word))]
    if kind != "simple":
        assert {"kings", "q", "词"} <= set(unknown)
        close(one[unknown], other[unknown])
        for field in fields(Ngrams):
            if field.name not in ("listed", "kept"):
                assert getattr(after.ngrams, field.name) == getattr(before.ngrams, field.name), field.name
        assert set(after.ngrams.listed or ()) == set(before.ngrams.listed or ())
    formats.save(after, tmp_path / "again.fifu")
    again = formats.load(tmp_path / "again.fifu")
    assert again.words == after.words
    close(again.storage.take(range(again.storage.shape[0])), after.storage.take(range(after.storage.shape[0])))
    if storage == "numbers":
        assert path.read_bytes() == (tmp_path / "again.fifu").read_bytes()


def test_rows_are_mapped_and_those_of_unit_length_stay_as_they_are(tmp_path):
    units = Table(WORDS, Dense(in_unit_length(rows(len(WORDS)))))
    formats.save(units, tmp_path / "units.fifu")
    read = formats.load(tmp_path / "units.fifu").storage
    assert isinstance(read, Dense)
    np.testing.assert_array_equal(read.matrix, units.storage.matrix)
    assert not read.matrix.flags.owndata
    assert not read.matrix.flags.writeable
    formats.save(table("simple"), tmp_path / "others.fifu")
    read = formats.load(tmp_path / "others.fifu").storage
    assert isinstance(read, Scaled)
    assert isinstance(read.rows, Dense)
    assert not read.rows.matrix.flags.owndata
    close(read.rows.norms, np.ones(len(WORDS)))
    close(read.lengths, np.linalg.norm(rows(len(WORDS)), axis=1))
    words = WordVectors.of(formats.load(tmp_path / "others.fifu"))
    assert words.most_similar("king", 3) == [
        (word, pytest.approx(score, abs=1e-6))
        for word, score in WordVectors.of(table("simple")).most_similar("king", 3)
    ]


def test_words_with_ngrams_are_looked_through_without_a_copy(tmp_path):
    formats.save(table("buckets"), tmp_path / "x.fifu")
    words = WordVectors.of(formats.load(tmp_path / "x.fifu"))
    assert words.table.shape == (len(WORDS), 6)
    assert isinstance(words.table, Scaled)
    assert np.shares_memory(words.table.rows.matrix, words.storage.rows.matrix)
    assert words.most_similar("kings", 2)[0][0] in WORDS


def test_an_unknown_word_has_the_sum_of_its_ngrams_in_unit_length():
    given = table("buckets")
    words, matrix = WordVectors.of(given), given.storage.matrix
    spelled = naive_ngrams.ngrams("kings", 2, 4, marks=True)
    total = sum(matrix[len(WORDS) + naive_ngrams.long_fnv(each) % 16].astype(np.float64) for each in spelled)
    close(words["kings"], total / np.linalg.norm(total))
    close(words[["king", "kings"]][0], matrix[1])
    nothing = WordVectors.of(replace(given, storage=Dense(np.zeros((len(WORDS) + 16, 6)))))
    assert not nothing["kings"].any()


def test_extreme_and_zero_vectors_come_back_and_those_without_a_length_are_refused(tmp_path):
    matrix = np.array([[0, 0, 0], [3e38, -1e38, 0], [1e-40, 0, 2e-40], [1, 2, 2]], np.float32)
    formats.save(Table(["o", "large", "small", "plain"], Dense(matrix)), tmp_path / "x.fifu")
    read = formats.load(tmp_path / "x.fifu").storage
    np.testing.assert_allclose(read.take(range(4)), matrix, rtol=1e-6, atol=2e-45)
    for bad in (np.nan, np.inf, 3.4e38):
        with pytest.raises(
            FormatError, match=r"row 1: the vector of 'b' has the length (nan|inf), and finalfusion keeps"
        ):
            formats.save(Table(["a", "b"], Dense([[1.0, 0], [bad, bad]] * np.ones(1))), tmp_path / "bad.fifu")
    with pytest.raises(FormatError, match="vectors of 0 dimensions"):
        formats.save(Table(["a"], Dense(np.ones((1, 0)))), tmp_path / "bad.fifu")
    assert not (tmp_path / "bad.fifu").exists()


def test_what_only_wordfield_remembers_is_kept_in_the_metadata(tmp_path):
    config = {
        "recipe": {"model": "word2vec", "path": "it's \udc80"},
        "tokenizer": {"name": "words", "lowercase": False},
    }
    config["history"] = {"losses": [0.5, 0.25], "odd": "\x7f\x00 'x' [y]"}
    given = Table(["b", "a"], Dense(rows(2)), np.array([2, 1]), config, {"output": rows(2)})
    assert formats.losses(given, "finalfusion") == ["counts", "state"]
    formats.save(given, tmp_path / "x.fifu")
    assert formats.load(tmp_path / "x.fifu").config == config
    model = wf.load(tmp_path / "x.fifu")
    assert model.recipe == config["recipe"]
    assert model.tokenizer.describe()["lowercase"] is False
    mixed = config | {"metadata": METADATA}
    formats.save(replace(given, config=mixed), tmp_path / "y.fifu")
    assert formats.load(tmp_path / "y.fifu").config == mixed


def test_codes_stay_codes_where_they_can_and_are_told_where_they_cannot(tmp_path, caplog):
    formats.save(table("fasttext", "codes"), tmp_path / "x.fifu")
    read = formats.load(tmp_path / "x.fifu")
    assert isinstance(read.storage, Scaled)
    assert isinstance(read.storage.rows, Product)
    np.testing.assert_array_equal(read.storage.rows.codes, table("fasttext", "codes").storage.codes)
    assert formats.losses(read, "word2vec-text") == ["config", "ngrams", "product"]
    assert "product" not in formats.losses(read, "finalfusion")
    rng = np.random.default_rng(1)
    uneven = Product(rng.integers(0, 256, (3, 2), np.uint8), rows(CENTROIDS, 3).reshape(-1), 2)
    lengths = (np.array([0, 2, 5], np.uint8), np.linspace(1, 9, 256, dtype=np.float32))
    for storage in (uneven, Product(rng.integers(0, 256, (3, 3), np.uint8), uneven.centroids, 1, lengths)):
        caplog.clear()
        formats.save(Table(["a", "b", "c"], storage), tmp_path / "y.fifu")
        close(formats.load(tmp_path / "y.fifu").storage.take(range(3)), storage.take(range(3)))
        assert ("written as numbers" in caplog.text) == (storage is uneven)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("kind", ["buckets", "fasttext", "listed"])
def test_pruned_ngrams_are_zeros_or_are_not_listed(tmp_path, kind, zeros):
    whole = table(kind)
    narrow = whole.ngrams.narrowed(np.array([3, 1]), zeros)
    matrix = whole.storage.matrix
    kept = np.concatenate([matrix[: len(WORDS)], matrix[len(WORDS) + np.array([3, 1])], np.zeros((int(zeros), 6))])
    given = replace(whole, storage=Dense(kept), ngrams=narrow)
    formats.save(given, tmp_path / "x.fifu")
    one, other = WordVectors.of(given), WordVectors.of(formats.load(tmp_path / "x.fifu"))
    seen = [word for word in [*WORDS, *UNKNOWN] if len(one.vocabulary.bag(word))]
    assert set(seen) - set(WORDS)
    close(other[seen], one[seen])
    if kind == "listed" and not zeros:
        assert set(other.vocabulary.ngrams.listed) == {name for name, bucket in LISTED.items() if bucket in (1, 3)}


@pytest.mark.parametrize("storage", ROWS)
@pytest.mark.parametrize("kind", NGRAMS)
def test_a_native_folder_keeps_all_of_it(tmp_path, kind, storage):
    formats.save(table(kind, storage), tmp_path / "x.fifu")
    before = formats.load(tmp_path / "x.fifu")
    formats.save(before, tmp_path / "model")
    after = formats.load(tmp_path / "model")
    assert type(after.storage) is type(before.storage)
    count = range(before.storage.shape[0])
    np.testing.assert_array_equal(after.storage.take(count), before.storage.take(count))
    assert after.config == before.config
    for field in fields(Ngrams) if before.ngrams is not None else ():
        assert getattr(after.ngrams, field.name) == getattr(before.ngrams, field.name), field.name
    smaller = compression.compressed(before, "int8", max_words=3)
    assert smaller.words == WORDS[:3]
    if before.ngrams is not None:
        one, other = WordVectors.of(before), WordVectors.of(smaller)
        np.testing.assert_allclose(other["kings"], one["kings"], atol=0.05)


def test_damaged_entries_of_a_native_folder_are_refused(tmp_path):
    formats.save(table("listed", "turned"), tmp_path / "x.fifu")
    formats.save(formats.load(tmp_path / "x.fifu"), tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    whole = json.loads(file.read_text("utf-8"))
    for change, message in [
        ({"rows": "scaled"}, "\"storage\" is 'scaled'"),
        ({"rows": None}, "\"storage\" is 'scaled'"),
        ({"rows": "dense"}, 'the tensor "vectors" is missing'),
        ({"ngrams": whole["ngrams"] | {"listed": [1]}}, "'listed' is"),
        ({"ngrams": whole["ngrams"] | {"listed": {"a": "b"}}}, "no whole number"),
        ({"ngrams": whole["ngrams"] | {"listed": {"a": 4}}}, "buckets 0 to 3"),
    ]:
        file.write_text(json.dumps(whole | change), "utf-8")
        with pytest.raises(FormatError, match=message):
            formats.load(tmp_path / "model")
    with pytest.raises(ValueError, match=r"lengths of shape \(2,\), and a turn of shape \(3, 6\) for 7 rows of 6"):
        Scaled(product(7), np.ones(2, np.float32), np.ones((3, 6), np.float32))


# Other formats


def test_fasttext_and_floret_refuse_what_is_not_theirs_and_words_alone_are_written(tmp_path):
    for kind in ("buckets", "fasttext", "listed"):
        for name in ("fasttext", "floret"):
            with pytest.raises(FormatError, match=r"added to the rows of words|rows of n-grams alone"):
                formats.save(table(kind), tmp_path / "x", name)
        formats.save(replace(table(kind), words=[word.replace(" ", "_") for word in WORDS]), tmp_path / "x.txt")
        close(formats.load(tmp_path / "x.txt").storage.matrix, rows(len(WORDS) + table(kind).ngrams.rows)[: len(WORDS)])


def test_fasttext_goes_in_with_its_rows_added_up(tmp_path, caplog):
    words = Table(["garden", "flowers", "ships"], Dense(rows(43)), ngrams=Ngrams(2, 4, 40))
    model = StaticModel(WordVectors.of(words), Tokenizer.of("words"), {"model": "fasttext"})
    model.save(tmp_path / "x.fifu")
    read = wf.load(tmp_path / "x.fifu")
    assert caplog.text == ""
    assert read.recipe == model.recipe
    close(read.words[words.words], model.words[words.words])
    for word in ("gardens", "ship", "zzz"):
        close(read.words[[word]], in_unit_length(model.words[[word]]))
    close(read.embed(["garden ship"]), model.embed(["garden ship"]))
    one = Table(["ab"], Dense(rows(11)), ngrams=Ngrams(0, 3, 10))
    formats.save(one, tmp_path / "one.fifu")
    assert "counts the marks < and > as n-grams too" in caplog.text
    close(WordVectors.of(formats.load(tmp_path / "one.fifu"))["ab"], WordVectors.of(one)["ab"])


def test_runs_of_words_alone_are_no_ngrams_of_words(tmp_path):
    given = Table(["a", "b"], Dense(rows(12)), ngrams=Ngrams(0, 0, 10, word_ngrams=2))
    formats.save(given, tmp_path / "x.fifu")
    read = formats.load(tmp_path / "x.fifu")
    assert read.ngrams is None
    close(read.storage.take([0, 1]), rows(12)[:2])


@pytest.mark.parametrize(
    ("ngrams", "message"),
    [
        (
            Ngrams(2, 3, 5, hash="floret", own=False),
            "hashed as floret does, which finalfusion for Python does not read",
        ),
        (Ngrams(2, 3, 5, own=True, begin="["), "marked in another way than with < and >"),
        (Ngrams(2, 2**33, 5), "counts buckets and characters up to 4294967295 only"),
    ],
)
def test_ngrams_that_finalfusion_does_not_have_are_refused(tmp_path, ngrams, message):
    with pytest.raises(FormatError, match=message):
        formats.save(Table(["a"], Dense(rows(ngrams.own + 5)), ngrams=ngrams), tmp_path / "x.fifu")
    assert list(tmp_path.iterdir()) == []


def test_a_word_that_is_no_unicode_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"row 1: the word 'b\\udcff' is no valid Unicode"):
        formats.save(Table(["a", "b\udcff"], Dense(rows(2))), tmp_path / "x.fifu")


# Files as others write them


def test_real_files_are_read(data, tmp_path):
    folder = data / "fixtures" / "finalfusion"
    words = formats.load(folder / "embeddings.fifu")
    plain = formats.load(folder / "embeddings.txt")
    assert words.words == plain.words
    close(words.storage.take(range(7)), plain.storage.matrix)
    assert formats.load(folder / "simple_vocab.fifu").storage.shape == (43, 100)
    buckets = formats.load(folder / "ff_buckets.fifu")
    assert (buckets.ngrams.hash, buckets.ngrams.bucket, len(buckets.words)) == ("finalfusion", 1024, 2)
    assert buckets.config["metadata"]["model_config"]["model"] == "StructuredSkipGram"
    formats.save(formats.load(folder / "simple_vocab.fifu"), tmp_path / "x.fifu")
    assert (tmp_path / "x.fifu").read_bytes() == (folder / "simple_vocab.fifu").read_bytes()


def test_floret_is_read_as_finalfusion_for_rust_writes_it(tmp_path):
    matrix = rows(5, 2)
    settings = struct.pack("<IIQII", 2, 3, 5, 2, 2166136261) + texts("<", ">")
    file_of(tmp_path / "x.fifu", (Kind.FLORET, settings), array(matrix))
    lines = [f"{row} {' '.join(map(repr, matrix[row].tolist()))}" for row in range(5)]
    (tmp_path / "x.floret").write_text("5 2 2 3 2 2166136261 < >\n" + "\n".join(lines) + "\n")
    read, plain = (WordVectors.of(formats.load(tmp_path / f"x.{end}")) for end in ("fifu", "floret"))
    assert len(read) == 0
    for word in ("king", "词", "a"):
        close(read[word], in_unit_length(plain[[word]])[0])


def test_sizes_that_finalfusion_for_python_gets_wrong_are_accepted(tmp_path):
    listed = b"".join(texts(ngram) + struct.pack("<Q", row) for ngram, row in (("<k", 0), ("ki", 1)))
    content = struct.pack("<QQII", 1, 2, 2, 3) + texts("king") + listed
    whole = file_of(tmp_path / "x.fifu", (Kind.LISTED, content), array(rows(3))).read_bytes()
    size = struct.pack("<Q", len(content) - 16)
    (tmp_path / "y.fifu").write_bytes(whole[:24] + size + whole[32:])
    for name in ("x", "y"):
        assert formats.load(tmp_path / f"{name}.fifu").ngrams.listed == {"<k": 0, "ki": 1}
    (tmp_path / "z.fifu").write_bytes(whole[:24] + struct.pack("<Q", len(content) - 8) + whole[32:])
    with pytest.raises(FormatError, match=r"z.fifu: byte 24: a chunk of words with listed n-grams of 52 bytes has 60"):
        formats.load(tmp_path / "z.fifu")
    assert formats.load(tmp_path / "z.fifu", repair=True).words == ["king"]


def test_few_centroids_are_read(tmp_path):
    books, codes = rows(2 * 3, 2).reshape(2, 3, 2), np.array([[0, 2], [1, 1]], np.uint8)
    content = struct.pack("<5IQ2I", 0, 0, 2, 4, 3, 2, 1, 10) + PAD + books.tobytes()
    file_of(tmp_path / "x.fifu", simple("a", "b"), (Kind.CODES, content + codes.tobytes()))
    expected = np.stack([np.concatenate([books[0, one], books[1, other]]) for one, other in codes])
    np.testing.assert_array_equal(formats.load(tmp_path / "x.fifu").storage.take([0, 1]), expected)
    file_of(tmp_path / "x.fifu", simple("a", "b"), (Kind.CODES, content + bytes([0, 2, 3, 1])))
    with pytest.raises(FormatError, match="there is a code 3 among them, and 3 centroids"):
        formats.load(tmp_path / "x.fifu")


def test_broken_words_are_replaced_and_repeated_ones_repaired(tmp_path, caplog):
    path = file_of(tmp_path / "x.fifu", simple(b"a\xff", b"a\xfe", "b"), array(rows(3)))
    assert formats.load(path).words == ["a\ufffd", "a\\xfe", "b"]
    assert "2 words are not valid UTF-8" in caplog.text
    norms = Kind.NORMS, struct.pack("<QI", 3, 10) + PAD + np.array([1, 2, 3], "<f4").tobytes()
    for extra in ([], [norms]):
        file_of(path, simple("a", "b", "a"), array(rows(3)), *extra)
        with pytest.raises(FormatError, match="word 3: 'a' stands there a second time, first as word 1"):
            formats.load(path)
        read = formats.load(path, repair=True)
        assert read.words == ["a", "b"]
        close(read.storage.take([0, 1]), rows(2) * ([[1], [2]] if extra else 1))
        assert read.repaired == ["word 3: 'a' stands there a second time, first as word 1"]
    listed = b"".join(texts(n) + struct.pack("<Q", row) for n, row in (("<k", 0), ("<k", 1), (b"\xff", 0), ("ki", 9)))
    file_of(path, (Kind.LISTED, struct.pack("<QQII", 1, 4, 2, 3) + texts("king") + listed), array(rows(3)))
    with pytest.raises(FormatError, match="n-gram 2: '<k' stands there a second time, or is no valid UTF-8"):
        formats.load(path)
    read = formats.load(path, repair=True)
    assert read.ngrams.listed == {"<k": 0}
    assert read.repaired[1:] == [
        r"n-gram 3: '\\xff' stands there a second time, or is no valid UTF-8",
        "n-gram 4: 'ki' has row 9 of the 2 rows of n-grams",
    ]


def test_unknown_chunks_and_what_follows_are_left_out_where_wanted(tmp_path):
    path = file_of(tmp_path / "x.fifu", (42, b"future"), simple("a"), array(rows(1)))
    path.write_bytes(path.read_bytes() + b"rest")
    with pytest.raises(FormatError, match=r"byte 24: a chunk of kind 42; of a newer finalfusion, or damaged"):
        formats.load(path)
    read = formats.load(path, repair=True)
    np.testing.assert_array_equal(read.storage.matrix, rows(1))
    assert len(read.repaired) == 2
    assert "4 bytes follow the last chunk" in read.repaired[1]
    file_of(path, (Kind.METADATA, b"= ["), simple("a"), array(rows(1)))
    with pytest.raises(FormatError, match="byte 36: the metadata is no TOML"):
        formats.load(path)
    assert formats.load(path, repair=True).config == {}
    file_of(path, simple("a"), array(rows(1)), promised=[1, 4])
    with pytest.raises(FormatError, match=r"byte 12: chunks of the kinds \[1, 4\] are promised, \[1, 2\] follow"):
        formats.load(path)


@pytest.mark.parametrize("entry", ["wordfield = 3", "wordfield = 'no json'", "wordfield = '[1]'"])
def test_an_entry_of_the_metadata_that_is_not_ours_stays(tmp_path, entry):
    path = file_of(tmp_path / "x.fifu", (Kind.METADATA, entry.encode()), simple("a"), array(rows(1)))
    assert list(formats.load(path).config["metadata"]) == ["wordfield"]


def test_metadata_that_json_cannot_hold_becomes_text(tmp_path):
    text = b"day = 2019-05-03\nlist = [{time = 10:30:00}, 1.5, inf]\n"
    path = file_of(tmp_path / "x.fifu", (Kind.METADATA, text), simple("a"), array(rows(1)))
    read = formats.load(path)
    assert read.config == {"metadata": {"day": "2019-05-03", "list": [{"time": "10:30:00"}, 1.5, float("inf")]}}
    formats.save(read, tmp_path / "y.fifu")
    assert formats.load(tmp_path / "y.fifu").config == read.config


# Damage


HASHED = struct.pack("<QIII", 1, 3, 6, 2) + texts("a")
CODED = "<5IQ2I"


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([array(rows(1))], "vectors stand where words are needed"),
        ([simple("a"), simple("a")], "words stand where vectors are needed"),
        ([simple("a"), array(rows(1)), array(rows(1))], "vectors stand where norms are needed"),
        ([simple("a"), array(rows(2))], "2 rows of vectors for 1 words"),
        ([simple("a")], "kind and size of the chunk of vectors would take 12 bytes, 0 are left"),
        ([(1, struct.pack("<Q", 2**62))], "4611686018427387904 times a word do not fit into the 0 bytes left"),
        ([(1, struct.pack("<Q", 1) + b"\xff" * 4)], "word 1 of 1 begins there and does not end"),
        ([(3, HASHED), array(rows(4))], "4 rows of vectors for 1 words and 4 buckets of n-grams of up to 6"),
        ([(3, struct.pack("<QIII", 0, 3, 6, 63)), array(rows(4))], "byte 48: 2 to the power of 63 buckets"),
        ([(7, struct.pack("<QIII", 0, 0, 6, 4)), array(rows(4))], "byte 32: .*1 character or more"),
        ([(7, struct.pack("<QIII", 0, 3, 2, 4)), array(rows(4))], "n-grams from 3 to 2 characters"),
        ([(8, struct.pack("<QQII", 0, 0, 3, 6)), array(rows(0))], "at least 1 bucket"),
        (
            [(9, struct.pack("<IIQII", 3, 6, 4, 7, 1) + texts("<", ">")), array(rows(4))],
            "1 row, in floret 1 to 4, not 7",
        ),
        ([simple("a"), (2, struct.pack("<QII", 1, 2, 1) + PAD + bytes(8))], "numbers of kind 1; float32 .10. are read"),
        ([simple("a"), (2, struct.pack("<QII", 1, 0, 10) + PAD)], "vectors of 0 dimensions"),
        ([simple("a"), (2, struct.pack("<QII", 2**60, 9, 10) + PAD)], "the vectors would take"),
        ([simple("a"), (4, struct.pack(CODED, 0, 0, 2, 3, 1, 1, 1, 10) + PAD)], "2 parts of 3 numbers"),
        ([simple("a"), (4, struct.pack(CODED, 0, 0, 1, MOST + 1, 1, 1, 1, 10) + PAD)], "1 parts of 65537 numbers"),
        ([simple("a"), (4, struct.pack(CODED, 2, 0, 1, 1, 1, 1, 1, 10) + PAD)], "flags 2 and 0"),
        ([simple("a"), (4, struct.pack(CODED, 0, 0, 1, 1, 1, 1, 10, 10) + PAD)], "the codes are numbers of kind 10"),
        ([simple("a"), (4, struct.pack(CODED, 0, 0, 1, 1, 1, 1, 1, 1) + PAD)], "the centroids are numbers of kind 1"),
        ([simple("a"), (4, struct.pack(CODED, 1, 0, 1, MOST, 1, 1, 1, 10) + PAD)], "the turn of the rows would take"),
        (
            [simple("a"), (4, struct.pack(CODED, 0, 0, 1, 1, 1, 1, 1, 10) + PAD + struct.pack("<f", np.nan) + b"\0")],
            "the centroids have nan",
        ),
        ([simple("a"), array(rows(1)), (6, struct.pack("<QI", 2, 10) + PAD + bytes(8))], "2 norms for 1 words"),
        (
            [simple("a"), array(rows(1)), (6, struct.pack("<QI", 1, 1) + PAD + bytes(4))],
            "the norms are numbers of kind 1",
        ),
        (
            [simple("a"), array(rows(1)), (6, struct.pack("<QI", 1, 10) + PAD + struct.pack("<f", np.inf))],
            "the norms have inf",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path, chunks, message):
    path = file_of(tmp_path / "x.fifu", *chunks)
    with pytest.raises(FormatError, match=rf"x\.fifu: byte \d+: .*{message}" if "byte" not in message else message):
        formats.load(path)


def test_other_versions_are_refused(tmp_path):
    (tmp_path / "x.fifu").write_bytes(struct.pack("<4sII", b"FiFu", 1, 0))
    with pytest.raises(
        FormatError, match=r"byte 0: the file begins with b'FiFu' and version 1; b'FiFu' and 0 are read"
    ):
        formats.load(tmp_path / "x.fifu")


@pytest.mark.parametrize("kind", ["simple", "listed"])
def test_damage_is_noticed_or_harmless(tmp_path, kind):
    ngrams = NGRAMS[kind]
    count = 3 + (0 if ngrams is None else ngrams.rows)
    small = Table(["a", "king", "词"], Dense(rows(count, 2)), config={"metadata": {"n": 1}}, ngrams=ngrams)
    formats.save(small, tmp_path / "x.fifu")
    survives(tmp_path / "x.fifu", "finalfusion", tmp_path, MUTATIONS // 4)


def test_damaged_codes_are_noticed_or_harmless(tmp_path):
    parts = [rows(2, 2).tobytes(), rows(2 * 2, 1).tobytes(), rows(3, 1).tobytes(), bytes([0, 1, 1, 1, 0, 0])]
    codes = Kind.CODES, struct.pack(CODED, 1, 1, 2, 2, 2, 3, 1, 10) + PAD + b"".join(parts)
    words = Kind.BUCKETS, struct.pack("<QIII", 1, 3, 6, 1) + texts("a")
    norms = Kind.NORMS, struct.pack("<QI", 1, 10) + PAD + bytes(4)
    survives(file_of(tmp_path / "x.fifu", words, codes, norms), "finalfusion", tmp_path, MUTATIONS // 4)


def test_damaged_settings_of_floret_are_noticed_or_harmless(tmp_path):
    settings = struct.pack("<IIQII", 2, 3, 5, 2, 2166136261) + texts("<", ">")
    path = file_of(tmp_path / "x.fifu", (Kind.FLORET, settings), array(rows(5, 2)))
    survives(path, "finalfusion", tmp_path, MUTATIONS // 4)


# The command line


def test_the_command_line_converts_and_asks(run, tmp_path):
    formats.save(table("buckets"), tmp_path / "x.fifu")
    done = run("neighbors", tmp_path / "x.fifu", "kings", "--json")
    assert done.status == 0
    assert "king" in done.out
    assert run("convert", tmp_path / "x.fifu", tmp_path / "y.txt").status == 1  # a word has a space
    assert run("convert", tmp_path / "x.fifu", tmp_path / "model").status == 0
    assert run("convert", tmp_path / "model", tmp_path / "z.fifu").status == 0
    assert (tmp_path / "z.fifu").read_bytes() == (tmp_path / "x.fifu").read_bytes()
    done = run("convert", tmp_path / "x.fifu", tmp_path / "y.bin")
    assert done.status == 1
    assert "use the native format" in done.err


# finalfusion itself


@pytest.fixture(scope="module")
def peer():
    return pytest.importorskip("finalfusion", reason="finalfusion itself is not installed")


def alike(path: Path, peer, unknown=UNKNOWN) -> None:
    """Whether both give the same vectors of a file."""
    theirs, ours = peer.load_finalfusion(str(path)), WordVectors.of(formats.load(path))
    assert ours.index_to_key == list(theirs.vocab.words)
    for word in theirs.vocab.words:
        if theirs.norms is None:
            close(ours[word], theirs.embedding(word))
        else:
            vector, norm = theirs.embedding_with_norm(word)
            np.testing.assert_allclose(ours[word], vector * norm, rtol=2e-6, atol=2e-6 * norm)
    for word in unknown:
        expected = theirs.embedding(word)
        if expected is None:
            with pytest.raises(KeyError):
                ours[word]
        else:
            close(ours[word], expected)


def written(peer, kind: str, storage: str, normed: bool):
    """What finalfusion makes of the same parts."""
    from finalfusion.metadata import Metadata
    from finalfusion.norms import Norms
    from finalfusion.storage.quantized import PQ

    subword, vocab = peer.subword, peer.vocab
    vocabularies = {
        "simple": lambda: vocab.SimpleVocab(WORDS),
        "buckets": lambda: vocab.FinalfusionBucketVocab(WORDS, subword.FinalfusionHashIndexer(4, 2, 4)),
        "fasttext": lambda: vocab.FastTextVocab(WORDS, subword.FastTextIndexer(10, 1, 3)),
        "listed": lambda: vocab.ExplicitVocab(WORDS, subword.ExplicitIndexer(list(LISTED), 1, 3, LISTED)),
    }
    words = vocabularies[kind]()
    matrix = in_unit_length(rows(words.upper_bound))
    quantized, lengths = product(words.upper_bound), np.linspace(0.5, 2, words.upper_bound, dtype=np.float32)
    books = quantized.centroids.reshape(3, 256, 2)
    stored = {
        "numbers": lambda: peer.storage.NdArray(matrix),
        "codes": lambda: peer.storage.QuantizedArray(PQ(books, None), quantized.codes, None),
        "lengths": lambda: peer.storage.QuantizedArray(PQ(books, None), quantized.codes, lengths),
        "turned": lambda: peer.storage.QuantizedArray(PQ(books, scaled(7).turn), quantized.codes, lengths),
    }
    norms = Norms(np.linspace(1, 9, len(WORDS), dtype=np.float32)) if normed else None
    return peer.Embeddings(stored[storage](), words, norms, Metadata(METADATA) if normed else None)


@pytest.mark.peers
@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("storage", ["numbers", "codes", "lengths", "turned"])
@pytest.mark.parametrize("kind", NGRAMS)
def test_what_finalfusion_writes_has_the_vectors_that_it_gives(peer, tmp_path, kind, storage, normed):
    written(peer, kind, storage, normed).write(str(tmp_path / "x.fifu"))
    alike(tmp_path / "x.fifu", peer)
    read = formats.load(tmp_path / "x.fifu")
    assert read.config == ({"metadata": METADATA} if normed else {})
    formats.save(read, tmp_path / "y.fifu")
    alike(tmp_path / "y.fifu", peer)


@pytest.mark.peers
@pytest.mark.parametrize("storage", ROWS)
@pytest.mark.parametrize("kind", NGRAMS)
def test_what_we_write_has_the_same_vectors_in_finalfusion(peer, tmp_path, kind, storage):
    given = table(kind, storage)
    formats.save(replace(given, config=given.config | {"recipe": {"model": "x", "it's": '"'}}), tmp_path / "x.fifu")
    alike(tmp_path / "x.fifu", peer)
    theirs, ours = peer.load_finalfusion(str(tmp_path / "x.fifu")), WordVectors.of(given)
    for row, word in enumerate(WORDS):
        vector, norm = theirs.embedding_with_norm(word)
        close(np.linalg.norm(vector), 1)
        np.testing.assert_allclose(vector * norm, ours.storage.take([row])[0], rtol=2e-6, atol=2e-6 * norm)
    metadata = dict(theirs.metadata)
    assert json.loads(metadata.pop("wordfield"))["recipe"] == {"model": "x", "it's": '"'}
    assert metadata == METADATA
    if kind == "buckets":  # each chunk is found by the sizes of those before it
        assert peer.vocab.load_vocab(str(tmp_path / "x.fifu")) == theirs.vocab
    assert len(peer.norms.load_norms(str(tmp_path / "x.fifu"))) == len(WORDS)


@pytest.mark.peers
def test_fasttext_becomes_what_finalfusion_makes_of_it(peer, text, tmp_path, run):
    fasttext = pytest.importorskip("fasttext", reason="fastText itself is not installed")
    options = {"bucket": 60, "minn": 2, "maxn": 4, "dim": 4, "minCount": 1, "thread": 1, "epoch": 2, "verbose": 0}
    theirs = fasttext.train_unsupervised(str(text), **options)
    theirs.save_model(str(tmp_path / "model.bin"))
    assert run("convert", tmp_path / "model.bin", tmp_path / "x.fifu").status == 0
    alike(tmp_path / "x.fifu", peer, ["kings", "zzz"])
    made = peer.load_fasttext(str(tmp_path / "model.bin"))
    ours = peer.load_finalfusion(str(tmp_path / "x.fifu"))
    words = WordVectors.of(formats.load(tmp_path / "x.fifu"))
    for word in [
        word for word in theirs.words if word != "</s>"
    ]:  # in which finalfusion sees n-grams, and fastText none
        close(ours.embedding(word), made.embedding(word))
        close(words[word], theirs.get_word_vector(word))
    for word in ("kings", "queer"):
        close(ours.embedding(word), made.embedding(word))


@pytest.mark.peers
def test_buckets_made_explicit_by_finalfusion_are_read(peer, tmp_path):
    written(peer, "buckets", "numbers", True).bucket_to_explicit().write(str(tmp_path / "x.fifu"))
    alike(tmp_path / "x.fifu", peer)
    before = WordVectors.of(formats.load(tmp_path / "x.fifu"))
    formats.save(formats.load(tmp_path / "x.fifu"), tmp_path / "y.fifu")
    alike(tmp_path / "y.fifu", peer)
    after = WordVectors.of(formats.load(tmp_path / "y.fifu"))
    close(before["kings"], after["kings"])


@pytest.mark.peers
def test_real_files_have_the_vectors_that_finalfusion_gives(peer, data):
    for name in ("embeddings", "ff_buckets", "simple_vocab"):
        alike(data / "fixtures" / "finalfusion" / f"{name}.fifu", peer, ["Deutschlandkarte", "äöü", "x"])
