"""Damaged files: refused with the place and with advice, or read without what is damaged; and survived whatever is done
to them.
"""

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile

import numpy as np
import pytest

from formats.fuzzing import MUTATIONS, survives
from support import JIT_OFF
from wordfield import api, formats
from wordfield.formats import FormatError, Table, faults, text_rows, word2vec, word2vec_binary
from wordfield.storage import Dense, Records


def write(tmp_path, content, name="damaged"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture(params=["line by line", "in blocks"])
def way(request, monkeypatch):
    """Both ways in which files are read: small ones, and large ones by kernels."""
    if request.param == "in blocks":
        for module, name in ((text_rows, "SMALL"), (word2vec_binary, "SMALL"), (word2vec_binary, "FEW")):
            monkeypatch.setattr(module, name, 0)
        monkeypatch.setattr(text_rows, "LINES", 3)
    return request.param


def row(word, *numbers, end=b"\n"):
    return word + b" " + np.array(numbers, "<f4").tobytes() + end


TEXTS = [
    ("3 2\nthe 1 2\nof 3\nto 5 6\n", ["the", "to"], ["line 3: 2 fields; a word and 2 numbers are needed: b'of 3'"]),
    ("2 2\nthe 1 2\nof 3 x\n", ["the"], ["line 3: b'x' is no number; a word and 2 numbers are needed"]),
    (
        "3 2\nthe 1 2\nthe 3 4\nto 5 6\n",
        ["the", "to"],
        ["line 3: the word 'the' stands there a second time, first in line 2: take one of them out"],
    ),
    (
        "2 2\nthe 1 2\n\n\nto 5 6\n\n",
        ["the", "to"],
        ["line 3: an empty line, and more after it: damaged, or a wrong header"],
    ),
    (
        "3 2\nthe 1 2\nto 5 6\n",
        ["the", "to"],
        ["line 3: truncated, or a wrong header: line 1 promises 3 words, line 3 is the last of 2"],
    ),
    (
        "1 2\nthe 1 2\nto 5 6\n<unk> 7 8\n",
        ["the", "to", "<unk>"],
        ["line 3: more than the 1 words that line 1 promises: damaged, or a wrong header" + text_rows.COUNTED],
    ),
    ("0 2\nthe 1 2\n", ["the"], ["line 1: promises 0 words of 2 dimensions; there must be at least one of each"]),
    (
        "900000 2\nthe 1 2\n",
        ["the"],
        [
            "line 1: promises 900000 words of 2 dimensions, at least 4500000 bytes; the file has 18: truncated, or a "
            "wrong header",
            "line 2: truncated, or a wrong header: line 1 promises 900000 words, line 2 is the last of 1",
        ],
    ),
    (
        "3 2\nthe 1 2\nof 3 4\nto 5",
        ["the", "of"],
        ["line 4: 2 fields; a word and 2 numbers are needed: b'to 5'"],
    ),
]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("text", "words", "told"), TEXTS)
def test_text_is_refused_with_advice_or_read_without_what_is_damaged(tmp_path, text, words, told):
    path = write(tmp_path, text)
    with pytest.raises(FormatError, match=r"repair=True, or wordfield convert IN OUT --repair$"):
        formats.load(path, "word2vec-text")
    table = formats.load(path, "word2vec-text", repair=True)
    assert table.words == words
    assert table.repaired == told
    numbers = {"the": [1, 2], "of": [3, 4], "to": [5, 6], "<unk>": [7, 8]}
    assert table.storage.matrix.tolist() == [numbers[word] for word in words]


TWO = b"2 3\n" + row(b"the", 1, 2, 3) + row(b"of", 4, 5, 6)
BINARIES = [
    (b"3" + TWO[1:], ["the", "of"], ["line 1: promises 3 words", "byte 36: truncated: word 3 of the 3"]),
    (TWO[:-3], ["the"], ["byte 20: truncated: word 2 of the 2 that line 1 promises begins at byte 20"]),
    (b"1" + TWO[1:], ["the", "of"], ["byte 20: after the 1 words that line 1 promises the file goes on with b'"]),
    (TWO + b"more", ["the", "of"], ["byte 36: after the 2 words that line 1 promises the file goes on with b'"]),
    (
        b"3" + TWO[1:] + row(b"the", 7, 8, 9),
        ["the", "of"],
        ["word 3: the word 'the' stands there a second time, first"],
    ),
    (b"0" + TWO[1:], ["the", "of"], ["line 1: promises 0 words of 3 dimensions", "byte 4: after the 0 words"]),
    (
        b"9" + TWO[1:],
        ["the", "of"],
        ["line 1: promises 9 words of 3 dimensions, at least 117 bytes; the file has 37", "byte 36: truncated: word 3"],
    ),
]


