"""The files of word2vec: ours, gensim's, the C tool's, and damaged ones."""

import gzip
import logging

import numpy as np
import pytest

from wordfield import formats
from wordfield.formats import FormatError, Table, text_rows, word2vec_binary, word2vec_text
from wordfield.storage import Dense


def write(tmp_path, content, name="w2v"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def row(word, *numbers, end=b"\n"):
    return word + b" " + np.array(numbers, "<f4").tobytes() + end


@pytest.mark.parametrize("end", [b"\n", b""])
def test_rows_with_and_without_a_line_feed_are_read(tmp_path, end):
    path = write(tmp_path, b"2 3\n" + row(b"</s>", 1, 2, 3, end=end) + row(b"of", 4, 5, 6, end=end))
    table = formats.load(path)
    assert table.words == ["</s>", "of"]
    assert table.storage.matrix.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("small", [0, 1 << 20])
@pytest.mark.parametrize("step", [1, 13, 64])
@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary"])
def test_blocks_cut_anywhere_change_nothing(table, tmp_path, monkeypatch, step, name, small):
    for module in (word2vec_binary, word2vec_text, text_rows):
        monkeypatch.setattr(module, "STEP", step)
    for module, constant in ((word2vec_binary, "SMALL"), (word2vec_binary, "FEW"), (text_rows, "SMALL")):
        monkeypatch.setattr(module, constant, small)
    monkeypatch.setattr(word2vec_binary, "LONGEST", 12 + step)
    monkeypatch.setattr(text_rows, "LINES", step)
    formats.save(table, tmp_path / "x", format=name)
    again = formats.load(tmp_path / "x")
    assert again.words == table.words
    np.testing.assert_array_equal(np.asarray(again.storage.matrix), table.storage.matrix)


@pytest.mark.data
def test_kernels_read_the_numbers_that_python_reads(data, tmp_path, monkeypatch):
    names = ["word2vec/high_precision.kv.txt", "fasttext/crime-and-punishment.vec", "finalfusion/embeddings.dims.txt"]
    for path in [data / "fixtures" / name for name in names]:
        monkeypatch.setattr(text_rows, "SMALL", 0)
        by_kernel = formats.load(path)
        rows = [
            line.rstrip(" ").rsplit(" ", by_kernel.storage.shape[1])
            for line in path.read_text("utf-8").split("\n")[1:-1]
        ]
        assert by_kernel.words == [row[0] for row in rows]
        expected = np.array([[np.float32(float(number)) for number in row[1:]] for row in rows])
        np.testing.assert_array_equal(by_kernel.storage.matrix.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize(
    "text",
    [
        "2 2\nthe 1 2\nof 3 4\n",
        "2 2\nthe 1 2\nof 3 4",
        "2 2 \nthe 1 2 \nof 3 4 \n",
        "2 2\r\nthe 1 2\r\nof 3 4\r\n\r\n",
        "2 2\nthe\t1\t2\nof  3  4\n\n",
        "2\t2\nthe 1e0 .2E+1\nof +3. 0.4e1\n",
    ],
)
def test_the_ways_in_which_others_write_text(tmp_path, text):
    table = formats.load(write(tmp_path, text))
    assert table.words == ["the", "of"]
    assert table.storage.matrix.tolist() == [[1, 2], [3, 4]]


def test_words_keep_every_white_space_but_the_line_feed_and_are_split_from_the_right(tmp_path):
    words = ["a\u00a0b", "\u0085", "\u2028", "at name@domain.com", ". . .", "1 2", "\x1c"]
    lines = [f"{word} {here} 0.5" for here, word in enumerate(words)]
    table = formats.load(write(tmp_path, f"{len(words)} 2\n" + "\n".join(lines) + "\n"))
    assert table.words == words
    assert table.storage.matrix[:, 0].tolist() == list(range(len(words)))


def test_numbers_read_are_the_nearest_float32(tmp_path):
    numbers = ["0.1", "-8.269973595356034e-05", "1e-45", "3.4028235e38", "1e999", "nan", "-inf", "123456789.123456789"]
    table = formats.load(write(tmp_path, "1 8\nx " + " ".join(numbers) + "\n"))
    with np.errstate(over="ignore"):
        expected = np.array([float(number) for number in numbers]).astype(np.float32)
    np.testing.assert_array_equal(table.storage.matrix[0], expected)


@pytest.mark.parametrize("name", ["text", "binary"])
def test_broken_utf8_is_replaced_and_counted_and_merges_no_words(tmp_path, caplog, name):
    words = [b"zee\xbfn", b"zee\xben", b"sea"]
    lines = [row(word, 1, 2) if name == "binary" else word + b" 1 2\n" for word in words]
    with caplog.at_level(logging.WARNING):
        table = formats.load(write(tmp_path, b"3 2\n" + b"".join(lines)), format=f"word2vec-{name}")
    assert table.words == ["zee\ufffdn", "zee\\xben", "sea"]
    assert "2 words are not valid UTF-8" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3 2\nthe 1 2\nof 3 4\n", "promises 3 words, line 3 is the last of 2"),
        ("1 2\nthe 1 2\nof 3 4\n", "line 3: more than the 1 words that line 1 promises"),
        ("2 3\nthe 1 2\nof 3 4\n", "line 2: 3 fields; a word and 3 numbers are needed"),
        ("2 2\nthe 1 2\nof 3\n", "line 3: 2 fields"),
        ("2 2\nthe 1 2\n3 4\n", "line 3: 2 fields"),
        ("2 2\nthe 1 2\nof 3 x\n", "line 3: b'x' is no number"),
        ("2 2\nthe 1 2\nof 3 1_0\n", "line 3: b'1_0' is no number"),
        ("2 2\nthe 1 2\nof 3 1,5\n", "line 3: b'1,5' is no number"),
        ("2 2\nthe 1 2\nof 3 é\n", "is no number"),
        ("2 2\nthe 1 2\nthe 3 4\n", "line 3: the word 'the' stands there a second time, first in line 2"),
        ("2 2\nthe 1 2\n\nof 3 4\n", "line 3: an empty line, and more after it"),
        ("0 2\n", "at least one of each"),
        ("2 0\na\nb\n", "at least one of each"),
        ("999999999999 300\nthe 1 2\n", "999999999999 words of 300 dimensions, at least"),
        ("two 2\nthe 1 2\n", "line 1 is b'two 2"),
    ],
)
def test_damaged_text_is_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(FormatError, match=message):
        formats.load(write(tmp_path, text), format="word2vec-text")


