"""gensim's files: both libraries read each other's; what would run code does nothing; damage is told."""

from __future__ import annotations

import os
import pickle
import struct

import numpy as np
import pytest

import wordfield as wf
from formats.fuzzing import MUTATIONS, survives
from wordfield import formats
from wordfield.formats import FormatError, Table
from wordfield.formats.gensim_parts import write
from wordfield.storage import Dense, Int8
from wordfield.text.ngrams import Ngrams
from wordfield.vectors import WordVectors

WORDS = ["the", "naïve", "词向量", "a b", "</s>", "🙂", "don't"]


@pytest.fixture(scope="module")
def gensim():
    return pytest.importorskip("gensim.models", reason="gensim itself is not installed")


@pytest.fixture
def keyed(gensim):
    """Seven words with vectors and counts, as gensim has them."""
    made = gensim.KeyedVectors(5)
    made.add_vectors(WORDS, np.random.default_rng(1).standard_normal((7, 5)).astype(np.float32))
    for number, word in enumerate(WORDS):
        made.set_vecattr(word, "count", 70 - number)
    return made


@pytest.fixture
def file(keyed, tmp_path):
    keyed.save(str(tmp_path / "x.kv"))
    return tmp_path / "x.kv"


def same(table: Table, keyed) -> None:
    assert table.words == keyed.index_to_key
    np.testing.assert_array_equal(table.storage.matrix, keyed.vectors.astype(np.float32))


def program(*parts: bytes) -> bytes:
    """A pickle of a KeyedVectors with the attributes that these instructions put on the stack."""
    return b"\x80\x04cgensim.models.keyedvectors\nKeyedVectors\n)\x81}(" + b"".join(parts) + b"ub."


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


# what gensim has written


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_words_vectors_and_counts_are_read_from_every_protocol(keyed, tmp_path, protocol):
    keyed.save(str(tmp_path / "any.name"), pickle_protocol=protocol)
    assert formats.recognise(tmp_path / "any.name") == "gensim"
    table = formats.load(tmp_path / "any.name")
    same(table, keyed)
    assert table.counts.tolist() == [70, 69, 68, 67, 66, 65, 64]


def test_arrays_beside_the_file_are_mapped(keyed, tmp_path):
    keyed.save(str(tmp_path / "x.kv"), separately=["vectors"])
    assert (tmp_path / "x.kv.vectors.npy").is_file()
    table = formats.load(tmp_path / "x.kv")
    same(table, keyed)
    base = table.storage.matrix
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_other_numbers_become_float32(keyed, tmp_path, dtype):
    keyed.vectors = np.asfortranarray(keyed.vectors.astype(dtype))
    for separately in ([], ["vectors"]):
        keyed.save(str(tmp_path / "x.kv"), separately=separately)
        same(formats.load(tmp_path / "x.kv"), keyed)


def test_packed_files_are_read(keyed, tmp_path):
    keyed.save(str(tmp_path / "x.kv.gz"))
    same(formats.load(tmp_path / "x.kv.gz"), keyed)
    keyed.save(str(tmp_path / "y.kv.gz"), separately=["vectors"])
    with pytest.raises(FormatError, match=r"vectors lies packed beside it, which is not read.*save_word2vec_format"):
        formats.load(tmp_path / "y.kv.gz")


@pytest.mark.parametrize("limit", [10**9, 1])
def test_of_a_model_its_vectors_are_read(gensim, tmp_path, limit):
    sentences = [["king", "rules", "land"], ["queen", "rules", "land"]] * 20
    model = gensim.Word2Vec(sentences, vector_size=6, min_count=1, workers=1, epochs=2, sg=1, window=3)
    model.save(str(tmp_path / "model"), sep_limit=limit)
    assert (tmp_path / "model.wv.vectors.npy").is_file() == (limit == 1)
    table = formats.load(tmp_path / "model")
    same(table, model.wv)
    assert table.counts.tolist() == [model.wv.get_vecattr(word, "count") for word in table.words]
    read = wf.load(tmp_path / "model")
    assert {"model": "word2vec", "architecture": "skipgram", "window": 3, "epochs": 2}.items() <= read.recipe.items()
    theirs = model.wv.most_similar("king", topn=3)
    assert [word for word, _ in read.words.most_similar("king", 3)] == [word for word, _ in theirs]


