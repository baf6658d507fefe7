"""The files of GloVe: ours, the C program's, and damaged ones."""

import gzip
import re

import numpy as np
import pytest
from scipy.sparse import csr_array

from wordfield import Corpus, api, formats
from wordfield.formats import FormatError, Table, glove_binary, glove_records, glove_text, text_rows
from wordfield.formats.glove_records import read_records, read_vocabulary, write_records, write_vocabulary
from wordfield.models.predict.glove import GloVe
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.counting import Counts
from wordfield.text.vocabulary import Vocabulary


def write(tmp_path, content, name="vectors.txt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Text


@pytest.mark.parametrize(
    "text",
    [
        "the 1 2\nof 3 4\n",
        "the 1 2\nof 3 4",
        "the 1.000000 2.000000\r\nof 3.000000 4.000000\r\n\r\n",
        "the\t1\t2\nof  3  4\n\n",
        "the 1e0 .2E+1\nof +3. 0.4e1\n",
    ],
)
def test_lines_of_a_word_and_numbers_are_recognised_and_read(tmp_path, text):
    path = write(tmp_path, text)
    assert formats.recognise(path) == "glove-text"
    table = formats.load(path)
    assert table.words == ["the", "of"]
    assert table.storage.matrix.tolist() == [[1, 2], [3, 4]]


def test_words_with_spaces_and_words_like_numbers_are_split_from_the_right(tmp_path):
    words = ["the", ". . .", "at name@domain.com", "1", "2 3", "a\u00a0b", "\u2028", "<unk>"]
    lines = [f"{word} {row} 0.5 -1" for row, word in enumerate(words)]
    table = formats.load(write(tmp_path, "\n".join(lines) + "\n"))
    assert table.words == words
    assert table.storage.matrix[:, 0].tolist() == list(range(len(words)))


@pytest.mark.parametrize("small", [0, 1 << 20])
@pytest.mark.parametrize("step", [1, 13, 64])
def test_blocks_cut_anywhere_change_nothing(table, tmp_path, monkeypatch, step, small):
    monkeypatch.setattr(glove_text, "STEP", 64)
    monkeypatch.setattr(text_rows, "STEP", step)
    monkeypatch.setattr(text_rows, "SMALL", small)
    formats.save(table, tmp_path / "x", format="glove-text")
    again = formats.load(tmp_path / "x")
    assert again.words == table.words
    np.testing.assert_array_equal(again.storage.matrix, table.storage.matrix)


@pytest.mark.parametrize(
    "text",
    [
        "the king rules the land\na cat drinks milk\n",
        "in 1990 2000\nof the 3\n",
        "the 1061396\nof 593677\n",
        "tiger cat 7.35\ntiger tiger 10\n",
        "17 4 9\n3 5 8\n",
        "the 1 2\nof 3 4 5\nand 1 2\n",
        "the 1 2\n\nof 3 4\n",
        "the 1 x\nof 3 4\n",
        "0.5 0.25\n0.5 0.25\n",
        "the 1 2\x00\nof 3 4\n",
    ],
    ids=["prose", "years", "counts", "pairs", "ids", "lengths", "gap", "letters", "numbers", "binary"],
)
def test_text_is_not_taken_for_vectors(tmp_path, text):
    if text.startswith("the 1 2\nof 3 4 5"):
        assert formats.load(write(tmp_path, text)).words == ["the", "of 3", "and"]  # a word may hold a space
        return
    with pytest.raises(FormatError, match="no format recognised"):
        formats.recognise(write(tmp_path, text))


def test_word2vec_keeps_its_files_and_one_long_line_is_enough(tmp_path):
    assert formats.recognise(write(tmp_path, "2 2\nthe 1 2\nof 3 4\n")) == "word2vec-text"
    line = "the " + "0.123456789 " * 9000
    assert formats.recognise(write(tmp_path, line + "\n")) == "glove-text"
    assert formats.load(tmp_path / "vectors.txt").storage.shape == (1, 9000)
    packed = write(tmp_path, gzip.compress(b"the 1 2\nof 3 4\n"), "packed")
    assert formats.load(packed).words == ["the", "of"]
    assert not glove_text.sniff(tmp_path, b"the 1 2\n")


def test_a_header_is_read_when_the_format_is_named(tmp_path):
    rows = "the 1 2\nof 3 4\n"
    for text, words in ((rows, 2), (rows + "<unk> 5 6\n", 3)):
        assert len(formats.load(write(tmp_path, "2 2\n" + text), format="glove-text").words) == words
    with pytest.raises(FormatError, match="line 1 promises 4 words, 2 follow"):
        formats.load(write(tmp_path, "4 2\n" + rows), format="glove-text")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the 1 2\nof 3 4\nand 5\n", "line 3: 2 fields; a word and 2 numbers are needed"),
        ("the 1 2\nof 3 4\nand 5 x\n", "line 3: b'x' is no number"),
        ("the 1 2\nof 3 4\nthe 5 6\n", "line 3: the word 'the' stands there a second time, first in line 1"),
        ("the 1 2\n\nof 3 4\nto 1 2\n", "line 2: an empty line, and more after it"),
        ("the\n", "line 1 is b'the'; a word and numbers are needed"),
        ("", "line 1 is b''"),
    ],
)
def test_damaged_text_is_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(FormatError, match=message):
        formats.load(write(tmp_path, text), format="glove-text")


