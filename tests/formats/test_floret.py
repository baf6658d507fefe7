"""floret's files: its text and its .bin give the vectors that it gives itself."""

from __future__ import annotations

import numpy as np
import pytest

import wordfield as wf
from wordfield import formats
from wordfield.formats import FormatError

HEADER = "3 2 2 3 2 2166136261 < >\n"
ROWS = "0 1 2\n1 0.5 -1\n2 0 1e-3\n"


@pytest.fixture(scope="module")
def peer():
    return pytest.importorskip("floret", reason="floret itself is not installed")


@pytest.mark.parametrize("hash_count", [1, 2, 4])
def test_every_word_has_the_vector_that_floret_gives(peer, text, tmp_path, hash_count):
    options = {"mode": "floret", "hashCount": hash_count, "bucket": 60, "minn": 2, "maxn": 4, "dim": 4, "minCount": 1}
    theirs = peer.train_unsupervised(str(text), thread=1, epoch=2, verbose=0, **options)
    theirs.save_model(str(tmp_path / "model.bin"))
    theirs.save_floret_vectors(str(tmp_path / "model.floret"))
    binary, written = wf.load(tmp_path / "model.bin").words, wf.load(tmp_path / "model.floret").words
    assert binary.index_to_key == theirs.words
    assert len(written) == 0
    for word in ["king", "kings", "zzz", "тест", "é"]:
        expected = theirs.get_word_vector(word)
        np.testing.assert_allclose(binary[word], expected, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(written[word], expected, rtol=1e-3, atol=1e-6)  # five digits a row


def test_a_binary_file_has_the_vectors_of_its_words_and_is_refused_when_damaged(peer, text, tmp_path):
    options = {"mode": "floret", "hashCount": 2, "bucket": 30, "minn": 2, "maxn": 3, "dim": 2, "minCount": 1}
    theirs = peer.train_unsupervised(str(text), thread=1, epoch=2, verbose=0, **options)
    file, cut = tmp_path / "model.bin", tmp_path / "cut.bin"
    theirs.save_model(str(file))
    read, whole = wf.load(file), file.read_bytes()
    for word in theirs.words[1:]:  # to the first word alone floret gives a row of its own, which its text has not
        if word != "</s>":
            np.testing.assert_array_equal(read.words[word], theirs.get_word_vector(word))
    assert read.recipe["hash"] == "floret"
    assert read.recipe["subsample"] == 1e-4
    with pytest.raises(FormatError, match="as floret does"):
        read.save(tmp_path / "other.bin", "fasttext")
    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=r"cut\.bin"):
            formats.load(cut)
    cut.write_bytes(whole[:56] + b"\x07" + whole[57:])
    with pytest.raises(FormatError, match="byte 52: mode 2 and hash count 7 of floret"):
        formats.load(cut)


def test_what_is_written_comes_back(tmp_path):
    recipe = wf.FastText(dim=5, min_count=1, epochs=2, threads=1, subsample=0, bucket=40, hash="floret", hash_count=2)
    model = recipe.fit(wf.Corpus([["garden", "flowers"], ["sailor", "ships"]] * 20))
    model.save(tmp_path / "model.floret")
    again = wf.load(tmp_path / "model.floret")
    for word in ["garden", "gardens", "ship"]:
        np.testing.assert_array_equal(again.words[word], model.words[word])
    np.testing.assert_allclose(again.embed(["garden ship"]), model.embed(["garden ship"]), atol=1e-7)


def test_text_is_cut_as_floret_cuts_it(peer, text, tmp_path):
    options = {"mode": "floret", "bucket": 60, "minn": 2, "maxn": 4, "dim": 4, "minCount": 1}
    theirs = peer.train_unsupervised(str(text), thread=1, epoch=2, verbose=0, **options)
    theirs.save_floret_vectors(str(tmp_path / "model.floret"))
    read = wf.load(tmp_path / "model.floret")
    for line in ["the King  rules", "the\u00a0king,", "A cat\tdrinks\x0bmilk"]:
        np.testing.assert_allclose(read.embed([line])[0], theirs.get_sentence_vector(line), rtol=1e-3, atol=1e-4)


def test_a_file_cut_anywhere_is_not_read_without_a_warning(tmp_path, caplog):
    whole, file = (HEADER + ROWS).encode(), tmp_path / "cut.floret"
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        caplog.clear()
        try:
            formats.load(file)
        except FormatError:
            continue
        assert "if the file was cut there" in caplog.text
    file.write_bytes(whole)
    caplog.clear()
    assert formats.load(file).storage.matrix.tolist() == np.float32([[1, 2], [0.5, -1], [0, 1e-3]]).tolist()
    assert not caplog.text


def test_that_words_are_not_kept_is_told(tmp_path, caplog):
    recipe = wf.FastText(dim=5, min_count=1, epochs=1, threads=1, subsample=0, bucket=40, hash="floret")
    recipe.fit(wf.Corpus([["garden", "flowers"]] * 9)).save(tmp_path / "model.floret")
    assert "the 2 words are not kept" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + ROWS[:-9], "promises 3 rows, 2 follow: truncated"),
        (HEADER + "0 1 2\n1 0.5 -1\n2 0\n", "line 4: row 2 and 2 numbers are needed"),
        (HEADER + "0 1 2\n1 x -1\n2 0 0\n", "line 3.*'x' is no number"),
        (HEADER + "0 1 2\n2 0 0\n1 1 1\n", "line 3: row 1 and 2 numbers"),
        (HEADER.replace("3", "900000000", 1) + ROWS, "promises 900000000 rows"),
        (HEADER.replace("2 3", "5 3", 1) + ROWS, "line 1: n-grams from 5 to 3"),
        (HEADER + ROWS + "3 1 1\n", "promises 3 rows, 4 follow"),
    ],
)
def test_damage_is_told_with_its_line(tmp_path, content, message):
    file = tmp_path / "model.floret"
    file.write_text(content, "utf-8")
    with pytest.raises(FormatError, match=message):
        formats.load(file)


def test_vectors_made_otherwise_are_refused(vectors, tmp_path):
    with pytest.raises(FormatError, match="rows of n-grams alone"):
        formats.save(formats.load(vectors), tmp_path / "model.floret")
    assert not (tmp_path / "model.floret").exists()


def test_marks_that_are_no_utf8_are_read_and_written(tmp_path):
    file = tmp_path / "model.floret"
    content = HEADER.encode().replace(b"<", b"\xff") + ROWS.encode()
    file.write_bytes(content)
    read = wf.load(file)
    assert read.words["ab"].shape == (2,)
    read.save(tmp_path / "again.floret")
    assert (tmp_path / "again.floret").read_bytes().startswith(content[: len(HEADER)])


def test_another_first_line_is_refused(tmp_path):
    file = tmp_path / "model.floret"
    file.write_text("3 2\n", "utf-8")
    with pytest.raises(FormatError, match=r"line 1 is b'3 2\\n'; bucket, dim"):
        formats.load(file, "floret")
