"""The layout of Llama: the same logits as ``transformers`` has, in both directions."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield.models.sequence import layouts, runnable  # noqa: E402
from wordfield.models.sequence.decoder import Decoder, Shape  # noqa: E402
from wordfield.models.sequence.language_model import LanguageModel  # noqa: E402
from wordfield.models.sequence.layouts import llama  # noqa: E402
from wordfield.models.sequence.llm import LLM  # noqa: E402
from wordfield.text import subwords  # noqa: E402

SHAPE = Shape(vocabulary=13, dim=12, layers=2, heads=2, groups=2, width=6, inner=10, context=16)
SHAPES = {
    "tied": SHAPE,
    "untied": replace(SHAPE, tied=False),
    "grouped": replace(SHAPE, heads=4, groups=2, base=5e5, epsilon=1e-5, tied=False),
}
TABLE, OUTPUT = "model.embed_tokens.weight", "lm_head.weight"
IDS = [[3, 0, 12, 3, 7, 1, 9, 2], [5, 5, 4, 11, 0, 8, 10, 6]]
TEXTS = ["the king rules the land", "the queen rules the sea", "a cat drinks milk"] * 4


@pytest.fixture(scope="module")
def transformers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("transformers", reason="needs the library transformers")


@pytest.fixture(params=SHAPES)
def shape(request):
    return SHAPES[request.param]


def drawn(decoder, seed=1):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.3, generator=generator)
    return decoder


def written(decoder):
    """The tensors of a checkpoint."""
    return layouts.tensors(decoder, llama.config(decoder.shape, 0))


def logits(network, ids):
    with torch.no_grad():
        found = network(torch.tensor(ids))
    return getattr(found, "logits", found).float().numpy()


def theirs(transformers, shape, seed=1):
    config = transformers.LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.dim,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.groups,
        head_dim=shape.width,
        max_position_embeddings=shape.context,
        rms_norm_eps=shape.epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": shape.base},
        tie_word_embeddings=shape.tied,
        bos_token_id=0,
        eos_token_id=0,
    )
    return drawn(transformers.LlamaForCausalLM(config), seed).eval()


def tokenizer_json(vocabulary):
    """A tokenizer.json of so many tokens, the first of which ends a text."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    names = ["<eos>", *(f"word{number}" for number in range(1, vocabulary))]
    made = Tokenizer(models.WordLevel({name: row for row, name in enumerate(names)}, unk_token="<eos>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made.to_str()


def test_the_configuration_there_and_back(shape):
    assert llama.network(llama.config(shape, 0), ()).shape == shape


def test_the_tensors_there_and_back(shape):
    decoder = drawn(Decoder(shape))
    again = layouts.read(llama.config(shape, 0), written(decoder))
    assert [*dict(again.named_parameters())] == [*dict(decoder.named_parameters())]
    assert all(torch.equal(one, other) for one, other in zip(again.parameters(), decoder.parameters(), strict=True))
    assert not again.training


def test_a_tied_table_is_one_tensor_among_the_tensors():
    decoder = Decoder(SHAPE)
    tensors = written(decoder)
    assert OUTPUT not in tensors
    assert np.shares_memory(tensors[TABLE], decoder.table.detach().numpy())
    assert sum(array.size for array in tensors.values()) == sum(weight.numel() for weight in decoder.parameters())


def test_ours_has_the_logits_of_transformers(transformers, shape):
    ours = drawn(Decoder(shape))
    model = theirs(transformers, shape, seed=2)
    config = transformers.LlamaConfig(**llama.config(shape, 0))
    assert config.rope_parameters["rope_theta"] == shape.base
    model = transformers.LlamaForCausalLM(config).eval()
    arrays = {name: torch.from_numpy(array.copy()) for name, array in written(ours).items()}
    if shape.tied:
        arrays[OUTPUT] = arrays[TABLE]
    model.load_state_dict(arrays, strict=True)
    assert np.abs(logits(ours, IDS)).max() > 1
    np.testing.assert_allclose(logits(model, IDS), logits(ours, IDS), rtol=0, atol=1e-4)


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_trained_here_is_loaded_there(transformers, tmp_path, tied):
    recipe = LLM(dim=12, layers=2, heads=2, context=8, batch=4, epochs=1, pieces=40, tied=tied, threads=1)
    model = recipe.fit(TEXTS)
    model.save(tmp_path / "model")
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert type(loaded).__name__ == "LlamaForCausalLM"
    assert loaded.config.tie_word_embeddings is tied
    tables = loaded.get_input_embeddings().weight, loaded.get_output_embeddings().weight
    assert (tables[0].data_ptr() == tables[1].data_ptr()) is tied
    ids = [model.tokens.rows("the king drinks")[:8]]
    np.testing.assert_allclose(logits(loaded, ids), logits(model.decoder, ids), rtol=0, atol=1e-4)
    cut = transformers.AutoTokenizer.from_pretrained(tmp_path / "model")
    assert cut("the king drinks", add_special_tokens=False)["input_ids"] == model.tokens.rows("the king drinks")
    assert cut.eos_token_id == model.tokens.end
    again = LanguageModel.load(tmp_path / "model")
    assert again.tied is tied
    np.testing.assert_array_equal(logits(again.decoder, ids), logits(model.decoder, ids))


def test_a_tied_table_is_written_once(tmp_path):
    safetensors = pytest.importorskip("safetensors", reason="needs the library safetensors")
    recipe = LLM(dim=12, layers=1, heads=2, context=8, batch=4, epochs=1, pieces=40, threads=1)
    recipe.fit(TEXTS).save(tmp_path / "model")
    with safetensors.safe_open(tmp_path / "model" / "model.safetensors", "numpy") as stored:
        assert TABLE in stored.keys()  # noqa: SIM118 - the file is no mapping
        assert OUTPUT not in stored.keys()  # noqa: SIM118


def test_theirs_is_loaded_here(transformers, tmp_path, shape):
    model = theirs(transformers, shape)
    model.save_pretrained(tmp_path / "theirs")
    (tmp_path / "theirs" / "tokenizer.json").write_text(tokenizer_json(shape.vocabulary), "utf-8")
    ours = LanguageModel.load(tmp_path / "theirs")
    assert ours.decoder.shape == shape
    assert ours.tied is shape.tied
    np.testing.assert_allclose(logits(ours.decoder, IDS), logits(model, IDS), rtol=0, atol=1e-4)
    with torch.no_grad():
        expected = model(torch.tensor([[0, *IDS[0]]]), output_hidden_states=True).hidden_states
    words = [f"word{row}" if row else "<eos>" for row in IDS[0]]
    for layer in range(shape.layers + 1):
        found = ours.embed_words(words, layer)
        assert found[0] == words
        np.testing.assert_allclose(found[1], expected[layer][0, 1:], rtol=0, atol=1e-4)


def test_the_loss_is_that_of_transformers(transformers):
    model = theirs(transformers, SHAPE)
    ours = layouts.read(model.config.to_dict(), {name: weight.numpy() for name, weight in model.state_dict().items()})
    ids = torch.tensor(IDS)
    with torch.no_grad():
        assert ours.losses(ids).mean().item() == pytest.approx(model(ids, labels=ids).loss.item(), abs=1e-5)


def test_half_the_precision_is_read(shape):
    decoder = drawn(Decoder(shape))
    halves = {name: array.astype(np.float16) for name, array in written(decoder).items()}
    again = layouts.read(llama.config(shape, 0), halves)
    assert again.table.dtype == torch.float32
    np.testing.assert_allclose(logits(again, IDS), logits(decoder, IDS), atol=0.02)


def test_a_missing_tensor_is_named():
    tensors = written(Decoder(SHAPE))
    del tensors["model.layers.1.self_attn.k_proj.weight"]
    with pytest.raises(ValueError, match=r"no tensor 'model\.layers\.1\.self_attn\.k_proj\.weight'.* llama needs"):
        layouts.read(llama.config(SHAPE, 0), tensors)


def test_an_untied_checkpoint_needs_its_output_table():
    config = llama.config(replace(SHAPE, tied=False), 0)
    with pytest.raises(ValueError, match=r"no tensor 'lm_head\.weight'"):
        layouts.read(config, written(Decoder(SHAPE)))


@pytest.mark.parametrize(
    "name", ["model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight", "model.norm.weight"]
)
def test_a_tensor_of_another_shape_is_named(name):
    tensors = written(Decoder(SHAPE))
    tensors[name] = tensors[name][1:]
    with pytest.raises(ValueError, match=rf"'{name}' \(\d+,.*by config.json they are \("):
        layouts.read(llama.config(SHAPE, 0), tensors)


@pytest.mark.parametrize("layers", [None, "2", 0, 1.5])
def test_a_configuration_without_layers_is_refused(layers):
    config = llama.config(SHAPE, 0) | {"num_hidden_layers": layers}
    with pytest.raises(ValueError, match=rf'the entry "num_hidden_layers" is {layers!r}; a whole number is needed'):
        layouts.read(config, written(Decoder(SHAPE)))


def test_what_can_be_run_is_known_by_its_configuration(transformers):
    config = llama.config(SHAPE, 0)
    assert runnable(config)
    assert runnable(theirs(transformers, SHAPE).config.to_dict())
    assert not runnable({})
    assert not runnable(config | {"model_type": "gpt2"})
    assert not runnable(config | {"hidden_act": "gelu"})
    assert not runnable(config | {"attention_bias": True})
    assert not runnable(config | {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}})
    assert not runnable(config | {"rope_scaling": {"type": "linear", "factor": 2.0}})
    assert not runnable(config | {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}})
    assert runnable(config | {"rope_scaling": None, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}})


def test_older_configurations_leave_out_what_is_usual():
    needed = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    config = {name: value for name, value in llama.config(SHAPE, 0).items() if name in needed}
    assert llama.network(config, ()).shape == replace(SHAPE, context=2048, tied=False)
    assert llama.network(config | {"rope_theta": 5e5}, ()).shape.base == 5e5
    assert llama.network(config | {"rope_parameters": {"rope_theta": 1e6}}, ()).shape.base == 1e6


def test_the_configuration_is_json(shape):
    assert json.loads(json.dumps(llama.config(shape, 3))) == llama.config(shape, 3)
    assert subwords.Pieces(tokenizer_json(5)).listed()[0] == "<eos>"
