"""A look at a part tells what the whole will be like, closely enough to plan by."""

import gzip
import json

import numpy as np
import pytest

import wordfield as wf
from support import JIT_OFF
from wordfield import api
from wordfield.models.runs import Enough, Trial
from wordfield.text.corpus import Corpus
from wordfield.text.sampling import resident, sample

LINES = "the king rules the land\nthe queen rules\n" * 200


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(LINES, "utf-8")
    return file


def test_a_small_corpus_is_looked_at_whole(path):
    looked = sample(Corpus(path))
    assert (looked.share, looked.tokens, looked.types(), looked.types(201)) == (1.0, 1600, 5, 2)
    vocabulary = looked.vocabulary(201, None)
    assert (vocabulary.words, vocabulary.counts.tolist()) == (["the", "rules"], [600, 400])
    assert looked.vocabulary(1, 3).words == ["the", "rules", "king"]
    assert looked.memory == 0
    with pytest.raises(ValueError, match="was seen 1000 times"):
        looked.vocabulary(1000, None)


def test_sentences_of_a_list_are_looked_at_whole():
    assert sample(Corpus(LINES.split("\n"))).tokens == 1600


@pytest.mark.parametrize("ending", ["txt", "txt.gz", "jsonl", "jsonl.gz"])
def test_a_part_of_a_file_stands_for_all(tmp_path, ending):
    path = tmp_path / f"text.{ending}"
    random = np.random.default_rng(1)
    size = 3000 if JIT_OFF else 600_000
    lines = [f"one {number} two {other}" for number, other in random.integers(0, 1000, (size, 2)).tolist()]
    rows = [json.dumps({"text": line}) for line in lines] if "jsonl" in ending else lines
    data = "\n".join(rows).encode()
    path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    looked = sample(Corpus(path), windows=8, window=len(data) // 50)
    assert looked.tokens == pytest.approx(4 * size, rel=0.5 if "gz" in ending or "jsonl" in ending else 0.1)
    if JIT_OFF:
        return
    assert 0.1 < looked.share < 0.5  # of the text, not of the rows
    assert looked.types(5) == pytest.approx(1002, rel=0.02)
    assert looked.seconds > 0
    assert looked.memory >= 0


@pytest.mark.parametrize(("name", "tokenizer"), [("enwiki100m", "words"), ("zhwiki50m", "chinese")])
def test_vocabulary_and_tokens_of_real_text_are_foretold(data, name, tokenizer):
    if JIT_OFF:
        pytest.skip("real text takes too long with the compiler off")
    if tokenizer == "chinese":
        pytest.importorskip("rjieba")
    corpus = Corpus(data / f"corpora/{name}.txt", tokenizer=tokenizer)
    looked = sample(corpus)
    with corpus.scan() as scan:
        assert looked.tokens == pytest.approx(scan.tokens, rel=0.02)
        for min_count in (1, 5, 20):
            assert looked.types(min_count) == pytest.approx(int((scan.counts >= min_count).sum()), rel=0.15)
        vocabulary = looked.vocabulary(5, None)
        expected = scan.vocabulary(5)
        assert vocabulary.total == pytest.approx(expected.total, rel=0.1)
        assert np.corrcoef(vocabulary.counts[:1000], expected.counts[:1000])[0, 1] > 0.99


def test_a_long_line_is_cut_anywhere(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("word " * 20_000, "utf-8")
    assert sample(Corpus(path), windows=4, window=1000).tokens == pytest.approx(20_000, rel=0.05)


@pytest.mark.parametrize("windows", [4, 100])
def test_phrases_are_joined_in_the_part_too(tmp_path, windows):
    path = tmp_path / "text.txt"
    lines = [f"{number} new york {number + 1}" if number % 100 == 0 else f"word {number}" for number in range(5000)]
    path.write_text("\n".join(lines), "utf-8")
    corpus = Corpus(path, phrases=1)
    assert "new_york" in sample(corpus, windows=windows, window=8000).vocabulary(1, None).words
    corpus.scan().close()
    assert corpus.tokenizer.phrases is not None


def test_a_trial_measures_between_its_steps():
    trial = Trial()
    trial(10, 100)
    first = trial._first
    trial(40, 100)
    assert trial.rate == pytest.approx(30 / (trial._last[1] - first[1]))
    trial.SECONDS = 0
    with pytest.raises(Enough):
        trial(50, 100)
    alone = Trial()
    alone(10, 10)
    assert alone.rate > 0


def test_a_plan_says_what_training_does(path, tmp_path):
    recipe = wf.Word2Vec(dim=8, epochs=2, min_count=201, threads=1)
    planned = api.plan(recipe, path)
    done = api.train(recipe, path, tmp_path / "model")
    for name in ("recipe", "tokens", "known_tokens", "vocabulary", "dim"):
        assert planned[name] == done[name]
    assert planned["sample"] == 1.0
    assert planned["seconds"]["train"] > 0
    assert planned["memory"] > 50e6
    assert planned["disk"] == {"numbers": 4 * (1600 + 1000), "result": 8 * 8 * 2}
    assert resident() > 10e6


def test_a_dry_run_writes_nothing(run, path, tmp_path):
    before = sorted(tmp_path.iterdir())
    ran = run("train", "word2vec", path, "--dry-run", "--min-count", "1")
    assert ran.status == 0, ran.err
    assert [line.split("  ")[0] for line in ran.out.splitlines()] == [
        *["tokens", "vocabulary", "dimension", "seconds", "words/s", "memory", "disk", "told from"]
    ]
    told = json.loads(run("train", "word2vec", path, "--dry-run", "--min-count", "1", "--json").out)
    assert told["vocabulary"] == 5
    assert sorted(tmp_path.iterdir()) == before
    missing = run("train", "word2vec", path)
    assert (missing.status, "--out" in missing.err) == (2, True)
    assert run("train", "word2vec", path, "--dry-run", "--min-count", "1000").status == 1