@pytest.mark.parametrize("limit", [10**9, 1])
def test_unknown_words_have_the_vectors_that_gensim_gives_them(gensim, tmp_path, limit):
    sentences = [["garden", "flowers", "тест"], ["sailor", "ships"]] * 20
    model = gensim.FastText(
        sentences, vector_size=6, min_count=1, workers=1, epochs=2, bucket=80, min_n=2, max_n=4, window=2
    )
    model.save(str(tmp_path / "model"), sep_limit=limit)
    model.wv.save(str(tmp_path / "vectors.kv"), sep_limit=limit)
    for name in ("model", "vectors.kv"):
        read = wf.load(tmp_path / name).words
        assert read.index_to_key == model.wv.index_to_key
        for word in ["garden", "gardens", "shipyard", "тесты", "z"]:
            np.testing.assert_allclose(read[word], model.wv[word], rtol=1e-5, atol=1e-8)


def test_vectors_of_fasttext_without_ngrams_are_those_of_words(gensim, tmp_path):
    model = gensim.FastText(
        [["a", "b"]] * 9, vector_size=3, min_count=1, workers=1, epochs=1, min_n=5, max_n=4, bucket=7
    )
    model.wv.save(str(tmp_path / "x.kv"))
    table = formats.load(tmp_path / "x.kv")
    assert table.ngrams is None
    same(table, model.wv)


def test_places_that_wait_for_words_are_left_out(gensim, tmp_path):
    keyed = gensim.KeyedVectors(2, count=5)
    keyed.add_vector("a", np.float32([1, 2]))
    keyed.add_vector("b", np.float32([3, 4]))
    keyed.save(str(tmp_path / "x.kv"))
    table = formats.load(tmp_path / "x.kv")
    assert table.words == ["a", "b"]
    assert table.storage.matrix.tolist() == [[1, 2], [3, 4]]


# older gensim


class Older:
    """What gensim 3 pickled: classes of its own, with plain attributes."""

    def __init__(self, **attributes) -> None:
        self.__dict__.update(attributes)


def older(monkeypatch, module, names) -> dict[str, type]:
    """Classes that are pickled under gensim's names."""
    made = {name: type(name, (Older,), {"__module__": module.__name__}) for name in names}
    for name, each in made.items():
        monkeypatch.setattr(module, name, each)
    return made


def test_files_of_gensim_3_are_read_as_gensim_4_reads_them(gensim, monkeypatch, tmp_path):
    from gensim.models import keyedvectors

    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    with monkeypatch.context() as patched:
        made = older(patched, keyedvectors, ["Word2VecKeyedVectors", "Vocab"])
        vocab = {word: made["Vocab"](count=9 - row, index=row, sample_int=7) for row, word in enumerate("bac")}
        parts = {"vectors": vectors, "vocab": vocab, "index2word": ["b", "a", "c"], "vector_size": 2}
        file = tmp_path / "old.kv"
        file.write_bytes(pickle.dumps(made["Word2VecKeyedVectors"](**parts), protocol=2))
        aside = {name: value for name, value in parts.items() if name != "vectors"} | {"__numpys": ["vectors"]}
        (tmp_path / "far.kv").write_bytes(pickle.dumps(made["Word2VecKeyedVectors"](**aside), protocol=2))
        np.save(tmp_path / "far.kv.vectors.npy", vectors)
    theirs = gensim.KeyedVectors.load(str(file))
    for each in (file, tmp_path / "far.kv"):
        table = formats.load(each)
        same(table, theirs)
        assert table.counts.tolist() == [9, 8, 7]


