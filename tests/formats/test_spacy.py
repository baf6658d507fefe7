"""spaCy's folders: both libraries read each other's; hashes are those of the original; damage is told."""

from __future__ import annotations

import json
import shutil
import warnings

import msgspec
import numpy as np
import pytest

import wordfield as wf
from formats.fuzzing import MUTATIONS, survives
from wordfield import formats
from wordfield.formats import FormatError, Table
from wordfield.formats.spacy_names import SYMBOLS, keys
from wordfield.storage import Dense, Shared
from wordfield.text.ngrams import Ngrams
from wordfield.vectors import WordVectors

WORDS = ["the", "number", "naïve", "词", "DATE", "a\u00a0b", "root", "Mark"]  # three of them are symbols of spaCy
FLORET = {"minn": 2, "maxn": 3, "hash_count": 2, "hash_seed": 2166136261, "bow": "<", "eow": ">"}


@pytest.fixture
def vectors_of_words():
    return np.random.default_rng(1).standard_normal((8, 5)).astype(np.float32)


@pytest.fixture
def folder(vectors_of_words, tmp_path):
    formats.save(Table(WORDS, Dense(vectors_of_words)), tmp_path / "vectors", "spacy")
    return tmp_path / "vectors"


@pytest.fixture
def floret(tmp_path):
    """A folder of 20 buckets of n-grams, as floret's vectors are kept."""
    rows = np.random.default_rng(2).standard_normal((20, 4)).astype(np.float32)
    ngrams = Ngrams(2, 3, 20, hash="floret", hash_count=2, own=False)
    formats.save(Table([], Dense(rows), ngrams=ngrams), tmp_path / "floret", "spacy")
    return tmp_path / "floret"


@pytest.fixture(scope="module")
def spacy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("spacy", reason="spaCy itself is not installed")


@pytest.fixture
def pipeline(spacy, vectors_of_words):
    """An empty pipeline with the vectors of eight words."""
    made = spacy.blank("en")
    made.vocab.vectors = spacy.vectors.Vectors(shape=(8, 5), strings=made.vocab.strings)
    for word, vector in zip(WORDS, vectors_of_words, strict=True):
        made.vocab.set_vector(word, vector)
    return made


# hashes


def test_a_word_has_the_hash_that_spacy_gives_it():
    known = {"coffee": 3197928453018144401, "apple": 8566208034543834098, "number": 432, "": 0, "DATE": 391, "_": 456}
    assert keys(list(known)).tolist() == list(known.values())  # as spaCy's documentation prints them


@pytest.mark.peers
def test_all_names_are_those_of_spacy(spacy):
    from spacy.strings import get_string_id

    words = ["x" * size for size in range(40)] + [*WORDS, "é" * 9, "🙂🙂🙂", "a\0b"]
    assert keys(words).tolist() == [get_string_id(word) for word in words]
    assert dict(spacy.symbols.IDS) == SYMBOLS


# words


def test_a_table_comes_back_and_is_mapped(folder, vectors_of_words):
    table = formats.load(folder)
    assert table.words == WORDS
    np.testing.assert_array_equal(table.storage.matrix, vectors_of_words)
    base = table.storage.matrix
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    assert formats.recognise(folder) == "spacy"


def test_words_that_share_a_row_are_not_copied(folder, tmp_path, vectors_of_words):
    rows = {int(key): row for key, row in zip(keys(WORDS), [0, 1, 2, 1, 1, 0, 2, -1], strict=True)}
    (folder / "key2row").write_bytes(msgspec.msgpack.encode(rows))
    table = formats.load(folder)
    assert table.words == WORDS[:-1]  # the last has none
    assert isinstance(table.storage, Shared)
    np.testing.assert_array_equal(table.storage.matrix[:], vectors_of_words[[0, 1, 2, 1, 1, 0, 2]])
    words = wf.load(folder).words
    assert [word for word, _ in words.most_similar("number", 2)] == ["词", "DATE"]
    assert words.similarity("the", "a\u00a0b") == pytest.approx(1)
    for name, format in (("again", "spacy"), ("native", "native"), ("x.txt", None), ("x.kv", None), ("x.bin", None)):
        formats.save(table, tmp_path / name, format)
        again = formats.load(tmp_path / name)
        assert again.words == table.words
        np.testing.assert_array_equal(np.asarray(again.storage.matrix), np.asarray(table.storage.matrix))
    assert (tmp_path / "again" / "vectors").stat().st_size == (folder / "vectors").stat().st_size


