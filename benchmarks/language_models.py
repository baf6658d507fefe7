"""How fast a small language model is trained, beside the usual loop in plain PyTorch: GPT-2 as nanoGPT has it, without
biases. Both have the same number of parameters to within a few in a hundred, read the same tokens in batches of the
same size, and are then asked how well they foresee the same text, which neither has read. A process of this module
trains one of them and ends.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import Company, Stopwatch, alone, answer, peak_bytes
from benchmarks.running import compared, of_tokens, tell

PLAIN = "PyTorch"
PROGRAMS = ("wordfield", PLAIN)
SIZES: dict[str, Any] = {"dim": 256, "layers": 4, "heads": 4, "context": 64, "batch": 32, "dropout": 0.1}
SIZES |= {"rows": 10_000}
STEPS, LITTLE_STEPS = 40, 3
WARM = 2
"""Steps before the clock runs."""


def measured(text: Path, sample: bool, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Both, one after the other, twice; the median. None without PyTorch."""
    if importlib.util.find_spec("torch") is None:
        return None
    sizes = SIZES | ({"dim": 32, "layers": 1, "heads": 2, "context": 16, "batch": 4, "rows": 500} if sample else {})
    job = sizes | {"text": str(text), "steps": LITTLE_STEPS if sample else STEPS, "threads": settings["threads"]}
    runs: dict[str, list[dict[str, Any]]] = {program: [] for program in PROGRAMS}
    with Company() as company:
        for number in range(1 if sample else 2):
            for program in PROGRAMS if number % 2 == 0 else reversed(PROGRAMS):
                tell(f"language-models: {program} ...")
                runs[program].append(alone("language_models", job | {"program": program}))
    rows = [row(program, done) | {"others_cores": company.cores} for program, done in runs.items()]
    base = rows[-1]
    return {"name": "language-models", "base": PLAIN, "rows": rows, "ratios": [compared(each, base) for each in rows]}