@pytest.mark.parametrize(("content", "words", "told"), BINARIES)
def test_binary_is_refused_with_advice_or_read_without_what_is_damaged(tmp_path, way, content, words, told):
    path = write(tmp_path, content)
    with pytest.raises(FormatError, match=r"--repair$"):
        formats.load(path, "word2vec-binary")
    table = formats.load(path, "word2vec-binary", repair=True)
    assert table.words == words
    assert [fault[: len(expected)] for fault, expected in zip(table.repaired, told, strict=True)] == told
    np.testing.assert_array_equal(np.asarray(table.storage.matrix), [[1, 2, 3], [4, 5, 6]][: len(words)])
    assert isinstance(table.storage, Records if way == "in blocks" else Dense)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("the 1 2\nof 3\nto 5 6\nin 7 8\n", ["the", "to", "in"], ["line 2: 2 fields; a word and 2 numbers"]),
        ("the 1 2\n\nto 5 6\nin 7 8\n", ["the", "to", "in"], ["line 2: an empty line, and more after it: damaged"]),
        ("4 2\nthe 1 2\n<unk> 5 6\n", ["the", "<unk>"], ["line 1: truncated, or a wrong header: line 1 promises 4"]),
    ],
)
def test_text_of_glove_is_repaired(tmp_path, text, words, told):
    path = write(tmp_path, text)
    with pytest.raises(FormatError, match=r"--repair$"):
        formats.load(path, "glove-text")
    table = formats.load(path, "glove-text", repair=True)
    assert table.words == words
    assert [fault[: len(expected)] for fault, expected in zip(table.repaired, told, strict=True)] == told


def test_a_first_line_of_a_word_and_one_number_is_no_header(tmp_path):
    table = formats.load(write(tmp_path, "17 4\nof 3\nto 9\n"), "glove-text")
    assert table.words == ["17", "of", "to"]
    assert table.storage.matrix[:, 0].tolist() == [4, 3, 9]
    assert formats.load(write(tmp_path, "2 1\nof 3\nto 9\n"), "glove-text").words == ["of", "to"]
    assert formats.load(write(tmp_path, "17 4"), "glove-text").words == ["17"]


def test_what_cannot_be_repaired_is_refused_all_the_same(tmp_path):
    for text in ("2 0\na\nb\n", "two 2\nthe 1 2\n", "2 3\nthe 1 2\nof 3 4\n", "1 900\nthe 1 2\n", ""):
        with pytest.raises(FormatError) as error:
            formats.load(write(tmp_path, text), "word2vec-text", repair=True)
        assert "--repair" not in str(error.value)


def test_many_faults_are_counted(tmp_path, caplog):
    text = "the 1 2\n" + "one line\n" * 50 + "of 3 4\nto 5 6\n" + "in 7 8\n" * 3
    path = write(tmp_path, "56 2\n" + text)
    table = formats.load(path, "word2vec-text", repair=True)
    assert table.words == ["the", "of", "to", "in"]
    assert len(table.repaired) == faults.SHOWN + 1
    assert table.repaired[-1] == "and 32 more"
    assert f"{path}: repaired, 52 faults: line 3: 2 fields" in caplog.text


def test_convert_repairs_and_says_what(tmp_path, run):
    path = write(tmp_path, "2 2\nthe 1 2\nof 3\n", "damaged.txt")
    refused = run("convert", path, tmp_path / "out")
    assert refused.status != 0
    assert "to leave out what is at fault" in refused.err
    shown = run("convert", path, tmp_path / "out", "--repair")
    assert shown.status == 0
    assert "line 3: 2 fields" in shown.out
    assert api.load(tmp_path / "out").words.index_to_key == ["the"]
    result = api.convert(path, tmp_path / "more", repair=True)
    assert result["repaired"] == ["line 3: 2 fields; a word and 2 numbers are needed: b'of 3'"]
    assert api.convert(tmp_path / "out", tmp_path / "again", repair=True)["repaired"] == []
    assert "repaired" not in api.convert(tmp_path / "out", tmp_path / "again")
    assert "nothing was at fault" in run("convert", tmp_path / "out", tmp_path / "once.txt", "--repair").out
    assert api.load(path, repair=True).words.index_to_key == ["the"]


