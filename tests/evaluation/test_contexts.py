"""Words in two sentences, and pairs of sentences: what a model that knows the context reaches, told by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordfield import Corpus, Word2Vec, api, evaluation
from wordfield.evaluation import context, sentences
from wordfield.evaluation.sets import gathered, recognise

SENSES = {"money": ("loan", "cash"), "water": ("river", "shore")}
QUESTIONS = [
    ("bank", "1-1", "the bank gave a loan", "a bank has cash", "T"),
    ("bank", "1-1", "the bank gave a loan", "the bank of a river", "F"),
    ("bank", "1-2", "the bank of a river", "on the bank near the shore", "T"),
    ("bank", "2-1", "on the bank near the shore", "a bank has cash", "F"),
]


class Reader:
    """The vector of a word says which words of either world stand in its sentence, one dimension a world, and of a
    third what it is itself.
    """

    dim = 3

    def embed_words_of(self, texts: Any) -> list[tuple[list[str], Any]]:
        found = []
        for text in texts:
            words = text.split() if isinstance(text, str) else list(text)
            worlds = [sum(word in world for word in words) for world in SENSES.values()]
            found.append((words, np.array([[*worlds, 0.5 + 0.1 * (word == "bank")] for word in words], np.float32)))
        return found

    def embed_words(self, text: str) -> tuple[list[str], Any]:
        return self.embed_words_of([text])[0]

    def embed(self, texts: Any) -> Any:
        return np.array([vectors.mean(axis=0) for _, vectors in self.embed_words_of(texts)], np.float32)


def written(folder: Path, part: str, questions: Any = QUESTIONS) -> Path:
    """A part of a set in the form of WiC."""
    (folder / part).mkdir(parents=True)
    data = folder / part / f"{part}.data.txt"
    data.write_text("".join("\t".join([q[0], "N", *q[1:4]]) + "\n" for q in questions), "utf-8")
    (folder / part / f"{part}.gold.txt").write_text("".join(f"{q[4]}\n" for q in questions), "utf-8")
    return data


def test_a_model_that_sees_the_context_answers_by_it(tmp_path: Path) -> None:
    written(tmp_path / "wic", "train")
    written(tmp_path / "wic", "test", QUESTIONS[:3])
    words, whole = evaluation.evaluate(Reader(), tmp_path / "wic" / "test")
    assert (words["task"], words["dataset"], words["metric"]) == ("context", "wic/test", "accuracy")
    assert (words["value"], words["pairs"], words["covered"]) == (1.0, 3, 3)
    assert words["tuned"] == "train"
    one, other = np.array([1, 0, 0.6]), np.array([0, 1, 0.6])
    apart = one @ other / (one @ one)
    assert words["threshold"] == pytest.approx((1 + apart) / 2, abs=1e-6)
    assert whole["metric"] == "sentence accuracy"
    assert [each["dataset"] for each in evaluation.evaluate(Reader(), tmp_path)][::2] == ["wic/test", "wic/train"]


def test_one_vector_a_word_sees_forms_alone(tmp_path: Path) -> None:
    model = Word2Vec(dim=8, epochs=2, min_count=1, seed=1, threads=1).fit([question[2] for question in QUESTIONS] * 20)
    written(tmp_path / "wic", "train")
    data = written(tmp_path / "wic", "test", [*QUESTIONS, ("x", "0-0", "unheard of", "unheard of", "T")])
    words, whole = evaluation.evaluate(model, data)
    assert (words["covered"], words["pairs"]) == (4, 5)
    assert words["value"] == 0.5, "the same word has the same vector"
    assert whole["covered"] == 5
    with pytest.raises(ValueError, match="no set for"):
        evaluation.evaluate(model.words, data)


def test_the_threshold_is_right_most_often() -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        near = random.integers(0, 6, 9) / 5
        same = random.random(9) < near
        cut = context.threshold(near, same)
        cuts = [-1, *(each + 0.1 for each in np.unique(near))]
        best = max(((near > each) == same).mean() for each in cuts)
        assert ((near > cut) == same).mean() == best
    assert context.threshold(np.empty(0), np.empty(0, bool)) == 0


def test_without_another_part_halves_take_turns(tmp_path: Path) -> None:
    data = written(tmp_path, "mine", QUESTIONS * 5)
    words, _ = evaluation.evaluate(Reader(), data)
    assert (words["dataset"], words["value"], words["threshold"], words["tuned"]) == ("mine.data", 1.0, None, None)


@pytest.mark.parametrize(
    ("data", "gold", "message"),
    [
        ("a\tN\t0-0\ta b\n", "T\n", "line 1: a word, its kind, 2-0"),
        ("a\tN\t0-7\ta b\ta b\n", "T\n", "line 1: there is no word 0-7"),
        ("a\tN\t0-0\ta b\ta b\n", "yes\n", r"x\.gold\.txt: line 1: T or F is needed"),
        ("a\tN\t0-0\ta b\ta b\n", "T\nF\n", "2 answers to 1 questions"),
        ("a\tN\t0-0\ta b\ta b\n", None, r"its answers are not there, x\.gold\.txt"),
    ],
)
def test_bad_questions_are_named(tmp_path: Path, data: str, gold: str | None, message: str) -> None:
    (tmp_path / "x.data.txt").write_text(data, "utf-8")
    if gold is not None:
        (tmp_path / "x.gold.txt").write_text(gold, "utf-8")
    with pytest.raises(ValueError, match=message):
        context.read(tmp_path / "x.data.txt")


PAIRS = "the bank gave a loan\ta bank has cash\t5\nthe bank gave a loan\ton the shore of it\t1\nx x x x\tx x x x\t4\n"


def test_sentences_are_ordered_by_their_cosines(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text(PAIRS, "utf-8")
    (result,) = evaluation.evaluate(Reader(), tmp_path / "pairs.txt")
    assert (result["task"], result["dataset"], result["metric"], result["pairs"]) == (
        "sentences",
        "pairs",
        "spearman",
        3,
    )
    ours = sentences.cosines(Reader(), *zip(*((row.split("\t")[:2]) for row in PAIRS.splitlines()), strict=True))[0]
    assert result["value"] == pytest.approx(np.corrcoef(np.argsort(np.argsort(ours)), [2, 0, 1])[0, 1])


def test_columns_may_have_names_and_parts(tmp_path: Path) -> None:
    rows = [row.split("\t") for row in PAIRS.splitlines()]
    lines = [
        "split\tscore\tsentence1\tsentence2",
        *(f"{s}\t{c}\t{a}\t{b}" for s in ("dev", "test") for a, b, c in rows),
    ]
    path = tmp_path / "sts.tsv"
    path.write_text("\n".join(lines), "utf-8")
    assert recognise(path) == "sentences"
    assert [each["dataset"] for each in evaluation.evaluate(Reader(), path)] == ["sts/dev", "sts/test"]
    path.write_text("\n".join([*lines, "test\tmuch\ta\tb"]), "utf-8")
    with pytest.raises(ValueError, match="line 8: two sentences and a number"):
        sentences.read(path)


def test_the_same_text_twice_has_the_cosine_one_and_a_text_of_unknown_words_none(tmp_path: Path) -> None:
    model = Word2Vec(dim=8, epochs=1, min_count=1, threads=1).fit(Corpus(["a few words of text"] * 20))
    near, covered = sentences.cosines(model, ["a few words", "a few"], ["a few words", "unheard"])
    assert near == pytest.approx([1, 0])
    assert covered.tolist() == [True, False]


@pytest.mark.data
def test_the_real_sets_are_read_whole(data: Path) -> None:
    folder = data / "contextual"
    if not folder.is_dir():
        pytest.skip("no folder contextual in the folder of real data")
    sets = {each.files[0].name: each for each in gathered(folder)}
    assert {each.task for each in sets.values()} == {"context", "sentences"}
    wic = {part: context.read(folder / "wic" / part / f"{part}.data.txt") for part in ("train", "dev", "test")}
    assert {part: len(questions) for part, questions in wic.items()} == {"train": 5428, "dev": 638, "test": 1400}
    assert all(sum(q.same for q in questions) * 2 == len(questions) for questions in wic.values())
    english = sentences.read(folder / "stsbenchmark.tsv")
    assert {part: sum(pair.split == part for pair in english) for part in ("train", "dev", "test")} == {
        "train": 5749,
        "dev": 1500,
        "test": 1379,
    }
    assert all(0 <= pair.score <= 5 for pair in english)


def test_several_models_are_compared_and_the_command_prints_them(tmp_path: Path, run: Any) -> None:
    written(tmp_path / "wic", "train")
    for seed in (1, 2):
        recipe = Word2Vec(dim=4, epochs=1, min_count=1, seed=seed, threads=1)
        recipe.fit([question[2] for question in QUESTIONS] * 9).save(tmp_path / f"m{seed}")
    done = run("evaluate", tmp_path / "m1", tmp_path / "m2", "--data", tmp_path / "wic")
    assert done.status == 0, done.err
    assert "wic/train" in done.out
    result = api.evaluate([tmp_path / "m1", tmp_path / "m2"], [tmp_path / "wic"])
    assert [each["metric"] for each in result["results"]] == ["accuracy", "sentence accuracy"]
