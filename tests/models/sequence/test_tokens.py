"""What a network reads: one list of tokens a word, whatever the words are, and the text back again."""

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import Corpus
from wordfield.models.sequence.tokens import CAUSAL, Tokens, chosen, end_of, found
from wordfield.text import subwords
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary

TEXTS = [
    "the king rules the land and the queen rules the sea",
    "a cat drinks milk, a dog drinks water.",
    "国王统治着土地，女王统治着大海。",
    "我喜欢 machine learning 和 embeddings",
    "naïve café Straße ﬁne ＡＢＣ",
    "emoji 😀 👩‍👩‍👧 ok",
] * 5
ODD = {
    "english": "the king rules",
    "chinese": "国王统治大海。",
    "mixed": "我喜欢machine learning，和 café",
    "emoji": "a 😀 b 👩‍👩‍👧c",
    "combining marks": "cafe\u0301 e\u0301e\u0301 \u0301 国\u0301王",
    "ligatures and wide": "ﬁne ＡＢＣ ① ㎏",
    "cases": "İstanbul ΣΑΣ Straße İ a",
    "empty": "",
    "spaces": "  \t\u3000 ",
    "lines": "the king\nrules  the\r\nland",
    "unknown": "ξένος 日本 ok",
    "zeros and surrogates": "the\0king \ud800 rules",
}
GIVEN = {
    "words": ["the", "king", "rules"],
    "none": [],
    "an empty one": ["the", "", "king", "", ""],
    "spaces inside": ["new  york", " the ", "\t", "king"],
    "unknown": ["ξένος", "the", "日本"],
    "parts of one piece": ["国", "王", "统治"],
    "odd": ["İ", "ﬁne", "e\u0301", "\u0301", "😀", "\ud800", "a\0b"],
}


def tokens_of(**options):
    pieces = options.pop("pieces", 120)
    corpus = chosen(Corpus(TEXTS, **options), pieces, CAUSAL)
    with corpus.scan() as scan:
        return found(scan, 1, None, CAUSAL)


@pytest.fixture(scope="module")
def tokenizers():
    bpe = tokens_of()
    return {
        "bpe": bpe,
        "bpe, nfkc": Tokens(Tokenizer.of(bpe.tokenizer, nfkc=True), bpe.vocabulary, bpe.end),
        "bpe, lower case": Tokens(Tokenizer.of(bpe.tokenizer, True), bpe.vocabulary, bpe.end),
        "unigram": tokens_of(tokenizer=described(subwords.learn(TEXTS, 150, "unigram"))),
        "bytes": tokens_of(tokenizer=described(bytelevel())),
        "words": tokens_of(tokenizer="words"),
        "whitespace": tokens_of(tokenizer="whitespace"),
        "characters": tokens_of(tokenizer="characters"),
    }


def described(vocabulary):
    return Tokenizer("subwords", False, subwords=vocabulary, version=subwords.version(vocabulary))


def bytelevel():
    """A tokenizer.json of bytes, as those of GPT-2 and Llama 3 are."""
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    made.train_from_iterator(TEXTS, vocab_size=300, special_tokens=["<|endoftext|>"], show_progress=False)
    return made._tokenizer.to_str()


KINDS = ["bpe", "bpe, nfkc", "bpe, lower case", "unigram", "bytes", "words", "whitespace", "characters"]


@pytest.fixture(params=KINDS)
def tokens(request, tokenizers):
    return tokenizers[request.param]


def check(read, tokens):
    """One list of tokens a word, of which each has at least one; all tokens are rows, in the order of the text."""
    assert len(read.words) == len(read.tokens)
    assert all(read.tokens)
    assert all(0 <= row < len(tokens.vocabulary) for row in read.rows)
    for places in read.tokens:
        assert places == [*range(places[0], places[-1] + 1)]
    assert [each[0] for each in read.tokens] == sorted(each[0] for each in read.tokens)
    assert max((each[-1] for each in read.tokens), default=-1) < len(read.rows)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_each_word_of_a_text_has_tokens(tokens, text):
    read = tokens.read(text)
    check(read, tokens)
    if tokens.tokenizer.name == "subwords":
        assert "".join(read.words) == "".join(text.split()), "words are given as they stand"
    else:
        assert read.words == tokens.tokenizer.tokenize(text)
        assert len(read.rows) == len(read.words)


