"""A scan finds the words that the definition says, in whatever pieces and by however many threads the text is read."""

import gc
import gzip
import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naive_scan import counts_of, sentences_of
from wordfield.kernels import scan as scan_kernels
from wordfield.progress import silent
from wordfield.text import blocks, scanning
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Spool
from wordfield.text.scanning import empty_table
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary

KINDS = [("words", True), ("words", False), ("whitespace", True), ("whitespace", False)]
KINDS += [("characters", True), ("characters", False), ("ascii-whitespace", False)]
PIECES = [
    *[" ", "\n", "\n\n", "\r\n", "\0", "\t", "\u00a0", "\u2028", "\u3000", "'", "’", "''", ".", "\u200d"],
    *[
        "a",
        "B",
        "the",
        "don't",
        "O’Neil",
        "eightlet",
        "ninelette",
        "sixteen-letters-",
        "Sixteen_Letters_",
        "seventeen_letters",
    ],
    *[
        "İ",
        "Σ",
        "Ⱥ",
        "K",
        "é",
        "e\u0301",
        "中文",
        "词向量",
        "ไม้",
        "あ’",
        "😀",
        "𐐀𐐁",
        "\ufffd",
        "x" * 40,
        "x" * 39 + "y",
        "x" * 41,
    ],
]
BROKEN = [
    b"\xff",
    b"\xc3",
    b"\xe4\xb8",
    b"\xf0\x9f\x98",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xe0\x80\xa0",
    b"\xf8",
    b"\x80",
    b"\xf4\x90\x80\x80",
]
DATA = st.lists(st.sampled_from([piece.encode() for piece in PIECES] + BROKEN), max_size=40).map(b"".join)
SMALL = os.environ.get("NUMBA_DISABLE_JIT") == "1"


def read(data: Path | Corpus, name="words", lowercase=None, **how):
    """Everything a scan says about a file, as plain Python."""
    tokenizer = name if lowercase is None else Tokenizer(name, lowercase)
    corpus = data if isinstance(data, Corpus) else Corpus(data, tokenizer=tokenizer)
    with corpus.scan(**how) as scan:
        words = list(scan.words_seen)
        if not words:
            return [], {}, scan.tokens, scan.sentences, scan.invalid, scan.bytes
        vocabulary = Vocabulary(words)
        ids = scan.encode(vocabulary)
        sentences = list(ids.decode(vocabulary))
        assert ids.sentences == len(sentences)
        assert ids.tokens == scan.tokens == sum(map(len, sentences))
        return (
            sentences,
            dict(zip(words, scan.counts.tolist(), strict=True)),
            scan.tokens,
            scan.sentences,
            scan.invalid,
            scan.bytes,
        )


