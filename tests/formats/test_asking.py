"""What somebody meets who opens, names, packs or converts vectors in a way that does not go smoothly: each time an
answer that says what to do.
"""

import gzip
import io
import logging
import os
import stat
import zipfile
from importlib import import_module
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import wordfield as wf
from wordfield import api, formats, options
from wordfield.formats import FORMATS, SUFFIXES, FormatError, Table, glove_binary
from wordfield.static import StaticModel
from wordfield.storage import Dense, Product
from wordfield.text.ngrams import Ngrams

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
WORDS = ["the", "cat", "sat", "down"]
LINES = "the 1 2\ncat 3 4\n<unk> 5 6\n"


@pytest.fixture
def plain():
    return Table(WORDS, Dense(VECTORS), np.array([9, 7, 3, 1]))


def sniffers():
    return {name: import_module(f"wordfield.formats.{module}") for name, module in FORMATS.items()}


@pytest.fixture
def places(tmp_path):
    """Paths at which nothing good is to be found."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "closed").write_bytes(b"a 1 2\n")
    (tmp_path / "closed").chmod(0)
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("config.json", "modules.json", "key2row", "vectors.cfg", "model.safetensors", "tokenizer.json"):
        (broken / name).write_bytes(b"\xff{")
    names = ("empty", "nowhere", "loop", "closed", "broken", "missing")
    return [Path(), Path("/"), Path(".."), *(tmp_path / name for name in names)]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("head", [b"", b"\0", b"2 3\n", b"a 1 2\n", b"\xff\xfe", b"1\t2\n"])
def test_recognition_never_raises(places, name, head):
    for path in places:
        assert sniffers()[name].sniff(path, head if path.is_file() else b"") in (True, False)


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_or_nothing_is_no_target_and_no_source_of_another_kind(places, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (Path(), tmp_path):
        with pytest.raises(OSError, match=r"folder|files that are not part"):
            formats.check_target(path, name)
        with pytest.raises(FormatError, match=r"is a folder, and|missing|is needed"):
            formats.load(path, name)


def test_the_present_folder_is_no_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match=r"^\.: no format recognised .* a folder of vectors has a config\.json"):
        wf.load(".")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(FileNotFoundError, match="in a circle"):
        wf.load("loop")


def test_what_may_not_be_read_is_said(places, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(PermissionError, match="empty: no permission to look into the folder"):
            wf.load(tmp_path / "empty")
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    with pytest.raises(PermissionError, match="closed"):
        wf.load(tmp_path / "closed")
    (tmp_path / "empty").chmod(stat.S_IRUSR)
    with pytest.raises(PermissionError, match="no permission to look into"):
        wf.load(tmp_path / "empty")


def test_words_beside_glove_that_may_not_be_read_make_no_format(tmp_path, monkeypatch):
    (tmp_path / "vectors.bin").write_bytes(bytes(64))
    (tmp_path / "vocab.txt").write_text("a 1\nb 1\n")
    assert glove_binary.sniff(tmp_path / "vectors.bin", bytes(64))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert not glove_binary.sniff(tmp_path / "vectors.bin", bytes(64))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("pack", ["gz", "zip"])
def test_a_packed_array_is_read(tmp_path, order, pack):
    raw = io.BytesIO()
    np.save(raw, np.asarray(VECTORS, order=order))
    path = tmp_path / f"x.npy.{pack}"
    if pack == "gz":
        path.write_bytes(gzip.compress(raw.getvalue()))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", raw.getvalue())
    (tmp_path / "x.words.txt").write_text("\n".join(WORDS))
    read = wf.load(path)
    np.testing.assert_array_equal(read.words[WORDS], VECTORS)
    assert api.models.stored_bytes(path) == path.stat().st_size + (tmp_path / "x.words.txt").stat().st_size
    path.write_bytes(gzip.compress(raw.getvalue()[:-1]))
    with pytest.raises(FormatError, match="truncated: <f4 of shape"):
        wf.load(path)


def test_archives_of_arrays_are_told_from_one_array(tmp_path):
    np.savez(tmp_path / "x.npz", VECTORS)
    with pytest.raises(FormatError, match=r"put a file x\.words\.txt there"):
        wf.load(tmp_path / "x.npz")
    (tmp_path / "x.words.txt").write_text("\n".join(WORDS))
    assert wf.load(tmp_path / "x.npz").words["cat"].tolist() == [3, 4, 5]
    np.savez(tmp_path / "y.npz", vectors=VECTORS, others=VECTORS)
    with pytest.raises(FormatError, match=r"holds 2 files .* of an \.npz, save the vectors alone with numpy\.save"):
        wf.load(tmp_path / "y.npz")
    (tmp_path / "y.npz").rename(tmp_path / "y.zip")
    with pytest.raises(FormatError, match="holds 2 files") as caught:
        wf.load(tmp_path / "y.zip")
    assert "numpy.save" not in str(caught.value)


def test_packed_tensors_and_packed_bytes_of_glove_are_to_be_unpacked(tmp_path, plain):
    formats.save(plain, tmp_path / "x.safetensors")
    (tmp_path / "y.safetensors.gz").write_bytes(gzip.compress((tmp_path / "x.safetensors").read_bytes()))
    with pytest.raises(FormatError, match="packed: unpack it first"):
        wf.load(tmp_path / "y.safetensors.gz")
    (tmp_path / "z.gz").write_bytes(gzip.compress(bytes(64)))
    (tmp_path / "vocab.txt").write_text("a 1\nb 1\n")
    with pytest.raises(FormatError, match="what has a file beside it must be unpacked first"):
        wf.load(tmp_path / "z.gz")


def test_the_names_of_formats_and_suffixes_are_those_of_the_options():
    assert get_args(options.FormatName) == tuple(FORMATS)
    for suffix in SUFFIXES:
        assert f"{suffix} " in options.OUT or f"{suffix}." in options.OUT


def test_a_format_can_be_named_where_the_beginning_does_not_show_it(tmp_path, run):
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2\ncat 3\nsat 5 6\n")
    with pytest.raises(FormatError, match=r"no format recognised .*name its format: wf\.load\(path, format=.*--source"):
        wf.load(path)
    with pytest.raises(FormatError, match="line 2: "):
        wf.load(path, "glove-text")
    assert wf.load(path, format="glove-text", repair=True).words.index_to_key == ["the", "sat"]
    ran = run("convert", path, tmp_path / "out", "--source-format", "glove-text", "--repair")
    assert ran.status == 0, ran.err
    assert wf.load(tmp_path / "out").words.index_to_key == ["the", "sat"]
    with pytest.raises(ValueError, match="unknown format 'glove'"):
        wf.load(path, "glove")
    assert "glove" in run("convert", path, tmp_path / "out", "--source-format", "glove").err


def test_the_header_of_glove_is_explained(tmp_path, run):
    path = tmp_path / "headed.txt"
    path.write_text(f"2 2\n{LINES}")
    with pytest.raises(
        FormatError, match=r"line 4: more than the 2 words.*-write-header leaves <unk> out .* glove-text"
    ):
        wf.load(path)
    assert wf.load(path, "glove-text").words.index_to_key == ["the", "cat", "<unk>"]
    assert run("convert", path, tmp_path / "out.vec", "--source-format", "glove-text").status == 0
    assert (tmp_path / "out.vec").read_text() == f"3 2\n{LINES}"


def test_where_no_word_is_left_there_is_no_model(tmp_path, plain):
    path = tmp_path / "keys.vec"
    path.write_text("2 2\nthe 1 x\ncat 3 y\n")
    with pytest.raises(FormatError, match=r"no line holds|there are no words in it"):
        wf.load(path, repair=True)
    np.save(tmp_path / "x.npy", VECTORS)
    (tmp_path / "x.words.json").write_text('["", "", "", ""]')
    with pytest.raises(FormatError, match=r"no words in it once what is at fault is left out .*no word stands there"):
        wf.load(tmp_path / "x.npy", repair=True)
    for name in ("native", "safetensors", "word2vec-text"):
        with pytest.raises(FormatError, match="out: there are no words to write"):
            formats.save(Table([], Dense(VECTORS[:0])), tmp_path / "out", name)


def test_a_gensim_file_of_numbers_is_no_model_of_no_words(tmp_path):
    models = pytest.importorskip("gensim.models", reason="gensim itself is not installed")
    keyed = models.KeyedVectors(3)
    keyed.add_vectors([1, 2, 3, 4], VECTORS)
    keyed.save(str(tmp_path / "x.kv"))
    with pytest.raises(FormatError, match="key 0: "):
        wf.load(tmp_path / "x.kv")
    with pytest.raises(FormatError, match=r"no words in it once what is at fault is left out .*a text is needed"):
        wf.load(tmp_path / "x.kv", repair=True)


@pytest.mark.parametrize("name", ["native", "spacy"])
def test_of_a_part_of_a_model_the_folder_is_named(tmp_path, plain, name, monkeypatch):
    formats.save(plain, tmp_path / "model", name)
    monkeypatch.chdir(tmp_path / "model")
    for part in (tmp_path / "model").iterdir():
        with pytest.raises(FormatError, match=r"a part of the model in .*model: give the folder"):
            wf.load(part.name)


def test_of_the_metadata_the_vectors_are_named(tmp_path, plain):
    formats.save(plain, tmp_path / "x.tsv")
    with pytest.raises(
        FormatError, match=r"x_metadata\.tsv: no format .* words of the vectors in .*/x\.tsv: give that"
    ):
        wf.load(tmp_path / "x_metadata.tsv")
    formats.save(Table(WORDS, Dense(VECTORS)), tmp_path / "x.tsv")  # its metadata have one column
    with pytest.raises(FormatError, match="give that"):
        wf.load(tmp_path / "x_metadata.tsv")


def ngrams_of(hash="fasttext", **options):
    own = hash != "floret"
    return Ngrams(2, 3, 20, hash=hash, own=own, **options)


def test_what_spacy_and_floret_lose_is_told(tmp_path):
    learnt = Table(WORDS, Dense(np.ones((24, 3))), ngrams=ngrams_of())
    assert formats.losses(learnt, "spacy") == ["ngrams"]
    hashed = Table(WORDS, Dense(np.ones((20, 3))), ngrams=ngrams_of("floret"))
    assert formats.losses(hashed, "spacy") == formats.losses(hashed, "floret") == ["words"]
    assert formats.losses(Table([], Dense(np.ones((20, 3))), ngrams=ngrams_of("floret")), "spacy") == []
    formats.save(learnt, tmp_path / "model")
    told = api.convert(tmp_path / "model", tmp_path / "out", "spacy")["lost"]
    assert told == [api.models.PARTS["ngrams"]]
    assert api.models.PARTS["words"]


def test_glove_loses_what_is_not_its_own():
    parts = np.zeros((2, 4, 4), np.float32)
    parts[0, :, :3] = VECTORS
    own = Table(WORDS, Dense(VECTORS), state={"parameters": parts, "squares": parts})
    assert formats.losses(own, "glove-binary") == ["squares"]
    own.state.pop("squares")
    assert formats.losses(own, "glove-binary") == []
    own.state["output"] = VECTORS
    assert formats.losses(own, "glove-binary") == ["state"]
    assert formats.losses(Table(WORDS, Dense(VECTORS + 1), state={"parameters": parts}), "glove-binary") == ["state"]


def test_fasttext_loses_what_is_no_setting_of_its_own(tmp_path):
    recipe = wf.FastText(dim=3, min_count=1, epochs=1, threads=1, bucket=30)
    trained = recipe.fit(wf.Corpus([["the", "cat", "sat"]] * 5))
    assert formats.losses(trained.table(), "fasttext") == ["settings"]
    formats.save(trained.table(), tmp_path / "x.bin")
    again = formats.load(tmp_path / "x.bin")
    assert formats.losses(again, "fasttext") == []
    again.state["more"] = np.ones(1)
    assert formats.losses(again, "fasttext") == ["state"]
    assert api.models.PARTS["settings"]


def test_finalfusion_tells_of_codes_that_it_writes_as_numbers(tmp_path):
    codes, centroids = np.zeros((4, 2), np.uint8), np.ones(256 * 3, np.float32)
    assert formats.losses(Table(WORDS, Product(codes, np.ones(256 * 4, np.float32), 2)), "finalfusion") == []
    assert formats.losses(Table(WORDS, Product(codes, centroids, 2)), "finalfusion") == ["product"]


def test_the_bytes_of_a_model_are_those_of_all_its_files(tmp_path, plain):
    for name in ("numpy", "projector", "glove-binary", "safetensors", "word2vec-binary"):
        folder = tmp_path / name
        folder.mkdir()
        formats.save(plain, folder / "x.bin", name)
        size = sum(each.stat().st_size for each in folder.iterdir())
        assert api.models.stored_bytes(folder / "x.bin", name) == size
        assert api.info(folder / "x.bin")["bytes"] == size
    (tmp_path / "numpy" / "deep").mkdir()
    (tmp_path / "numpy" / "deep" / "more").write_bytes(bytes(1000))
    assert (
        api.models.stored_bytes(tmp_path / "numpy")
        == api.models.stored_bytes(tmp_path / "numpy" / "x.bin", "numpy") + 1000
    )
    (tmp_path / "m.kv").write_bytes(b"12345")
    (tmp_path / "m.kv.vectors.npy").write_bytes(b"123")
    assert api.models.stored_bytes(tmp_path / "m.kv", "gensim") == 8


def test_a_model_that_lists_no_words_says_so(tmp_path, run):
    rows = Table([], Dense(np.random.default_rng(1).normal(size=(20, 3))), ngrams=ngrams_of("floret"))
    formats.save(rows, tmp_path / "x.floret")
    ran = run("neighbors", tmp_path / "x.floret", "king")
    assert ran.status != 0
    assert "lists no words" in ran.err
    assert -1 <= wf.load(tmp_path / "x.floret").words.similarity("king", "queen") <= 1


def test_a_word_with_a_tab_is_held_where_only_line_feeds_end_one(tmp_path):
    table = Table(["a\tb", "c"], Dense(VECTORS[:2]))
    formats.save(table, tmp_path / "x.npy")
    assert wf.load(tmp_path / "x.npy").words.index_to_key == ["a\tb", "c"]
    with pytest.raises(FormatError, match="holds a tab, which"):
        formats.save(table, tmp_path / "x.tsv")


@pytest.mark.parametrize("name", ["fasttext", "finalfusion", "gensim"])
def test_rows_of_zeros_for_most_buckets_are_announced(tmp_path, caplog, monkeypatch, name):
    ngrams = ngrams_of(kept=np.array([3, 7]), zeros=True)
    table = Table(WORDS, Dense(np.ones((7, 3))), ngrams=ngrams)
    with caplog.at_level(logging.WARNING):
        formats.save(table, tmp_path / "small", name)
    assert "buckets" not in caplog.text
    monkeypatch.setattr("wordfield.formats.buckets.LARGE", 200)
    formats.save(table, tmp_path / "large", name)
    assert "a row for each of the 20 buckets of n-grams, of which 2 were learnt" in caplog.text
    caplog.clear()
    formats.save(Table(WORDS, Dense(np.ones((24, 3))), ngrams=ngrams_of()), tmp_path / "whole", name)
    assert "were learnt" not in caplog.text


def test_left_out_buckets_become_rows_of_zeros_in_gensim(tmp_path):
    recipe = wf.FastText(dim=3, min_count=1, epochs=1, threads=1, bucket=2000)
    trained = recipe.fit(wf.Corpus([["the", "cat", "sat"]] * 5))
    assert trained.table().ngrams.kept is not None
    trained.save(tmp_path / "x.kv")
    read = wf.load(tmp_path / "x.kv").words
    models = pytest.importorskip("gensim.models", reason="gensim itself is not installed")
    keyed = models.KeyedVectors.load(str(tmp_path / "x.kv"))
    for word in ("the", "cats", "unheard"):
        np.testing.assert_allclose(read[word], trained.words[word], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(keyed[word], trained.words[word], rtol=1e-6, atol=1e-9)


def test_one_fault_is_one(tmp_path, caplog):
    (tmp_path / "x.vec").write_text("2 2\nthe 1 2\ncat 3 x\n")
    wf.load(tmp_path / "x.vec", repair=True)
    assert "repaired, 1 fault: line 3" in caplog.text


def test_tokens_are_those_of_which_a_text_is_embedded(plain):
    config = {"tokenizer": {"name": "words", "lowercase": True}}
    config["pooling"] = {"prompt": "the ", "tokens": 3, "unknown": "cat"}
    plain.config = config
    model = StaticModel.of(plain)
    told = api.tokens(model, "cat sat down")
    assert [each["word"] for each in told] == ["the", "sat"]
    np.testing.assert_allclose(model.embed(["cat sat down"])[0], VECTORS[[0, 2]].mean(axis=0))
