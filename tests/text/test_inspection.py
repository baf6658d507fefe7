"""What a corpus is like is told exactly, and text without spaces is not trained on in silence."""

import json

import pytest

from wordfield import api
from wordfield.text.corpus import Corpus

ZH = "这是一个没有空格的中文句子，它会被当作一个很长的词。\n" * 20
CUT = "这 是 一个 没有 空格 的 中文 句子 ， 它 会 被 当作 一个 很 长 的 词 。\n" * 20


def test_every_figure_is_that_of_the_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one two two\n\n" + b"x" * 30 + b" y\nbad \xff byte\n")
    (tmp_path / "b.txt").write_text("这是一个没有空格的句子 abc\n", "utf-8")
    told = api.info(Corpus(tmp_path))
    assert told["files"] == 2
    assert told["stored_bytes"] == told["bytes"] == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert (told["sentences"], told["tokens"], told["types"], told["invalid_bytes"]) == (4, 9, 8, 1)
    assert told["longest_line"] == {"bytes": len("这是一个没有空格的句子 abc\n".encode()), "number": 5}
    characters = 9 + 31 + 8 + 11 + 3  # what is no space
    assert told["unsegmented"] == pytest.approx(11 / characters)
    assert told["tokenizer"] == {"name": "words", "lowercase": True}


def test_sentences_of_a_list_and_nothing_at_all():
    told = api.info(Corpus([["a", "b"], "c d"]))
    assert (told["files"], told["stored_bytes"], told["tokens"], told["longest_line"]["bytes"]) == (0, 0, 4, 3)
    assert api.info(Corpus([]))["tokens"] == 0


def test_progress_reaches_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("wordfield.text.inspection.REPORT", 2)
    path = tmp_path / "a.txt"
    path.write_text("a line\n" * 5)
    told = []
    api.info(Corpus(path), progress=lambda done, total, **_: told.append((done, total)))
    assert told[-2:] == [(14, 35), (28, 35)]


@pytest.mark.parametrize("tokenizer", ["words", "whitespace"])
def test_unsegmented_text_is_warned_of(tmp_path, caplog, tokenizer):
    path = tmp_path / "zh.txt"
    path.write_text(ZH, "utf-8")
    Corpus(path, tokenizer=tokenizer).scan().close()
    (record,) = caplog.records
    assert "stands in runs of 8 or more letters without a space" in record.message
    assert "--tokenizer chinese" in record.message


@pytest.mark.parametrize(
    ("text", "tokenizer"), [(CUT, "words"), (ZH, "characters"), ("plain English text\n" * 20, "words"), ("", "words")]
)
def test_other_text_is_not(tmp_path, caplog, text, tokenizer):
    path = tmp_path / "text.txt"
    path.write_text(text, "utf-8")
    Corpus(path, tokenizer=tokenizer).scan().close()
    assert not caplog.records


def test_the_command_tells_corpora_from_models(run, tmp_path, vectors):
    text = tmp_path / "text.txt"
    text.write_text("a line of text\n")
    assert json.loads(run("info", vectors, "--json").out)["kind"] == "word vectors"
    assert json.loads(run("info", text, "--json").out)["tokens"] == 4
    assert json.loads(run("info", text, text, "--tokenizer", "whitespace", "--json").out)["tokens"] == 8
    assert json.loads(run("info", tmp_path / "t*.txt", "--json").out)["files"] == 1
    table = tmp_path / "a.csv"
    table.write_text("id,body\n1,some text here\n")
    assert json.loads(run("info", table, "--field", "body", "--json").out)["tokens"] == 3
    assert "longest_line.bytes" in run("info", text).out


def test_what_is_neither_is_said_to_be_no_model(run, tmp_path):
    binary = tmp_path / "what.bin"
    binary.write_bytes(b"\x00\x01\x02binary")
    ran = run("info", binary)
    assert (ran.status, "no format recognised" in ran.err) == (1, True)
    missing = run("info", tmp_path / "nothing")
    assert (missing.status, "nothing" in missing.err) == (1, True)
    assert run("info").status == 2
