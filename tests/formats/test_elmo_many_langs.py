"""Folders of ELMoForManyLangs: what plain PyTorch makes of the same tensors, step by step as the original does."""

from __future__ import annotations

import json
from io import UnsupportedOperation

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")
pytest.importorskip("h5py", reason="files of ELMo need h5py: pip install 'wordfield[neural]'")

from torch import nn  # noqa: E402

from wordfield import load  # noqa: E402
from wordfield.formats import FormatError, recognise  # noqa: E402

FILTERS, CHAR, WORD, DIM, CELL, LONGEST, LAYERS = [[1, 4], [2, 5], [3, 6]], 3, 7, 4, 6, 12, 2
LETTERS = ["<oov>", "<bos>", "<pad>", "<eow>", "北", "京", "大", "学", "<bow>", "a", "\u3000", "b", "<eos>"]
LISTED = ["<pad>", "<oov>", "<bos>", "<eos>", "北京", "大学", "ab"]
SETTINGS = {
    "encoder": {"name": "elmo", "projection_dim": DIM, "cell_clip": 0.3, "proj_clip": 0.2, "dim": CELL, "n_layers": 2},
    "token_embedder": {
        "name": "cnn",
        "activation": "relu",
        "filters": FILTERS,
        "n_highway": 2,
        "word_dim": WORD,
        "char_dim": CHAR,
        "max_characters_per_token": LONGEST,
    },
    "dropout": 0.1,
}
SENTENCES = [["北京", "大学"], ["ab", "京b", "z", "大学"], ["b" * 30, "a\u3000"]]


class Original:
    """What their modules do, of tensors by the names that they have there."""

    def __init__(self, words=True, seed=1):
        draw = torch.Generator().manual_seed(seed)
        wide = sum(count for _, count in FILTERS)

        def some(*shape):
            return torch.randn(shape, generator=draw) * 0.3

        self.embedder = {"char_emb_layer.embedding.weight": some(len(LETTERS), CHAR)}
        if words:
            self.embedder["word_emb_layer.embedding.weight"] = some(len(LISTED), WORD)
        for i, (width, count) in enumerate(FILTERS):
            self.embedder[f"convolutions.{i}.weight"] = some(count, CHAR, width)
            self.embedder[f"convolutions.{i}.bias"] = some(count)
        for i in range(2):
            self.embedder[f"highways._layers.{i}.weight"] = some(2 * wide, wide)
            self.embedder[f"highways._layers.{i}.bias"] = some(2 * wide)
        self.embedder["projection.weight"] = some(DIM, wide + WORD * words)
        self.embedder["projection.bias"] = some(DIM)
        self.encoder = {}
        for way in ("forward", "backward"):
            for i in range(LAYERS):
                at = f"{way}_layer_{i}."
                self.encoder[f"{at}input_linearity.weight"] = some(4 * CELL, DIM)
                self.encoder[f"{at}state_linearity.weight"] = some(4 * CELL, DIM)
                self.encoder[f"{at}state_linearity.bias"] = some(4 * CELL)
                self.encoder[f"{at}state_projection.weight"] = some(DIM, CELL)

    def written(self, folder, legacy=True, settings="settings.json"):
        folder.mkdir()
        for name, tensors in (("token_embedder.pkl", self.embedder), ("encoder.pkl", self.encoder)):
            torch.save(tensors, folder / name, _use_new_zipfile_serialization=not legacy)
        # A character that is white space is lost in their files, and its line has only the number.
        lines = [f"{token}\t{number}" for number, token in enumerate(LETTERS)]
        (folder / "char.dic").write_text("\n".join(lines) + "\n", "utf-8")
        (folder / "word.dic").write_text("".join(f"{w}\t{n}\n" for n, w in enumerate(LISTED)), "utf-8")
        (folder / "config.json").write_text(json.dumps({"config_path": f"/home/somebody/{settings}"}))
        (folder / "settings.json").write_text(json.dumps(SETTINGS))
        return folder

    def characters(self, word):
        number = {token: place for place, token in enumerate(LETTERS)}
        first, last = number["<eow>"], number["<bow>"]  # swapped, as they are there
        inside = [number[word]] if word in ("<bos>", "<eos>") else [number.get(c, 0) for c in word[: LONGEST - 2]]
        return ([first, *inside, last] + [number["<pad>"]] * LONGEST)[:LONGEST]

    def vectors(self, words):
        e = self.embedder
        spelt = torch.tensor([self.characters(word) for word in words])
        letters = e["char_emb_layer.embedding.weight"][spelt].transpose(1, 2)
        found = []
        for i in range(len(FILTERS)):
            seen = nn.functional.conv1d(letters, e[f"convolutions.{i}.weight"], e[f"convolutions.{i}.bias"])
            found.append(torch.relu(seen.max(-1)[0]))
        x = torch.cat(found, -1)
        for i in range(2):
            both = nn.functional.linear(x, e[f"highways._layers.{i}.weight"], e[f"highways._layers.{i}.bias"])
            new, gate = both.chunk(2, 1)
            gate = torch.sigmoid(gate)
            x = gate * x + (1 - gate) * torch.relu(new)
        if "word_emb_layer.embedding.weight" in e:
            rows = [LISTED.index(word) if word in LISTED else LISTED.index("<oov>") for word in words]
            x = torch.cat([e["word_emb_layer.embedding.weight"][rows], x], 1)
        return nn.functional.linear(x, e["projection.weight"], e["projection.bias"])

    def read(self, words, clips=(0.3, 0.2)):
        """(layers + 1, words, 2 P)"""
        x = self.vectors(["<bos>", *words, "<eos>"])
        ways = []
        for way in ("forward", "backward"):
            layers = [x]
            for i in range(LAYERS):
                at, given = f"{way}_layer_{i}.", layers[-1]
                output, cell, found = torch.zeros(DIM), torch.zeros(CELL), [None] * len(given)
                places = range(len(given)) if way == "forward" else reversed(range(len(given)))
                for place in places:
                    both = self.encoder[f"{at}input_linearity.weight"] @ given[place]
                    both = both + self.encoder[f"{at}state_linearity.weight"] @ output
                    into, stays, new, out = (both + self.encoder[f"{at}state_linearity.bias"]).chunk(4)
                    cell = torch.sigmoid(into) * torch.tanh(new) + torch.sigmoid(stays) * cell
                    cell = cell.clamp(-clips[0], clips[0])
                    shown = torch.sigmoid(out) * torch.tanh(cell)
                    output = (self.encoder[f"{at}state_projection.weight"] @ shown).clamp(-clips[1], clips[1])
                    found[place] = output
                layers.append(torch.stack(found) + (given if i else 0))
            ways.append(torch.stack(layers))
        return torch.cat(ways, -1)[:, 1:-1].numpy()


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("words", [True, False])
def test_all_layers_are_those_of_the_original(tmp_path, legacy, words):
    original = Original(words)
    folder = original.written(tmp_path / "zh", legacy)
    assert recognise(folder) == "elmo-many-langs"
    model = load(folder, state="zero")
    assert model.words.index_to_key == (
        ["<pad>", "<UNK>", "<S>", "</S>", "北京", "大学", "ab"] if words else ["<S>", "</S>"]
    )
    for sentence in SENTENCES:
        expected = original.read(sentence)
        for layer in range(3):
            assert abs(model.embed_words(sentence, layer=layer)[1] - expected[layer]).max() < 1e-6