def test_rows_that_nobody_has_are_left_out(folder, vectors_of_words):
    (folder / "key2row").write_bytes(msgspec.msgpack.encode({int(key): 7 - row for row, key in enumerate(keys(WORDS))}))
    table = formats.load(folder)
    assert table.words == WORDS[::-1]  # in the order of the rows
    (folder / "key2row").write_bytes(msgspec.msgpack.encode({int(keys(["词"])[0]): 3}))
    table = formats.load(folder)
    assert (table.words, table.storage.take([0]).tolist()) == (["词"], vectors_of_words[3:4].tolist())


def test_strings_may_lie_in_the_folder_above(folder):
    inner = folder / "inner"
    inner.mkdir()
    for name in ("vectors", "key2row", "vectors.cfg"):
        (folder / name).rename(inner / name)
    assert formats.load(inner).words == WORDS
    (folder / "strings.json").unlink()
    with pytest.raises(FormatError, match=r"strings\.json: missing; keys are hashes"):
        formats.load(inner)


def test_a_pipeline_is_read_where_its_vocabulary_is(folder, tmp_path):
    shutil.move(folder, tmp_path / "pipeline" / "vocab") if (tmp_path / "pipeline").mkdir() is None else None
    assert formats.recognise(tmp_path / "pipeline") == "spacy"
    assert formats.load(tmp_path / "pipeline").words == WORDS


@pytest.mark.peers
def test_every_folder_that_spacy_writes_is_read(pipeline, tmp_path, vectors_of_words):
    pipeline.to_disk(tmp_path / "pipeline")
    pipeline.vocab.to_disk(tmp_path / "vocab")
    pipeline.vocab.vectors.to_disk(tmp_path / "vectors")
    for name in ("pipeline", "vocab", "vectors"):
        table = formats.load(tmp_path / name)
        assert table.words == WORDS
        np.testing.assert_array_equal(table.storage.matrix, vectors_of_words)


@pytest.mark.peers
def test_a_pruned_vocabulary_has_the_vectors_that_spacy_gives(pipeline, tmp_path):
    for word in WORDS:
        pipeline.vocab[word].is_stop  # noqa: B018 - a word is pruned once it was looked at
    pipeline.vocab.prune_vectors(3)
    pipeline.vocab.to_disk(tmp_path / "vocab")
    read = wf.load(tmp_path / "vocab").words
    assert set(read.index_to_key) == set(WORDS)
    assert read.storage.table.shape == (3, 5)
    for word in WORDS:
        np.testing.assert_array_equal(read[word], pipeline.vocab.get_vector(word))


@pytest.mark.peers
def test_spacy_opens_what_is_written(spacy, folder, vectors_of_words):
    vocab = spacy.blank("en").vocab.from_disk(folder)
    alone = spacy.vectors.Vectors(strings=spacy.strings.StringStore()).from_disk(folder)
    for word, vector in zip(WORDS, vectors_of_words, strict=True):
        np.testing.assert_array_equal(vocab.get_vector(word), vector)
        np.testing.assert_array_equal(alone[word], vector)
    ours = wf.load(folder).words
    theirs, _, scores = vocab.vectors.most_similar(vectors_of_words[1:2], n=4)
    assert [vocab.strings[int(key)] for key in theirs[0]][1:] == [word for word, _ in ours.most_similar("number", 3)]
    np.testing.assert_allclose(scores[0, 1:], [cosine for _, cosine in ours.most_similar("number", 3)], atol=1e-4)
    doc = spacy.tokens.Doc(vocab, ["the", "词", "nothing"])
    assert [token.has_vector for token in doc] == [True, True, False]