TWO = b"2 3\n" + row(b"the", 1, 2, 3) + row(b"of", 4, 5, 6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TWO[:-2], r"word 2 of the 2 that line 1 promises begins at byte 20, and the file ends 1[45] bytes later"),
        (TWO[:12], "at least 26 bytes; the file has 12"),
        (b"3" + TWO[1:-1], r"at least 39 bytes; the file has 36"),
        (b"1" + TWO[1:], r"byte 20: after the 1 words that line 1 promises the file goes on with b'\\nof "),
        (b"2 3\n" + row(b"of", 1, 2, 3) * 2, "word 2: the word 'of' stands there a second time, first in word 1"),
        (b"\x00\x01\x02", "line 1 is"),
    ],
)
def test_damaged_binary_is_refused_with_the_byte(tmp_path, content, message):
    with pytest.raises(FormatError, match=message):
        formats.load(write(tmp_path, content), format="word2vec-binary")


@pytest.mark.parametrize("length", range(4, len(TWO) - 1))
def test_no_truncated_binary_is_taken_for_a_whole_one(tmp_path, length):
    with pytest.raises(FormatError, match="truncated"):
        formats.load(write(tmp_path, TWO[:length]), format="word2vec-binary")


@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary"])
@pytest.mark.parametrize("word", ["new york", "a\nb", "", "\ud800"])
def test_a_word_that_readers_would_cut_is_refused_and_nothing_written(tmp_path, name, word):
    with pytest.raises(FormatError, match=r"row 1: the word .* cannot hold"):
        formats.save(Table(["a", word], Dense(np.ones((2, 2)))), tmp_path / "x", format=name)
    assert list(tmp_path.iterdir()) == []


