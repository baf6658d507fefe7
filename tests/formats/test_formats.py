"""Any format: what is saved comes back, what is recognised is recognised by content, what cannot be held is refused."""

import os

import numpy as np
import pytest

from support import WITH_WORDS
from wordfield import formats
from wordfield.formats import FORMATS, FormatError, Table
from wordfield.storage import Dense
from wordfield.text.ngrams import Ngrams

NAMES = {"native": "model", "word2vec-text": "model.txt", "word2vec-binary": "model.bin"}


@pytest.mark.parametrize("name", [name for name in WITH_WORDS if name != "sparse-text"])  # which keeps no minus zero
def test_words_and_vectors_come_back_bit_for_bit_whatever_the_file_is_called(table, tmp_path, name):
    formats.save(table, tmp_path / "x.anything", format=name)
    assert formats.recognise(tmp_path / "x.anything") == name
    again = formats.load(tmp_path / "x.anything")
    assert again.words == table.words
    if name == "finalfusion":  # which keeps directions and lengths apart
        vectors, lengths = table.storage.matrix.astype(np.float64), table.storage.norms[:, None].astype(np.float64)
        apart = np.abs(again.storage.matrix[:] - vectors)
        assert (apart <= 3e-7 * np.abs(vectors) + 2e-45 * lengths).all()
        return
    np.testing.assert_array_equal(again.storage.matrix.view(np.uint32), table.storage.matrix.view(np.uint32))


@pytest.mark.parametrize("name", NAMES)
def test_the_suffix_chooses_the_format_of_a_new_file(table, tmp_path, name):
    formats.save(table, tmp_path / NAMES[name])
    assert formats.recognise(tmp_path / NAMES[name]) == name
    assert formats.format_of(tmp_path / "king-v1.5") == "native"
    assert formats.format_of(tmp_path / "KING.VEC") == "word2vec-text"


def test_a_suffix_that_means_nothing_is_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match=r"known: none \(native\), .txt"):
        formats.check_target(tmp_path / "king.docx")
    with pytest.raises(ValueError, match="unknown format 'glove'; known: native"):
        formats.load(tmp_path, format="glove")


def test_what_a_format_does_not_keep_is_told(table):
    assert formats.losses(table, "native") == []
    assert formats.losses(table, "word2vec-text") == ["counts", "config", "state"]
    assert formats.losses(Table(["a"], Dense(np.ones((1, 2)))), "word2vec-binary") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"the 0.1 0.2\nof 0.3\n", "starts with the line 'words dimensions'.* one of GloVe has a word"),
        (b"\x80\x04\x95rest", "pickle, which is never read"),
        (b"\xff\xfea\x00", "UTF-16"),
    ],
)
def test_an_unknown_file_is_named_with_what_was_tried(tmp_path, content, message):
    path = tmp_path / "what"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=rf"what: no format recognised \(tried: {', '.join(FORMATS)}\).*{message}"):
        formats.load(path)


def test_a_folder_that_is_no_model_is_no_format_and_nothing_is_not_found(tmp_path):
    with pytest.raises(FormatError, match=r"folder of vectors has a config.json written by wordfield, a key2row"):
        formats.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no model at .*missing"):
        formats.load(tmp_path / "missing")


def test_a_table_has_a_word_and_a_count_for_each_row():
    with pytest.raises(ValueError, match="2 words for 3 rows"):
        Table(["a", "b"], Dense(np.ones((3, 2))))
    with pytest.raises(ValueError, match="1 counts for 2 words"):
        Table(["a", "b"], Dense(np.ones((2, 2))), np.array([1]))
    with pytest.raises(ValueError, match="2 axes"):
        Dense(np.ones(3))


def test_what_cannot_be_read_twice_or_begins_with_a_mark_is_explained(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FormatError, match="pipe is a pipe"):
        formats.load(tmp_path / "pipe")
    (tmp_path / "mark.txt").write_bytes(b"\xef\xbb\xbf1 2\na 1 2\n")
    with pytest.raises(FormatError, match="byte order mark"):
        formats.load(tmp_path / "mark.txt")
    with pytest.raises(FileNotFoundError, match="no model at http://host/v1#name"):
        formats.load("http://host/v1#name")


def test_a_bin_holds_what_fasttext_puts_into_one_where_there_is_more_than_words(tmp_path, table):
    parts = Table(["a", "b"], Dense(np.ones((7, 2))), ngrams=Ngrams(2, 3, 5))
    formats.save(parts, tmp_path / "parts.bin")
    formats.save(table, tmp_path / "plain.bin")
    assert formats.recognise(tmp_path / "parts.bin") == "fasttext"
    assert formats.recognise(tmp_path / "plain.bin") == "word2vec-binary"
    assert formats.chosen(parts, tmp_path / "parts.vec") == "word2vec-text"