SMALL = Table(["the", "naïve", "词向量", "of"], Dense(np.linspace(-1, 1, 12).reshape(4, 3)))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary", "glove-text", "sparse-text"])
def test_whatever_is_done_to_a_file_it_is_read_or_refused(tmp_path, name):
    path = tmp_path / "small"
    formats.save(SMALL, path, name)
    outcomes = survives(path, name, tmp_path, mutations=MUTATIONS // 2)
    assert outcomes.read + outcomes.repaired > 0


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst", "zip", "tar", "tar.gz"])
def test_whatever_is_done_to_a_packed_file_it_is_read_or_refused(tmp_path, kind):
    formats.save(SMALL, tmp_path / "plain", "word2vec-text")
    path = packed(tmp_path, kind)
    survives(path, "word2vec-text", tmp_path, mutations=MUTATIONS // 4)


def packed(tmp_path, kind):
    """The file "plain" packed."""
    data, path = (tmp_path / "plain").read_bytes(), tmp_path / f"packed.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(tmp_path / "plain", "plain.txt")
    elif kind.startswith("tar"):
        with tarfile.open(path, "w:gz" if kind.endswith("gz") else "w") as archive:
            archive.add(tmp_path / "plain", "folder/plain.txt")
    elif kind == "zst":
        zstd = pytest.importorskip("backports.zstd", reason="the extra corpus brings it")
        path.write_bytes(zstd.compress(data))
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[kind].compress(data))
    return path


def test_a_row_of_a_million_numbers_is_read_or_refused_in_little_time(tmp_path):
    count = 10_000 if JIT_OFF else 1_000_000
    line = b"the" + b" 0.125" * count
    table = formats.load(write(tmp_path, b"1 %d\n%b\n" % (count, line)))
    assert table.storage.shape == (1, count)
    assert formats.load(write(tmp_path, line + b"\n"), "glove-text").storage.shape == (1, count)
    with pytest.raises(FormatError, match=rf"line 2: {count + 1} fields"):
        formats.load(write(tmp_path, b"2 %d\n%b\n%b\n" % (count + 1, line, line)))
    with pytest.raises(FormatError, match=r"line 3: b'x' is no number"):
        formats.load(write(tmp_path, b"2 %d\n%b\nx%b x\n" % (count, line, line[:-6])))


def test_a_line_without_end_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(text_rows, "LONGEST", 1000)
    monkeypatch.setattr(text_rows, "STEP", 100)
    with pytest.raises(FormatError, match="a line has no end in 1"):
        formats.load(write(tmp_path, b"1 2\nthe" + b"x" * 5000 + b" 1 2\n"))


def test_links_in_a_circle_and_files_that_change_are_told(tmp_path, monkeypatch):
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    with pytest.raises(FileNotFoundError, match=r"no model at .*one: it is a link that leads nowhere, or in a circle"):
        formats.load(tmp_path / "one")
    for name in ("word2vec-text", "word2vec-binary", "glove-text"):
        path = tmp_path / name
        formats.save(SMALL, path, name)

        def grows(*given, path=path, real=word2vec.settled):
            with path.open("ab") as stream:
                stream.write(b"more 1 2 3\n")
            return real(*given)

        with monkeypatch.context() as patch:
            patch.setattr("wordfield.formats.word2vec.settled", grows)
            with pytest.raises(FormatError, match="changed while it was read"):
                formats.load(path, name)


def test_content_decides_whatever_the_name_says(tmp_path):
    for name in ("word2vec-text", "word2vec-binary", "glove-text", "sparse-text"):
        formats.save(SMALL, tmp_path / "x.fifu", name)
        assert formats.recognise(tmp_path / "x.fifu") == name
    with pytest.raises(FormatError, match="the file is empty"):
        formats.load(write(tmp_path, b"", "empty.bin"))
    os.truncate(tmp_path / "x.fifu", 0)
    for name in ("word2vec-text", "word2vec-binary", "glove-text", "sparse-text"):
        with pytest.raises(FormatError):
            formats.load(tmp_path / "x.fifu", name)