def test_a_tab_is_refused_in_text_only(tmp_path):
    table = Table(["a\tb"], Dense(np.ones((1, 2))))
    with pytest.raises(FormatError, match=r"holds white space.*use the native format"):
        formats.save(table, tmp_path / "x.txt")
    formats.save(table, tmp_path / "x.bin")
    assert formats.load(tmp_path / "x.bin").words == ["a\tb"]


@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary"])
def test_gzip_is_unpacked_on_the_way(table, tmp_path, name):
    formats.save(table, tmp_path / "x", format=name)
    packed = write(tmp_path, gzip.compress((tmp_path / "x").read_bytes()), "packed")
    assert formats.recognise(packed) == name
    assert formats.load(packed).words == table.words


def test_text_and_binary_are_told_apart_by_what_follows_the_header(tmp_path):
    assert formats.recognise(write(tmp_path, "1 3\n. . . 1 2 3\n")) == "word2vec-text"
    assert (
        formats.recognise(write(tmp_path, "1 300\nthe " + "0.123456789 " * 300 + "\n" + "x" * 70_000))
        == "word2vec-text"
    )
    assert formats.recognise(write(tmp_path, b"1 3\n" + row(b"the", 1, 2, 3))) == "word2vec-binary"
    with pytest.raises(FormatError, match=r"line 2: b'x' is no number"):
        formats.load(write(tmp_path, "1 2\nthe 1 x\n"))


@pytest.mark.parametrize("binary", [True, False])
def test_gensim_reads_ours_and_we_read_gensims(table, tmp_path, binary):
    keyed = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is a peer, not a dependency")
    name = "x.bin" if binary else "x.txt"
    plain = [word for word in table.words if word != "\u2028"]
    table = Table(plain, Dense(table.storage.matrix[: len(plain)]))
    formats.save(table, tmp_path / name)
    theirs = keyed.KeyedVectors.load_word2vec_format(tmp_path / name, binary=binary)
    assert theirs.index_to_key == table.words
    np.testing.assert_array_equal(theirs.vectors, table.storage.matrix)
    theirs.save_word2vec_format(tmp_path / "theirs", binary=binary)
    again = formats.load(tmp_path / "theirs")
    assert again.words == table.words
    np.testing.assert_array_equal(again.storage.matrix, table.storage.matrix)


@pytest.mark.data
def test_files_written_by_others_are_read(data, caplog):
    shapes = {
        "word2vec/high_precision.kv.bin": (2, 2),
        "word2vec/high_precision.kv.txt": (2, 2),
        "finalfusion/embeddings.w2v": (7, 10),
        "finalfusion/embeddings.dims.txt": (7, 10),
        "bpemb/en.wiki.bpe.vs1000.d25.w2v.bin": (1000, 25),
        "fasttext/lee_fasttext.vec": (1762, 10),
        "fasttext/crime-and-punishment.vec": (291, 5),
    }
    for name, shape in shapes.items():
        assert formats.load(data / "fixtures" / name).storage.shape == shape
    assert caplog.text == ""
    text, binary = (formats.load(data / "fixtures" / "word2vec" / f"high_precision.kv.{end}") for end in ("txt", "bin"))
    assert text.words == binary.words == ["kangaroo.n.01", "horse.n.01"]
    np.testing.assert_allclose(text.storage.matrix, binary.storage.matrix, atol=1e-5)
    broken = formats.load(data / "fixtures" / "finalfusion" / "utf8-incomplete.bin")
    assert broken.words == ["meren", "zee\ufffdn", "rivieren"]
    assert "1 words are not valid UTF-8" in caplog.text
    assert formats.recognise(data / "fixtures" / "finalfusion" / "embeddings.fifu") == "finalfusion"


def test_a_text_file_cut_inside_its_last_number_is_not_read_without_a_warning(table, tmp_path, caplog):
    formats.save(table, tmp_path / "x.txt")
    whole = (tmp_path / "x.txt").read_bytes()
    for end in range(len(whole)):
        cut = write(tmp_path, whole[:end], "cut.txt")
        caplog.clear()
        try:
            formats.load(cut)
        except FormatError:
            continue
        assert "if the file was cut there" in caplog.text
    caplog.clear()
    formats.load(tmp_path / "x.txt")
    assert not caplog.text