def test_a_text_file_cut_anywhere_is_not_read_without_a_warning(table, tmp_path, caplog):
    formats.save(table, tmp_path / "x", format="glove-text")
    whole = (tmp_path / "x").read_bytes()
    ends = [found.end() for found in re.finditer(b"\n", whole)]
    for end in set(range(len(whole))) - set(ends):
        caplog.clear()
        try:
            formats.load(write(tmp_path, whole[:end], "cut"))
        except FormatError:
            continue
        assert "if the file was cut there" in caplog.text


@pytest.mark.parametrize("name", ["glove-text", "glove-binary"])
@pytest.mark.parametrize("word", ["new york", "a\nb", "", "\ud800"])
def test_a_word_that_readers_would_cut_is_refused_and_nothing_written(tmp_path, name, word):
    with pytest.raises(FormatError, match=r"row 1: the word .* cannot hold"):
        formats.save(Table(["a", word], Dense(np.ones((2, 2)))), tmp_path / "x", format=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.data
def test_a_file_of_the_authors_is_read(data):
    table = formats.load(data / "fixtures" / "word2vec" / "test_glove.txt")
    assert table.storage.shape == (76, 50)
    assert table.words[0] == "the"
    assert table.storage.matrix[0, :2].tolist() == np.float32([0.418, 0.24968]).tolist()
    for text in ("corpora/enwiki100m.txt", "similarity/en/EN-WS-353-ALL.txt", "analogy/google.txt"):
        with pytest.raises(FormatError, match="no format recognised"):
            formats.recognise(data / text)


# Binary


def original(tmp_path, words=("the", "of", "and"), dim=4, seed=1):
    """A vectors.bin as glove.c writes it, with its vocab.txt."""
    parts = np.random.default_rng(seed).normal(size=(2, len(words), dim + 1))
    write(tmp_path, "".join(f"{word} {9 - row}\n" for row, word in enumerate(words)), "vocab.txt")
    return write(tmp_path, parts.tobytes(), "vectors.bin"), parts


def test_what_the_original_writes_as_binary_is_read_as_what_it_writes_as_text(tmp_path):
    path, parts = original(tmp_path)
    assert formats.recognise(path) == "glove-binary"
    table = formats.load(path)
    assert table.words == ["the", "of", "and"]
    assert table.counts.tolist() == [9, 8, 7]
    np.testing.assert_array_equal(table.storage.matrix, (parts[0, :, :4] + parts[1, :, :4]).astype(np.float32))
    np.testing.assert_array_equal(table.state["parameters"], parts.astype(np.float32))


def test_training_goes_on_from_a_binary_file_and_is_kept_in_one(tmp_path):
    text = Corpus([["the", "of", "and", "the", "of"]] * 10)
    recipe = GloVe(dim=4, min_count=1, threads=1, epochs=1, learning_rate=1e-9)
    path, parts = original(tmp_path)
    model = recipe.fit(text, start=StaticModel.load(path))
    ours = [model.words.vocabulary.index[word] for word in ("the", "of", "and")]
    np.testing.assert_allclose(model.state["parameters"][:, ours], parts, atol=1e-6)
    model.save(tmp_path / "new.bin", "glove-binary")
    again = StaticModel.load(tmp_path / "new.bin")
    np.testing.assert_array_equal(again.words.vectors, model.words.vectors)
    np.testing.assert_array_equal(again.state["parameters"], model.state["parameters"])
    assert again.words.vocabulary == model.words.vocabulary
    assert formats.losses(model.table(), "glove-binary") == ["config", "squares"]
    assert api.models.PARTS["squares"]


def test_vectors_alone_become_words_beside_empty_contexts(tmp_path, monkeypatch):
    monkeypatch.setattr(glove_binary, "STEP", 3)
    table = Table(["a", "b"], Dense(np.array([[1, -0.0], [3, 4]])), state={"parameters": np.ones((2, 2, 3))})
    formats.save(table, tmp_path / "x", format="glove-binary")
    assert (tmp_path / "x.vocab.txt").read_bytes() == b"a 1\nb 1\n"
    parts = np.fromfile(tmp_path / "x").reshape(2, 2, 3)
    assert parts[0, :, :2].tolist() == [[1, 0], [3, 4]]
    assert not parts[1].any()
    write(tmp_path, "c 2\nd 1\n", "vocab.txt")  # of other files: its own words come first
    assert formats.load(tmp_path / "x").words == ["a", "b"]


def test_binary_of_another_size_or_without_its_words_is_refused(tmp_path):
    path, _ = original(tmp_path)
    whole = path.read_bytes()
    for cut in (whole[:-8], whole[:-1], whole + b"\0", b"", whole[: 6 * 8]):
        write(tmp_path, cut, "vectors.bin")
        with pytest.raises(FormatError, match=r"no whole number of float64 for each of the 3 words"):
            formats.load(path, format="glove-binary")
        with pytest.raises(FormatError, match="no format recognised"):
            formats.recognise(path)
    (tmp_path / "vocab.txt").unlink()
    write(tmp_path, whole, "vectors.bin")
    with pytest.raises(FormatError, match=r"its words are needed, in vectors.vocab.txt or vocab.txt beside it"):
        formats.load(path, format="glove-binary")
    with pytest.raises(FormatError, match="no format recognised"):
        formats.recognise(path)
    assert not glove_binary.sniff(tmp_path, whole)


# Records


def test_records_and_vocabulary_come_back(tmp_path, monkeypatch):
    random = np.random.default_rng(2)
    matrix = csr_array(np.where(random.random((9, 9)) < 0.5, random.random((9, 9)), 0))
    words = Vocabulary([f"w{row}" for row in range(9)], range(9, 0, -1))
    write_records(Counts.of(matrix), tmp_path / "cooccurrence.bin")
    write_vocabulary(words, tmp_path / "vocab.txt")
    assert (tmp_path / "cooccurrence.bin").stat().st_size == 16 * matrix.nnz
    for step in (1, 7, 1000):
        monkeypatch.setattr(glove_records, "STEP", step)
        again, vocabulary = read_records(tmp_path / "cooccurrence.bin", tmp_path / "vocab.txt")
        assert vocabulary == words
        np.testing.assert_array_equal(again.toarray(), matrix.toarray())


def records(*rows):
    return np.array([*rows], [("i", "<i4"), ("j", "<i4"), ("x", "<f8")]).tobytes()


def test_shuffled_records_are_read_and_repeated_ones_added_up(tmp_path, caplog):
    write(tmp_path, "the 5\nof 3\n", "vocab.txt")
    path = write(tmp_path, gzip.compress(records((2, 1, 0.5), (1, 2, 3), (1, 1, 1), (1, 2, 0.25))), "shuf.bin")
    matrix, _ = read_records(path, tmp_path / "vocab.txt")
    assert matrix.toarray().tolist() == [[1, 3.25], [0.5, 0]]
    assert "1 pairs have more than one record" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (records((1, 2, 1), (0, 1, 1)), "record 2 is word 0, context 1, count 1; words are numbered 1 to 2"),
        (records((1, 3, 1)), "record 1 is word 1, context 3"),
        (records((-1, 1, 1)), "word -1"),
        (records((1, 1, 1), (1, 1, 0)), "record 2 is .* count 0"),
        (records((1, 1, -2)), "count -2"),
        (records((1, 1, np.nan)), "count nan"),
        (records((1, 1, np.inf)), "count inf"),
        (records((1, 1, 1), (2, 2, 2))[:-1], "truncated.*15 bytes follow the 1 records of 16 bytes"),
        (b"", "the file is empty"),
    ],
)
def test_damaged_records_are_refused_with_the_record(tmp_path, content, message):
    write(tmp_path, "the 5\nof 3\n", "vocab.txt")
    with pytest.raises(FormatError, match=message):
        read_records(write(tmp_path, content, "x.bin"), tmp_path / "vocab.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the 5\nof\n", "line 2 is b'of.*'word count' is needed"),
        ("the five\n", "line 1 is b'the five"),
        ("the -5\n", "line 1"),
        (" 5\n", "line 1"),
        ("the 5\nthe 3\n", "line 2: the word 'the' stands there a second time"),
        ("", "the file is empty"),
    ],
)
def test_a_damaged_vocabulary_is_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(FormatError, match=message):
        read_vocabulary(write(tmp_path, text, "vocab.txt"))
