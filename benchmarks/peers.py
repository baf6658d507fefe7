"""How each program does the same work. A process of this module does one job and ends.

A job has ``program``, ``work``, ``files``, ``small`` (files to warm up with), ``out`` (where its result goes: vectors
in word2vec's binary format, a phrase a line) and ``options``: a recipe in wordfield's own terms. Its figures: ``words``
in the text; ``known``, those in the vocabulary; ``vocabulary``; ``reading`` and ``training``, each seconds of wall and
cpu; ``peak_bytes``, and ``helpers_bytes`` of the processes that it started.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import counting, parts, texts
from benchmarks.corpora import read_through
from benchmarks.measure import Helpers, Stopwatch, answer, fitted, peak_bytes

Job = dict[str, Any]
Figures = dict[str, Any]
LITTLE = {"min_count": 1, "epochs": 1, "threads": 1}


def recipe_of(job: Job) -> Any:
    import wordfield as wf

    return wf.Word2Vec(**{name: value for name, value in job["options"].items() if name != "tokenizer"})


def wordfield_vocabulary(job: Job) -> Figures:
    """Scan, choose the vocabulary, write the ids that training reads."""
    options, corpus = job["options"], texts.corpus_of(job)
    with Stopwatch() as reading, corpus.scan(threads=options["threads"]) as scan:
        vocabulary = scan.vocabulary(options["min_count"])
        ids = scan.encode(vocabulary)
    return {"words": scan.tokens, "known": ids.tokens, "vocabulary": len(vocabulary), "reading": reading.seconds}


def wordfield_train(job: Job) -> Figures:
    """``fit`` as users call it; training is what the loop over the epochs takes, reading the rest."""
    recipe = recipe_of(job)
    model, figures = fitted(recipe, texts.corpus_of(job))
    model.save(job["out"])
    plan = recipe.plan()
    rates = {"learning_rate": plan.learning_rate, "final_rate": plan.learning_rate * plan.final_rate}
    return figures | told(model.history["seconds"]) | rates


def wordfield_plan(job: Job) -> Figures:
    """What ``plan`` expects of ``fit``; reading is what the plan itself takes."""
    from wordfield import api

    with Stopwatch() as planning:
        plan = api.plan(recipe_of(job), texts.corpus_of(job))
    return {
        "words": plan["tokens"],
        "known": plan["known_tokens"],
        "vocabulary": plan["vocabulary"],
        "reading": planning.seconds,
        **told(plan["seconds"]),
        "peak_bytes": plan["memory"],
        "share": plan["sample"],
    }


def told(seconds: dict[str, float]) -> Figures:
    """What wordfield itself says that reading and training take."""
    return {"read_seconds": seconds["read"], "train_seconds": seconds["train"]}


def gensim_model(job: Job) -> tuple[Any, Figures]:
    """gensim's model with its vocabulary, weights not yet trained."""
    from gensim.models import Word2Vec

    options = job["options"]
    hierarchical = options["loss"] == "hierarchical"
    model = Word2Vec(
        vector_size=options["dim"],
        window=options["window"],
        min_count=options["min_count"],
        sample=options["subsample"],
        negative=0 if hierarchical else options["negatives"],
        hs=int(hierarchical),
        sg=int(options["architecture"] == "skipgram"),
        alpha=options["learning_rate"],
        epochs=options["epochs"],
        workers=options["threads"],
        seed=options["seed"],
    )
    with Stopwatch() as reading:
        model.build_vocab(corpus_file=job["files"][0])
    known = sum(model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key)
    figures = {"words": model.corpus_total_words, "known": int(known), "vocabulary": len(model.wv)}
    return model, figures | {"reading": reading.seconds}


def gensim_vocabulary(job: Job) -> Figures:
    return gensim_model(job)[1]


def gensim_train(job: Job) -> Figures:
    """From ``corpus_file``, gensim's fastest way: each thread reads its own part of the file, in every epoch."""
    model, figures = gensim_model(job)
    with Stopwatch() as training:
        model.train(
            corpus_file=job["files"][0],
            total_examples=model.corpus_count,
            total_words=model.corpus_total_words,
            epochs=model.epochs,
        )
    figures |= {"training": training.seconds, "peak_bytes": peak_bytes(), "read_seconds": figures["reading"]["wall"]}
    model.wv.save_word2vec_format(job["out"], binary=True)
    return figures | {"learning_rate": model.alpha, "final_rate": model.min_alpha}


WORK: dict[tuple[str, str], Callable[[Job], Figures]] = (
    {
        ("wordfield", "vocabulary"): wordfield_vocabulary,
        ("wordfield", "train"): wordfield_train,
        ("wordfield", "plan"): wordfield_plan,
        ("gensim", "vocabulary"): gensim_vocabulary,
        ("gensim", "train"): gensim_train,
        ("wordfield", "cut"): texts.wordfield_read,
        ("jieba", "cut"): texts.jieba_cut,
        ("rjieba", "cut"): texts.rjieba_cut,
        ("wordfield", "phrases"): texts.wordfield_phrases,
        ("gensim", "phrases"): texts.gensim_phrases,
        ("wordfield", "read"): texts.wordfield_read,
        ("gzip", "read"): texts.gzip_read,
    }
    | counting.WORK
    | parts.WORK
)


def warm(job: Job) -> None:
    """Do the work on a few lines, so that all machine code is compiled, or loaded from its cache."""
    WORK[job["program"], job["work"]](job | {"files": job["small"], "options": job["options"] | LITTLE})


if __name__ == "__main__":
    job = json.load(sys.stdin)
    read_through(job["files"])
    if job["program"] == "wordfield":
        warm(job)
    figures: Figures = {}
    if job["files"]:
        with Helpers() as helpers:
            figures = WORK[job["program"], job["work"]](job)
        figures = {"peak_bytes": peak_bytes(), "helpers_bytes": helpers.bytes} | figures
    answer(figures)