def test_the_oldest_models_are_their_own_vectors(gensim, monkeypatch, tmp_path):
    from gensim.models import word2vec

    with monkeypatch.context() as patched:
        made = older(patched, word2vec, ["Word2Vec", "Vocab"])
        vocab = {word: made["Vocab"](count=5, index=row) for row, word in enumerate("ab")}
        model = made["Word2Vec"](syn0=np.eye(2, dtype=np.float32), vocab=vocab, index2word=["a", "b"], window=4)
        (tmp_path / "old.model").write_bytes(pickle.dumps(model, protocol=2))
    table = formats.load(tmp_path / "old.model")
    assert (table.words, table.counts.tolist(), table.storage.matrix.tolist()) == (["a", "b"], [5, 5], [[1, 0], [0, 1]])
    assert table.config["recipe"]["window"] == 4


def test_strings_of_python_2_are_read(gensim, tmp_path):
    numbers = np.float32([[1, -2], [3, 4.5]])

    def string(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + string(b"b") + b"\x87R(K\1K\2K\2\x86"
        b"cnumpy\ndtype\n"
        + string(b"f4")
        + b"K\0K\1\x87R(K\3"
        + string(b"<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        b"K\0tb\x89" + string(numbers.tobytes()) + b"tb"
    )
    content = (
        b"\x80\x02cgensim.models.keyedvectors\nKeyedVectors\nq\1)\x81q\2}q\3("
        + string(b"index2word")
        + b"]("
        + text("a")
        + text("é")
        + b"e"
        + string(b"vectors")
        + array
        + string(b"key_to_index")
        + b"}("
        + text("a")
        + b"K\0"
        + text("é")
        + b"K\1uub."
    )
    file = tmp_path / "two.kv"
    file.write_bytes(content)
    theirs = gensim.KeyedVectors.load(str(file))
    table = formats.load(file)
    same(table, theirs)
    assert table.storage.matrix.tolist() == numbers.tolist()


@pytest.mark.parametrize("code", [b"J", b"M"])
def test_a_program_may_write_as_many_words_at_once_as_it_likes(tmp_path, code):
    words, file = [f"w{number}" for number in range(2345)], tmp_path / "x.kv"
    numbered = b"".join(text(word) + b"\x94" for word in words)
    rows = b"".join(
        b"j" + struct.pack("<I", row) + code + struct.pack("<i" if code == b"J" else "<H", row) for row in range(2345)
    )
    array = b"cnumpy\nndarray\nM" + struct.pack("<H", 2345) + b"K\1\x86" + text("<f4") + b"B" + struct.pack("<I", 9380)
    vectors = np.arange(2345, dtype="<f4")
    file.write_bytes(
        program(text("index_to_key"), b"](" + numbered + b"e", text("key_to_index"), b"}(" + rows + b"u")[:-3]
        + text("vectors")
        + array
        + vectors.tobytes()
        + b"\x87Rub."
    )
    table = formats.load(file)
    assert table.words == words
    assert table.storage.matrix[:, 0].tolist() == vectors.tolist()


def test_ngrams_hashed_in_the_way_of_old_are_refused_or_left_out(gensim, tmp_path):
    model = gensim.FastText([["ab", "bc"]] * 9, vector_size=3, min_count=1, workers=1, epochs=1, bucket=7)
    model.wv.compatible_hash = False
    model.wv.save(str(tmp_path / "x.kv"))
    with pytest.raises(FormatError, match=r"compatible_hash: the n-grams are hashed as only gensim before 3\.8 did"):
        formats.load(tmp_path / "x.kv")


# what gensim reads


def test_gensim_opens_what_is_written(gensim, table, tmp_path):
    formats.save(table, tmp_path / "x.kv")
    theirs = gensim.KeyedVectors.load(str(tmp_path / "x.kv"))
    assert theirs.index_to_key == table.words
    assert theirs.key_to_index == {word: row for row, word in enumerate(table.words)}
    np.testing.assert_array_equal(theirs.vectors.view(np.uint32), table.storage.matrix.view(np.uint32))
    assert [theirs.get_vecattr(word, "count") for word in table.words] == table.counts.tolist()
    theirs.vectors[0] = 7
    theirs.add_vectors(["new"], [np.ones(5)])
    assert theirs["new"].tolist() == [1] * 5
    theirs.save(str(tmp_path / "again.kv"))
    again = formats.load(tmp_path / "again.kv")
    assert again.words == [*table.words, "new"]
    assert again.counts.tolist() == [*table.counts, 0]


def test_the_nearest_words_are_alike(gensim, tmp_path):
    rng = np.random.default_rng(2)
    words = [f"w{number}" for number in range(2500)]  # more than are written at once
    table = Table(words, Dense(rng.standard_normal((2500, 8)).astype(np.float32)))
    formats.save(table, tmp_path / "x.kv")
    theirs, ours = gensim.KeyedVectors.load(str(tmp_path / "x.kv")), wf.load(tmp_path / "x.kv").words
    for word in ("w0", "w2499"):
        for (mine, cosine), (other, score) in zip(
            ours.most_similar(word, 9), theirs.most_similar(word, topn=9), strict=True
        ):
            assert mine == other
            assert cosine == pytest.approx(score, abs=1e-6)
    assert theirs.expandos == {}


def test_gensim_has_our_vectors_of_unknown_words(gensim, tmp_path):
    rows = np.random.default_rng(3).standard_normal((42, 5)).astype(np.float32)
    table = Table(["garden", "词"], Dense(rows), np.array([5, 2]), ngrams=Ngrams(2, 4, 40))
    ours = WordVectors.of(table)
    formats.save(table, tmp_path / "model.kv")
    theirs = gensim.fasttext.FastTextKeyedVectors.load(str(tmp_path / "model.kv"))
    read = wf.load(tmp_path / "model.kv").words
    for word in ["garden", "词", "gardens", "zzz"]:
        np.testing.assert_allclose(theirs[word], ours[word], rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(read[word], ours[word])
    assert theirs.get_vecattr("garden", "count") == 5


def test_codes_are_written_as_numbers(tmp_path):
    codes = Int8(np.int8([[1, 2], [3, -4]]), np.float32([0.5, 2]))
    formats.save(Table(["a", "b"], codes), tmp_path / "x.kv")
    assert formats.load(tmp_path / "x.kv").storage.matrix.tolist() == [[0.5, 1], [6, -8]]


def test_ngrams_that_gensim_does_not_have_are_refused(tmp_path):
    for ngrams in (Ngrams(2, 3, 5, hash="floret", own=False), Ngrams(2, 3, 9, kept=np.arange(5), zeros=False)):
        rows = 5 if not ngrams.own else 6
        some = Table(["a"], Dense(np.ones((rows, 2))), ngrams=ngrams)
        with pytest.raises(FormatError, match="gensim has the n-grams of fastText with all their buckets"):
            formats.save(some, tmp_path / "x.kv")
    assert not (tmp_path / "x.kv").exists()


def test_convert_by_the_command_line(run, vectors, tmp_path, gensim):
    assert run("convert", vectors, tmp_path / "x.kv").status == 0
    assert gensim.KeyedVectors.load(str(tmp_path / "x.kv"))["苹果"].tolist() == [0, 0.5, -1]
    assert run("convert", tmp_path / "x.kv", tmp_path / "y.txt").status == 0
    assert formats.load(tmp_path / "y.txt").words == formats.load(vectors).words


# nothing is run


class Runs:
    """What runs something when it is unpickled."""

    def __init__(self, function, *given) -> None:
        self.parts = function, given

    def __reduce__(self):
        return self.parts


def test_what_would_run_code_does_nothing(keyed, tmp_path):
    mark, file = tmp_path / "mark", tmp_path / "x.kv"
    evil = [
        Runs(os.system, f"touch {mark}"),
        Runs(eval, f"open({str(mark)!r}, 'w').close()"),
        Runs(exec, f"open({str(mark)!r}, 'w').close()"),
        Runs(os.mkdir, str(mark)),
    ]
    for each in evil:
        pickle.loads(pickle.dumps(each))
        assert mark.exists()  # so it would be noticed
        mark.rmdir() if mark.is_dir() else mark.unlink()
        for name in ("vectors", "index_to_key"):
            saved, keyed.__dict__[name] = keyed.__dict__[name], each
            for protocol in (2, 4, 5):
                file.write_bytes(pickle.dumps(keyed, protocol))
                with pytest.raises(
                    FormatError, match=rf"{name} is (posix\.system|builtins\.e|__builtin__\.e|posix\.mkdir)"
                ):
                    formats.load(file)
            keyed.__dict__[name] = saved
        keyed.__dict__["comment"] = each  # nobody needs it, so it is passed over
        file.write_bytes(pickle.dumps(keyed))
        same(formats.load(file), keyed)
        del keyed.__dict__["comment"]
        file.write_bytes(pickle.dumps(each))
        with pytest.raises(FormatError, match="pickle, which is never read"):
            formats.load(file)
        with pytest.raises(FormatError, match="vectors or models of words are read"):
            formats.load(file, "gensim")
        assert not mark.exists()


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (text("vectors") + b"X\1\0\0\0pQ", "an object by its number, which only the program that wrote it knows"),
        (text("vectors") + b"Pname\n", "an object by its number"),
        (text("vectors") + b"\x82\1", "an object of a registry"),
        (text("vectors") + b"\x84\1\0\0\0", "an object of a registry"),
        (text("vectors") + b"\x97", "asks for bytes"),
        (text("vectors") + b"(cos\nsystem\nX\2\0\0\0lso", "b'o' is no instruction"),
        (text("vectors") + b"(X\2\0\0\0lsios\nsystem\n", "b'i' is no instruction"),
        (text("vectors") + b"I1\n", "b'I' is no instruction"),
        (
            text("vectors") + b"c_codecs\nencode\n" + text("os.system") + text("rot13") + b"\x86R",
            "vectors is _codecs.encode",
        ),
        (text("vectors") + b"cnumpy\nndarray\ncos\nsystem\n" + text("<f4") + b"C\0\x87R", "numpy.ndarray of <f4"),
        (text("vectors") + b"cnumpy\nndarray\nK\1K\1\x86" + text("|O") + b"C\0\x87R", r"numpy.ndarray of \|O, not an"),
        (
            text("vectors") + b"cnumpy\nndarray\nK\1K\1\x86" + text("<f4") + b"C\3abc\x87R",
            "takes 4 bytes, and there is 3",
        ),
    ],
)
def test_every_other_way_to_have_something_made_is_refused(tmp_path, instructions, message):
    file = tmp_path / "x.kv"
    file.write_bytes(program(text("index_to_key"), b"](" + text("a") + b"e", instructions))
    with pytest.raises(FormatError, match=message):
        formats.load(file)


