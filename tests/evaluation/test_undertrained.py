"""Tokens that training has not touched are found where they were planted, whatever the indicator."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import wordfield as wf
from formats.checkpoints import NAME, OUTPUT, byte_level, letters, put
from wordfield import api
from wordfield.evaluation import undertrained
from wordfield.evaluation.undertrained import RESERVED, examine
from wordfield.formats import Table
from wordfield.storage import Dense
from wordfield.text.ngrams import Ngrams
from wordfield.text.subwords import MARK

pytest.importorskip("tokenizers", reason="the library that cuts text into tokens is not installed")

DIM, PADDING = 32, 9
TEXTS = [" solid", " gold", " magi", " karp", "你", "好的"]
ADDED = ["<|endoftext|>", "<unused0>", "<|reserved_special_token_1|>", "[unused17]"]
PLANTED = ["▁solid", "▁karp", "好的"]


@pytest.fixture(scope="module")
def tokenizer():
    return byte_level(TEXTS, ADDED)


def trained(tokenizer, kind, planted=PLANTED):
    """A table as training leaves it: rows that go in are long where they were met; rows by which the next token is
    found are near each other where they were not.
    """
    rng = np.random.default_rng(3)
    words = [*tokenizer["model"]["vocab"]]
    rows = len(words) + len(ADDED) + PADDING
    table = rng.standard_normal((rows, DIM))
    never = [words.index(letters(word.replace(MARK, " "))) for word in planted]
    never += [0xC0, 0xC1, *range(0xF5, 0x100), *range(len(words) + 1, rows)]
    noise = rng.standard_normal((len(never), DIM))
    if kind == "input":
        table[never] = 0.02 * noise
    else:
        pushed = rng.standard_normal(DIM)  # all are moved away from what is met, those that are met also elsewhere
        table += 4 * rng.standard_normal(DIM)
        table[never] = 6 * pushed + 0.05 * noise
    return table.astype(np.float32)


def words_of(result):
    return [each["word"] for each in result["tokens"]]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_rows_that_go_in_and_were_never_met_are_found(tokenizer, tmp_path, dtype):
    table, other = trained(tokenizer, "input"), trained(tokenizer, "output", PLANTED[:2])
    folder = put(
        tmp_path / "model", {NAME: table, OUTPUT: other}, tokenizer, {"tie_word_embeddings": False}, dtype=dtype
    )
    found = api.undertrained(folder, 6)
    assert found["model"] == str(folder)
    assert (found["table"], found["indicator"], found["words"]) == ("input", "distance", len(table) - PADDING)
    assert found["references"] == {"padding": PADDING, "reserved": 3, "bytes": 13}
    assert set(words_of(found)[:3]) == set(PLANTED)
    assert found["below"] in (2, 3)  # of three as small as those that are known, one may be the largest
    first, fourth = found["tokens"][0], found["tokens"][3]
    assert first["value"] < 0.3 < fourth["value"]
    assert first["norm"] == pytest.approx(np.linalg.norm(table[first["row"]]), rel=1e-2)
    assert first["kind"] == "token"
    assert first["reachable"] is True
    assert first["text"] == first["word"].replace(MARK, " ")
    assert first["quantile"] < fourth["quantile"] <= 0.1
    assert set(words_of(api.undertrained(folder, 3, indicator="norm"))) == set(PLANTED)
    out = api.undertrained(folder, 2, table="output")
    assert (out["table"], out["indicator"]) == ("output", "cosine")
    assert set(words_of(out)) == set(PLANTED[:2])


def test_rows_of_a_tied_table_are_found_by_where_they_were_pushed(tokenizer, tmp_path):
    table = trained(tokenizer, "output")
    model = wf.load(put(tmp_path / "model", {NAME: table}, tokenizer, {"tie_word_embeddings": True}))
    found = api.undertrained(model, 3)
    assert (found["model"], found["indicator"]) == (None, "cosine")
    assert set(words_of(found)) == set(PLANTED)
    assert set(words_of(api.undertrained(model, 3, indicator="norm"))) != set(PLANTED)  # they are no shorter
    moved = table[: len(table) - PADDING].astype(np.float64)
    moved -= moved.mean(axis=0)
    row = found["tokens"][0]["row"]
    known = [0xC0, 0xC1, *range(0xF5, 0x100), *range(len(table) - PADDING - 3, len(table))]
    mean = table[known].astype(np.float64).mean(axis=0) - table[: len(table) - PADDING].astype(np.float64).mean(axis=0)
    cosine = moved[row] @ mean / np.linalg.norm(moved[row]) / np.linalg.norm(mean)
    assert found["tokens"][0]["value"] == pytest.approx(1 - cosine, abs=1e-9)


def test_tokens_that_no_text_is_cut_into_and_rows_that_are_the_same_are_told(tmp_path):
    given = byte_level([" gold", "ing"], ADDED)
    lost = letters(" gold")
    given["model"]["merges"] = [pair for pair in given["model"]["merges"] if "".join(pair) != lost]
    table = (
        np.random.default_rng(1).standard_normal((len(given["model"]["vocab"]) + len(ADDED), DIM)).astype(np.float32)
    )
    row, twin = given["model"]["vocab"][lost], given["model"]["vocab"]["in"]
    table[row] = table[twin] = 0.001
    table[7] = table[9] = 0
    folder = put(tmp_path / "model", {NAME: table}, given)
    found = api.undertrained(folder, 300)
    told = {each["word"]: each for each in found["tokens"]}
    assert found["unreachable"] == 1
    assert told["▁gold"]["reachable"] is False
    assert told["ing"]["reachable"] is told["in"]["reachable"] is True
    assert told["<0xE4>"]["reachable"] is None
    assert (told["<0xE4>"]["kind"], told["<|endoftext|>"]["kind"]) == ("byte", "special")
    assert told["▁gold"]["duplicates"] == ["in"]
    assert told["in"]["duplicates"] == ["▁gold"]
    assert (found["duplicates"], found["zeros"]) == (2, 2)
    assert not set(told) & {"<0xC0>", "<0xFF>", "<unused0>", "[unused17]"}


def test_without_rows_that_nothing_touched_the_shortest_come_first(run, vectors):
    found = api.undertrained(vectors, 2)
    assert (found["indicator"], found["limit"], found["below"]) == ("norm", None, None)
    assert found["references"] == {"padding": 0, "reserved": 0, "bytes": 0}
    assert words_of(found) == ["man", "woman"]
    assert [each["value"] for each in found["tokens"]] == [1, 1]
    assert found["tokens"][0]["quantile"] == 0.5
    with pytest.raises(ValueError, match=r"no row is known to be untouched.*distance from: use norm"):
        api.undertrained(vectors, indicator="distance")
    with pytest.raises(ValueError, match="unknown indicator 'size'; known: norm, distance, cosine"):
        api.undertrained(vectors, indicator="size")
    with pytest.raises(ValueError, match="k is how many tokens to show, at least 1, not 0"):
        api.undertrained(vectors, 0)
    with pytest.raises(ValueError, match="an output table is a part of a network"):
        api.undertrained(vectors, table="output")
    ran = run("undertrained", vectors, "-k", "1")
    assert ran.status == 0
    assert "norm" in ran.out
    assert "man" in ran.out
    assert json.loads(run("undertrained", vectors, "-k", 2, "--json").out)["tokens"] == found["tokens"]


def test_words_of_n_grams_have_the_means_of_their_rows():
    rows = np.ones((7, 2), np.float32)
    rows[0] = 0
    table = Table(["a", "b"], Dense(rows), ngrams=Ngrams(2, 3, 5))
    found = examine(table, 1)
    assert words_of(found) == ["a"]
    assert 0 < found["tokens"][0]["value"] < np.sqrt(2)


def test_padding_of_zeros_tells_nothing(tokenizer, tmp_path):
    table = trained(tokenizer, "input")
    table[-PADDING:] = 0
    table[[0xC0, 0xC1, *range(0xF5, 0x100)]] = 0
    table[-PADDING - 3 : -PADDING] = 0
    found = api.undertrained(put(tmp_path / "model", {NAME: table}, tokenizer), 1)
    assert found["indicator"] == "norm"
    assert found["zeros"] == 16


def test_rows_with_the_same_sum_are_not_yet_the_same(monkeypatch):
    monkeypatch.setattr(np.random, "default_rng", lambda _: Ones())
    table = Dense(np.array([[1, 2], [1, 2], [2, 1], [5, 6]], np.float32))
    assert undertrained._twins(table) == {0: [0, 1], 1: [0, 1]}
    assert undertrained._twins(Dense(np.zeros((0, 2)))) == {}


class Ones:
    def integers(self, low, high, size, dtype):
        return np.ones(size, dtype)


def test_without_the_library_it_cannot_be_told_what_text_is_cut_into(tokenizer, tmp_path, monkeypatch):
    folder = put(tmp_path / "model", {NAME: trained(tokenizer, "input")}, tokenizer)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    found = api.undertrained(folder, 1)
    assert found["unreachable"] is None
    assert found["tokens"][0]["reachable"] is None
    assert found["tokens"][0]["text"] == found["tokens"][0]["word"]


@pytest.mark.parametrize(
    ("word", "is_reserved"),
    [
        ("<unused0>", True),
        ("[unused99]", True),
        ("<|reserved_special_token_12|>", True),
        ("<|dummy_3|>", True),
        ("<|placeholder1|>", True),
        ("<reserved_106>", True),
        ("<|endoftext|>", False),
        ("unused", False),
        ("<s>", False),
        ("<0x01>", False),
    ],
)
def test_tokens_that_were_put_aside_are_known_by_their_names(word, is_reserved):
    assert bool(RESERVED.fullmatch(word)) == is_reserved


def test_a_checkpoint_with_holes_has_their_rows_among_the_untouched(tokenizer, tmp_path):
    holed = json.loads(json.dumps(tokenizer))
    table = trained(tokenizer, "input")
    for place, each in enumerate(holed["added_tokens"]):
        each["id"] += 5 if place else 0
    folder = put(tmp_path / "model", {NAME: table}, holed)
    found = api.undertrained(folder, 3)
    assert found["references"]["padding"] == PADDING
    assert set(words_of(found)) == set(PLANTED)
    last = api.undertrained(folder, 400)["tokens"]
    assert {each["word"]: each["row"] for each in last}["<|endoftext|>"] == holed["added_tokens"][0]["id"]
    model = wf.load(folder)
    for each in last[:10]:
        assert np.linalg.norm(table[each["row"]]) == pytest.approx(each["norm"])
        assert table[each["row"]].tolist() == model.words[each["word"]].tolist()
