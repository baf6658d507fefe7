"""ELMo as slow and plain as it can be said, in NumPy, out of a folder as it was published: written after the layout of
bilm-tf's files, and not after the network of wordfield.
"""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class NaiveELMo:
    """Words one after the other, windows one after the other, steps one after the other, all in float64."""

    def __init__(self, folder: Path) -> None:
        (options,), (weights,) = [*folder.glob("*options.json")], [*folder.glob("*weights.hdf5")]
        self.options = json.loads(options.read_text())
        self.data = {}
        with h5py.File(weights) as file:
            file.visititems(
                lambda name, found: self.data.update({name: found[()]}) if hasattr(found, "shape") else None
            )
        self.lstm, self.cnn = self.options["lstm"], self.options["char_cnn"]
        self.states = {}

    def ids(self, word: str | None, end: int = 256) -> list[int]:
        """The numbers of a word, or of the beginning (256) or the end (257) of a sentence."""
        most = self.cnn["max_characters_per_token"]
        inside = [end] if word is None else [*word.encode()][: most - 2]
        return ([258, *inside, 259] + [260] * most)[:most]

    def word(self, ids: list[int]) -> np.ndarray:
        """The vector of a word by itself."""
        letters = self.data["char_embed"][ids].astype(np.float64)
        found = []
        for number, (width, _) in enumerate(self.cnn["filters"]):
            kernel, bias = self.data[f"CNN/W_cnn_{number}"][0], self.data[f"CNN/b_cnn_{number}"]
            windows = [letters[at : at + width] for at in range(len(letters) - width + 1)]
            found += [np.max([np.einsum("wd,wdn->n", each, kernel) for each in windows], axis=0) + bias]
        x = np.maximum(np.concatenate(found), 0)
        for number in range(self.cnn["n_highway"]):
            at = f"CNN_high_{number}/"
            gate = sigmoid(x @ self.data[f"{at}W_carry"] + self.data[f"{at}b_carry"])
            new = np.maximum(x @ self.data[f"{at}W_transform"] + self.data[f"{at}b_transform"], 0)
            x = gate * new + (1 - gate) * x
        return x @ self.data["CNN_proj/W_proj"] + self.data["CNN_proj/b_proj"]

    def read(self, words: list[str], carry: bool) -> np.ndarray:
        """All layers of a sentence, (layers + 1, words, 2 P)."""
        spelt = [self.ids(None, 256), *(self.ids(word) for word in words), self.ids(None, 257)]
        vectors = np.array([self.word(each) for each in spelt])
        ways = []
        for way in (0, 1):
            x = vectors[::-1] if way else vectors
            layers = [x]
            for layer in range(self.lstm["n_layers"]):
                x = self.layer(x, way, layer, carry)
                layers.append(x)
            ways.append(np.array([each[::-1] for each in layers] if way else layers))
        return np.concatenate(ways, axis=-1)[:, 1:-1]

    def layer(self, x: np.ndarray, way: int, layer: int, carry: bool) -> np.ndarray:
        at = f"RNN_{way}/RNN/MultiRNNCell/Cell{layer}/LSTMCell/"
        kernel, bias, projection = (self.data[f"{at}{name}"].astype(np.float64) for name in ("W_0", "B", "W_P_0"))
        nothing = np.zeros(projection.shape[1]), np.zeros(projection.shape[0])
        output, cell = self.states.get((way, layer), nothing) if carry else nothing
        found = []
        for given in x:
            i, j, f, o = np.split(np.concatenate([given, output]) @ kernel + bias, 4)
            cell = sigmoid(f + 1) * cell + sigmoid(i) * np.tanh(j)
            if self.lstm["cell_clip"]:
                cell = np.clip(cell, -self.lstm["cell_clip"], self.lstm["cell_clip"])
            output = (sigmoid(o) * np.tanh(cell)) @ projection
            if self.lstm["proj_clip"]:
                output = np.clip(output, -self.lstm["proj_clip"], self.lstm["proj_clip"])
            found.append(output + given if layer and self.lstm["use_skip_connections"] else output)
        self.states[way, layer] = output, cell
        return np.array(found)