def row(program: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one program."""
    more = {"parameters": runs[0]["parameters"], "perplexity": median(run["perplexity"] for run in runs)}
    return of_tokens(program, runs) | more


def trained(job: dict[str, Any]) -> dict[str, Any]:
    """Train on most of a text, its most frequent words as tokens, and measure the perplexity on the rest."""
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(job["threads"])
    needed = (job["steps"] + WARM + 40) * job["batch"] * job["context"] + 2
    words = Path(job["text"]).read_bytes()[: 16 * needed].split()[:needed]
    names, counts = np.unique(np.array(words), return_counts=True)
    kept = {name: row for row, name in enumerate(names[np.argsort(-counts, kind="stable")][: job["rows"] - 1], 1)}
    tokens = np.array([kept.get(np.bytes_(word), 0) for word in words])
    share = len(tokens) * 9 // 10
    train = ours if job["program"] == "wordfield" else plain
    network, watch, steps = train(job, tokens[:share])
    with torch.inference_mode():
        loss = [loss_of(network, job, tokens[share:], at) for at in range(20)]
    return watch.seconds | {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "tokens": steps * job["batch"] * job["context"],
        "perplexity": math.exp(min(sum(loss) / len(loss), 100)),
        "peak_bytes": peak_bytes(),
    }


def loss_of(network: Any, job: dict[str, Any], tokens: Any, number: int) -> float:
    """The mean loss of some stretches of text."""
    ids = stretches(job, tokens, np.random.default_rng((2, number)))
    network.eval()
    return float(network.losses(ids).mean())


def stretches(job: dict[str, Any], tokens: Any, random: Any) -> Any:
    """``batch`` stretches of context + 1 tokens from random places."""
    import torch

    firsts = random.integers(len(tokens) - job["context"] - 1, size=job["batch"])
    return torch.from_numpy(np.stack([tokens[first : first + job["context"] + 1] for first in firsts]))


def ours(job: dict[str, Any], tokens: Any) -> tuple[Any, Stopwatch, int]:
    """wordfield's loop, with the settings of a user who names nothing but the size."""
    from wordfield import LLM
    from wordfield.models.sequence.training import Loop
    from wordfield.progress import silent

    names = ("dim", "layers", "heads", "context", "batch", "dropout", "threads")
    recipe = LLM(**{name: job[name] for name in names}, epochs=1, seed=1)
    network, watch = recipe.decoder(job["rows"]), Stopwatch()

    class Examples:
        steps = job["steps"] + WARM

        def batch(self, _: int, step: int, size: int) -> Any:
            del size
            if step == WARM:
                watch.__enter__()
            return stretches(job, tokens, np.random.default_rng((1, step)))

        def tokens(self, batch: Any) -> int:
            return int(batch[:, 1:].numel())

    Loop(network, Examples(), recipe.plan(), silent).run()
    watch.__exit__(None, None, None)
    return network, watch, job["steps"]


def plain(job: dict[str, Any], tokens: Any) -> tuple[Any, Stopwatch, int]:
    """The usual loop: forward, cross-entropy over all logits, backward, clip, AdamW; rates as wordfield has them."""
    import torch
    from torch import nn
    from torch.nn import functional

    from wordfield import LLM

    recipe = LLM()
    network, watch, steps = gpt(job), Stopwatch(), job["steps"] + WARM
    matrices = [each for each in network.parameters() if each.dim() > 1]
    others = [each for each in network.parameters() if each.dim() < 2]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.95))
    network.train()
    for step in range(steps):
        if step == WARM:
            watch.__enter__()
        share = step / steps
        rate = min(1, share / recipe.warmup + 1e-3) if share < recipe.warmup else (1 - share) / (1 - recipe.warmup)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * max(rate, recipe.final_rate)
        ids = stretches(job, tokens, np.random.default_rng((1, step)))
        logits = network(ids[:, :-1])
        loss = functional.cross_entropy(logits.view(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimizer.step()
        loss.item()
    watch.__exit__(None, None, None)
    return network, watch, job["steps"]


def gpt(job: dict[str, Any]) -> Any:
    """GPT-2 without biases: learnt positions, LayerNorm before each part, GELU, one table for both ends."""
    import torch
    from torch import nn
    from torch.nn import functional

    dim, heads, rate = job["dim"], job["heads"], job["dropout"]

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.LayerNorm(dim, bias=False), nn.LayerNorm(dim, bias=False)
            self.attention, self.projection = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim, bias=False)
            self.wide, self.narrow = nn.Linear(dim, 4 * dim, bias=False), nn.Linear(4 * dim, dim, bias=False)
            self.dropout = nn.Dropout(rate)

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.shape
            parts = self.attention(self.first(x)).split(dim, dim=2)
            query, key, value = (part.view(batch, length, heads, dim // heads).transpose(1, 2) for part in parts)
            found = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + self.dropout(self.projection(found.transpose(1, 2).reshape(batch, length, dim)))
            return x + self.dropout(self.narrow(functional.gelu(self.wide(self.second(x)))))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(job["rows"], dim), nn.Embedding(job["context"], dim)
            self.blocks, self.norm = nn.ModuleList(Block() for _ in range(job["layers"])), nn.LayerNorm(dim, bias=False)
            self.head, self.dropout = nn.Linear(dim, job["rows"], bias=False), nn.Dropout(rate)
            for name, parameter in self.named_parameters():
                if parameter.dim() > 1:
                    last = name.endswith(("projection.weight", "narrow.weight"))
                    nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * job["layers"]) if last else 0.02)
            self.head.weight = self.tokens.weight

        def forward(self, ids: Any) -> Any:
            x = self.dropout(self.tokens(ids) + self.places(torch.arange(ids.shape[1])))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

        def losses(self, ids: Any) -> Any:
            logits = self(ids[:, :-1]).transpose(1, 2)
            return functional.cross_entropy(logits, ids[:, 1:], reduction="none")

    return GPT()


if __name__ == "__main__":
    answer(trained(json.load(sys.stdin)))
