"""How fast an encoder reads texts of many lengths, beside transformers with the same weights: a BERT of random weights
and BERT's own tokenizer, lines of real text, a vector for each, the mean of the states of its tokens. transformers
reads them as its users do, so many lines at a time in their order, padded to the longest. A process of this module has
read them with one of the two and ends.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpora import data_folder
from benchmarks.measure import Company, Stopwatch, alone, answer, peak_bytes
from benchmarks.running import compared, of_tokens, tell

THEIRS = "transformers"
SIZES = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024}
LITTLE = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
TOKENIZER = Path("fixtures", "bert", "bert-uncased-tokenizer.json")
LINES, LITTLE_LINES = 2000, 40
AT_ONCE = 32
LONGEST = 512


def measured(text: Path, sample: bool, settings: dict[str, Any], folder: Path) -> dict[str, Any] | None:
    """Both, in numbers of 32 bits and of 16, one after the other, twice; the median. None without transformers, or the
    tokenizer.
    """
    tokenizer = data_folder() / TOKENIZER
    if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")) or not tokenizer.is_file():
        return None
    made = {"sizes": LITTLE if sample else SIZES, "folder": str(folder / "bert"), "tokenizer": str(tokenizer)}
    job = made | {"text": str(text), "lines": LITTLE_LINES if sample else LINES, "threads": settings["threads"]}
    ways = [(program, precision) for precision in ("float32", "bfloat16") for program in ("wordfield", THEIRS)]
    alone("encoders", job | {"program": "make"})
    runs: dict[tuple[str, str], list[dict[str, Any]]] = {way: [] for way in ways}
    with Company() as company:
        for _ in range(1 if sample else 2):
            for program, precision in ways:
                tell(f"encoders: {program}, {precision} ...")
                runs[program, precision].append(alone("encoders", job | {"program": program, "precision": precision}))
    rows = [
        of_tokens(program, done, precision)
        | {"difference": max(run["difference"] for run in done), "others_cores": company.cores}
        for (program, precision), done in runs.items()
    ]
    base = rows[1]
    return {"name": "encoders", "base": base["name"], "rows": rows, "ratios": [compared(each, base) for each in rows]}


def read(job: dict[str, Any]) -> dict[str, Any]:
    """Read the lines with one of the programs; ``difference``: how far any number is at most from what transformers
    makes of some of them, one by one, in numbers of 32 bits.
    """
    import torch

    torch.set_num_threads(job["threads"])
    if job["program"] == "make":
        make(job)
        return {}
    tokenizer = tokenizer_of(job)
    lines = [line.strip() for line in Path(job["text"]).read_text("utf-8").split("\n")[: 4 * job["lines"]]]
    lines = [line for line in lines if line and len(tokenizer(line)["input_ids"]) <= LONGEST][: job["lines"]]
    way = ours(job) if job["program"] == "wordfield" else theirs(job, tokenizer)
    way(lines[:AT_ONCE])
    with Stopwatch() as watch:
        found = way(lines)
    some = range(0, len(lines), max(1, len(lines) // 50))
    exact = theirs(job | {"precision": "float32"}, tokenizer)
    alike = [exact([lines[place]])[0] for place in some]
    return watch.seconds | {
        "tokens": sum(len(tokenizer(line)["input_ids"]) for line in lines),
        "difference": float(np.abs(found[[*some]] - alike).max()),
        "peak_bytes": peak_bytes(),
    }


def make(job: dict[str, Any]) -> None:
    """A checkpoint of random weights."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(1)
    folder = Path(job["folder"])
    BertModel(BertConfig(vocab_size=30522, **job["sizes"])).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(Path(job["tokenizer"]).read_bytes())


def tokenizer_of(job: dict[str, Any]) -> Any:
    """BERT's tokenizer as transformers has it."""
    from transformers import PreTrainedTokenizerFast

    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    return PreTrainedTokenizerFast(tokenizer_file=job["tokenizer"], model_max_length=LONGEST, **names)


def ours(job: dict[str, Any]) -> Any:
    """What wordfield makes vectors with."""
    from dataclasses import replace

    from wordfield import load

    return replace(load(job["folder"]), precision=job["precision"]).embed


def theirs(job: dict[str, Any], tokenizer: Any) -> Any:
    """What a user of transformers writes: the mean of the last states but the first and last of each text."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(job["folder"]).eval()

    def vectors(lines: list[str]) -> Any:
        found = []
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=job["precision"] == "bfloat16"):
            for first in range(0, len(lines), AT_ONCE):
                asked = tokenizer(lines[first : first + AT_ONCE], padding=True, truncation=True, return_tensors="pt")
                states = model(asked["input_ids"], asked["attention_mask"]).last_hidden_state.float()
                counted = asked["attention_mask"].clone()
                counted[torch.arange(len(counted)), counted.sum(1) - 1] = 0
                counted[:, 0] = 0
                sums = (states * counted[:, :, None]).sum(1)
                found.append((sums / counted.sum(1, keepdim=True).clamp(min=1)).numpy())
        return np.concatenate(found)

    return vectors


if __name__ == "__main__":
    answer(read(json.load(sys.stdin)))
