"""The layouts of BERT, RoBERTa, DistilBERT and ModernBERT: the same hidden states and guesses as ``transformers`` has,
in both directions.
"""

import json
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import load  # noqa: E402
from wordfield.models.sequence import layouts, runnable  # noqa: E402
from wordfield.models.sequence.encoder import Encoder, Packed, Shape  # noqa: E402
from wordfield.models.sequence.layouts import bert, modernbert  # noqa: E402
from wordfield.models.sequence.specials import Specials  # noqa: E402

SIZES = {"vocab_size": 31, "num_hidden_layers": 3, "num_attention_heads": 2}
WIDE = {"hidden_size": 12, "intermediate_size": 20, "max_position_embeddings": 40}
IDS = [[2, 7, 9, 12, 30, 5, 8, 11, 6, 3], [2, 5, 5, 14, 3], [2, 29, 6, 8, 3], [2, 3]]
NAMES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="module")
def transformers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("transformers", reason="needs the library transformers")


KINDS = {
    "bert": ("Bert", WIDE),
    "bert of another activation": ("Bert", WIDE | {"hidden_act": "gelu_new", "type_vocab_size": 3}),
    "roberta": ("Roberta", WIDE | {"pad_token_id": 1, "type_vocab_size": 1}),
    "distilbert": ("DistilBert", {"dim": 12, "hidden_dim": 20, "n_heads": 2, "n_layers": 3, "vocab_size": 31}),
    "modernbert": ("ModernBert", WIDE | {"local_attention": 4}),
    "modernbert that sees all": ("ModernBert", WIDE | {"layer_types": ["full_attention"] * 3}),
}


@pytest.fixture(params=KINDS)
def theirs(transformers, request):
    """A network of the library with weights of no meaning."""
    name, given = KINDS[request.param]
    sizes = {} if name == "DistilBert" else SIZES
    more = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    more = more if name == "ModernBert" else {}
    config = getattr(transformers, f"{name}Config")(**sizes | more | given)
    made = getattr(transformers, f"{name}ForMaskedLM")(config).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.3, generator=generator)
    return made


def tokenizer_json(count):
    """A tokenizer.json of so many tokens, those that are no text before them."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    names = [*NAMES, *(f"word{number}" for number in range(len(NAMES), count))]
    made = Tokenizer(models.WordLevel({name: row for row, name in enumerate(names)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return made.to_str()


def packed(texts):
    return Packed.of(torch.tensor([row for rows in texts for row in rows]), [len(rows) for rows in texts])


def hidden(theirs, rows):
    """The hidden states of the library for one text, and its logits."""
    with torch.no_grad():
        found = theirs(torch.tensor([rows]), output_hidden_states=True)
    return [each[0] for each in found.hidden_states], found.logits[0]


def test_theirs_is_loaded_here(theirs, tmp_path):
    theirs.save_pretrained(tmp_path / "theirs")
    (tmp_path / "theirs" / "tokenizer.json").write_text(tokenizer_json(31), "utf-8")
    ours = load(tmp_path / "theirs")
    assert ours.encoder.shape.layers == 3
    with torch.inference_mode():
        states = ours.encoder.states(packed(IDS))
        logits = ours.encoder.guess(states[-1])
    at = 0
    for rows in IDS:
        expected, guesses = hidden(theirs, rows)
        some = slice(at, at + len(rows))
        for state, each in zip(states, expected, strict=True):
            np.testing.assert_allclose(state[some], each, rtol=0, atol=1e-4)
        np.testing.assert_allclose(logits[some], guesses, rtol=0, atol=1e-4)
        at += len(rows)
    assert logits.abs().max() > 1
    text = " ".join(f"word{row}" for row in IDS[0][1:-1])
    words, vectors = ours.embed_words(text)
    np.testing.assert_allclose(vectors, hidden(theirs, IDS[0])[0][-1][1:-1], rtol=0, atol=1e-4)
    assert words == text.split()
    np.testing.assert_allclose(ours.embed([text, "word5"])[0], vectors.mean(axis=0), rtol=0, atol=1e-6)


def test_a_network_without_a_head_reads_and_does_not_guess(transformers, tmp_path):
    theirs = transformers.BertModel(transformers.BertConfig(**SIZES, **WIDE)).eval()
    theirs.save_pretrained(tmp_path / "theirs")
    (tmp_path / "theirs" / "tokenizer.json").write_text(tokenizer_json(31), "utf-8")
    ours = load(tmp_path / "theirs")
    _, vectors = ours.embed_words("word7 word9")
    with torch.no_grad():
        expected = theirs(torch.tensor([[2, 7, 9, 3]])).last_hidden_state[0, 1:-1]
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="no head that guesses"):
        ours.fill("word7 [MASK]")


@pytest.mark.parametrize("style", ["classic", "modern"])
@pytest.mark.parametrize("tied", [True, False])
def test_ours_is_loaded_there(transformers, style, tied):
    shape = Shape(style, 31, 12, 3, 2, 20, 40, 1e-5, types=2 * (style == "classic"), tied=tied)
    network = Encoder(shape)
    network.begin(torch.Generator().manual_seed(3))
    layout, specials = (bert, modernbert)[style == "modern"], Specials.of([*NAMES, *"abcdefghijklmnopqrstuvwxyz"], {})
    config = layout.config(shape, specials)
    assert json.loads(json.dumps(config)) == config
    assert runnable(config)
    arrays = layouts.tensors(network, config)
    assert layout.network(config, arrays).shape.style == style
    kind = getattr(transformers, config["architectures"][0])
    theirs = kind(type(kind.config_class())(**config)).eval()
    there = theirs.state_dict()
    missing, unexpected = theirs.load_state_dict(
        {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, strict=False
    )
    assert not unexpected
    assert all("decoder" in name or "position_ids" in name for name in missing), missing
    theirs.tie_weights()
    assert there
    with torch.inference_mode():
        states = network.states(packed(IDS[:1]))
        logits = network.guess(states[-1])
    expected, guesses = hidden(theirs, IDS[0])
    np.testing.assert_allclose(states[-1], expected[-1], rtol=0, atol=1e-4)
    np.testing.assert_allclose(logits, guesses, rtol=0, atol=1e-4)
    again = layouts.read(config, arrays)
    assert all(torch.equal(one, other) for one, other in zip(again.parameters(), network.parameters(), strict=True))
