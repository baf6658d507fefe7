"""Pieces of words: learnt here or elsewhere, cut as the library cuts them, kept with the model."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wordfield as wf
from wordfield.text.corpus import Corpus
from wordfield.text.subwords import LETTERS, Pieces, added, learn, names, read, readable, written
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary

tokenizers = pytest.importorskip("tokenizers")
LINES = ["the lowest and the newest", "lower and newer, widest and wider", "我喜欢自然语言处理", "Ｆull ﬁne"] * 20


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def vocabulary(request):
    return learn(LINES, 80, request.param)


@pytest.fixture
def path(vocabulary, tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text(vocabulary, "utf-8")
    return file


def test_learnt_pieces_are_pieces_of_the_text(vocabulary):
    pieces = Pieces(vocabulary)
    assert 20 < len(pieces) <= 80
    (found,) = pieces.tokenize_lines(["the newest and widest"])
    assert "".join(found) == "▁the▁newest▁and▁widest"
    assert pieces.text(found) == "the newest and widest"
    assert pieces.tokenize_lines(["", "  "]) == [[], []]
    assert pieces.tokenize_lines(["Ｆull"]) == pieces.tokenize_lines(["Full"])


KNOWN = "the lowest and newest wider 我 喜欢 自然 语言 处理 full fine"
WORDS = st.lists(st.sampled_from(KNOWN.split()), max_size=20)


@settings(deadline=None)
@given(words=WORDS)
def test_decoding_gives_the_text_back(vocabulary, words):
    text, pieces = " ".join(words), Pieces(vocabulary)
    assert pieces.text(pieces.tokenize_lines([text])[0]) == text


TEXT = st.text(st.one_of(st.sampled_from("the newest 我喜欢自然 \n\0\t"), st.characters()), max_size=40)


@settings(deadline=None, max_examples=60)
@given(text=TEXT)
def test_a_scan_finds_what_the_library_finds(tmp_path_factory, vocabulary, text):
    path = tmp_path_factory.getbasetemp() / "pieces.txt"
    path.write_bytes(text.encode(errors="replace"))
    tokenizer = Tokenizer("subwords", False, subwords=vocabulary)
    corpus = Corpus(path, tokenizer=tokenizer)
    library = tokenizers.Tokenizer.from_str(vocabulary)
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode().replace("\0", " ").split("\n")
    expected = [[library.id_to_token(id_) for id_ in ids] for line in lines if (ids := library.encode(line).ids)]
    assert list(corpus) == expected
    with corpus.scan(block=20) as scan:
        words = Vocabulary(list(scan.words_seen))
        assert list(scan.encode(words).decode(words)) == expected


def test_a_model_keeps_its_pieces(path, tmp_path):
    corpus = Corpus(LINES, tokenizer=path)
    model = wf.Word2Vec(dim=8, epochs=1, min_count=1, threads=1).fit(corpus)
    model.save(tmp_path / "model")
    path.unlink()
    again = wf.load(tmp_path / "model")
    assert again.tokenizer == model.tokenizer == corpus.tokenizer
    assert again.embed(["the lowest newest"]).any()
    assert again.info()["tokenizer"]["subwords"].startswith("a tokenizer.json of ")
    assert again.info()["tokenizer"]["version"] == f"tokenizers {tokenizers.__version__}"


def test_the_command_writes_what_train_takes(run, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(LINES), "utf-8")
    out = tmp_path / "pieces.json"
    told = json.loads(run("subwords", text, "--out", out, "--size", "60", "--json").out)
    assert told == {"out": str(out), "kind": "bpe", "pieces": 60}
    small = ["--dim", "4", "--epochs", "1", "--min-count", "1", "--threads", "1"]
    assert run("train", "word2vec", text, "--out", tmp_path / "m", "--tokenizer", out, *small).status == 0
    assert json.loads(run("info", tmp_path / "m", "--json").out)["tokenizer"]["name"] == "subwords"


def test_a_tokenizer_of_bert_cuts_as_it_does(data):
    path = data / "fixtures/bert/bert-uncased-tokenizer.json"
    library = tokenizers.Tokenizer.from_file(str(path))
    tokenizer = Tokenizer.of(path)
    lines = (data / "corpora/enwiki100m.txt").read_bytes()[:200_000].decode().split("\n")
    for line in [*lines, "Élan naïve 中文 unaffable"]:
        assert tokenizer.tokenize(line) == library.encode(line, add_special_tokens=False).tokens


def test_a_model_of_sentencepiece_cuts_as_it_does(data):
    sentencepiece = pytest.importorskip("sentencepiece")
    path = data / "fixtures/bpemb/en.wiki.bpe.vs1000.model"
    library = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tokenizer = Tokenizer.of(path)
    assert tokenizer.version.startswith("sentencepiece ")
    assert Tokenizer.described(json.loads(json.dumps(tokenizer.describe()))) == tokenizer
    lines = (data / "corpora/enwiki100m.txt").read_bytes()[:200_000].decode().split("\n")
    for line in lines:
        assert tokenizer.tokenize(line) == library.encode(line, out_type=str)
    pieces = Pieces(read(path))
    assert len(pieces) == 1000
    assert pieces.text(pieces.tokenize_lines(["hello world"])[0]) == "hello world"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.txt", b"just text"),
        ("empty.model", b""),
        ("tokenizer.json", b'{"model": 1}'),
        ("cut.json", b'{"version"'),
    ],
)
def test_a_file_without_a_vocabulary_is_named(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: n(either|ot) a tokenizer.json"):
        Tokenizer.of(path)


def test_a_vocabulary_is_asked_for_by_its_file():
    with pytest.raises(ValueError, match=r"unknown tokenizer 'subwords'; choose one of: words, .*; or name a file"):
        Tokenizer.of("subwords")
    with pytest.raises(ValueError, match="needs a vocabulary"):
        Tokenizer("subwords", False)


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (LINES, {"size": 1}, "size must be at least 2"),
        (LINES, {"kind": "syllables"}, "kind must be one of bpe, unigram, wordpiece, not 'syllables'"),
        ([], {}, "the lines have no text"),
        (["", " "], {}, "the lines have no text"),
        (LINES, {"size": 3, "kind": "unigram"}, "no vocabulary of 3 pieces could be learnt from 80 lines"),
    ],
)
def test_what_cannot_be_learnt_is_said(lines, options, message):
    with pytest.raises(ValueError, match=message):
        learn(lines, **options)


def test_an_error_of_the_lines_passes_through():
    def lines():
        yield "text"
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        learn(lines())


def test_missing_libraries_are_named(monkeypatch, path):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"needs the library tokenizers.* pip install 'wordfield\[subwords\]'"):
        Tokenizer.of(path)
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    (path.parent / "a.model").write_bytes(b"\n\x0f")
    with pytest.raises(ImportError, match=r"needs the library sentencepiece.* pip install 'wordfield\[subwords\]'"):
        Tokenizer.of(path.parent / "a.model")


BYTES = st.binary(min_size=1, max_size=12)


@given(data=BYTES | st.text(min_size=1, max_size=6).map(lambda text: text.encode(errors="replace")))
def test_tokens_of_bytes_have_names_that_lead_back(data):
    token = "".join(LETTERS[byte] for byte in data)
    name = readable(token)
    assert not any(character.isspace() for character in name)
    if "▁".encode() not in data and b"<0x" not in data:
        assert written(name) == token
    if data.isascii() and data.decode().isprintable():
        assert name == data.decode().replace(" ", "▁")


@given(tokens=st.lists(BYTES | st.sampled_from([b" a", "▁a".encode(), b"<0xE4>", b"\xe4", b"\n"]), unique=True))
def test_no_two_tokens_are_called_alike(tokens):
    raw = ["".join(LETTERS[byte] for byte in data) for data in tokens]
    found = names(raw, ["▁a"], {"decoder": {"type": "Sequence", "decoders": [{"type": "ByteLevel"}]}})
    assert len(set(found)) == len(found) == len(raw)
    assert names([*raw, "▁a"], ["▁a"], {"decoder": {"type": "ByteLevel"}}).count("▁a") == 1
    assert names(raw, [], {"pre_tokenizer": {"type": "Metaspace"}, "decoder": None}) == raw


def test_what_is_not_made_of_bytes_is_called_as_it_is():
    given = {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split"}, {"type": "ByteLevel"}]}}
    assert readable("Ġ你") == "Ġ你"
    assert names(["Ġ你", "Ġa", "<s>"], ["<s>"], given) == ["Ġ你", "▁a", "<s>"]
    assert names([], [], given) == []
    assert readable("ĠthÃ©") == "▁thé"


def test_pieces_of_bytes_are_called_by_their_text():
    parts = tokenizers
    made = parts.Tokenizer(parts.models.BPE())
    made.pre_tokenizer, made.decoder = (
        parts.pre_tokenizers.ByteLevel(add_prefix_space=False),
        parts.decoders.ByteLevel(),
    )
    trainer = parts.trainers.BpeTrainer(
        vocab_size=340,
        initial_alphabet=parts.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        special_tokens=["<s>"],
    )
    made.train_from_iterator(LINES, trainer)
    pieces = Pieces(made.to_str())
    text = "the newest 我喜欢 ☃\n<s>"
    (found,) = pieces.tokenize_lines([text])
    assert found[:2] == ["the", "▁newest"]
    assert found[-5:] == ["<0xE2>", "<0x98>", "<0x83>", "<0x0A>", "<s>"]
    assert pieces.text(found) == text
    assert added(made.to_str()) == ["<s>"]
