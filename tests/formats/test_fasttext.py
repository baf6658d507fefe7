"""fastText's own files: what it wrote is read as it is, what is written it reads, and damage is told."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wordfield as wf
from support import JIT_OFF
from wordfield import formats
from wordfield.formats import FormatError, Table, fasttext_binary, fasttext_parts
from wordfield.formats.table import Classes
from wordfield.static import StaticModel
from wordfield.storage import Dense, Product
from wordfield.text.ngrams import Ngrams
from wordfield.vectors import WordVectors

UNKNOWN = ["zzz", "кошка", "テスト", "a", "crimes", "punishmentt", "é"]
ARGS, SIZES = 8, 8 + 56
"""Where the settings begin in a file of today, and the dictionary."""


@pytest.fixture(scope="module")
def fixtures(data: Path) -> Path:
    return data / "fixtures" / "fasttext"


@pytest.fixture(scope="module")
def peer():
    return pytest.importorskip("fasttext", reason="fastText itself is not installed")


def printed(values: np.ndarray) -> list[float]:
    """As fastText prints them, with five digits."""
    return [float(f"{value:.5g}") for value in values.tolist()]


def test_the_vectors_are_those_that_fasttext_printed(fixtures):
    file = fixtures / "crime-and-punishment.bin"
    read, text = wf.load(file).words, wf.load(file.with_suffix(".vec")).words
    assert read.index_to_key == text.index_to_key
    for word in text.index_to_key:
        assert printed(read[word]) == printed(text[word])


def test_ngrams_and_their_vectors_are_those_that_fasttext_printed(fixtures):
    words = wf.load(fixtures / "crime-and-punishment.bin").words
    asked = 0
    for block in (fixtures / "fb-ngrams.txt").read_text("utf-8").split("<start>\n")[1:]:
        word, _, *lines = block.split("<end>")[0].rstrip("\n").split("\n")
        found = words.vocabulary.origin(word).ngrams
        assert [ngram for ngram, _, _ in found] == [line.rstrip(" ").rsplit(" ", 5)[0] for line in lines]
        for (_, row, _), line in zip(found, lines, strict=True):
            assert printed(words.storage.take([row])[0]) == [
                float(each) for each in line.rstrip(" ").rsplit(" ", 5)[1:]
            ]
        asked += len(lines)
    assert asked > 50


@pytest.mark.parametrize("name", ["crime-and-punishment", "lee_fasttext_new", "non_ascii_fasttext"])
def test_words_and_sentences_have_the_vectors_that_fasttext_gives(fixtures, peer, tmp_path, name):
    file = fixtures / f"{name}.bin"
    ours = wf.load(file)
    try:
        theirs = peer.load_model(str(file))
    except ValueError:  # of the time before the magic number
        ours.save(tmp_path / "today.bin", "fasttext")
        theirs = peer.load_model(str(tmp_path / "today.bin"))
    assert ours.words.index_to_key == theirs.words
    for word in [*theirs.words, *UNKNOWN]:
        if len(ours.words.vocabulary.bag(word)):
            np.testing.assert_array_equal(ours.words[word], theirs.get_word_vector(word))
    texts = [" ".join(theirs.words[start : start + 7]) for start in range(0, 60, 7)] + ["a zzz\u00a0x テスト b\tc"]
    expected = np.stack([theirs.get_sentence_vector(text) for text in texts])
    np.testing.assert_allclose(ours.embed(texts), expected, atol=1e-6)


def test_a_table_of_numbers_is_mapped(fixtures):
    matrix = wf.load(fixtures / "lee_fasttext_new.bin").words.storage.matrix
    while isinstance(matrix, np.ndarray):
        assert not matrix.flags.owndata
        matrix = matrix.base
    assert type(matrix.obj if isinstance(matrix, memoryview) else matrix).__name__ == "mmap"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> Path:
    random = np.random.default_rng(2)
    kinds = {"a": ["red", "blue", "green"], "b": ["cat", "dog", "cow"], "c": ["one", "two", "six"]}
    lines = []
    for label in random.choice([*kinds], 240):
        words = [*random.choice(kinds[label], 4), *random.choice(["the", "and", "of"], 3)]
        lines.append(f"__label__{label} " + " ".join(random.permutation(words)))
    file = tmp_path_factory.mktemp("labelled") / "text.txt"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


TEXTS = ["red cat one the", "cow of dog", "", "nothing known", "six six and two"]


@pytest.mark.parametrize(
    "options", [{}, {"minn": 2, "maxn": 3, "wordNgrams": 2}, {"wordNgrams": 3, "minn": 0, "maxn": 0}]
)
@pytest.mark.parametrize("loss", ["softmax", "hs", "ns", "ova"])
def test_a_classifier_of_fasttext_predicts_the_same_here(peer, labelled, tmp_path, loss, options):
    given_options = {"bucket": 300, "dim": 6, "epoch": 4, "lr": 0.8, "thread": 1, "verbose": 0}
    theirs = peer.train_supervised(str(labelled), loss=loss, **given_options, **options)
    for quantized in (False, True) if loss == "softmax" else (False,):
        file = tmp_path / ("model.ftz" if quantized else "model.bin")
        if quantized:
            if options.get("wordNgrams", 1) == 1:
                continue  # it asks for 256 rows at least
            theirs.quantize(str(labelled), qnorm=True, dsub=2, cutoff=280, retrain=False)
        theirs.save_model(str(file))
        agree(wf.load(file), theirs)


def agree(ours, theirs) -> None:
    """Both know the same labels, probabilities and sentences. FastText adds 1e-5 to a probability and, where labels are
    apart, takes the sigmoid from a table of 512 steps.
    """
    off = 3e-5 if ours.classes.loss in ("softmax", "hierarchical") else 1 / 125
    assert [f"__label__{label}" for label in ours.classes.labels] == theirs.labels
    probabilities = ours.predict_proba(TEXTS)
    for text, row in zip(TEXTS, probabilities, strict=True):
        expected = {label: chance for chance, label in theirs.f.predict(f"{text}\n", 3, 0.0, "strict")}
        for label, chance in zip(ours.classes.labels, row, strict=True):
            assert chance == pytest.approx(expected.get(f"__label__{label}", 0.0), abs=off)
        np.testing.assert_allclose(ours.embed([text])[0], theirs.get_sentence_vector(text), atol=1e-6)


@pytest.mark.parametrize("loss", ["softmax", "hierarchical", "negative", "one-vs-all"])
def test_a_classifier_from_here_predicts_the_same_in_fasttext(peer, labelled, tmp_path, loss):
    recipe = wf.Classifier(dim=6, epochs=4, learning_rate=0.8, loss=loss, word_ngrams=2, bucket=400, threads=1)
    from wordfield.text.labelled import Labelled

    model = recipe.fit(Labelled.files([str(labelled)], tokenizer="whitespace"))
    model.save(tmp_path / "model.bin", "fasttext")
    agree(wf.load(tmp_path / "model.bin"), peer.load_model(str(tmp_path / "model.bin")))
    np.testing.assert_allclose(
        wf.load(tmp_path / "model.bin").predict_proba(TEXTS), model.predict_proba(TEXTS), atol=1e-6
    )


@pytest.mark.parametrize("options", [{}, {"maxn": 0}, {"minn": 1, "maxn": 2}])
def test_vectors_from_here_are_the_same_in_fasttext(peer, tmp_path, options):
    sentences = [["garden", "gardens", "flowers", "тест"], ["sailor", "sailing", "ships", "テスト"]] * 10
    recipe = wf.FastText(dim=7, min_count=1, epochs=2, bucket=300, threads=1, subsample=0, **{"minn": 3} | options)
    if options.get("maxn") == 0:
        recipe = wf.FastText(dim=7, min_count=1, epochs=2, bucket=300, threads=1, subsample=0, minn=0, maxn=0)
    model = recipe.fit(wf.Corpus(sentences))
    model.save(tmp_path / "model.bin", "fasttext")
    theirs, again = peer.load_model(str(tmp_path / "model.bin")), wf.load(tmp_path / "model.bin")
    assert theirs.words == model.words.index_to_key == again.words.index_to_key
    for word in [*theirs.words, *UNKNOWN]:
        if len(model.words.vocabulary.bag(word)):
            np.testing.assert_array_equal(model.words[word], theirs.get_word_vector(word))
            np.testing.assert_array_equal(model.words[word], again.words[word])


def small(classes: bool = False, product: bool = False, kept: bool = False) -> Table:
    """A few words, one of them no UTF-8, with n-grams."""
    random, words = np.random.default_rng(5), ["the", "héllo", "b\udcff"]
    ngrams = Ngrams(2, 3, 5, 2)
    if kept:
        ngrams = ngrams.narrowed(np.array([0, 3]), zeros=False)
    rows = len(words) + ngrams.rows
    storage = Dense(random.normal(size=(rows, 3)).astype(np.float32))
    if product:
        centroids = random.normal(size=256 * 3).astype(np.float32)
        storage = Product(random.integers(0, 256, (rows, 2)).astype(np.uint8), centroids, 2)
    table = Table(words, storage, np.array([9, 4, 2]), {"recipe": {"dim": 3}}, ngrams=ngrams)
    if classes:
        output = Dense(random.normal(size=(2, 3)).astype(np.float32))
        table.classes = Classes(["x", "y"], output, "softmax", np.array([5, 3]))
    else:
        table.state = {"output": random.normal(size=(3, 3)).astype(np.float32)}
    return table


KINDS = [{}, {"classes": True}, {"classes": True, "product": True}, {"classes": True, "product": True, "kept": True}]


@pytest.mark.parametrize("kind", KINDS, ids=["vectors", "classifier", "codes", "pruned"])
def test_what_is_written_comes_back(tmp_path, kind):
    table = small(**kind)
    fasttext_binary.save(table, tmp_path / "model.bin")
    again = formats.load(tmp_path / "model.bin")
    assert again.words == table.words
    assert again.counts.tolist() == table.counts.tolist()
    rows = range(table.storage.shape[0])
    np.testing.assert_array_equal(again.storage.take(rows), table.storage.take(rows))
    assert (again.ngrams.minn, again.ngrams.maxn, again.ngrams.bucket, again.ngrams.word_ngrams) == (2, 3, 5, 2)
    assert (again.ngrams.kept is None) == (table.ngrams.kept is None)
    if table.classes is None:
        np.testing.assert_array_equal(again.state["output"], table.state["output"])
    else:
        assert again.classes.labels == table.classes.labels
        assert again.classes.counts.tolist() == table.classes.counts.tolist()
        np.testing.assert_array_equal(again.classes.storage.matrix, table.classes.storage.matrix)


def test_blocks_cut_anywhere_change_nothing(tmp_path, monkeypatch):
    for kind in KINDS:
        fasttext_binary.save(small(**kind), tmp_path / "whole.bin")
        for step in (1, 7):
            monkeypatch.setattr(fasttext_parts, "STEP", step)
            fasttext_binary.save(small(**kind), tmp_path / "blocks.bin")
            assert (tmp_path / "blocks.bin").read_bytes() == (tmp_path / "whole.bin").read_bytes()
        monkeypatch.undo()


@pytest.mark.parametrize("codes", [False, True], ids=["numbers", "codes"])
def test_ngrams_that_are_zeros_but_where_they_occurred_are_the_same_in_fasttext(peer, tmp_path, codes):
    table = small(product=codes)
    table.ngrams = Ngrams(2, 3, 40, kept=np.array([3, 7, 11, 30]), zeros=True)
    if isinstance(table.storage, Product):
        given = table.storage
        centroids, codes_of = given.centroids.copy(), given.codes.copy()
        centroids[:2], centroids[512:513], codes_of[-1] = 0, 0, 0
        table.storage = Product(codes_of, centroids, given.part, given.lengths)
    else:
        table.storage.matrix[-1] = 0
    file = tmp_path / "model.bin"
    fasttext_binary.save(table, file)
    theirs, ours, again = peer.load_model(str(file)), WordVectors.of(table), wf.load(file).words
    for word in ["the", "héllo", "thes", "unknown", "é"]:
        np.testing.assert_array_equal(ours[word], theirs.get_word_vector(word))
        np.testing.assert_array_equal(again[word], ours[word])
    assert again.storage.shape[0] == (table.storage.shape[0] if codes else 3 + 40)


@pytest.mark.parametrize("options", [{}, {"qnorm": True}, {"qnorm": True, "cutoff": 280}, {"qout": True}])
def test_codes_are_read_and_written_as_fasttext_has_them(peer, tmp_path, options):
    random, lines = np.random.default_rng(3), []
    for number in range(900 if "qout" in options else 90):
        label = number % 300 if "qout" in options else number % 3
        lines.append(f"__label__{label} word{label} " + " ".join(f"w{each}" for each in random.integers(0, 60, 4)))
    text = tmp_path / "text.txt"
    text.write_text("\n".join(lines) + "\n", "utf-8")
    settings = {"dim": 5, "bucket": 400, "minn": 2, "maxn": 3, "wordNgrams": 2, "epoch": 5, "thread": 1, "verbose": 0}
    theirs = peer.train_supervised(str(text), **settings)
    theirs.quantize(str(text), dsub=2, thread=1, **options)
    theirs.save_model(str(tmp_path / "theirs.ftz"))
    ours = wf.load(tmp_path / "theirs.ftz")
    assert isinstance(ours.words.storage, Product)
    assert isinstance(ours.classes.storage, Product) == ("qout" in options)
    assert (ours.words.vocabulary.ngrams.kept is not None) == ("cutoff" in options)
    ours.save(tmp_path / "ours.ftz")
    if "cutoff" not in options:  # fastText has no order of the buckets that it kept
        assert (tmp_path / "ours.ftz").read_bytes() == (tmp_path / "theirs.ftz").read_bytes()
    again = peer.load_model(str(tmp_path / "ours.ftz"))
    for line in [*lines[:20], "", "nothing known w3"]:
        words = line.split(" ", 1)[-1]
        assert again.f.predict(f"{words}\n", 3, 0.0, "strict") == theirs.f.predict(f"{words}\n", 3, 0.0, "strict")
        np.testing.assert_allclose(ours.embed([words])[0], theirs.get_sentence_vector(words), atol=1e-6)
    for word in [*theirs.words, *UNKNOWN]:
        if len(ours.words.vocabulary.bag(word)):
            np.testing.assert_array_equal(ours.words[word], theirs.get_word_vector(word))


def older(data: bytes, version: int | None) -> bytes:
    """A file of today as an older fastText wrote it: of version 11, or (None) without magic, pairs and flags."""
    if version is not None:
        return data[:4] + struct.pack("<i", version) + data[8:]
    entries, words, _, tokens, _ = struct.unpack_from("<3i2q", data, SIZES)
    del tokens
    here = SIZES + 28
    for _ in range(entries):
        here = data.index(b"\0", here) + 10
    dim, rows = struct.unpack_from("<i", data, ARGS)[0], struct.unpack_from("<q", data, here + 1)[0]
    table = here + 1 + 16 + 4 * dim * rows
    assert words
    return data[ARGS : SIZES + 20] + data[SIZES + 28 : here] + data[here + 1 : table] + data[table + 1 :]


@pytest.mark.parametrize("version", [11, None], ids=["version 11", "without magic"])
@pytest.mark.parametrize("classes", [False, True], ids=["vectors", "classifier"])
def test_files_of_older_versions_are_read(tmp_path, version, classes):
    table = small(classes)
    fasttext_binary.save(table, tmp_path / "today.bin")
    (tmp_path / "old.bin").write_bytes(older((tmp_path / "today.bin").read_bytes(), version))
    assert formats.recognise(tmp_path / "old.bin") == "fasttext"
    again = formats.load(tmp_path / "old.bin")
    assert again.words == table.words
    np.testing.assert_array_equal(again.storage.matrix, table.storage.matrix)
    assert again.ngrams.maxn == (0 if classes else 3)  # older classifiers had no n-grams of characters


@pytest.mark.parametrize("kind", KINDS, ids=["vectors", "classifier", "codes", "pruned"])
def test_a_file_cut_at_any_byte_is_refused(tmp_path, kind):
    fasttext_binary.save(small(**kind), tmp_path / "model.bin")
    whole, cut = (tmp_path / "model.bin").read_bytes(), tmp_path / "cut.bin"
    for size in {*range(min(len(whole), 700)), *range(0, len(whole), 29), len(whole) - 1}:
        cut.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=r"cut\.bin"):
            formats.load(cut)
    cut.write_bytes(whole + b"x")
    with pytest.raises(FormatError, match="1 bytes follow the model"):
        formats.load(cut)


@settings(max_examples=30 if JIT_OFF else 300, deadline=None)
@given(st.data(), st.sampled_from(KINDS))
def test_changed_bytes_give_a_sound_model_or_are_refused(tmp_path_factory, data, kind):
    file = tmp_path_factory.getbasetemp() / "changed.bin"
    fasttext_binary.save(small(**kind), file)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(8, min(len(content), 400) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    try:
        table = formats.load(file)
    except FormatError as error:
        assert "changed.bin" in str(error)  # noqa: PT017
        return
    words = WordVectors.of(table)
    if words.vocabulary.ngrams.bucket < 1 << 24:
        assert words[table.words[:1]].shape == (1, table.storage.shape[1])


def changed(tmp_path: Path, at: int, kind: str, *values: float) -> Path:
    """The small file with other numbers at a byte."""
    file = tmp_path / "model.bin"
    fasttext_binary.save(small(), file)
    content = bytearray(file.read_bytes())
    struct.pack_into(kind, content, at, *values)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    ("at", "kind", "values", "message"),
    [
        (4, "<i", (13,), r"byte 4: version 13, of a newer fastText"),
        (4, "<i", (3,), r"byte 4: version 3, never used"),
        (ARGS + 28, "<i", (7,), "model 7"),
        (ARGS + 20, "<i", (101,), "byte 8: runs of up to 101 words: damaged, or more than the 100"),
        (ARGS, "<i", (-1,), "-1 dimensions"),
        (ARGS, "<i", (2_000_000_000,), "are needed: damaged"),
        (ARGS + 32, "<i", (0,), "in 0 buckets"),
        (ARGS + 32, "<i", (2_000_000_000,), "are needed: damaged"),
        (SIZES, "<i", (2_000_000_000,), "damaged"),
        (SIZES, "<3i", (2_000_000_000, 2_000_000_000, 0), "do not fit into the rest"),
    ],
)
def test_numbers_that_cannot_be_are_told_with_their_byte(tmp_path, at, kind, values, message):
    with pytest.raises(FormatError, match=message):
        formats.load(changed(tmp_path, at, kind, *values))


def test_more_buckets_than_have_places_are_refused_where_only_some_were_kept(tmp_path):
    file = tmp_path / "model.ftz"
    fasttext_binary.save(small(classes=True, product=True, kept=True), file)
    content = bytearray(file.read_bytes())
    struct.pack_into("<i", content, ARGS + 32, 2**26 + 1)
    file.write_bytes(content)
    with pytest.raises(FormatError, match=f"byte {SIZES}: 2 buckets kept of {2**26 + 1}: damaged"):
        formats.load(file)


def test_labels_seen_so_often_that_they_make_no_tree_are_refused(tmp_path):
    table = small(classes=True)
    table.classes = Classes(["x", "y"], table.classes.storage, "hierarchical", np.array([10**15, 3]))
    fasttext_binary.save(table, tmp_path / "model.bin")
    with pytest.raises(FormatError, match="seen 1000000000000000 times, of which fastText makes no tree"):
        formats.load(tmp_path / "model.bin")


def test_another_magic_is_no_fasttext(tmp_path):
    with pytest.raises(FormatError, match="no format recognised"):
        formats.load(changed(tmp_path, 0, "<i", 7))
    with pytest.raises(FormatError, match="neither the magic number of fastText"):
        formats.load(tmp_path / "model.bin", "fasttext")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": ["the", "a b", "c"]}, "'a b', is empty or holds white space"),
        ({"words": ["the", "", "c"]}, "is empty or holds white space"),
        ({"words": []}, "no words"),
        ({"ngrams": Ngrams(2, 3, 8, hash="floret", own=False)}, "as floret does"),
        ({"ngrams": Ngrams(2, 3, 9, kept=np.arange(5))}, "kept as codes alone"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_and_nothing_is_lost(tmp_path, change, message):
    table = small()
    for name, value in change.items():
        setattr(table, name, value)
    file = tmp_path / "old.bin"
    file.write_bytes(b"old")
    with pytest.raises(FormatError, match=message):
        fasttext_binary.save(table, file)
    assert file.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["old.bin"]


def test_plain_vectors_become_a_file_of_fasttext(peer, tmp_path, vectors):
    formats.save(formats.load(vectors), tmp_path / "plain.bin", "fasttext")
    theirs = peer.load_model(str(tmp_path / "plain.bin"))
    words = wf.load(vectors).words
    assert theirs.words == words.index_to_key
    for word in theirs.words:
        np.testing.assert_array_equal(theirs.get_word_vector(word), words[word])


def test_training_goes_on_from_a_file_of_fasttext(fixtures):
    start = StaticModel.load(fixtures / "crime-and-punishment.bin")
    recipe = wf.FastText(dim=5, bucket=100, min_count=1, epochs=1, learning_rate=1e-9, threads=1, subsample=0)
    grown = recipe.fit(wf.Corpus([["crimes", "and", "zzzz"]] * 3), start=start)
    assert set(grown.words.index_to_key) == {*start.words.index_to_key, "crimes", "zzzz"} | {"and"}
    np.testing.assert_allclose(grown.words["the"], start.words["the"], atol=1e-6)


def test_a_packed_file_is_read_too(fixtures, tmp_path):
    import gzip

    with (
        (fixtures / "crime-and-punishment.bin").open("rb") as plain,
        gzip.open(tmp_path / "model.bin.gz", "wb") as packed,
    ):
        shutil.copyfileobj(plain, packed)
    packed, plain = wf.load(tmp_path / "model.bin.gz"), wf.load(fixtures / "crime-and-punishment.bin")
    np.testing.assert_array_equal(packed.words["the"], plain.words["the"])
