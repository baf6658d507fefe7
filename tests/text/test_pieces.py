"""Words that are made of tokens: cut as in a text, whatever the tokenizer does about spaces; only when asked about."""

from __future__ import annotations

import copy
import json
import sys

import numpy as np
import pytest

from formats.checkpoints import NAME, byte_level, numbers, put
from wordfield import api
from wordfield.formats import Table, tokenizer_json
from wordfield.formats.table import FormatError
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text import pieces
from wordfield.text.ngrams import Ngrams, NgramVocabulary
from wordfield.text.pieces import PieceVocabulary, cut_by
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.unknown import Unknown
from wordfield.vectors import WordVectors

tokenizers = pytest.importorskip("tokenizers", reason="the library that cuts text into tokens is not installed")

WORDS = [" king", " un", "fath", "able", "king", " queen", "你好", " 你", " Oslo"]


def tokenizer(given):
    return Tokenizer("subwords", False, subwords=json.dumps(given))


def vocabulary(cutter, without=()):
    return PieceVocabulary([word for word in cutter.pieces.listed() if word not in without], None, cutter)


def names(known, word):
    return [known.words[row] for row in known.bag(word)]


@pytest.fixture(scope="module")
def bytes_():
    return tokenizer(byte_level(WORDS))


def metaspace(scheme):
    """Characters and a few pieces, after the library's Metaspace."""
    tokens = ["<unk>", *"▁abekfhingltu", "ki", "kin", "king", "▁king", "un", "▁un"]
    merges = [("k", "i"), ("ki", "n"), ("kin", "g"), ("▁", "king"), ("u", "n"), ("▁", "un")]
    model = tokenizers.models.BPE({token: row for row, token in enumerate(tokens)}, merges, unk_token="<unk>")
    made = tokenizers.Tokenizer(model)
    if scheme is None:  # as in the first files of Llama
        steps = [tokenizers.normalizers.Prepend("▁"), tokenizers.normalizers.Replace(" ", "▁")]
        made.normalizer = tokenizers.normalizers.Sequence(steps)
    else:
        made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme=scheme)
    return Tokenizer("subwords", False, subwords=made.to_str())


def test_a_word_that_is_no_token_is_that_after_a_space_or_its_pieces(bytes_):
    known = vocabulary(bytes_)
    assert names(known, " king") == names(known, "▁king") == ["▁king"]
    assert names(known, "king") == ["king"]  # a token itself
    assert names(known, "queen") == ["▁queen"]
    assert names(known, "unfathable") == ["▁un", "fath", "able"]
    assert (known.named("queen"), known.named("king"), known.named("unfathable")) == ("▁queen", "king", None)
    assert known.told("queen") == "the token ▁queen"
    assert known.told("unfathable") == "3 pieces: ▁un fath able"
    assert known.told("king") == "its own row"
    assert known.composes(["queen", "unfathable", "", " \n", "▁"]).tolist() == [True, True, False, False, True]
    bags = known.bags(["king", "unfathable", "queen"])
    assert bags.starts.tolist() == [0, 1, 4, 5]
    assert [known.words[row] for row in bags.rows] == ["king", "▁un", "fath", "able", "▁queen"]
    assert known.bags([]).rows.tolist() == []
    assert "queen" not in known
    for unknown in ["", " ", 3]:
        with pytest.raises(KeyError, match=r"is not among the|words are str, not int"):
            known.bags(["king", unknown])


def test_of_a_script_without_spaces_a_word_stands_after_none(bytes_):
    known = vocabulary(bytes_)
    assert names(known, "你好你好") == ["你好", "你好"]
    assert known.told("你好你好") == "2 pieces: 你好 你好"
    assert names(vocabulary(metaspace("always")), "nki") == ["n", "ki"]  # the space alone is no part of it


@pytest.mark.parametrize("scheme", ["always", "first", "never", None])
def test_no_tokenizer_reads_two_spaces(scheme):
    known = vocabulary(metaspace(scheme), ["king"])
    assert names(known, "king") == ["▁king"]
    assert names(known, "unking") == []  # king has no row
    known = vocabulary(metaspace(scheme))
    assert names(known, "unking") == ["▁un", "king"]
    assert names(known, "▁unking") == ["▁un", "king"]
    assert names(known, "kingz") == []  # of which z is <unk>
    assert known.told("kingz") == "nothing"
    assert names(known, "<unk>") == ["<unk>"]  # the token itself


def test_wordpieces_and_lower_case():
    tokens = {token: row for row, token in enumerate(["[PAD]", "[UNK]", "king", "##dom", "[CLS]", "[SEP]", "[MASK]"])}
    known = vocabulary(tokenizer(tokenizer_json.of_wordpieces(tokens, True)))
    assert names(known, "Kingdom") == ["king", "##dom"]
    assert known.named("King") == "king"
    assert names(known, "queen") == []


def test_a_model_of_sentencepiece(data):
    pytest.importorskip("sentencepiece")
    cutter = Tokenizer.of(data / "fixtures/bpemb/en.wiki.bpe.vs1000.model")
    known = vocabulary(cutter)
    assert names(known, "which") == ["▁which"]
    assert "".join(names(known, "kingdom")) == "▁kingdom"
    assert cutter.pieces.unknown == "<unk>"
    assert names(known, "\U0001f9ff") == []


def test_unigram_names_what_is_unknown():
    from wordfield.text.subwords import Pieces, learn

    assert Pieces(learn(["a few words to learn from"] * 9, 40, "unigram")).unknown == "<unk>"
    assert Pieces(json.dumps(byte_level(WORDS))).unknown is None