@pytest.mark.parametrize("words", GIVEN.values(), ids=GIVEN)
def test_each_word_given_has_tokens(tokens, words):
    read = tokens.read(words)
    check(read, tokens)
    assert read.words == words


@settings(max_examples=60, deadline=None)
@example("bpe", "ﬁne ﬁne")
@example("bytes", "é国😀")
@given(st.sampled_from(KINDS), st.text(st.sampled_from("ab the国王, 。\u0301\u3000İﬁ😀\u200dΣ\t"), max_size=12))
def test_any_text_has_tokens_for_each_word(tokenizers, kind, text):
    tokens = tokenizers[kind]
    check(tokens.read(text), tokens)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.text(st.sampled_from("ab 国王\u0301İﬁ😀▁"), max_size=3), max_size=5))
def test_any_words_have_tokens(tokenizers, kind, words):
    tokens = tokenizers[kind]
    read = tokens.read(words)
    check(read, tokens)
    assert read.words == words


def test_the_tokens_of_a_text_are_those_of_its_words(tokenizers):
    for kind in ("bpe", "unigram", "bytes"):
        tokens = tokenizers[kind]
        for text in TEXTS[:6]:
            read = tokens.read(text)
            assert read.rows == tokens.rows(text)
            others = {*range(len(read.rows))} - {place for each in read.tokens for place in each}
            assert {tokens.vocabulary.words[read.rows[place]] for place in others} <= {"▁"}, "only spaces are no word's"


def test_a_piece_of_two_words_counts_for_both(tokenizers):
    tokens = tokenizers["bpe"]
    read = tokens.read("国王统治")
    names = [tokens.vocabulary.words[row] for row in read.rows]
    assert read.words == ["国", "王", "统", "治"]
    for word, places in zip(read.words, read.tokens, strict=True):
        assert word in "".join(names[place] for place in places)
    assert len(names) < 5, "there are pieces of several characters"


def test_words_without_a_letter_stand_for_nothing_around_them(tokenizers):
    for kind in ("bpe", "unigram", "bytes"):
        tokens = tokenizers[kind]
        read, whole = tokens.read(["the", "", "king"]), tokens.rows("the king")
        rows = [[read.rows[place] for place in each] for each in read.tokens]
        assert rows[1] == [tokens.end if tokens.unknown is None else tokens.unknown]
        assert rows[0] == whole[: len(rows[0])]
        assert rows[2] == whole[-len(rows[2]) :]


def test_lower_case_changes_no_places(tokenizers):
    """İ is two characters in Python's lower case, one here."""
    tokens = tokenizers["bpe, lower case"]
    read = tokens.read("İİİİ THE KING")
    rows = [[read.rows[place] for place in each] for each in read.tokens]
    assert read.words == ["İİİİ", "THE", "KING"]
    assert rows[1:] == [tokens.rows("the"), tokens.rows("king")]


def test_unknown_words_have_the_row_for_them(tokenizers):
    tokens = tokenizers["words"]
    read = tokens.read("the ξένος king")
    assert read.words == ["the", "ξένος", "king"]
    assert read.rows[1] == tokens.unknown == 1
    assert 1 not in (read.rows[0], read.rows[2])


def test_words_that_are_no_text_are_refused(tokens):
    with pytest.raises(TypeError, match="words are str, not int: 7"):
        tokens.read(["the", 7])


LETTERS = sorted({letter for text in TEXTS for letter in unicodedata.normalize("NFKC", text)} - {" "})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.sampled_from(LETTERS), min_size=1, max_size=6), max_size=6))
def test_the_text_comes_back(tokenizers, words):
    text = " ".join(words)
    for kind in ("bpe", "bytes"):
        tokens = tokenizers[kind]
        if unicodedata.is_normalized("NFKC", text):
            assert tokens.text(tokens.rows(text)) == text


