"""How each program counts neighbours, and makes vectors of the counts. Jobs and figures are those of `peers`; ``pairs``
are the pairs of words that were seen.

The programs of Stanford's GloVe are those in the folder that STANFORD_GLOVE names, where they were built.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.measure import Stopwatch, peak_bytes
from benchmarks.texts import corpus_of

Job = dict[str, Any]
Figures = dict[str, Any]
RECORD = 16  # bytes of a pair in Stanford's files
GIGABYTES = "4.0"  # that its programs may take


def counted(job: Job) -> tuple[Any, Any, Figures]:
    """wordfield's vocabulary and counts, with what they took: reading the text, and counting."""
    from wordfield.text.counting import count

    options, corpus = job["options"], corpus_of(job)
    with Stopwatch() as reading:
        scan = corpus.scan(threads=options["threads"])
        vocabulary = scan.vocabulary(options["min_count"])
        ids = scan.encode(vocabulary)
    with scan, Stopwatch() as training:
        counts = count(ids, len(vocabulary), options["window"], "harmonic", threads=options["threads"])
    figures = {"words": scan.tokens, "known": ids.tokens, "vocabulary": len(vocabulary), "pairs": counts.nonzeros}
    return vocabulary, counts, figures | {"reading": reading.seconds, "training": training.seconds}


def wordfield_count(job: Job) -> Figures:
    """Scan, choose the vocabulary, count."""
    _, counts, figures = counted(job)
    counts.close()
    return figures


def wordfield_glove(job: Job) -> Figures:
    """Train on counts; reading and counting are in reading."""
    from wordfield.models.predict.glove import GloVe

    options = job["options"]
    names = ("dim", "window", "x_max", "epochs", "min_count", "threads", "seed")
    vocabulary, counts, figures = counted(job)
    recipe = GloVe(**{name: options[name] for name in names})
    with counts, Stopwatch() as training:
        model = recipe.fit_counts(counts, vocabulary)
    peak = peak_bytes()
    model.save(job["out"])
    before = {key: figures["reading"][key] + figures["training"][key] for key in figures["reading"]}
    made = {"training": training.seconds, "loss": model.history["loss"][-1], "learning_rate": recipe.learning_rate}
    return figures | made | {"reading": before, "peak_bytes": peak}


def stanford(program: str, *options: str, source: Path | None = None, target: Path | None = None) -> str:
    """Run one of Stanford's programs; what it says."""
    folder = os.environ.get("STANFORD_GLOVE")
    if not folder:
        raise RuntimeError("STANFORD_GLOVE names no folder with the programs of Stanford's GloVe")
    with (source or Path(os.devnull)).open("rb") as given, (target or Path(os.devnull)).open("wb") as out:
        done = subprocess.run(
            [str(Path(folder) / program), *options], stdin=given, stdout=out, stderr=subprocess.PIPE, check=True
        )
    return done.stderr.decode(errors="replace")


