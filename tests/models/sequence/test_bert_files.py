"""Checkpoints with the vocabularies of real BERTs: text is cut as ``transformers`` cuts it, token for token, and read
as there, whatever it holds.
"""

import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import api, load  # noqa: E402

VOCABULARIES = {"zh": "bert-base-chinese-vocab.txt", "en": "bert-uncased-tokenizer.json"}
CORPORA = {"zh": "zhwiki50m.txt", "en": "enwiki100m.txt"}
ODD = [
    "",
    "   ",
    "An emoji 😀 and a rare character \U0002a6d6 here",
    "Ünïcödé, naïve café; e\u0301 ﬁ Ａ １２３",
    "[CLS] typed [MASK] by [SEP] hand",
    "tabs\tand\u00a0spaces\u200b and a \x07 bell \ufffd",
    "中文English混排2023年，「引号」。日本語カナ 한국어",
    "pneumonoultramicroscopicsilicovolcanoconiosis" * 4,
    "don't stop: 3.14% of $5 -- e-mail@example.org",
]


@pytest.fixture(scope="module")
def transformers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("transformers", reason="needs the library transformers")


@pytest.fixture(scope="module", params=["zh", "en"])
def folder(request, transformers, tmp_path_factory, data):
    """A checkpoint of random weights with a real vocabulary, and its language."""
    vocabulary = data / "fixtures" / "bert" / VOCABULARIES[request.param]
    if not vocabulary.is_file():
        pytest.skip("no vocabularies of BERT in the folder of real data")
    path = tmp_path_factory.mktemp("bert") / request.param
    size = 21128 if request.param == "zh" else 30522
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    torch.manual_seed(1)
    made = transformers.BertForMaskedLM(transformers.BertConfig(vocab_size=size, max_position_embeddings=64, **sizes))
    made.save_pretrained(path)
    name = "vocab.txt" if request.param == "zh" else "tokenizer.json"
    (path / name).write_bytes(vocabulary.read_bytes())
    return request.param, path, data / "corpora" / CORPORA[request.param]


def theirs(transformers, folder):
    language, path, _ = folder
    if language == "zh":
        return transformers.BertTokenizer(vocab=str(path / "vocab.txt"))
    names = {
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
    }
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(path / "tokenizer.json"), **names)


@pytest.mark.data
def test_text_is_cut_token_for_token_as_there(transformers, folder):
    cut, model = theirs(transformers, folder), load(folder[1])
    with folder[2].open(encoding="utf-8") as stream:
        lines = [line.rstrip("\n") for line in islice(stream, 10_000)] + ODD
    expected = cut(lines, add_special_tokens=False)["input_ids"]
    index = model.tokens.vocabulary.index
    found = model.tokenizer.pieces.tokenize_lines(lines)
    assert sum(map(len, expected)) > 100_000
    for line, rows, pieces in zip(lines, expected, found, strict=True):
        assert [index[piece] for piece in pieces] == rows, line


@pytest.mark.data
def test_hidden_states_are_those_of_transformers(transformers, folder):
    cut, model = theirs(transformers, folder), load(folder[1])
    network = transformers.AutoModelForMaskedLM.from_pretrained(folder[1]).eval()
    with folder[2].open(encoding="utf-8") as stream:
        lines = [line[:60] for line in islice(stream, 40) if line.strip()] + [line for line in ODD if line.strip()]
    for line in lines:
        asked = cut(line, return_tensors="pt", truncation=True, max_length=64)
        with torch.no_grad():
            states = network(asked["input_ids"], output_hidden_states=True).hidden_states
        if asked["input_ids"].shape[1] < 64:
            rows = model.tokens.rows(line)
            assert rows == asked["input_ids"][0, 1:-1].tolist()
            for layer, state in enumerate(states):
                np.testing.assert_allclose(model.states([rows], layer)[0], state[0, 1:-1], rtol=0, atol=1e-4)


@pytest.mark.data
def test_every_word_as_given_has_one_vector(folder):
    model = load(folder[1])
    for line in ODD:
        words, vectors = model.embed_words(line)
        assert vectors.shape == (len(words), 16)
        assert "".join(words).split() == "".join(line.split()).split()
        given = line.split() or ["x"]
        words, vectors = model.embed_words(given)
        assert words == given
        assert len(vectors) == len(given)
        assert np.isfinite(vectors).all()
        assert np.any(vectors, axis=1).all()
    assert model.embed_words("")[1].shape == (0, 16)
    assert not model.embed([""]).any()


@pytest.mark.data
def test_a_line_longer_than_the_positions_is_read_in_windows(folder):
    model = load(folder[1])
    with folder[2].open(encoding="utf-8") as stream:
        line = max(islice(stream, 50), key=len)
    rows = model.tokens.rows(line)
    assert len(rows) > 3 * 62
    found = model.states([rows])[0]
    for first in (0, 31, 62):
        alone = model.states([rows[first : first + 62]])[0]
        middle = slice(0 if first == 0 else 16, 46)
        np.testing.assert_allclose(found[first:][middle], alone[middle], rtol=0, atol=1e-5)
    assert np.any(found, axis=1).all()
    batch = model.states([rows, rows[:5], rows[:40], rows[3:8]])
    np.testing.assert_allclose(batch[0], found, rtol=0, atol=1e-5)
    np.testing.assert_allclose(batch[3], model.states([rows[3:8]])[0], rtol=0, atol=1e-5)