def test_what_it_becomes_is_read_back_equal(tmp_path):
    model = load(Original().written(tmp_path / "zh"))
    model.save(tmp_path / "elmo", "elmo")
    again = load(tmp_path / "elmo")
    assert again.words.index_to_key == model.words.index_to_key
    for sentence in SENTENCES:
        assert abs(again.embed_words(sentence)[1] - model.embed_words(sentence)[1]).max() < 1e-6
    assert {word for word, _ in again.words.most_similar("北京", k=2)} <= {*again.words.index_to_key}


def test_settings_that_are_gone_are_those_that_were_published(tmp_path):
    original = Original()
    folder = original.written(tmp_path / "zh", settings="gone.json")
    config = load(folder).network.config
    assert (config["lstm"]["cell_clip"], config["lstm"]["proj_clip"]) == (3, 3)
    assert (config["char_cnn"]["max_characters_per_token"], config["char_cnn"]["activation"]) == (50, "relu")
    found = load(folder, state="zero").embed_words(SENTENCES[0])[1]
    global LONGEST
    before, LONGEST = LONGEST, 50
    try:
        assert abs(found - original.read(SENTENCES[0], (3, 3))[-1]).max() < 1e-6
    finally:
        LONGEST = before


@pytest.mark.parametrize("name", ["encoder.pkl", "token_embedder.pkl", "char.dic", "word.dic"])
def test_a_file_that_is_missing_is_named(tmp_path, name):
    folder = Original().written(tmp_path / "zh")
    (folder / name).unlink()
    with pytest.raises(FormatError, match=f"{name}: missing"):
        load(folder)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("embedder", "projection.bias"),
        ("embedder", "convolutions.1.bias"),
        ("encoder", "backward_layer_1.state_projection.weight"),
        ("encoder", "forward_layer_0.input_linearity.weight"),
    ],
)
def test_a_tensor_that_is_missing_is_named(tmp_path, part, name):
    original = Original()
    del getattr(original, part)[name]
    with pytest.raises(FormatError, match=f"there is no tensor '{name}'"):
        load(original.written(tmp_path / "zh"))


def test_other_networks_and_dictionaries_that_do_not_fit(tmp_path):
    original = Original()
    original.embedder["char_lstm.weight_ih_l0"] = torch.zeros(2)
    with pytest.raises(FormatError, match="convolutions over characters"):
        load(original.written(tmp_path / "lstm"))
    folder = Original().written(tmp_path / "zh")
    for text, message in (
        ("a\t99\n", "there is no <oov>"),
        ("a\tb\tc\n", "line 1: a token and its number are needed"),
        ("a\tten\n", "line 1: a token and its number are needed"),
        ("\n".join(f"{token}\t{number + 9}" for number, token in enumerate(LETTERS)), "the table has 13 rows"),
    ):
        (folder / "char.dic").write_text(text, "utf-8")
        with pytest.raises(FormatError, match=message):
            load(folder)
    (folder / "char.dic").write_bytes(b"\xff\t1\n")
    with pytest.raises(FormatError, match=r"char.dic: line 1: invalid UTF-8"):
        load(folder)


def test_it_is_read_and_not_written(tmp_path):
    model = load(Original().written(tmp_path / "zh"))
    with pytest.raises(UnsupportedOperation, match="read and not written: write it as elmo"):
        model.save(tmp_path / "other", "elmo-many-langs")
    assert np.isfinite(model.embed(["北京 大学"])).all()