def test_ends_are_line_feeds(tokenizers):
    for kind in ("bpe", "bytes", "words"):
        tokens = tokenizers[kind]
        rows = [*tokens.rows("the king"), tokens.end, *tokens.rows("the sea")]
        assert tokens.text(rows) == "the king\nthe sea"
        assert tokens.text([]) == ""


def test_characters_stand_side_by_side(tokenizers):
    tokens = tokenizers["characters"]
    assert tokens.text(tokens.rows("我喜欢 machine learning 和")) == "我喜欢 machine learning 和"


def test_whole_words_are_in_the_order_of_their_frequency():
    tokens = tokens_of(tokenizer="whitespace")
    words, counts = tokens.vocabulary.words, tokens.vocabulary.counts
    assert words[:4] == ["<eos>", "<unk>", "the", "rules"]
    assert tokens.end == 0
    assert tokens.unknown == 1
    assert counts[:4].tolist() == [30, 0, 20, 10]
    assert (np.diff(counts[2:]) <= 0).all()


def test_rare_words_become_the_unknown_one():
    text = ["a a a b b c <unk>", "a <eos> d"]
    with chosen(Corpus(text, tokenizer="whitespace"), 10, CAUSAL).scan() as scan:
        tokens = found(scan, 2, None, CAUSAL)
        assert tokens.vocabulary.words == ["<eos>", "<unk>", "a", "b"]
        assert tokens.vocabulary.counts.tolist() == [3, 3, 4, 2], "what is called <unk> and <eos> in the text counts"
        assert found(scan, 1, 3, CAUSAL).vocabulary.words == ["<eos>", "<unk>", "a"]


def test_pieces_have_the_ids_of_their_file():
    tokens = tokens_of()
    names = subwords.Pieces(tokens.tokenizer.subwords).listed()
    assert tokens.vocabulary.words == names
    assert names[tokens.end] == "<eos>" == names[-1]
    assert len(names) <= 121
    assert tokens.vocabulary.counts[tokens.end] == len(TEXTS)
    total = sum(len(tokens.rows(text)) for text in TEXTS)
    assert tokens.vocabulary.counts.sum() == total + len(TEXTS)


def test_a_token_that_ends_a_text_is_taken_from_the_file():
    vocabulary = json.loads(subwords.learn(TEXTS, 100))
    vocabulary["added_tokens"].append({**vocabulary["added_tokens"][0], "id": 100, "content": "</s>"})
    text = json.dumps(vocabulary)
    tokens = tokens_of(tokenizer=described(text))
    assert tokens.vocabulary.words[tokens.end] == "</s>"
    assert "<eos>" not in tokens.vocabulary
    assert str(tokens.tokenizer.subwords) == text


def test_lists_of_words_are_taken_as_they_are():
    corpus = chosen(Corpus([["New York", "is", "big"]] * 3), 50, CAUSAL)
    with corpus.scan() as scan:
        assert found(scan, 1, None, CAUSAL).vocabulary.words == ["<eos>", "<unk>", "New York", "is", "big"]


def test_a_sentencepiece_model_is_refused(tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece", reason="needs the library SentencePiece")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_prefix=str(tmp_path / "pieces"), vocab_size=60, minloglevel=2
    )
    with pytest.raises(ValueError, match=r"a network needs a tokenizer\.json, which a SentencePiece model is not"):
        chosen(Corpus(TEXTS, tokenizer=tmp_path / "pieces.model"), 50, CAUSAL)


def test_the_end_is_what_the_configuration_says_or_what_is_called_so():
    vocabulary = Vocabulary(["a", "</s>", "b"])
    assert end_of(vocabulary, 2) == 2
    assert end_of(vocabulary, [2, 1]) == 2
    assert end_of(vocabulary, None) == 1
    assert end_of(vocabulary, 7) == 1
    with pytest.raises(ValueError, match=r'none of the 2 tokens ends a text: the config\.json has no "eos_token_id"'):
        end_of(Vocabulary(["a", "b"]), None)