def test_convert_by_the_command_line(run, vectors, tmp_path):
    assert run("convert", vectors, tmp_path / "folder", "--format", "spacy").status == 0
    assert run("convert", tmp_path / "folder", tmp_path / "x.txt").status == 0
    assert formats.load(tmp_path / "x.txt").words == formats.load(vectors).words


def test_words_of_fasttext_keep_their_vectors_and_it_is_told_what_is_lost(tmp_path, caplog):
    table = Table(["ab", "bc"], Dense(np.random.default_rng(3).standard_normal((9, 3))), ngrams=Ngrams(2, 3, 7))
    formats.save(table, tmp_path / "folder", "spacy")
    assert "the n-grams are not kept" in caplog.text
    np.testing.assert_array_equal(wf.load(tmp_path / "folder").words["bc"], WordVectors.of(table)["bc"])


def test_what_spacy_cannot_hold_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"row 1: the word 'a\\ud800' is no valid Unicode"):
        formats.save(Table(["b", "a\ud800"], Dense(np.ones((2, 2)))), tmp_path / "folder", "spacy")
    assert not (tmp_path / "folder").exists()


def test_only_such_folders_are_replaced(folder, tmp_path):
    table = Table(["new"], Dense(np.ones((1, 2))))
    formats.save(table, folder, "spacy")
    assert formats.load(folder).words == ["new"]
    (folder / "lookups.bin").write_bytes(b"more of spaCy")
    with pytest.raises(FileExistsError, match=r"not part of the model \(lookups\.bin\)"):
        formats.check_target(folder, "spacy")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(FileExistsError, match="left alone"):
        formats.save(table, tmp_path / "other", "spacy")


# floret


def test_ngrams_of_floret_come_back(floret, tmp_path):
    assert json.loads((floret / "vectors.cfg").read_text()) == {"mode": "floret", **FLORET, "attr": 65}
    table = formats.load(floret)
    assert table.words == []
    assert (table.ngrams.bucket, table.ngrams.hash, table.ngrams.hash_count) == (20, "floret", 2)
    formats.save(table, tmp_path / "x.floret")
    text = formats.load(tmp_path / "x.floret")
    np.testing.assert_array_equal(WordVectors.of(text)["gardens"], WordVectors.of(table)["gardens"])