def test_which_pieces_and_layers_count(folder):
    model = load(folder[1])
    word = ["北京大学"] if folder[0] == "zh" else ["unaffable"]
    rows = model.tokens.rows(word[0])
    assert len(rows) > 1
    every = [model.states([rows], layer)[0] for layer in range(3)]
    for pooling, expected in (("mean", every[2].mean(axis=0)), ("first", every[2][0]), ("last", every[2][-1])):
        np.testing.assert_allclose(model.embed_words(word, -1, pooling)[1][0], expected, atol=1e-6)
    mixed = model.embed_words(word, [0, -1])[1][0]
    np.testing.assert_allclose(mixed, (every[0] + every[2]).mean(axis=0) / 2, atol=1e-6)
    with pytest.raises(ValueError, match="layer must be from -3 to 2, not 3"):
        model.embed_words(word, 3)
    with pytest.raises(ValueError, match="pooling must be one of last, first, mean"):
        model.embed_words(word, pooling="max")


def test_numbers_of_sixteen_bits_are_near(folder):
    path = folder[1]
    texts = ["一个人在骑马", "孩子"] if folder[0] == "zh" else ["a plane is taking off", "a man"]
    exact, low = api.embed(path, texts), api.embed(path, texts, precision="bfloat16")
    assert 0 < abs(exact - low).max() < 0.05
    with pytest.raises(ValueError, match="precision must be one of auto, float32, bfloat16"):
        api.embed(path, texts, precision="int8")


def test_what_the_network_is_not_is_said(folder, transformers, tmp_path):
    path = folder[1]
    with pytest.raises(ValueError, match=r"is no language model that can be run here.*; this is a 'bert'"):
        api.generate(path, "a")
    with pytest.raises(ValueError, match=r"the text has no \[MASK\]"):
        api.fill(path, "a")
    with pytest.raises(ValueError, match="tokens, the network reads 62"):
        api.fill(path, "a " * 80 + "[MASK]")
    other = transformers.ElectraModel(
        transformers.ElectraConfig(
            vocab_size=21128 if folder[0] == "zh" else 30522,
            embedding_size=8,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
        )
    )
    other.save_pretrained(tmp_path / "other")
    for name in ("vocab.txt", "tokenizer.json"):
        if (path / name).is_file():
            (tmp_path / "other" / name).write_bytes((path / name).read_bytes())
    assert load(tmp_path / "other").words.dim == 8, "its table is read"
    with pytest.raises(ValueError, match=r"is no masked language model.*; this is a 'electra'"):
        api.fill(tmp_path / "other", "a [MASK]")


def test_a_vocabulary_without_a_mask_embeds_and_does_not_guess(folder, tmp_path):
    from shutil import copytree

    language, path, _ = folder
    copy = Path(copytree(path, tmp_path / "copy"))
    file = copy / ("vocab.txt" if language == "zh" else "tokenizer.json")
    file.write_text(file.read_text("utf-8").replace("[MASK]", "[BLANK]"), "utf-8")
    model = load(copy)
    assert model.embed(["a"]).any()
    with pytest.raises(ValueError, match=r"the vocabulary has no \[MASK\] token, nor <mask>"):
        model.fill("a [MASK]")


@pytest.mark.data
def test_a_roberta_of_joined_bytes_cuts_text_as_there(transformers, data, tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="needs the library tokenizers")
    lines = []
    for name in CORPORA.values():
        with (data / "corpora" / name).open(encoding="utf-8") as stream:
            lines += [line.rstrip("\n") for line in islice(stream, 1000)]
    made = tokenizers.ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator(
        lines[:300] + lines[1000:1300], vocab_size=3000, special_tokens=special, show_progress=False
    )
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    network = transformers.RobertaForMaskedLM(transformers.RobertaConfig(vocab_size=made.get_vocab_size(), **sizes))
    network.eval().save_pretrained(tmp_path)
    made.save_model(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} >= {"vocab.json", "merges.txt"}
    cut = transformers.RobertaTokenizer(vocab=str(tmp_path / "vocab.json"), merges=str(tmp_path / "merges.txt"))
    model = load(tmp_path)
    for line in lines + [line for line in ODD if "[MASK]" not in line]:
        assert model.tokens.rows(line) == cut(line, add_special_tokens=False)["input_ids"], line
    asked = cut(lines[0][:200], return_tensors="pt")
    with torch.no_grad():
        state = network(asked["input_ids"], output_hidden_states=True).hidden_states[-1][0, 1:-1]
    np.testing.assert_allclose(model.states([model.tokens.rows(lines[0][:200])])[0], state, rtol=0, atol=1e-4)
    assert len(model.fill("the [MASK] of", 3)[0]) == 3
    (tmp_path / "merges.txt").write_text("a b c\n", "utf-8")
    with pytest.raises(ValueError, match="line 1: two tokens are needed, not a b c"):
        load(tmp_path)
