"""What a masked language model is worth beside simpler ones from the same text: how many masked tokens of text that
was kept aside each guesses right, whether a word means the same in two sentences (WiC), how alike two sentences are
(STS-B).

    python -m benchmarks.contextual BERT CORPUS STATIC...

``BERT``: what `wordfield train bert CORPUS` wrote, ``STATIC``: static vectors of the same corpus. Guesses beside it:
the most frequent token, and what a CBOW of the same tokens thinks of the ten nearest tokens that are there. Its
negative sampling learns the logarithm of p(w | context) / q(w), q being what noise is drawn by, so that is its guess
times q.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from benchmarks.corpora import data_folder
from benchmarks.running import tell

WINDOW = 5
EXPONENT = 0.75


def measured(path: str, text: str, statics: list[str]) -> dict[str, Any]:
    """All figures."""
    from wordfield import BERT, Corpus, Word2Vec, api, load
    from wordfield.models.sequence.masked_language_model import masked
    from wordfield.models.sequence.masking import Masking
    from wordfield.models.sequence.streams import Stream, split
    from wordfield.models.sequence.tokens import cut

    model = load(path)
    recipe = BERT(**{name: value for name, value in model.recipe.items() if name != "model"})
    tell("text that was kept aside ...")
    with cut(Corpus(text), model.tokenizer).scan() as scan:
        ids = scan.encode(model.tokens.vocabulary, model.tokens.unknown)
        stream = Stream(ids, split(ids, recipe.heldout, recipe.seed)[1], model.tokens.end)
        names, length = model.words.vocabulary.words, recipe.context - 1
        firsts = [*range(1, len(stream) - length + 1, length)]
        random = np.random.default_rng(recipe.seed)
        masking = Masking(names, model.specials, recipe.masked, whole=recipe.whole_words)
        batch = masked(stream, firsts, length, model.specials.begin, masking, random)
    found = {"tokens to guess": int((batch[:, 1] >= 0).sum()), "BERT": right(batch, bert(model, batch))}
    counts = np.asarray(model.words.vocabulary.counts).copy()
    counts[[*model.specials.rows]] = 0
    found["most frequent token"] = float((batch[:, 1][batch[:, 1] >= 0] == counts.argmax()).mean())
    tell("a CBOW of the same tokens ...")
    same = Word2Vec(
        architecture="cbow", dim=model.dim, window=WINDOW, epochs=recipe.epochs, min_count=1, subsample=0, seed=1
    )
    other = same.fit(Corpus(text, tokenizer=f"{path}/tokenizer.json"))
    found["CBOW"] = right(batch, cbow(other, names, batch, model.specials.rows))
    folder = data_folder() / "contextual"
    sets = [folder / "wic" / "test", folder / "wic" / "dev", folder / "stsbenchmark.tsv"]
    scores = {}
    for name in (path, *statics):
        tell(f"{name} ...")
        results = api.evaluate(name, sets)["results"]
        scores[name] = {f"{each['dataset']}, {each['metric']}": each["value"] for each in results}
        scores[name] |= {f"{each['dataset']}, covered": each["covered"] / each["pairs"] for each in results}
    return {"masked": found, "sets": scores}


def right(batch: Any, guesses: Any) -> float:
    """The share of the tokens that are guessed right."""
    targets = batch[:, 1][batch[:, 1] >= 0]
    return float((targets == guesses).mean())


def bert(model: Any, batch: Any) -> Any:
    """What the network guesses."""
    import torch

    found = []
    with torch.inference_mode():
        for some in np.array_split(batch, max(1, len(batch) // 16)):
            ids = torch.from_numpy(some)
            chosen = torch.nonzero(ids[:, 1].reshape(-1) >= 0)[:, 0]
            states = model.encoder.states(model.packed(some[:, 0]), chosen=chosen)[-1]
            found.append(model.encoder.guess(states).argmax(1).numpy())
    return np.concatenate(found)


def cbow(model: Any, names: list[str], batch: Any, special: frozenset[int]) -> Any:
    """What the mean of the tokens around a place says of it, masked ones left out."""
    rows = np.array([model.words.vocabulary.index.get(name, -1) for name in names])
    rows[[*special]] = -1
    words, output = model.words.vectors, model.state["output"]
    counts = np.asarray(model.words.vocabulary.counts, np.float64)
    prior = EXPONENT * np.log(np.maximum(counts, 1))
    back = np.full(len(counts), -1)
    back[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    found = []
    for read, targets in zip(batch[:, 0], batch[:, 1], strict=True):
        there = np.where(targets >= 0, -1, rows[read])
        for place in np.flatnonzero(targets >= 0):
            near = np.concatenate(
                [there[:place][there[:place] >= 0][-WINDOW:], there[place:][there[place:] >= 0][:WINDOW]]
            )
            context = words[near].mean(axis=0) if len(near) else np.zeros(words.shape[1])
            found.append(back[int((output @ context + prior).argmax())])
    return np.array(found)


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], sys.argv[2], sys.argv[3:]), indent=1))