def test_what_was_cut_is_remembered_and_not_without_end(bytes_, monkeypatch):
    known = vocabulary(bytes_)
    assert known.bag("queen") is known.bag("queen")
    monkeypatch.setattr(pieces, "REMEMBERED", 2)
    for word in ["queens", "kings", "ables"]:
        known.bag(word)
    assert len(known._cut) <= 2


def test_words_of_tokens_are_made_where_the_tokenizer_cuts_into_them(bytes_):
    plain = Vocabulary(["▁king", "un"], [2, 1])
    made = cut_by(plain, bytes_)
    assert isinstance(made, PieceVocabulary)
    assert made == plain
    assert cut_by(made, bytes_) is made
    other = copy.copy(bytes_)
    assert cut_by(made, other).tokenizer is other
    assert cut_by(plain, Tokenizer.of("words")) is plain
    parts = NgramVocabulary(["▁king"], None, Ngrams(3, 3, 9))
    assert cut_by(parts, bytes_) is parts


def test_a_table_that_names_such_a_tokenizer_has_them(bytes_):
    words = ["▁king", "able"]
    table = Table(words, Dense(np.eye(2, dtype=np.float32)), config={"tokenizer": bytes_.describe()})
    field = WordVectors.of(table)
    np.testing.assert_array_equal(field["king"], field["▁king"])
    model = StaticModel(WordVectors(Vocabulary(words), table.storage), bytes_)
    assert model.words["king"].tolist() == [1, 0]
    assert model.words.vocabulary.tokenizer is model.tokenizer
    assert WordVectors.of(model.table())["king"].tolist() == [1, 0]
    table.config = {"tokenizer": {"name": "subwords", "lowercase": False}}
    with pytest.raises(FormatError, match=r'the entry "tokenizer" is .* needs a vocabulary'):
        WordVectors.of(table)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    given = byte_level(WORDS, ["<|endoftext|>"])
    rows = len(given["model"]["vocab"]) + 1
    arrays = {NAME: numbers(rows, 8), "lm_head.weight": numbers(rows, 8, 3)}
    return put(tmp_path_factory.mktemp("pieces") / "model", arrays, given)


def test_a_token_that_stands_for_a_word_is_no_answer_to_it(folder):
    model = api.load(folder)
    words = len(model.words)
    for near in (
        api.neighbors(model, ["queen"], words)["queen"],
        model.words.most_similar("queen", words),
        model.words.most_similar(["queen"], words)[0],
        model.words.most_similar(positive=["queen"], k=words),
    ):
        assert "▁queen" not in dict(near)
        assert len(near) == words - 1
    near = api.neighbors(model, ["unfathable"], words)["unfathable"]
    assert len(near) == words
    found = api.analogy(model, "queen", "Oslo", "unfathable", words)
    assert {"▁queen", "▁Oslo"} & dict(found).keys() == set()
    assert api.similarity(model, "queen", "▁queen") == 1.0
    assert model.words.rank("Oslo", "queen") == model.words.rank("▁Oslo", "▁queen")
    mean = model.words[["▁un", "fath", "able"]].mean(axis=0)
    np.testing.assert_allclose(model.words["unfathable"], mean, rtol=1e-6)
    output = api.similarity(model, "queen", "Oslo", table="output")
    assert output == pytest.approx(api.similarity(model, "▁queen", "▁Oslo", table="output"))
    assert output != pytest.approx(api.similarity(model, "queen", "Oslo"))


def test_commands_tell_what_stands_for_a_word(folder, run):
    ran = run("neighbors", folder, "queen", "unfathable", "-k", "3")
    assert ran.status == 0
    assert "queen: the token ▁queen" in ran.err
    assert "unfathable: 3 pieces: ▁un fath able" in ran.err
    assert run("similarity", folder, "queen", "king").status == 0
    refused = run("neighbors", folder, "queen", "--unknown", "raise")
    assert refused.status == 1
    assert "'queen' is not among the" in refused.err
    assert "▁queen" in refused.err


def test_neither_library_nor_file_is_read_before_such_a_word_is_asked_about(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    monkeypatch.setattr("wordfield.text.subwords.Stored.__str__", lambda _: pytest.fail("the file was read"))
    model = api.load(folder)
    assert len(api.neighbors(model, ["▁king", "king"], 3)) == 2
    assert model.words.similarity("▁king", "king") <= 1
    assert Unknown("skip").find(model.words, ["queen", "▁king"]).known.tolist() == [False, True]
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"needs the library tokenizers.* pip install 'wordfield\[subwords\]'"):
        api.neighbors(model, ["queen"], 3)


def test_words_of_a_public_set_are_covered_by_a_network_trained_on_pieces(data, tmp_path):
    pytest.importorskip("torch", reason="the networks need PyTorch")
    from wordfield import Corpus
    from wordfield.models.sequence.llm import LLM

    lines = (data / "corpora/enwiki100m.txt").read_bytes()[:12_000].decode(errors="ignore").split("\n")
    small = {"dim": 8, "layers": 1, "heads": 1, "inner": 8, "context": 16, "pieces": 150, "batch": 8, "epochs": 1}
    model = LLM(**small, heldout=0.0, device="cpu", precision="float32", threads=1).fit(Corpus(lines))
    pairs = data / "similarity/en/EN-WS-353-ALL.txt"
    assert model.words.vocabulary.named("the") == "▁the"
    result = api.evaluate(model, [pairs])["results"][0]
    assert (result["pairs"], result["oov"]) == (353, "subword")
    assert result["covered"] == 353
    assert api.evaluate(model, [pairs], unknown="skip")["results"][0]["covered"] < 20
    model.save(tmp_path / "model")
    assert api.evaluate(tmp_path / "model", [pairs])["results"][0] == result