@pytest.fixture
def file(tmp_path):
    def write(data: bytes | str, name="text.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("scan") / "text.txt"


@pytest.mark.parametrize(("name", "lowercase"), KINDS)
@settings(max_examples=30 if SMALL else 150, deadline=None)
@given(data=DATA, block=st.integers(1, 50))
def test_a_scan_equals_the_definition(path, name, lowercase, data, block):
    path.write_bytes(data)
    expected = sentences_of(data, name, lowercase)
    sentences, counts, tokens, lines, invalid, size = read(path, name, lowercase, block=block, threads=1)
    assert sentences == expected
    assert list(counts.items()) == list(counts_of(expected).items())
    assert (tokens, lines) == (sum(map(len, expected)), len(expected))
    assert invalid == sum(map(len, wrong_bytes(data)))
    assert size == len(data)


@settings(max_examples=20 if SMALL else 100, deadline=None)
@given(text=st.text(), block=st.integers(1, 30))
def test_a_scan_of_any_text_equals_the_definition(path, text, block):
    data = text.encode("utf-8", "surrogatepass")
    path.write_bytes(data)
    assert read(path, block=block)[0] == sentences_of(data, "words", True)


@settings(max_examples=20 if SMALL else 100, deadline=None)
@given(data=DATA, block=st.integers(1, 50), threads=st.integers(2, 5))
def test_threads_do_not_change_the_result(path, data, block, threads):
    path.write_bytes(data)
    one, many = read(path, block=block, threads=1), read(path, block=block, threads=threads)
    assert one == many
    assert list(one[1]) == list(many[1])


@pytest.mark.parametrize("name", ["words", "whitespace"])
def test_iterating_gives_what_a_scan_finds(file, name):
    path = file("".join(PIECES).encode() + b"".join(BROKEN) + "\n\n \n".join(PIECES).encode())
    corpus = Corpus(path, tokenizer=name)
    assert list(corpus) == read(path, name)[0] == list(corpus)
    assert corpus.invalid == read(path, name)[4] > 0


def test_blocks_may_end_anywhere(file):
    text = "Don’t cut 中文 词,向量 ÉTÉ's a'b\r\n\nnine_letters\0😀x \u3000ends"
    path, expected = file(text), sentences_of(text.encode(), "words", True)
    assert {block: read(path, block=block)[0] for block in range(1, 100)} == dict.fromkeys(range(1, 100), expected)


def test_a_file_that_fills_its_blocks_exactly_still_ends_its_sentence(tmp_path):
    first, second, empty = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    second.write_text("next file")
    empty.write_text("")
    for size in range(40):
        first.write_text("ab " * 20 + "c" * size + " ")
        for names in ([first, second], [first, empty, second, empty]):
            corpus = Corpus(names)
            assert read(corpus, block=16, threads=1)[0] == read(corpus, block=16, threads=2)[0] == list(corpus)
            assert len(list(corpus)) == 2


def test_an_endless_line_is_one_sentence(file):
    words = [f"w{number % 97}" for number in range(3_000)]
    assert read(file(" ".join(words)), block=1000)[0] == [words]
    assert read(file("，".join(words)), block=1000)[0] == [words]


def test_a_word_may_be_longer_than_any_block(file):
    long = "x" * (5_000 if SMALL else 1 << 20)
    text = f"before {long}y {long}z {long}y after"
    assert read(file(text), block=1000)[0] == [["before", long + "y", long + "z", long + "y", "after"]]
    assert read(file(long), block=64, threads=2)[1] == {long: 1}


def test_tables_grow_with_the_words(file, monkeypatch):
    monkeypatch.setattr(scanning, "empty_table", lambda types=8, text=64: empty_table(types, text))
    words = [f"word-number-{number}" for number in range(300 if SMALL else 70_000)]
    path = file("\n".join(words * 2))
    for threads in (1, 3):
        _, counts, *_ = read(path, "whitespace", threads=threads, block=1 << 10)
        assert list(counts) == words
        assert set(counts.values()) == {2}


def test_an_empty_file_has_no_words(file):
    for data in (b"", b"\n", b" \n\0\n", b"\xef\xbb\xbf"):
        assert read(file(data))[:4] == ([], {}, 0, 0)
        with (
            Corpus(file(data)).scan() as scan,
            pytest.raises(ValueError, match=r"no words in .*text.txt: .* bytes were read"),
        ):
            scan.vocabulary()


def test_a_file_whose_words_are_all_rare_says_how_rare(file):
    path = file("a b b c\n")
    with Corpus(path).scan() as scan:
        with pytest.raises(
            ValueError, match=r"text.txt was seen 5 times: the most frequent of its 3 words was seen 2 times"
        ):
            scan.vocabulary()
        assert scan.vocabulary(min_count=2).words == ["b"]
        assert scan.vocabulary(min_count=1).words == ["b", "a", "c"]
        assert scan.vocabulary(min_count=1, max_vocab=2).words == ["b", "a"]


def test_unknown_words_are_dropped_and_sentences_without_known_words_with_them(file):
    text = "a b a\nc c\n\nb c a\nc\na"
    for block in (1, 5, 100):
        with Corpus(file(text)).scan(block=block, threads=2) as scan:
            vocabulary = scan.vocabulary(min_count=2)
            assert vocabulary.words == ["a", "c", "b"]
            for known in (Vocabulary(["x", "b", "a"]), Vocabulary(["z", "b", "a"], [0, 2, 4])):
                ids = scan.encode(known)
                assert ids.window(0, ids.tokens).tolist() == [2, 1, 2, 1, 2, 2]
                assert ids.starts.tolist() == [0, 3, 5, 6]
                assert (ids.tokens, ids.sentences, ids.starts.dtype) == (6, 3, np.int64)
            assert scan.encode(vocabulary).window(0, 4).tolist() == [0, 2, 0, 1]
            assert scan.encode(Vocabulary(["none"])).tokens == 0


def test_an_old_vocabulary_grows_with_new_text(file):
    with Corpus(file("new new new old the the rare")).scan() as scan:
        old = Vocabulary(["the", "gone", "old"], [5, 3, 1])
        merged = scan.merged(old, min_count=2)
        assert merged.words == ["the", "gone", "new", "old"]
        assert merged.counts.tolist() == [7, 3, 3, 2]
        assert scan.merged(old, min_count=1, max_vocab=3).words == ["the", "gone", "old"]
        assert scan.merged(Vocabulary(["gone"]), min_count=1).words == ["new", "the", "old", "rare", "gone"]
    with Corpus(file("")).scan() as scan, pytest.raises(ValueError, match="no words in"):
        scan.merged(old)


def test_chunks_cover_everything_once_in_order(file):
    lines = [" ".join(["w"] * length) for length in (3, 1, 12, 2, 5, 5, 1)]
    with Corpus(file("\n".join(lines))).scan() as scan:
        ids = scan.encode(scan.vocabulary())
        for size in range(1, 40):
            chunks = ids.chunks(size)
            assert [begin for begin, _ in chunks] == [0, *(end for _, end in chunks[:-1])]
            assert chunks[-1][1] == ids.tokens == 29
            assert all(0 < end - begin <= size for begin, end in chunks)
            split = [end for _, end in chunks if end not in ids.starts]
            assert not split or size < 12
        assert ids.chunks(12) == [(0, 4), (4, 16), (16, 28), (28, 29)]
        assert sum(len(ids.window(*chunk)) for chunk in ids.chunks(4)) == 29
        with pytest.raises(ValueError, match="a chunk must have at least 1 token, not 0"):
            ids.chunks(0)
        with pytest.raises(IndexError, match="tokens 0:30 asked for, but there are 29"):
            ids.window(0, 30)
        assert len(ids.window(29, 29)) == 0


@pytest.mark.skipif(SMALL, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")
def test_kernels_are_compiled_once_whatever_the_text(file):
    def compiled():
        return [list(getattr(scan_kernels, name).signatures) for name in ("fold", "tally", "remap")]

    read(file("plain"))
    before = compiled()
    for source in ("naïve don’t", b"\xfe x", "\n\n"):
        read(file(source))
    read(Corpus(["text", ["a", "list"], "naïve", "\ud800"]), threads=2)
    assert compiled() == before


def test_words_seen_is_a_list_of_str(file):
    with Corpus(file("b 中 a b")).scan() as scan:
        assert len(scan.words_seen) == 3
        assert scan.words_seen[1] == "中"
        assert scan.words_seen[-1] == "a"
        assert scan.words_seen[1:] == ["中", "a"]
        assert "a" in scan.words_seen
        assert scan.counts.tolist() == [2, 1, 1]
        with pytest.raises(IndexError):
            scan.words_seen[3]


def test_temporary_files_are_gone_afterwards(file, tmp_path):
    folder = tmp_path / "ids"
    folder.mkdir()
    path = file("a b a\n" * 100)
    gc.collect()  # what other tests have left
    open_before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    with Corpus(path).scan(folder=folder, threads=3, block=64) as scan:
        ids = scan.encode(scan.vocabulary())
        assert ids.tokens == 300
    with pytest.raises(ValueError, match="its scan was closed"):
        ids.window(0, 1)
    scan = Corpus(path).scan(folder=folder)
    ids = scan.encode(scan.vocabulary())
    del scan
    gc.collect()
    assert ids.window(0, 3).tolist() == [0, 1, 0]
    del ids
    gc.collect()
    assert list(folder.iterdir()) == []
    if open_before:
        assert len(list(Path("/proc/self/fd").iterdir())) == open_before


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_progress_raises_stops_a_scan_and_leaves_nothing(file, tmp_path, error, threads):
    folder = tmp_path / "ids"
    folder.mkdir()

    def stop(done, total, **measures):
        raise error("enough")

    with pytest.raises(error, match="enough"):
        Corpus(file("a b a\n" * 1000)).scan(stop, threads=threads, folder=folder, block=64)
    gc.collect()
    assert list(folder.iterdir()) == []


def test_progress_counts_bytes_to_the_end(file):
    path, seen = file("a b a\n" * 1000), []
    Corpus(path).scan(lambda done, total, **measures: seen.append((done, total)), threads=2, block=64).close()
    assert seen == sorted(seen)
    assert seen[-1] == (6000, 6000)


def test_a_full_disk_is_told(file, monkeypatch):
    import tempfile

    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full, a disk that is always full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: io.FileIO("/dev/full", "r+"))
    with pytest.raises(OSError, match=r"No space left on device while keeping a corpus as numbers in"):
        Corpus(file("a b a\n" * 10)).scan(threads=1)


@pytest.mark.parametrize("how", [{"threads": 0}, {"block": 0}])
def test_wrong_numbers_are_refused(file, how):
    with pytest.raises(ValueError, match="at least 1"):
        Corpus(file("a")).scan(**how)


def corpora(name):
    data = (
        Path(os.environ.get("WORDFIELD_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
        / "corpora"
        / name
    )
    if not data.exists():
        pytest.skip(f"there is no {name}: WORDFIELD_DATA points at no folder with it")
    return data


@pytest.mark.data
@pytest.mark.skipif(SMALL, reason="100 MB are too many without the compiler")
@pytest.mark.parametrize("name", ["words", "whitespace"])
def test_the_english_corpus_has_the_words_it_is_known_to_have(name):
    with Corpus(corpora("enwiki100m.txt"), tokenizer=name).scan() as scan:
        vocabulary = scan.vocabulary(min_count=5)
        assert (scan.tokens, scan.sentences, scan.invalid) == (16_982_178, 221_635, 0)
        assert (len(vocabulary), vocabulary.total) == (67_773, 16_737_735)
        assert scan.encode(vocabulary).tokens == vocabulary.total


@pytest.mark.data
def test_chinese_wikipedia_is_cut_as_the_definition_says(file):
    with corpora("zhwiki50m.txt").open("rb") as text:
        data = text.read(20_000 if SMALL else 200_000)
    sentences, counts, *_ = read(file(data), block=1 << 12, threads=2)
    assert sentences == sentences_of(data, "words", True)
    assert list(counts.items()) == list(counts_of(sentences).items())


def wrong_bytes(data: bytes) -> list[bytes]:
    """The pieces that a decoder has to replace."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    out = []
    while True:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            out.append(data[error.start : error.end])
            data = data[error.end :]
        else:
            return out


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("packed", [False, True])
def test_files_read_side_by_side_are_as_if_one_after_the_other(tmp_path, threads, packed):
    sizes = [3000, 0, 1, 50, 1000, 7, 400]
    texts = ["\n".join(f"word{(number * size) % 97} of file{size}" for number in range(size)) for size in sizes]
    for number, text in enumerate(texts):
        data = text.encode()
        (tmp_path / f"{number}.txt").write_bytes(gzip.compress(data) if packed else data)
    whole = tmp_path / "whole"
    whole.write_text("\n".join(text for text in texts if text), "utf-8")
    together = Corpus.files([tmp_path / f"{number}.txt" for number in range(len(sizes))])
    expected = read(Corpus(whole), threads=1)
    for block in (100, 1 << 20):
        found = read(together, threads=threads, block=block)
        assert found[:-1] == expected[:-1]
        assert list(found[1]) == list(expected[1])


class Slow:
    """A stream of words that takes its time."""

    done = 0

    def __init__(self, words, pause):
        self.words, self.pause = iter(words), pause

    def next(self, buffer):
        time.sleep(self.pause)
        word = next(self.words, None)
        return None if word is None else blocks.Block(bytearray(word.encode()), len(word), last=False)

    def close(self):
        pass


def test_a_thread_that_goes_back_to_help_counts_anew():
    words = [[f"w{number % 5} " for number in range(stream, stream + 40)] for stream in range(3)]
    pauses = [0.004, 0.0, 0.001]
    streams = [Slow(*each) for each in zip(words, pauses, strict=True)]
    spools = []

    def spool():
        spools.append(Spool())
        return spools[-1]

    with scanning.scan(streams, Tokenizer.of("words"), "slow", False, 2, 64, spool, None, silent, 0) as scan:
        assert len(spools) > 2
        assert list(scan.words_seen) == ["w0", "w1", "w2", "w3", "w4"]
        assert scan.counts.tolist() == [24] * 5
        vocabulary = Vocabulary(list(scan.words_seen))
        ids = scan.encode(vocabulary)
        found = [vocabulary.words[row] for row in ids.window(0, ids.tokens)]
        assert found == [word.strip() for stream in words for word in stream]


def test_an_error_in_one_of_many_files_stops_all(tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.txt").write_text("good text\n" * 1000)
    (tmp_path / "3.txt").write_bytes(gzip.compress(b"good text\n" * 100_000)[:-20])
    with pytest.raises(ValueError, match=r"3.txt: the compressed data are damaged or cut short"):
        Corpus(tmp_path).scan(threads=2)