@pytest.mark.peers
def test_ngrams_of_floret_give_the_vectors_that_spacy_gives(spacy, floret, tmp_path):
    ours = wf.load(floret).words
    vocab = spacy.blank("en").vocab.from_disk(floret)
    assert vocab.vectors.mode == "floret"
    vocab.vectors.to_disk(tmp_path / "theirs")
    again = wf.load(tmp_path / "theirs").words
    for word in ["garden", "gardens", "naïve", "词向量"]:
        np.testing.assert_allclose(ours[word], vocab.vectors[word], rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(again[word], ours[word])


def test_words_are_lower_cased_where_spacy_does_so(floret):
    config = json.loads((floret / "vectors.cfg").read_text())
    assert wf.load(floret).tokenizer.lowercase is False
    (floret / "vectors.cfg").write_text(json.dumps(config | {"attr": 66}))
    model = wf.load(floret)
    np.testing.assert_array_equal(model.embed(["Garden"]), model.embed(["garden"]))


def test_settings_of_floret_that_cannot_be_are_refused(floret):
    for change, message in [
        ({"minn": 5}, "n-grams from 5 to 3 characters"),
        ({"hash_count": 7}, "1 to 4, not 7"),
        ({"bow": 3}, '"bow" is 3, where a value like'),
        ({"maxn": -1}, '"maxn" is -1'),
        ({"mode": "other"}, "\"mode\" is 'other'; default and floret are read"),
    ]:
        whole = (floret / "vectors.cfg").read_text()
        (floret / "vectors.cfg").write_text(json.dumps(json.loads(whole) | change))
        with pytest.raises(FormatError, match=message):
            formats.load(floret)
        (floret / "vectors.cfg").write_text(whole)


# damage


@pytest.mark.parametrize("mode", ["default", "floret"])
def test_damage_is_an_error_and_never_another(tmp_path, mode):
    ngrams = Ngrams(2, 3, 3, hash="floret", own=False)
    rows = Dense(np.arange(6, dtype=np.float32).reshape(3, 2))
    table = Table(["a", "é", "root"], rows) if mode == "default" else Table([], rows, ngrams=ngrams)
    formats.save(table, tmp_path / "folder", "spacy")
    survives(tmp_path / "folder", "spacy", tmp_path, MUTATIONS // 4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("key2row", None, "key2row: missing; it tells which word"),
        ("key2row", b"\x81\xff", "damaged or truncated MessagePack"),
        ("key2row", b"\x91\x01", "damaged or truncated MessagePack"),
        ("key2row", b"\xdf\xff\xff\xff\xff", "damaged or truncated MessagePack"),
        ("key2row", b"\x80", "of 0 keys none is that of one of 8 strings"),
        ("key2row", b"\x81\xcd\x01\xaf\x09", "key 431: row 9 in key2row, but there are 8 vectors"),
        ("key2row", b"\x82\xcd\x01\xaf\x01\xcd\x01\xaf\x02", "byte 0: 1 keys stand there a second time"),
        ("key2row", b"\x81\x2a\xa1x", "damaged or truncated MessagePack"),
        ("vectors", None, "vectors: missing"),
        ("vectors", b"\x93NUMPY\1\0", "a damaged header"),
        ("vectors", b"PK\3\4", "vectors: damaged zip data"),
        ("vectors", b"\x93NUMPX", r"byte 0: b'\\x93NUMPX'; a file of an array begins with"),
        ("vectors.cfg", b"[]", "JSON, but no object"),
        ("vectors.cfg", b"{", r"vectors\.cfg: damaged or truncated JSON"),
        ("strings.json", None, r"strings\.json: missing"),
        ("strings.json", b"{}", "JSON, but no list of strings"),
        ("strings.json", b"[" * 100_000, "nested too deeply"),
        ("strings.json", b'["\xff"]', "byte 2: not UTF-8"),
        ("strings.json", b"[3]", r"string 0 of strings\.json: int where a string is needed"),
        ("strings.json", b'["the"]', "no string has this key"),
    ],
)
def test_damage_is_told_with_its_file(folder, name, content, message):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(FormatError, match=message):
        formats.load(folder)


def test_what_is_damaged_can_be_left_out(folder):
    (folder / "strings.json").write_text(json.dumps(["the", 7, "词"]), "utf-8")
    mended = formats.load(folder, repair=True)
    assert mended.words == ["the", "number", "词", "DATE", "root"]  # symbols are known without
    assert len(mended.repaired) == 4


def test_arrays_of_another_kind_are_refused(folder):
    for array, message in [
        (np.ones((8, 5), np.int64), "an array of '<i8'"),
        (np.ones(8, np.float32), "with 2 axes are needed"),
        (np.empty((0, 5), np.float32), "0 vectors of 5 dimensions: none to read"),
        (np.array([[None]], object), "objects, which would have to be unpickled"),
    ]:
        (folder / "vectors").unlink()
        with (folder / "vectors").open("wb") as stream:
            np.save(stream, array, allow_pickle=True)
        with pytest.raises(FormatError, match=message):
            formats.load(folder)


def test_numbers_of_other_kinds_and_orders_become_float32(folder, vectors_of_words):
    for array in (vectors_of_words.astype(">f8"), np.asfortranarray(vectors_of_words), vectors_of_words.astype("<f4")):
        (folder / "vectors").unlink()
        with (folder / "vectors").open("wb") as stream:
            np.lib.format.write_array(stream, array, version=(2, 0))
        np.testing.assert_array_equal(formats.load(folder).storage.matrix, vectors_of_words)