@pytest.mark.parametrize(
    "instruction",
    [
        b"\x8e" + b"\xff" * 7 + b"\x3f", b"\x8d" + b"\xff" * 8, b"\x96" + b"\xff" * 7 + b"\x7f", b"B\xff\xff\xff\xff",
        b"X\xff\xff\xff\xff", b"T\xff\xff\xff\xff", b"\x8b\xff\xff\xff\x7f", b"\x8a\xff", b"r\xff\xff\xff\xff",
        b"j\xff\xff\xff\xff", b"h\xff", b"\x87" * 9, b"\x95\xff",
    ],
)  # fmt: skip
def test_a_size_is_not_believed(tmp_path, instruction):
    file = tmp_path / "x.kv"
    file.write_bytes(program(text("vectors"))[:-3] + instruction)
    with pytest.raises(FormatError, match=r"byte \d+: .*(truncated|damaged)"):
        formats.load(file)


def test_what_refers_to_itself_many_times_takes_no_time(tmp_path):
    twice = b"](X\1\0\0\0ae\x94" + b"".join(b"0](h%ch%ce\x94" % (each, each) for each in range(200))
    array = text("vectors") + b"cnumpy\nndarray\nK\1K\1\x86" + text("<f4") + b"C\4abcd\x87R"
    words, file = text("index_to_key") + b"](" + text("a") + b"e", tmp_path / "x.kv"
    for name, message in {
        "index_to_key": "2 words in index_to_key, but 1 vectors",
        "vectors": "vectors is a list",
    }.items():
        file.write_bytes(program(words, array, text(name), twice))
        with pytest.raises(FormatError, match=message):
            formats.load(file)
    for name in ("vocab", "expandos", "__numpys", "key_to_index", "anything"):
        file.write_bytes(program(words, array, text(name), twice))
        assert formats.load(file).words == ["a"]


