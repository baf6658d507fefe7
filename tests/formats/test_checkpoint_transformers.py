"""Checkpoints that transformers has written are read, and transformers loads those that are written here: tables,
tensors, what the network says, and how text is cut.
"""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

import wordfield as wf
from formats.checkpoints import byte_level
from wordfield import formats
from wordfield.formats import Table
from wordfield.formats.table import Network
from wordfield.storage import BFloat16, Dense
from wordfield.text.tokenizers import Tokenizer

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="the library that cuts text into tokens is not installed")

TEXTS = ["the king rules the land\n", "你好 the queen", "naïve ☃ 's", "  two  spaces "]
NARROW = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16, "intermediate_size": 24}
PADDING = 6


@pytest.fixture(scope="module")
def text():
    return json.dumps(byte_level([" the", " king", "你好", " queen", " rules"], ["<|endoftext|>"]))


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """It speaks of every step, and warns of numbers that small networks do not have."""
    before = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    yield
    transformers.utils.logging.set_verbosity(before)


def made(kind, rows):
    torch.manual_seed(1)
    if kind == "gpt2":
        sizes = {
            "n_embd": 16,
            "n_layer": 2,
            "n_head": 2,
            "n_positions": 32,
            "bos_token_id": rows - 1,
            "eos_token_id": rows - 1,
        }
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=rows, **sizes))
    if kind == "llama":
        config = transformers.LlamaConfig(vocab_size=rows + PADDING, tie_word_embeddings=False, **NARROW)
        return transformers.LlamaForCausalLM(config)
    narrow = NARROW | {"num_key_value_heads": 1, "head_dim": 8}
    config = transformers.Qwen3Config(vocab_size=rows + PADDING, tie_word_embeddings=True, **narrow)
    return transformers.Qwen3ForCausalLM(config).to(torch.bfloat16)


@pytest.fixture(scope="module", params=["gpt2", "llama", "qwen3"])
def theirs(request, text, tmp_path_factory):
    """A network, and where it and its tokenizer were saved, of several files where it is no GPT-2."""
    folder = tmp_path_factory.mktemp(request.param) / "model"
    fast = tokenizer_of(text)
    model = made(request.param, len(fast)).eval()
    model.save_pretrained(folder, **({} if request.param == "gpt2" else {"max_shard_size": "12KB"}))
    fast.save_pretrained(folder)
    assert (folder / "model.safetensors.index.json").exists() == (request.param != "gpt2")
    return model, folder


def tokenizer_of(text):
    library = tokenizers.Tokenizer.from_str(text)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=library, eos_token="<|endoftext|>")


def numbers(parameter):
    return parameter.detach().float().numpy()


def test_tables_and_tensors_are_exactly_theirs(theirs, text):
    model, folder = theirs
    table = formats.load(folder)
    count = len(tokenizer_of(text))
    assert len(table.words) == count
    np.testing.assert_array_equal(
        table.storage.take(range(count)), numbers(model.get_input_embeddings().weight)[:count]
    )
    tied = model.config.tie_word_embeddings
    assert (table.network.output is None) == tied
    if not tied:
        head = numbers(model.get_output_embeddings().weight)[:count]
        np.testing.assert_array_equal(table.network.output.take(range(count)), head)
    state = model.state_dict()
    assert set(table.network.tensors) == set(state) - ({"lm_head.weight"} if tied else set())
    for name, array in table.network.tensors.items():
        np.testing.assert_array_equal(array, numbers(state[name]))
    assert isinstance(table.storage, BFloat16 if model.dtype == torch.bfloat16 else Dense)


def test_what_is_told_of_a_network_is_what_it_is(theirs):
    model, folder = theirs
    told = formats.architecture.about(
        *(lambda table: (table.network, len(table.words), table.storage))(formats.load(folder))
    )
    assert told["architecture"] == model.config.model_type
    assert told["layers"] == 2
    assert told["tied"] == model.config.tie_word_embeddings
    assert told["dtype"] == str(model.dtype).removeprefix("torch.")
    assert told["parameters"] == sum(each.numel() for each in model.parameters())
    assert told["padding_rows"] == (0 if model.config.model_type == "gpt2" else PADDING)


def test_what_is_written_again_says_the_same(theirs, text, tmp_path):
    model, folder = theirs
    formats.save(formats.load(folder), tmp_path / "again")
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "again").eval()
    fast, ours = tokenizer_of(text), transformers.AutoTokenizer.from_pretrained(tmp_path / "again")
    assert ours.eos_token == "<|endoftext|>"
    for each in TEXTS:
        ids = fast(each).input_ids
        assert ours(each).input_ids == ids
        with torch.no_grad():
            one, other = (network(torch.tensor([ids])).logits for network in (again, model))
        exact = model.dtype == torch.float32  # where memory begins changes how sums of bfloat16 are rounded
        torch.testing.assert_close(one, other, rtol=0 if exact else 2e-2, atol=0 if exact else 2e-3)
    for name, parameter in again.named_parameters():
        assert torch.equal(parameter, model.get_parameter(name))


def test_text_is_cut_here_as_there(theirs, text):
    _, folder = theirs
    model, fast = wf.load(folder), tokenizer_of(text)
    tokenizer = Tokenizer.described(formats.load(folder).config["tokenizer"])
    for each in TEXTS:
        rows = [model.words.key_to_index[word] for word in tokenizer.pieces_of(each)]
        assert rows == fast(each).input_ids


LINES = {"whitespace": "ptb", "words": "enwiki100m.txt", "characters": "zhwiki50m.txt"}


@pytest.mark.data
@pytest.mark.parametrize("name", LINES)
def test_whole_words_get_the_same_rows_on_real_text(data, tmp_path, name):
    path = data / "corpora" / LINES[name]
    path = next(iter(sorted(path.glob("*valid*")))) if path.is_dir() else path
    with path.open("rb") as stream:
        text = stream.read(200_000).decode(errors="ignore").rpartition("\n")[0]
    tokenizer = Tokenizer.of(name)
    found = tokenizer.tokenize(text)
    words = [
        "<eos>",
        "<unk>",
        *dict.fromkeys(word for word in found[: len(found) // 2] if word not in ("<eos>", "<unk>")),
    ]
    matrix = np.random.default_rng(1).standard_normal((len(words), 32)).astype(np.float32)
    config = {"model_type": "llama", "vocab_size": len(words), "hidden_size": 32, "tie_word_embeddings": True}
    network = Network(config | {"eos_token_id": 0}, {"model.embed_tokens.weight": matrix})
    table = Table(words, Dense(matrix), config={"tokenizer": tokenizer.describe()}, network=network)
    formats.save(table, tmp_path / "model")
    fast = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    index = {word: row for row, word in enumerate(words)}
    rows = [index.get(word, 1) for word in found]
    assert fast(text, add_special_tokens=False).input_ids == rows
    assert 0 < rows.count(1) < len(rows) / 2
    assert (fast.eos_token, fast.unk_token) == ("<eos>", "<unk>")
    assert formats.load(tmp_path / "model").words == words
