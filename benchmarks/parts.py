"""How each program learns words with their parts, and labels of texts. Jobs and figures are those of `peers`.

The program of fastText is the one that the variable FASTTEXT names, where it was built.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.measure import Stopwatch, fitted
from benchmarks.texts import corpus_of

Job = dict[str, Any]
Figures = dict[str, Any]
LOSSES = {"negative": "ns", "hierarchical": "hs", "softmax": "softmax", "one-vs-all": "ova"}
UNSUPERVISED = (
    "dim",
    "architecture",
    "loss",
    "window",
    "negatives",
    "subsample",
    "epochs",
    "min_count",
    "threads",
    "seed",
)
SUPERVISED = ("dim", "epochs", "threads", "seed", "loss", "learning_rate", "word_ngrams", "bucket")


def wordfield_parts(job: Job) -> Figures:
    """``fit`` as users call it; training is what the loop over the epochs takes, reading the rest."""
    from wordfield import FastText

    options, corpus = job["options"], corpus_of(job)
    recipe = FastText(**{name: options[name] for name in UNSUPERVISED})
    model, figures = fitted(recipe, corpus)
    model.save(job["out"], "native")
    return figures | {"learning_rate": recipe.learning_rate, "final_rate": 0.0}


def wordfield_labels(job: Job) -> Figures:
    """The same of a classifier."""
    from wordfield import Classifier
    from wordfield.text.labelled import Labelled

    options = job["options"]
    recipe = Classifier(**{name: options[name] for name in SUPERVISED if options.get(name) is not None})
    texts = Labelled.files(job["files"], tokenizer="whitespace")
    model, figures = fitted(recipe, texts)
    model.save(job["out"], "native")
    return figures | {"learning_rate": recipe.learning_rate, "final_rate": 0.0}


def fasttext_parts(job: Job, *without: str) -> Figures:
    """It reads and trains in one call; what reading takes is that of a training of no epoch."""
    options = job["options"]
    command = ["skipgram" if options["architecture"] == "skipgram" else "cbow", "-input", job["files"][0], *without]
    for flag, name in (("ws", "window"), ("neg", "negatives"), ("t", "subsample"), ("minCount", "min_count")):
        command += [f"-{flag}", str(options[name])]
    return trained(job, command, options["learning_rate"])


def fasttext_words(job: Job) -> Figures:
    """Without parts of words, which is Word2Vec."""
    return fasttext_parts(job, "-minn", "0", "-maxn", "0")


def fasttext_labels(job: Job) -> Figures:
    """The same of a classifier."""
    options = job["options"]
    command = ["supervised", "-input", job["files"][0]]
    for flag, name in (("wordNgrams", "word_ngrams"), ("bucket", "bucket")):
        if options.get(name) is not None:
            command += [f"-{flag}", str(options[name])]
    return trained(job, command, options["learning_rate"])


def trained(job: Job, command: list[str], learning_rate: float) -> Figures:
    """Run it; training is what is left of the whole without reading, and without writing the result."""
    options, out = job["options"], Path(job["out"])
    shared = ["-dim", options["dim"], "-thread", options["threads"], "-seed", options["seed"], "-verbose", 1]
    shared += ["-lr", learning_rate, "-loss", LOSSES[options["loss"]]]
    nothing = run([*command, *shared, "-output", out.with_suffix(".none"), "-epoch", 0])[0]
    whole, peak = run([*command, *shared, "-output", out.with_suffix(""), "-epoch", options["epochs"]])
    out.with_suffix(".none.bin").unlink()
    from wordfield import load

    model = load(out)
    return {
        "words": None,
        "known": int(model.words.vocabulary.counts.sum()),
        "vocabulary": len(model.words),
        "reading": nothing,
        "training": {key: whole[key] - nothing[key] for key in whole},
        "peak_bytes": peak,
        "learning_rate": learning_rate,
        "final_rate": 0.0,
    }


def run(arguments: list[Any]) -> tuple[dict[str, float], int]:
    """Seconds and the peak of memory of one call."""
    with Stopwatch() as watch:
        process = subprocess.Popen(
            [os.environ["FASTTEXT"], *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(said.strip().splitlines()[-1] if said.strip() else f"exit status {status}")
    return {"wall": watch.wall, "cpu": usage.ru_utime + usage.ru_stime}, usage.ru_maxrss * 1024


WORK = {
    ("wordfield", "parts"): wordfield_parts,
    ("fasttext", "parts"): fasttext_parts,
    ("fasttext", "train"): fasttext_words,
    ("wordfield", "labels"): wordfield_labels,
    ("fasttext", "labels"): fasttext_labels,
}