def test_what_is_nested_deeply_or_is_too_much_is_refused(tmp_path, monkeypatch):
    from wordfield.formats import restricted, restricted_machine

    file, deep = tmp_path / "x.kv", 60_000
    for opening, closing in ((b"]", b"a"), (b")", b"\x85"), (b"}K\1", b"s"), (b"(", b"t")):
        nested = opening * deep + (b"N" if closing == b"s" else b"") + closing * (deep - 1 + (closing == b"s"))
        file.write_bytes(program(text("index_to_key"), nested))
        with pytest.raises(FormatError):
            formats.load(file)
    file.write_bytes(program(b"N" * 3000))
    monkeypatch.setattr(restricted, "DEEPEST", 2000)
    with pytest.raises(FormatError, match="more than 2000 values that wait"):
        formats.load(file)
    file.write_bytes(program(b"]0" * 3000))
    monkeypatch.setattr(restricted_machine, "MOST", 2000)
    with pytest.raises(FormatError, match="more than 2000 lists, dictionaries and objects"):
        formats.load(file)


def test_a_key_that_is_nested_is_never_hashed(tmp_path):
    deep = b")" + b"\x85" * 150_000  # to hash it would end the process
    file = tmp_path / "x.kv"
    array = text("vectors") + b"cnumpy\nndarray\nK\1K\1\x86" + text("<f4") + b"C\4abcd\x87R"
    file.write_bytes(
        program(deep, b"N", text("x"), b"\x8f(" + deep + b"\x90", text("index_to_key"), b"](X\1\0\0\0ae", array)
    )
    assert formats.load(file).words == ["a"]


