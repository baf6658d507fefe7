"""How each program does the same work on text: cut it into words, find its phrases, read it. Jobs and figures are those
of `peers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.measure import Stopwatch

Job = dict[str, Any]
Figures = dict[str, Any]
CHUNK = 1 << 20


def corpus_of(job: Job) -> Any:
    import wordfield as wf

    return wf.Corpus.files(job["files"], tokenizer=job["options"]["tokenizer"])


def wordfield_read(job: Job) -> Figures:
    """Cut the text into words, count them, and keep all of it as numbers."""
    corpus = corpus_of(job)
    with Stopwatch() as reading, corpus.scan(threads=job["options"]["threads"]) as scan:
        pass
    return {"words": scan.tokens, "reading": reading.seconds}


def gzip_read(job: Job) -> Figures:
    """Decompress, and do nothing with it."""
    import gzip

    with Stopwatch() as reading:
        for file in job["files"]:
            with gzip.open(file) as stream:
                while stream.read(CHUNK):
                    pass
    return {"words": None, "reading": reading.seconds}


def jieba_cut(job: Job) -> Figures:
    """Cut each line, and keep nothing; with several threads, jieba's own way to have as many processes. Its dictionary
    is loaded before.
    """
    import jieba

    jieba.initialize()
    threads = job["options"]["threads"]
    with Stopwatch() as reading:
        if threads > 1:
            jieba.enable_parallel(threads)
            pool, texts = jieba.pool, [Path(job["files"][0]).read_text("utf-8")]  # cuts it into lines itself
        else:
            texts = Path(job["files"][0]).read_text("utf-8").split("\n")
        words = sum(1 for text in texts for _ in jieba.cut(text))
        if threads > 1:
            jieba.disable_parallel()
            pool.join()
    return {"words": words, "reading": reading.seconds}


def rjieba_cut(job: Job) -> Figures:
    """Cut each line, and keep nothing. Its dictionary is loaded before."""
    import rjieba

    rjieba.cut("")
    with Stopwatch() as reading:
        words = sum(len(rjieba.cut(line)) for line in Path(job["files"][0]).read_text("utf-8").split("\n"))
    return {"words": words, "reading": reading.seconds}


def wordfield_phrases(job: Job) -> Figures:
    """Learn from a scan, and join; training is that without the scan."""
    from wordfield.text.phrases import learn

    options, corpus = job["options"], corpus_of(job)
    with Stopwatch() as reading:
        scan = corpus.scan(threads=options["threads"])
    with scan, Stopwatch() as training:
        joined, found = learn(
            scan, threshold=options["threshold"], min_count=options["min_count"], threads=options["threads"]
        )
    joined.close()
    keep_phrases([phrase.phrase for phrase in found], job["out"])
    return {
        "words": scan.tokens,
        "phrases": len(found),
        "reading": reading.seconds,
        "training": training.seconds,
    }


def gensim_phrases(job: Job) -> Figures:
    """Learn, and join once; both read the file, line by line."""
    from gensim.models.phrases import Phrases
    from gensim.models.word2vec import LineSentence

    options, (file,) = job["options"], job["files"]
    with Stopwatch() as training:
        model = Phrases(
            LineSentence(file), min_count=options["min_count"], threshold=options["threshold"], scoring=of_tokens
        )
        frozen = model.freeze()
        for _ in frozen[LineSentence(file)]:
            pass
    keep_phrases(list(frozen.phrasegrams), job["out"])
    return {
        "words": model.corpus_word_count,
        "phrases": len(frozen.phrasegrams),
        "reading": {"wall": 0.0, "cpu": 0.0},
        "training": training.seconds,
    }


def of_tokens(
    worda_count: float,
    wordb_count: float,
    bigram_count: float,
    len_vocab: float,  # noqa: ARG001 - gensim asks for these names
    min_count: float,
    corpus_word_count: float,
) -> float:
    """gensim's score with all tokens instead of the number of words and pairs, as in word2phrase.c."""
    return (bigram_count - min_count) / (worda_count * wordb_count) * corpus_word_count


def keep_phrases(phrases: list[str], out: str) -> None:
    Path(out).write_text("".join(f"{phrase}\n" for phrase in phrases), "utf-8")