def stanford_counted(job: Job, folder: Path) -> Figures:
    """Its vocabulary, counts and shuffled records in ``folder``; reading is the first of these programs, training the
    others.
    """
    options, text = job["options"], Path(job["files"][0])
    vocabulary, records = folder / "vocab.txt", folder / "cooccurrence.bin"
    quiet = ("-verbose", "0")
    with Stopwatch() as reading:
        stanford("vocab_count", "-min-count", str(options["min_count"]), *quiet, source=text, target=vocabulary)
    near = ("-window-size", str(options["window"]), "-symmetric", "1", "-vocab-file", str(vocabulary))
    own = ("-memory", GIGABYTES, *quiet)
    with Stopwatch() as training:
        spill = ("-overflow-file", str(folder / "overflow"))
        stanford("cooccur", *near, *own, *spill, source=text, target=records)
        stanford("shuffle", *own, "-temp-file", str(folder / "temp"), source=records, target=folder / "shuffled.bin")
    counts = [int(line.rsplit(b" ", 1)[1]) for line in vocabulary.read_bytes().splitlines()]
    figures = {"words": None, "known": sum(counts), "vocabulary": len(counts)}
    times = {"reading": reading.seconds, "training": training.seconds}
    return figures | times | {"pairs": records.stat().st_size // RECORD}


def stanford_count(job: Job) -> Figures:
    """vocab_count, cooccur and shuffle, which its training needs."""
    return stanford_counted(job, Path(job["out"]).parent)


def stanford_glove(job: Job) -> Figures:
    """Its training, from the shuffled records, at its own learning rate."""
    options, folder = job["options"], Path(job["out"]).parent
    figures = stanford_counted(job, folder)
    before = {key: figures["reading"][key] + figures["training"][key] for key in figures["reading"]}
    with Stopwatch() as training:
        said = stanford(
            "glove",
            *("-input-file", str(folder / "shuffled.bin"), "-vocab-file", str(folder / "vocab.txt")),
            *("-save-file", str(folder / "vectors"), "-binary", "0", "-verbose", "1"),
            *("-vector-size", str(options["dim"]), "-iter", str(options["epochs"])),
            *("-x-max", str(options["x_max"]), "-threads", str(options["threads"])),
        )
    (folder / "vectors.txt").replace(job["out"])
    loss = float(re.findall(r"cost: ([0-9.]+)", said)[-1])
    made = {"training": training.seconds, "loss": loss, "learning_rate": 0.05}
    return figures | made | {"reading": before}


def ppmi(job: Job) -> tuple[Any, Any, Figures]:
    """The vocabulary and the PPMI matrix that both decompose."""
    from wordfield.models.count.ppmi import weigh

    vocabulary, counts, figures = counted(job)
    with counts:
        return vocabulary, weigh(counts), figures


def wordfield_svd(job: Job) -> Figures:
    """The decomposition alone."""
    from scipy.sparse import random_array

    from wordfield.models.count.svd import decomposed

    options, (vocabulary, matrix, figures) = job["options"], ppmi(job)
    decomposed(random_array((1200, 1200), density=0.01, dtype="float32", rng=1, format="csr"), 2)  # loads the kernel
    with Stopwatch() as training:
        parts = decomposed(matrix, columns(job, vocabulary), threads=options["threads"], seed=options["seed"])
    figures |= {"training": training.seconds, "captured": parts.captured, "peak_bytes": peak_bytes()}
    keep(vocabulary, parts.left, parts.values, job["out"])
    return figures


def sklearn_svd(job: Job) -> Figures:
    """scikit-learn's randomised decomposition, as it comes."""
    import numpy as np
    from sklearn.decomposition import TruncatedSVD

    options, (vocabulary, matrix, figures) = job["options"], ppmi(job)
    model = TruncatedSVD(columns(job, vocabulary), random_state=options["seed"])
    with Stopwatch() as training:
        scores = model.fit_transform(matrix)
    values = model.singular_values_
    captured = np.square(values).sum() / np.square(matrix.data, dtype=np.float64).sum()
    figures |= {"training": training.seconds, "captured": float(captured), "peak_bytes": peak_bytes()}
    keep(vocabulary, scores / values, values, job["out"])
    return figures


def columns(job: Job, vocabulary: Any) -> int:
    """How many to look for: fewer in the few lines that all warm up with."""
    return int(min(job["options"]["dim"], max(1, len(vocabulary) // 8)))


def keep(vocabulary: Any, left: Any, values: Any, out: str) -> None:
    """Vectors U S^(1/2), of whoever made them."""
    import numpy as np

    from wordfield.storage import Dense
    from wordfield.vectors import WordVectors

    WordVectors(vocabulary, Dense(left * np.sqrt(values))).save(out)


WORK = {
    ("wordfield", "count"): wordfield_count,
    ("stanford", "count"): stanford_count,
    ("wordfield", "glove"): wordfield_glove,
    ("stanford", "glove"): stanford_glove,
    ("wordfield", "svd"): wordfield_svd,
    ("sklearn", "svd"): sklearn_svd,
}