# damage


def test_damage_is_an_error_and_never_another(keyed, tmp_path):
    small = Table(["a", "é"], Dense(np.float32([[1, 2], [3, 4]])), np.array([3, 2]))
    formats.save(small, tmp_path / "ours.kv")
    survives(tmp_path / "ours.kv", "gensim", tmp_path, MUTATIONS // 4)


def test_damage_of_what_lies_beside_is_an_error_too(gensim, tmp_path):
    keyed = gensim.KeyedVectors(2)
    keyed.add_vectors(["a", "b"], np.eye(2, dtype=np.float32))
    keyed.save(str(tmp_path / "x.kv"), separately=["vectors"])
    survives(tmp_path / "x.kv", "gensim", tmp_path, MUTATIONS // 4, beside=[tmp_path / "x.kv.vectors.npy"])


def test_damage_of_ngrams_is_an_error_too(tmp_path):
    table = Table(["ab"], Dense(np.arange(8, dtype=np.float32).reshape(4, 2)), np.array([3]), ngrams=Ngrams(2, 3, 3))
    formats.save(table, tmp_path / "x.kv")
    survives(tmp_path / "x.kv", "gensim", tmp_path, MUTATIONS // 4)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (None, r"x\.kv\.vectors\.npy: missing"),
        (np.ones((3, 5), np.float32), "7 words in index_to_key, but 3 vectors"),
        (np.ones(7, np.float32), r"of shape \(7,\): numbers \(f\) with 2 axes"),
        (np.ones((7, 5), np.int32), "an array of '<i4'"),
        (np.array([["a"] * 5] * 7, object), "an array of objects, which would have to be unpickled"),
        (np.ones((7, 5), [("a", "<f4")]), "a damaged header, or no array of numbers"),
        (np.ones((7, 5), "<c8"), "an array of '<c8'"),
    ],
)
def test_a_file_beside_that_is_another_is_told(keyed, tmp_path, array, message):
    keyed.save(str(tmp_path / "x.kv"), separately=["vectors"])
    beside = tmp_path / "x.kv.vectors.npy"
    beside.unlink()
    if array is not None:
        np.save(beside, array, allow_pickle=True)
    with pytest.raises(FormatError, match=message):
        formats.load(tmp_path / "x.kv")


def test_what_does_not_go_together_is_told_and_can_be_left_out(keyed, file, tmp_path):
    keyed.index_to_key[3] = "the"
    keyed.index_to_key[5] = 12
    keyed.key_to_index["naïve"] = 6
    keyed.save(str(file))
    with pytest.raises(FormatError, match="key 1: the word 'naïve' is said to be key 6 as well"):
        formats.load(file)
    mended = formats.load(file, repair=True)
    assert mended.words == ["the", "词向量", "</s>", "don't"]
    np.testing.assert_array_equal(mended.storage.matrix, keyed.vectors[[0, 2, 4, 6]])
    assert mended.counts.tolist() == [70, 68, 66, 64]
    assert mended.repaired == [
        "key 1: the word 'naïve' is said to be key 6 as well",
        "key 3: the word 'the' stands there a second time",
        "key 5: 12; a text is needed",
    ]


def test_bytes_after_the_end_and_counts_that_are_none_are_told(keyed, file):
    whole = file.read_bytes()
    file.write_bytes(whole + b"more")
    with pytest.raises(FormatError, match=f"byte {len(whole)}: 4 bytes follow the end of the pickle"):
        formats.load(file)
    same(formats.load(file, repair=True), keyed)
    keyed.expandos["count"] = np.full(7, -1)
    keyed.save(str(file))
    with pytest.raises(FormatError, match="count: some are no numbers from 0 up"):
        formats.load(file)
    assert formats.load(file, repair=True).counts is None


def test_other_things_of_gensim_are_refused_with_a_remedy(gensim, tmp_path):
    from gensim.corpora import Dictionary
    from gensim.models import Doc2Vec, doc2vec

    Dictionary([["a", "b"]]).save(str(tmp_path / "x.dict"))
    with pytest.raises(FormatError, match=r"holds gensim\.corpora\.dictionary\.Dictionary; vectors or models of words"):
        formats.load(tmp_path / "x.dict")
    documents = [doc2vec.TaggedDocument(["a", "b"], ["tag"])] * 9
    model = Doc2Vec(documents, vector_size=3, min_count=1, workers=1, epochs=1)
    model.save(str(tmp_path / "x.doc"))
    same(formats.load(tmp_path / "x.doc"), model.wv)


def test_a_model_that_was_not_trained_has_no_vectors(tmp_path):
    with (tmp_path / "x.kv").open("wb") as stream:
        write(stream, "gensim.models.keyedvectors.KeyedVectors", ["a"], {"vectors": None})
    with pytest.raises(FormatError, match="there are no vectors in it"):
        formats.load(tmp_path / "x.kv")
