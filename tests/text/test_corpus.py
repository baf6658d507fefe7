"""A corpus is sentences, wherever they come from, as often as they are asked for."""

import bz2
import gzip
import io
import lzma
import os
import sys
from pathlib import Path

import pytest

from wordfield.text.corpus import Corpus
from wordfield.text.vocabulary import Vocabulary

TEXT = "The cat sat.\n\nThe dog didn't.\n"
SENTENCES = [["the", "cat", "sat"], ["the", "dog", "didn't"]]


def scanned(corpus, **how):
    with corpus.scan(**how) as scan:
        words = list(scan.words_seen)
        ids = scan.encode(Vocabulary(words))
        rows = ids.window(0, ids.tokens).tolist()
        return [[words[row] for row in rows[begin:end]] for begin, end in zip(ids.starts, ids.starts[1:], strict=False)]


def both(corpus, **how):
    """What iterating gives, once a scan was seen to give the same."""
    sentences = list(corpus)
    assert scanned(corpus, **how) == sentences
    return sentences


def zstd(data):
    module = pytest.importorskip("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    return module.compress(data)


PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd, "txt": lambda data: data}


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("named", [True, False])
def test_compressed_files_are_known_by_content(tmp_path, suffix, named):
    path = tmp_path / (f"text.{suffix}" if named else "text")
    path.write_bytes(PACKED[suffix](TEXT.encode()))
    assert both(Corpus(path)) == SENTENCES
    path.write_bytes(PACKED[suffix](TEXT.encode() * 2000))
    assert both(Corpus(path), threads=2, block=4000) == SENTENCES * 2000


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_damaged_compressed_files_are_named(tmp_path, suffix):
    path = tmp_path / f"text.{suffix}"
    packed = PACKED[suffix](bytes(range(65, 91)) * 5000 + TEXT.encode())
    path.write_bytes(packed[: len(packed) // 2])
    for read in (list, scanned):
        with pytest.raises(ValueError, match=rf"text.{suffix}: the compressed data are damaged or cut short"):
            read(Corpus(path))


def test_an_empty_compressed_file_is_an_empty_text(tmp_path):
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(b""))
    assert both(Corpus(path)) == []


def test_zstd_without_the_extra_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "text.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd....")
    for name in ("backports", "backports.zstd", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'wordfield\[corpus\]'"):
        list(Corpus(path))


def test_text_that_only_looks_compressed_is_text(tmp_path):
    path = tmp_path / "text.gz"
    path.write_bytes(b"BZh is how some files begin")
    assert both(Corpus(path))[0][0] == "bzh"


@pytest.fixture
def folder(tmp_path):
    for name, text in {
        "b.txt": "second",
        "a/z.txt": "first one",
        "c.md": "third",
        ".hidden": "never",
        ".git/x": "never",
    }.items():
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "texts"


def test_a_folder_is_all_its_files_sorted(folder):
    assert both(Corpus(folder)) == both(Corpus(str(folder))) == [["first", "one"], ["second"], ["third"]]


def test_globs_are_sorted_too(folder):
    assert both(Corpus(f"{folder}/*.txt")) == [["second"]]
    assert both(Corpus(f"{folder}/**/*.txt")) == [["first", "one"], ["second"]]


def test_several_files_stay_in_the_order_given_and_never_glue_words(folder):
    names = [folder / "c.md", folder / "b.txt"]
    assert both(Corpus(names)) == [["third"], ["second"]]
    corpus = Corpus.files([str(name) for name in names] + [f"{folder}/a"], tokenizer="whitespace")
    for how in ({"threads": 1, "block": 3}, {"threads": 3}):
        assert both(corpus, **how) == [["third"], ["second"], ["first", "one"]]
    assert corpus.tokenizer.name == "whitespace"
    assert "c.md" in corpus.name
    assert "and 3 more" in Corpus.files([names[0]] * 4).name


@pytest.mark.parametrize("name", ["nowhere.txt", "no/where/", "*.nothing", ""])
def test_what_is_not_there_is_named(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for make in (Corpus, lambda name: Corpus.files([name])):
        with pytest.raises(FileNotFoundError, match=name.replace("*", r"\*") or "name of the corpus is empty"):
            make(name)
    with pytest.raises(FileNotFoundError, match="no files in the folder"):
        Corpus(tmp_path)


def test_no_files_at_all_are_refused():
    with pytest.raises(ValueError, match="no corpus given"):
        Corpus.files([])
    with pytest.raises(TypeError, match="named by str or Path, not by int"):
        Corpus.files([3])
    with pytest.raises(ValueError, match="there is one: builtin:python-docs"):
        Corpus("builtin:shakespeare")


def stdin_of(data, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input_is_read_once(monkeypatch, pack):
    stdin_of(pack(TEXT.encode()), monkeypatch)
    corpus = Corpus("-")
    assert list(corpus) == SENTENCES
    for again in (list, scanned):
        with pytest.raises(ValueError, match="standard input was read to its end"):
            again(corpus)
    stdin_of(pack(TEXT.encode()), monkeypatch)
    assert scanned(Corpus("-"), threads=2) == SENTENCES


def test_sentences_may_be_text_or_lists_of_words():
    sentences = ["The cat.", ["New York", "is", "", "BIG"], ["a\nb\0"], (), "two\nlines", ""]
    assert both(Corpus(sentences)) == [["the", "cat"], ["New York", "is", "BIG"], ["a\nb\0"], ["two", "lines"]]
    assert both(Corpus(sentences), block=1) == both(Corpus(tuple(sentences)), threads=3)
    assert both(Corpus([["New York", "ΣΑΣ", "a\ud800"]], lowercase=True)) == [["new york", "σασ", "a\ufffd"]]
    assert both(Corpus(["a\ud800b"], tokenizer="whitespace")) == [["a\ufffdb"]]
    assert both(Corpus(["x" * 5000, "y"]), block=10) == [["x" * 5000], ["y"]]
    assert both(Corpus([["x" * 5000, "y"], ["z"]]), block=10) == [["x" * 5000, "y"], ["z"]]


def test_any_re_iterable_is_read_again_and_again():
    class Again:
        def __iter__(self):
            yield "one two"
            yield ["three"]

    corpus = Corpus(Again())
    assert both(corpus) == both(corpus) == [["one", "two"], ["three"]]
    assert corpus.name == "Again"
    assert Corpus(["a", "b"]).name == "2 sentences"


@pytest.mark.parametrize("source", [(word for word in "ab"), iter(["a"]), map(str, "ab")])
def test_what_can_be_read_once_only_is_refused(source):
    with pytest.raises(TypeError, match="can be read only once; give a list"):
        Corpus(source)


@pytest.mark.parametrize("source", [3, None, b"text", bytearray(b"text")])
def test_what_is_no_corpus_is_refused(source):
    with pytest.raises(TypeError, match="made of a file name, a Path or sentences"):
        Corpus(source)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [(3, "not int: 3"), (b"a", "not bytes"), ([1], "1 is int"), (["a", None], "None is NoneType")],
)
def test_what_is_no_sentence_is_refused(sentence, message):
    for read in (list, scanned):
        with pytest.raises(TypeError, match=message):
            read(Corpus(["fine", sentence]))


def test_a_list_of_file_names_is_sentences_but_not_without_a_word(folder, caplog):
    name = str(folder / "b.txt")
    assert len(list(Corpus([name], tokenizer="whitespace"))) == 1
    assert "Corpus.files" in caplog.text
    with pytest.raises(TypeError, match="both Path and other items"):
        Corpus([folder / "b.txt", name])


def test_invalid_utf8_is_replaced_and_counted(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"good\nb\xffd\xe4\xb8 \xef\xbf\xbd\n")
    corpus = Corpus(path, tokenizer="whitespace")
    assert both(corpus) == [["good"], ["b\ufffdd\ufffd", "\ufffd"]]
    assert corpus.invalid == 3
    with corpus.scan() as scan:
        assert scan.invalid == 3


@pytest.mark.parametrize("block", [1, 64, 1 << 20])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_strict_names_file_byte_and_line_of_the_first_invalid_byte(tmp_path, block, bom):
    path = tmp_path / "text.txt"
    path.write_bytes(bom + "gut\nböse Wörter\n".encode() * 30 + b"nine\nten b\xffd\n" + b"\xfe\n" * 300)
    where = len(bom) + 30 * 18 + 10
    for threads in (1, 3):
        with pytest.raises(ValueError, match=rf"text.txt: invalid UTF-8 at byte {where} \(line 62\): b'\\xff'"):
            Corpus(path, strict=True).scan(threads=threads, block=block)
    with pytest.raises(ValueError, match=rf"text.txt: invalid UTF-8 at byte {where} \(line 62\): b'\\xff'"):
        list(Corpus(path, strict=True))


def test_a_byte_order_mark_is_no_word(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8-sig")
    assert both(Corpus(path, tokenizer="whitespace"))[0][0] == "The"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_utf16_is_refused_with_what_to_do(tmp_path, encoding):
    path = tmp_path / "text.txt"
    path.write_bytes(("\ufeff" if encoding.endswith("be") else "").encode(encoding) + TEXT.encode(encoding))
    for read in (list, scanned):
        with pytest.raises(ValueError, match=rf"is {encoding[:6].upper()} text.*iconv -f {encoding[:6].upper()}"):
            read(Corpus(path))


def test_reading_a_file_that_went_away_names_it(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a")
    corpus = Corpus(path)
    path.unlink()
    for read in (list, scanned):
        with pytest.raises(FileNotFoundError, match=r"text\.txt"):
            read(corpus)


def test_python_brings_a_corpus():
    corpus = Corpus("builtin:python-docs")
    sentences = list(corpus)
    words = {word for sentence in sentences for word in sentence}
    assert len(sentences) > 5_000
    assert {"socket", "true", "month", "dictionary", "exception"} <= words
    assert sum(map(len, sentences)) > 100_000
    from wordfield.text import python_docs

    text = python_docs.python_docs()
    python_docs.python_docs.cache_clear()
    assert python_docs.python_docs() == text


def test_a_python_without_sources_says_so(tmp_path, monkeypatch):
    from wordfield.text import python_docs

    monkeypatch.setattr(python_docs.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    python_docs.python_docs.cache_clear()
    try:
        with pytest.raises(FileNotFoundError, match="came without the sources of its standard library"):
            list(Corpus("builtin:python-docs"))
        (tmp_path / "broken.py").write_text("def (")
        (tmp_path / "fine.py").write_text('"""One\n   paragraph.\n\nAnother."""\nclass A:\n    "Inside."\n')
        (tmp_path / "test").mkdir()
        (tmp_path / "test" / "left_out.py").write_text('"""Never."""')
        assert python_docs.python_docs() == b"One paragraph.\nAnother.\nInside.\n"
    finally:
        python_docs.python_docs.cache_clear()


def test_a_corpus_says_what_it_is(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    assert str(path) in repr(Corpus(path))
    assert Path(Corpus(path).name) == path
    with pytest.raises(ValueError, match="unknown tokenizer 'spaces'"):
        Corpus(path, tokenizer="spaces")


def test_a_folder_that_cannot_be_read_is_not_left_out(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.txt").write_text("one two")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(PermissionError, match="locked"):
        Corpus(tmp_path)


@pytest.mark.parametrize("fast", [True, False])
def test_gzip_is_read_with_the_fast_library_and_without(tmp_path, monkeypatch, fast):
    if fast:
        pytest.importorskip("isal")
    else:
        monkeypatch.setitem(sys.modules, "isal.igzip", None)
    data = gzip.compress(b"one two\n" * 1000) + gzip.compress(b"three\n")
    (tmp_path / "a.gz").write_bytes(data)
    assert list(Corpus(tmp_path / "a.gz"))[-2:] == [["one", "two"], ["three"]]
    (tmp_path / "b.gz").write_bytes(data[:-8])
    with pytest.raises(ValueError, match=r"b.gz: the compressed data are damaged or cut short"):
        list(Corpus(tmp_path / "b.gz"))
