"""How fast the two language models of an ELMo learn and read, beside the loop that they have been run with so far: each
step of the LSTM with its bounds by itself, autograd from step to step, all fifty characters of each word of a batch,
however often it stands there, and one softmax over the whole table. Both have the same weights, and have the same
losses and vectors. A process of this module has learnt or read with one of the two and ends.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Company, Stopwatch, alone, answer, peak_bytes
from benchmarks.running import compared, of_tokens, tell

PLAIN = "loop"
WARM = 2
RECIPE = {"size": "tiny", "context": 20, "batch": 32, "output": "full", "dropout": 0.0}
LITTLE = RECIPE | {"dim": 16, "cell": 16, "context": 6, "batch": 4}
WORDS, LITTLE_WORDS = 10_000, 200
STEPS, LITTLE_STEPS = 20, 3
LINES, LITTLE_LINES = 600, 20
AT_ONCE = 32


def measured(text: Path, sample: bool, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Both, in turn, twice; the median. None without torch."""
    if importlib.util.find_spec("torch") is None:
        return []
    job = {"recipe": LITTLE if sample else RECIPE, "text": str(text), "threads": settings["threads"]}
    job |= {"words": LITTLE_WORDS if sample else WORDS, "steps": LITTLE_STEPS if sample else STEPS}
    job |= {"lines": LITTLE_LINES if sample else LINES}
    found = []
    for name, programs in (("elmo-training", ("wordfield", PLAIN)), ("elmo-reading", ("wordfield", PLAIN))):
        runs: dict[str, list[dict[str, Any]]] = {program: [] for program in programs}
        with Company() as company:
            for _ in range(1 if sample else 2):
                for program in programs:
                    tell(f"{name}: {program} ...")
                    runs[program].append(alone("bilms", job | {"program": program, "what": name}))
        rows = [
            of_tokens(program, done)
            | {"difference": max(run["difference"] for run in done), "others_cores": company.cores}
            for program, done in runs.items()
        ]
        ratios = [compared(each, rows[1]) for each in rows]
        found.append({"name": name, "base": rows[1]["name"], "rows": rows, "ratios": ratios})
    return found


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Learn or read with one of the two; ``difference``: how far losses or vectors are from those of the other."""
    import torch

    from wordfield import Corpus, ELMo

    torch.set_num_threads(job["threads"])
    lines = Path(job["text"]).read_text("utf-8").split("\n")
    recipe = ELMo(**job["recipe"], max_vocab=job["words"], threads=job["threads"], precision="float32")
    with Corpus(lines[: 40 * job["lines"]], tokenizer="whitespace").scan() as scan:
        tokens = recipe.tokens(scan)
        network = recipe.network(tokens)
        ids = scan.encode(tokens.vocabulary, tokens.unknown)
        if job["what"] == "elmo-reading":
            return reading(job, recipe, network, tokens, lines)
        return learning(job, recipe, network, tokens, ids)


def learning(job: dict[str, Any], recipe: Any, network: Any, tokens: Any, ids: Any) -> dict[str, Any]:
    """Some steps, the first of which do not count."""
    import torch

    from wordfield.models.sequence.streams import Stream, everything
    from wordfield.models.sequence.training import Loop
    from wordfield.progress import silent

    stream, watch = Stream(ids, everything(ids), tokens.end), Stopwatch()
    batches = recipe.examples(stream, tokens)
    plain = loop_of(network)
    with torch.inference_mode():
        some = batches.batch(0, 0, 2)
        difference = float((network.losses(some) - plain.losses(some)).abs().max())

    class Examples:
        steps = job["steps"] + WARM

        def batch(self, epoch: int, step: int, size: int) -> Any:
            if step == WARM:
                watch.__enter__()
            return batches.batch(epoch, step, size)

        def tokens(self, batch: Any) -> int:
            return int(batch[:, 1:].numel())

    plan = recipe.plan().__class__(**{**vars(recipe.plan()), "epochs": 1})
    if job["program"] == "wordfield":
        Loop(network, Examples(), plan, silent).run()
    else:
        optimizer = torch.optim.AdamW(plain.parameters(), plan.learning_rate, fused=True)
        examples = Examples()
        for step in range(examples.steps):
            loss = plain.losses(examples.batch(0, step, plan.batch)).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
            optimizer.step()
    watch.__exit__(None, None, None)
    read = job["steps"] * plan.batch * recipe.context
    return watch.seconds | {"tokens": read, "difference": difference, "peak_bytes": peak_bytes()}


def reading(job: dict[str, Any], recipe: Any, network: Any, tokens: Any, lines: list[str]) -> dict[str, Any]:
    """The vectors of the words of some lines, so many at a time in their order."""
    import torch

    texts = [words for line in lines if 1 < len(words := line.split()) <= 200][: job["lines"]]
    network.canonical = [0, 1]
    model = recipe.result(network.eval(), tokens, {}, {}).beginning("zero")
    plain = loop_of(network)

    def ours(some: list[list[str]]) -> list[Any]:
        return [vectors for _, vectors in model.embed_words_of(some)]

    def theirs(some: list[list[str]]) -> list[Any]:
        with torch.inference_mode():
            return [each for at in range(0, len(some), AT_ONCE) for each in plain.vectors(some[at : at + AT_ONCE])]

    way, other = (ours, theirs) if job["program"] == "wordfield" else (theirs, ours)
    way(texts[:2])
    with Stopwatch() as watch:
        found = way(texts)
    pairs = zip(found[:AT_ONCE], other(texts[:AT_ONCE]), strict=True)
    difference = max(float(np.abs(one - another).max()) for one, another in pairs)
    read = sum(len(words) for words in texts)
    return watch.seconds | {"tokens": read, "difference": difference, "peak_bytes": peak_bytes()}


def loop_of(network: Any) -> Any:
    """The same network as its users have run it."""
    import torch
    from torch import nn
    from torch.nn import functional

    from wordfield.formats.elmo_parts import BEGIN, END
    from wordfield.models.sequence.spelling import Spelling

    shape = network.shape

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            named = {name.replace(".", "_"): each for name, each in network.named_parameters()}
            self.weights = nn.ParameterDict({name: each.detach().clone() for name, each in named.items()})
            self.spelling = Spelling(network.spelt.shape[1])

        def words(self, spelt: Any) -> Any:
            """(N, L) -> (N, P), with the convolutions of PyTorch."""
            letters = functional.embedding(spelt.long(), self.weights["table"]).transpose(1, 2)
            found = []
            for number in range(len(shape.filters)):
                kernel = self.weights[f"convolutions_{2 * number}"][0].permute(2, 1, 0)
                seen = functional.conv1d(letters, kernel, self.weights[f"convolutions_{2 * number + 1}"])
                found.append(torch.relu(seen.max(-1).values))
            x = torch.cat(found, 1)
            for number in range(shape.highways):
                carry, carry_bias, new, new_bias = (self.weights[f"highways_{4 * number + at}"] for at in range(4))
                share = torch.sigmoid(x @ carry + carry_bias)
                x = share * torch.relu(x @ new + new_bias) + (1 - share) * x
            return x @ self.weights["projection"] + self.weights["projection_bias"]

        def read(self, x: Any, way: str) -> list[Any]:
            """(B, T, P) -> each layer, step by step."""
            layers = [x]
            for layer in range(shape.layers):
                gates, bias, projection = (self.weights[f"{way}_{3 * layer + at}"] for at in range(3))
                output, cell = x.new_zeros(len(x), shape.dim), x.new_zeros(len(x), shape.cell)
                found = []
                for step in range(x.shape[1]):
                    i, j, f, o = (torch.cat([x[:, step], output], 1) @ gates + bias).chunk(4, 1)
                    cell = torch.sigmoid(f + 1) * cell + torch.sigmoid(i) * torch.tanh(j)
                    cell = cell.clamp(-shape.bounds.cell, shape.bounds.cell)
                    output = (torch.sigmoid(o) * torch.tanh(cell)) @ projection
                    output = output.clamp(-shape.bounds.output, shape.bounds.output)
                    found.append(output)
                x = torch.stack(found, 1) + (x if layer else 0)
                layers.append(x)
            return layers

        def losses(self, rows: Any) -> Any:
            found = []
            for way in ("forwards", "backwards"):
                back = way == "backwards"
                turned = rows.flip(1) if back else rows
                inputs, targets = turned[:, :-1], turned[:, 1:]
                spelt = network.spelt[inputs.masked_fill(inputs.eq(1), 1 if back else 0)]
                vectors = self.words(spelt.flatten(0, 1)).view(*inputs.shape, -1)
                logits = self.read(vectors, way)[-1] @ self.weights["output"].T + self.weights["bias"]
                asked = targets.masked_fill(targets >= shape.outputs, 2)
                asked = asked.masked_fill(asked.eq(1), 0 if back else 1)
                losses = functional.cross_entropy(logits.flatten(0, 1), asked.flatten(), reduction="none")
                losses = losses.view(asked.shape)
                found.append((losses.flip(1) if back else losses).flatten())
            return torch.cat(found)

        def vectors(self, texts: list[list[str]]) -> list[Any]:
            longest = max(map(len, texts)) + 2
            full = [[BEGIN, *words, END] for words in texts]
            spelt = np.stack([self.spelling.numbers([*words, *[END] * (longest - len(words))]) for words in full])
            numbers = torch.from_numpy(spelt)
            x = self.words(numbers.flatten(0, 1)).view(len(texts), longest, -1)
            places = torch.arange(longest)
            sizes = torch.tensor([len(words) for words in full])
            order = (sizes[:, None] - 1 - places).clamp(min=0)[:, :, None].expand(x.shape)
            forwards = self.read(x, "forwards")[-1]
            backwards = self.read(x.gather(1, order), "backwards")[-1].gather(1, order)
            both = torch.cat([forwards, backwards], -1).numpy()
            return [states[1 : size - 1] for states, size in zip(both, sizes.tolist(), strict=True)]

    return Loop()


if __name__ == "__main__":
    answer(run(json.load(sys.stdin)))
