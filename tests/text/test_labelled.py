"""Labelled text: where its labels are found, what is left of a line, and that none is shifted."""

from __future__ import annotations

import gzip
import io
import json
import logging
import random
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naive_scan import words_of
from wordfield import Corpus
from wordfield.text import labelled, tables
from wordfield.text.labelled import Labelled, Marks, cut
from wordfield.text.tokenizers import Tokenizer

USUAL = Marks("__label__")


def read(source, marks=USUAL, **options):
    return list(Labelled(source, **options).texts(marks))


def plain(pairs):
    return [(" ".join(text.split()), labels) for text, labels in pairs]


@pytest.mark.parametrize(
    ("line", "text", "labels"),
    [
        ("__label__a some text", "some text", ["a"]),
        ("__label__a __label__b some text", "some text", ["a", "b"]),
        ("some __label__a text __label__b", "some text", ["a", "b"]),
        ("__label__a,__label__b x", "x", ["a,__label__b"]),
        ("x__label__a", "x__label__a", []),
        ("__label__ x", "x", []),
        ("__label__a __label__a x", "x", ["a"]),
        ("__label__中文\u3000文本", "文本", ["中文"]),
        ("__label__a\0x", "\0x", ["a"]),
        ("", "", []),
    ],
)
def test_a_word_with_the_prefix_is_a_label_wherever_it_stands(line, text, labels):
    found, names = USUAL.split(line)
    assert (" ".join(found.split()), names) == (text, labels)


def test_at_the_front_only_the_words_before_all_others_are_labels():
    marks = Marks("#", "front")
    assert marks.split(" #a #b see #c") == ("see #c", ["a", "b"])
    assert marks.split("see #c") == ("see #c", [])
    assert marks.split("#a") == ("", ["a"])


def test_without_a_prefix_nothing_in_a_text_is_a_label():
    assert Marks("").split("__label__a x") == ("__label__a x", [])


def test_fasttext_s_spaces_are_those_of_ascii():
    assert Marks("__label__", ascii=True).split("__label__a\u00a0b c")[1] == ["a\u00a0b"]
    assert Marks.of("__label__", "anywhere", Tokenizer.of("words")).split("__label__a\u00a0b c")[1] == ["a"]


def test_lines_of_files_and_of_python_are_read_alike(tmp_path):
    lines = ["__label__a one two", "", "__label__b", "  ", "no label"]
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    (tmp_path / "text.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    wanted = [("one two", ["a"]), ("", ["b"]), ("no label", [])]
    assert plain(read(lines)) == plain(read(path)) == plain(read(tmp_path / "text.gz")) == wanted
    assert plain(read([["__label__a", "one", "two"]])) == wanted[:1]


def test_pairs_give_one_label_or_several():
    pairs = [("one", "a"), ("two", ["a", "b", "a"]), ("three", 3), ("four", None), ("five", ""), ("six", [])]
    labels = [["a"], ["a", "b"], ["3"], [], [], []]
    assert read(pairs) == [(text, some) for (text, _), some in zip(pairs, labels, strict=True)]
    assert plain(read([("__label__x one", "a")])) == [("one", ["a"])]
    with pytest.raises(TypeError, match="a pair is"):
        read([("one", "a"), "two"])
    with pytest.raises(TypeError, match="only once"):
        Labelled(iter(pairs))


ROWS = [{"text": "one\ntwo", "label": "a"}, {"text": "", "label": "b"}, {"text": "three", "label": "__label__c"}]


def written(path, rows):
    import pyarrow as pa
    from pyarrow import parquet

    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    elif path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        cells = ["text,label"] + ['"{}","{}"'.format(row["text"], row["label"]) for row in rows]
        path.write_text("\n".join(cells) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_row_of_a_table_is_one_text_whatever_line_ends_are_in_it(kind, tmp_path):
    path = written(tmp_path / f"table.{kind}", ROWS)
    assert read(path, label_field="label") == [("one\ntwo", ["a"]), ("", ["b"]), ("three", ["__label__c"])]
    assert read(path) == [("one\ntwo", []), ("", []), ("three", [])]
    with Labelled(path, label_field="label").scan(USUAL).scan as scan:
        assert scan.sentences == 3
        assert list(scan.words_seen) == ["one", "two", "three"]


def test_tables_of_numbers_lists_and_nulls(tmp_path):
    rows = [{"t": "x", "l": 1}, {"t": "y", "l": ["a", "b"]}, {"t": None, "l": None}, {"t": "z", "l": True}]
    path = tmp_path / "table.jsonl"
    path.write_text("\n\n".join(map(json.dumps, rows)), "utf-8")
    assert read(path, label_field="l", field="t") == [("x", ["1"]), ("y", ["a", "b"]), ("", []), ("z", ["True"])]
    (tmp_path / "table.tsv").write_text('label\ttext\n1\t"quoted\n0\tplain\n', "utf-8")
    assert read(tmp_path / "table.tsv", label_field="label") == [('"quoted', ["1"]), ("plain", ["0"])]


def test_a_table_inside_gzip_and_one_that_is_cut_into_pieces(tmp_path, monkeypatch):
    lines = "".join(json.dumps({"text": f"word{number}", "label": number % 3}) + "\n" for number in range(5000))
    (tmp_path / "table.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    found = read(tmp_path / "table.jsonl.gz", label_field="label")
    assert found == [(f"word{number}", [str(number % 3)]) for number in range(5000)]
    table = tables.Table("t", "text", b"", io.BytesIO(lines.encode()).read)
    assert [text for text, _ in tables.rows("jsonl", table, "label", 100)] == [text for text, _ in found]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_label_field_that_is_not_there_is_named_with_those_that_are(kind, tmp_path):
    path = written(tmp_path / f"table.{kind}", ROWS)
    with pytest.raises(ValueError, match=r"has no field 'kind'; its fields: text, label"):
        read(path, label_field="kind")
    with pytest.raises(ValueError, match="there is no table"):
        Labelled(["text"], label_field="label")


def test_damaged_tables_say_where(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "short.csv").write_text("text,label\na,b\nc\n")
    (tmp_path / "no.parquet").write_bytes(b"PAR1 nothing")
    for name, said in (("empty.csv", "no header"), ("short.csv", "line 3"), ("no.parquet", "not Parquet")):
        with pytest.raises(ValueError, match=said):
            read(tmp_path / name, label_field="label")


LINES = st.lists(
    st.tuples(st.text("ab é中!\n", max_size=12), st.lists(st.sampled_from("xyz"), min_size=1, max_size=2, unique=True)),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(pairs=LINES, size=st.sampled_from([1, 16, 1 << 20]))
def test_every_text_keeps_its_labels_also_one_without_a_word(pairs, size):
    block, labelled.BLOCK = labelled.BLOCK, size
    try:
        found = Labelled(pairs).scan(USUAL)
    finally:
        labelled.BLOCK = block
    with found.scan as scan:
        texts, open_text = [], []
        for ids, ends in scan.blocks():
            words, begin = scan.words_seen.chosen(ids), 0
            for end in ends.tolist():
                texts.append(open_text + words[begin:end])
                begin, open_text = end, []
            open_text = words[begin:]
        assert open_text == []
    assert texts == [words_of(text, "words", True) for text, _ in pairs]
    starts = found.label_starts
    names = [[found.labels[row] for row in found.label_rows[a:b]] for a, b in pairwise(starts)]
    assert names == [labels for _, labels in pairs]
    assert found.scan.sentences == len(pairs)


@settings(deadline=None)
@given(pairs=LINES, size=st.sampled_from([1, 3, 1000]), seed=st.sampled_from([None, 1]))
def test_encoded_each_text_is_its_words_and_its_number_and_no_chunk_cuts_one(pairs, size, seed):
    found = Labelled(pairs).scan(USUAL)
    with found.scan as scan:
        ids = found.encode(seed)
        seen = []
        for first, last in ids.chunks(size):
            inside = ids.starts[(ids.starts > first) & (ids.starts < last)]
            for begin, end in zip([first, *inside], [*inside, last], strict=True):
                *words, number = ids.window(begin, end).tolist()
                seen.append(number)
                assert scan.words_seen.chosen(np.array(words, np.int64)) == words_of(pairs[number][0], "words", True)
            assert last - first <= size or len(inside) == 0
        ids.close()
    assert sorted(seen) == list(range(len(pairs)))
    assert seen == sorted(seen) or seed is not None


def test_texts_without_a_label_are_left_out_and_counted():
    found = Labelled(["__label__a one", "two", "__label__b three", "", "__label__b"]).scan(USUAL)
    with found.scan as scan:
        assert found.labels == ["b", "a"]
        assert found.counts.tolist() == [2, 1]
        assert found.numbers.tolist() == [0, 2, 3]
        assert found.given == 4
        assert list(scan.words_seen) == ["one", "three"]
        frequent = found.frequent(2)
        assert frequent.labels == ["b"]
        assert np.diff(frequent.label_starts).tolist() == [0, 1, 1]
        assert frequent.encode().tokens == 3
        with pytest.raises(ValueError, match="min_label_count"):
            found.frequent(3)


def test_the_end_of_a_line_is_a_word_that_every_text_has():
    found = Labelled(["__label__a x x x", "__label__a y </s>"], tokenizer="whitespace").scan(USUAL)
    with found.scan:
        vocabulary = found.vocabulary(1, None)
        assert vocabulary.words == ["</s>", "x", "y"]
        assert vocabulary.counts.tolist() == [3, 3, 1]
        assert found.vocabulary(3, None).words == ["</s>", "x"]
        with pytest.raises(ValueError, match="9 times"):
            found.vocabulary(9, None)
    only = Labelled(["__label__a", "__label__b"]).scan(USUAL)
    with only.scan:
        assert only.vocabulary(1, None).words == ["</s>"]


@pytest.mark.parametrize(
    ("source", "marks", "said"),
    [
        (["good film", "bad film"], USUAL, "'__label__'.*'good film'"),
        (["#a x"], Marks("##"), "'##'.*'#a x'"),
        (["x #a"], Marks("#", "front"), "at its beginning.*'#'"),
        (["__label__a x"], Marks(""), "empty label_prefix"),
        ([("x", ""), ("y", None)], USUAL, "no text"),
        ([], USUAL, "empty"),
    ],
)
def test_text_without_any_label_is_refused_with_its_first_line(source, marks, said):
    with pytest.raises(ValueError, match=said):
        Labelled(source).scan(marks)


def test_an_empty_field_of_labels_is_named(tmp_path):
    path = written(tmp_path / "table.jsonl", [{"text": "a", "label": ""}])
    with pytest.raises(ValueError, match="'label' is empty"):
        Labelled(path, label_field="label").scan(USUAL)


def test_invalid_bytes_are_counted_and_refused_where_asked(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"__label__a caf\xe9\n__label__b x\n")
    text = Labelled(path)
    text.scan(USUAL).scan.close()
    assert text.invalid == 1
    with pytest.raises(ValueError, match="line 1"):
        Labelled(path, strict=True).scan(USUAL)


def test_standard_input_is_read_once(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"__label__a x\n__label__b y\n")))
    text = Labelled("-")
    found = text.scan(USUAL)
    found.scan.close()
    assert found.labels == ["a", "b"]
    with pytest.raises(ValueError, match="standard input"):
        text.scan(USUAL)


def test_phrases_are_joined_in_labelled_text():
    lines = [("new york is old", "a"), ("", "b"), ("i see new york", "a")] * 20
    with Labelled(lines, phrases=1).scan(USUAL).scan as scan:
        assert scan.sentences == 60
        assert sum(len(ends) for _, ends in scan.blocks()) == 60


@pytest.mark.parametrize("name", ["words", "whitespace", "characters"])
def test_few_texts_and_many_are_cut_alike(name, monkeypatch):
    random.seed(1)
    texts = ["".join(random.choices("ab é中!\n", k=random.randrange(9))) for _ in range(200)]
    tokenizer = Tokenizer.of(name)
    few = cut(texts, tokenizer)
    monkeypatch.setattr(labelled, "FEW", -1)
    many = cut(texts, tokenizer)
    assert few.words == many.words
    assert (few.ids == many.ids).all()
    assert (few.starts == many.starts).all()
    assert cut([], tokenizer).starts.tolist() == [0]


def test_unsegmented_text_is_pointed_out(caplog):
    with caplog.at_level(logging.WARNING):
        Labelled([("这是一个没有空格的很长的句子", "a")] * 20).scan(USUAL).scan.close()
    assert "--tokenizer chinese" in caplog.text


def test_a_corpus_and_what_one_is_made_of_are_taken(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("__label__a x\n")
    for text in (Labelled(Corpus(path)), Labelled.files([path]), Labelled(str(path))):
        assert plain(text.texts(USUAL)) == [("x", ["a"])]
    assert "text.txt" in repr(Labelled(path))
    assert Labelled(path).name == str(path)


def test_cooking_has_the_texts_and_labels_that_its_lines_name(data):
    found = Labelled(data / "classify" / "cooking.train").scan(USUAL)
    with found.scan as scan:
        assert (found.given, len(found.numbers), len(found.labels)) == (12404, 12404, 735)
        assert found.labels[0] == "baking"
        assert scan.sentences == 12404
