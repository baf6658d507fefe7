"""Tuning: trials that can be repeated and resumed, what is tuned, and how it is judged."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordfield as wf
from support import JIT_OFF, Ran
from wordfield import api
from wordfield.evaluation.classification import evaluate
from wordfield.models import LINEAGE
from wordfield.models import recipe as recipe_class
from wordfield.supervised import ClassifierModel
from wordfield.text.labelled import Labelled
from wordfield.tuning import fitting, judging, search, spaces
from wordfield.tuning.search import Search, Tried
from wordfield.tuning.spaces import SPACES, Span

Run = Callable[..., Ran]
slow = pytest.mark.skipif(JIT_OFF, reason="real training takes too long with the compiler off")

TEXTS = [
    ("the oven is hot bake the bread", "baking"),
    ("bread rises in a warm oven", "baking"),
    ("a sharp knife cuts onions", "knives"),
    ("hone the knife not the board", "knives"),
    ("fry the onions in oil", "pans"),
    ("a hot pan and much oil", "pans"),
] * 4
RECIPE = wf.Classifier(dim=4, epochs=1, threads=1)
FIXED = ("dim", "minn", "maxn", "bucket", "word_ngrams", "loss")
RANGES = {"epochs": "1..6", "learning_rate": "0.1..2"}


def searched(trials: int, journal: Path | None = None, recipe: Any = RECIPE, **options: Any) -> Search:
    """A search that has come to its end."""
    made = begun(trials, journal, recipe, **options)
    made.run()
    return made


def begun(trials: int | None, journal: Path | None = None, recipe: Any = RECIPE, **options: Any) -> Search:
    text = Labelled(TEXTS)
    ranges = options.pop("ranges", RANGES)
    space = spaces.space_of(recipe, ranges, [name for name in FIXED if name not in ranges])
    return Search(
        recipe, text, judging.judge_labels(recipe, text, None), space, trials=trials, journal=journal, **options
    )


def told(trials: list[Tried], all: bool = True) -> list[tuple[Any, ...]]:
    """What of trials does not depend on the clock."""
    return [(trial.tried, trial.score) for trial in trials if all or trial.state == "done"]


class Stop:
    """Progress that presses Ctrl-C in a trial."""

    def __init__(self, trial: int) -> None:
        self.trial = trial

    def __call__(self, done: int, total: int, **measures: Any) -> None:
        if measures.get("trial") == self.trial:
            raise KeyboardInterrupt


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """The texts as a file, in fastText's form."""
    path = tmp_path / "train.txt"
    path.write_text("".join(f"__label__{label} {text}\n" for text, label in TEXTS), "utf-8")
    return path


def test_the_first_trial_is_the_recipe_as_it_is() -> None:
    first = searched(1).tried()[0]
    assert first.tried == {"epochs": 1, "learning_rate": 0.1}
    assert first.state == "done"
    assert spaces.applied(RECIPE, first.tried) == RECIPE


def test_the_same_seed_gives_the_same_trials_and_scores() -> None:
    one, two, other = searched(8), searched(8), searched(8, recipe=replace(RECIPE, seed=2))
    assert told(one.tried()) == told(two.tried())
    assert told(one.tried())[1:] != told(other.tried())[1:]
    scores = [trial.score or 0 for trial in one.tried()]
    best = one.best()
    assert best is not None
    assert (best.score, best.number) == (max(scores), scores.index(max(scores)))
    assert one.chosen() == spaces.applied(RECIPE, best.tried)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = told(searched(8).tried())
    assert told(searched(3, tmp_path / "log").tried()) == whole[:3]
    with pytest.raises(KeyboardInterrupt):
        begun(8, tmp_path / "log", progress=Stop(5)).run()
    third = searched(8, tmp_path / "log").tried()
    assert [trial.state for trial in third].count("interrupted") == 1
    assert told(third, all=False) == whole
    assert all(json.loads(line) for line in (tmp_path / "log").read_text().splitlines())


def test_a_trial_whose_process_was_killed_counts_for_nothing(tmp_path: Path) -> None:
    made = begun(4, tmp_path / "log")
    made._study.ask(fixed_distributions=made._distributions())
    with (tmp_path / "log").open("ab") as stream:
        stream.write(b'{"op_code": 6, "worker')
    again = searched(4, tmp_path / "log").tried()
    assert [trial.state for trial in again] == ["interrupted", "done", "done", "done", "done"]
    assert told(again, all=False) == told(searched(4).tried())


def test_a_log_is_of_one_search(tmp_path: Path) -> None:
    searched(1, tmp_path / "log")
    with pytest.raises(ValueError, match=r"log of another search: its recipe is .* give another log"):
        begun(1, tmp_path / "log", replace(RECIPE, negatives=3))
    with pytest.raises(ValueError, match="its space is"):
        begun(1, tmp_path / "log", ranges={"epochs": "1..7"})
    (tmp_path / "letter").write_text("Dear reader,\n")
    with pytest.raises(FileExistsError, match="no log of a search; it is left alone"):
        begun(1, tmp_path / "letter")
    assert (tmp_path / "letter").read_text() == "Dear reader,\n"


def test_a_finished_log_gives_its_best_without_another_trial(tmp_path: Path) -> None:
    one = searched(3, tmp_path / "log")
    two = searched(3, tmp_path / "log")
    assert one.tried() == two.tried()
    assert np.array_equal(one.result().predict_proba(["my oven"]), two.result().predict_proba(["my oven"]))


def test_a_training_ends_when_the_time_is_over() -> None:
    made = begun(None, recipe=replace(RECIPE, epochs=10**6), ranges={"learning_rate": "0.1..1"}, minutes=0.002)
    made.space["epochs"] = Span(10**6, 10**6 + 1)
    with pytest.raises(ValueError, match=r"no trial came to its end in 0.002 minutes"):
        made.run()
    assert {trial.state for trial in made.tried()} <= {"interrupted"}


def test_trials_that_fail_are_told_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = wf.Classifier.fit

    def failing(self: Any, *given: Any, **options: Any) -> Any:
        if self.epochs > 2:
            raise MemoryError if self.epochs > 4 else FloatingPointError("the loss is no number")
        return fit(self, *given, **options)

    monkeypatch.setattr(wf.Classifier, "fit", failing)
    made = searched(8)
    for trial in made.tried():
        many = trial.tried["epochs"]
        assert trial.state == ("done" if many <= 2 else "failed")
        assert trial.reason == ("" if many <= 2 else "not enough memory" if many > 4 else "the loss is no number")
    assert {trial.state for trial in made.tried()} == {"done", "failed"}
    with pytest.raises(ValueError, match="all 3 trials failed; the first: the loss is no number"):
        searched(3, recipe=replace(RECIPE, epochs=3), ranges={"epochs": "3..4"})


def test_where_the_last_training_fails_the_best_of_the_trials_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fit, text = wf.Classifier.fit, Labelled(TEXTS)

    def failing(self: Any, corpus: Any, *given: Any, **options: Any) -> Any:
        if corpus is text:
            raise FloatingPointError("the loss is no number")
        return fit(self, corpus, *given, **options)

    monkeypatch.setattr(wf.Classifier, "fit", failing)
    api.tune(RECIPE, text, tmp_path / "out", trials=2, ranges=RANGES, fixed=FIXED)
    assert "training on all of the text failed (the loss is no number)" in caplog.text
    assert 0 < wf.load(tmp_path / "out").history["texts"] < len(TEXTS)
    made = begun(1)
    made.text = text
    with pytest.raises(FloatingPointError):  # nothing was tried
        made.result()


def test_what_no_recipe_can_learn_from_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has a label"):
        api.tune(RECIPE, Labelled(["no label", "none here"]), tmp_path / "out")
    recipe = replace(RECIPE, min_count=100)
    with pytest.raises(ValueError, match="min_count"):
        api.tune(recipe, Labelled(TEXTS), tmp_path / "out", fixed=FIXED)


@pytest.mark.parametrize("name", LINEAGE)
def test_each_recipe_begins_with_itself(name: str) -> None:
    recipe = recipe_class(name)()
    if name not in SPACES:
        with pytest.raises(ValueError, match=f"nothing of {name} is left to tune"):
            spaces.space_of(recipe)
        return
    space = spaces.space_of(recipe)
    start = spaces.applied(recipe, spaces.start_of(recipe, space))
    unset = {"learning_rate": recipe.plan().learning_rate} if getattr(recipe, "learning_rate", 0) is None else {}
    assert start == replace(recipe, **unset)
    for field, span in space.items():
        for value in span[:2] if isinstance(span, Span) else span:
            assert spaces.applied(recipe, {field: value}) is not None  # its own checks do not refuse it


def test_what_is_given_is_not_tuned_and_usual_ranges_hold_the_recipe() -> None:
    space = spaces.space_of(wf.Classifier(dim=8, epochs=500, learning_rate=7), fixed=["minn", "loss"])
    assert "ngrams" not in space
    assert "loss" not in space
    assert space["dim"] == Span(8, 300, True)
    assert space["epochs"] == Span(1, 500, True)
    assert space["learning_rate"] == Span(0.01, 7.0, True)
    assert "window" not in spaces.space_of(wf.SVD(window="sentence", weight="flat"))
    assert spaces.space_of(wf.Classifier(minn=1, maxn=2))["ngrams"] == ("1-2", "0-0", "2-5", "3-6")


@pytest.mark.parametrize(
    ("field", "given", "made"),
    [
        ("epochs", "5..10", Span(5, 10)),
        ("epochs", "5..50", Span(5, 50, True)),
        ("learning_rate", "0..2", Span(0.0, 2.0)),
        ("epochs", "5, 7", (5, 7)),
        ("loss", "softmax,negative", ("softmax", "negative")),
        ("max_vocab", "none,500", (None, 500)),
        ("class_weight", "none,balanced", (None, "balanced")),
        ("epochs", [3, 4], (3, 4)),
    ],
)
def test_ranges_are_written_as_two_ends_or_as_choices(field: str, given: Any, made: Any) -> None:
    if given == "0..2":
        with pytest.raises(ValueError, match="learning_rate must be above 0"):
            spaces.space_of(RECIPE, {field: given})
        return
    assert spaces.space_of(RECIPE, {field: given})[field] == made


@pytest.mark.parametrize(
    ("field", "given", "said"),
    [
        ("epoch", "1..2", "no field 'epoch'; it has"),
        ("epochs", "1..many", "epochs cannot be 'many'"),
        ("epochs", "9..3", "the end of a range is above its start"),
        ("epochs", "0..3", "epochs must be a whole number"),
        ("loss", "softmax..negative", "a range is of numbers"),
        ("loss", "hinge", "loss must be one of"),
    ],
)
def test_a_wrong_range_is_refused(field: str, given: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        spaces.space_of(RECIPE, {field: given})


def test_a_range_that_was_asked_for_is_kept_to() -> None:
    space = spaces.space_of(RECIPE, {"epochs": "5..10", "learning_rate": "0.5,1"}, fixed=FIXED)
    assert spaces.start_of(RECIPE, space) == {"epochs": 5, "learning_rate": 0.5}


def test_held_out_losses_are_compared_only_where_they_can_be() -> None:
    assert set(spaces.space_of(wf.Word2Vec(), metric="heldout")) == {"dim", "epochs", "learning_rate"}
    with pytest.raises(ValueError, match="held-out losses of different window cannot be compared"):
        spaces.space_of(wf.Word2Vec(), {"window": "2..5"}, metric="heldout")
    with pytest.raises(ValueError, match="glove measures no held-out loss"):
        judging.judge(wf.GloVe(), wf.Corpus([["a"]]))


@pytest.fixture(scope="module")
def model() -> ClassifierModel:
    return wf.Classifier(dim=4, epochs=3, learning_rate=0.5, threads=1).fit(TEXTS)


def scored(model: ClassifierModel, metric: str, texts: list[Any]) -> float:
    judge = judging.judge_labels(wf.Classifier(), Labelled(TEXTS), Labelled(texts), metric)
    return judge.score(model)


ASKED = [
    ("oven and oil", ["baking", "pans"]),
    ("a knife", "knives"),
    ("onions", "pans"),
    ("bread", "baking"),
    ("the board", "knives"),
    ("what is it", "other"),
]


def test_metrics_are_those_of_evaluation(model: ClassifierModel, tmp_path: Path) -> None:
    prefixed = [
        " ".join(f"__label__{label}" for label in ([labels] if isinstance(labels, str) else labels)) + " " + text
        for text, labels in ASKED
    ]
    (tmp_path / "set.txt").write_text("\n".join(prefixed), "utf-8")
    results = {result["metric"]: result for result in evaluate(model, tmp_path / "set.txt")}
    assert scored(model, "f1", ASKED) == results["F1 micro"]["value"]
    assert scored(model, "macro-f1", ASKED) == results["F1 macro"]["value"]
    assert scored(model, "precision@1", ASKED) == scored(model, "accuracy", ASKED) == results["P@1"]["value"]
    for row in results["F1 macro"]["labels"]:
        assert scored(model, f"f1:{row['label']}", ASKED) == row["f1"]


@pytest.mark.parametrize("share", [10, 30, 60, 100])
@pytest.mark.parametrize("label", [None, "pans", "other"])
def test_precision_at_recall_is_the_best_over_all_thresholds(model: ClassifierModel, share: int, label: Any) -> None:
    chances = model.predict_proba([text for text, _ in ASKED])
    golds = [[labels] if isinstance(labels, str) else labels for _, labels in ASKED]
    pairs = [
        (chances[text, row], name in golds[text])
        for text in range(len(ASKED))
        for row, name in enumerate(model.labels)
        if label in (None, name)
    ]
    total = sum(label in (None, name) for gold in golds for name in gold)
    precisions, recalls = [0.0], [0.0]
    for threshold, _ in pairs:
        hits = sum(true for chance, true in pairs if chance >= threshold)
        answers = sum(chance >= threshold for chance, _ in pairs)
        if 100 * hits >= share * total:
            precisions.append(hits / answers)
        if 100 * hits >= share * answers:
            recalls.append(hits / total)
    tail = "" if label is None else f":{label}"
    assert scored(model, f"precision-at-recall:{share}{tail}", ASKED) == pytest.approx(max(precisions))
    assert scored(model, f"recall-at-precision:{share}{tail}", ASKED) == pytest.approx(max(recalls))


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("f2", "unknown metric 'f2'; of a classifier: f1"),
        ("f1:", "unknown metric"),
        ("f1:cheese", "no text of .* has the label 'cheese'"),
        ("precision-at-recall", "a number of per cent"),
        ("precision-at-recall:130", "a number of per cent"),
        ("recall-at-precision:30:cheese", "has the label 'cheese'"),
    ],
)
def test_a_wrong_metric_is_refused(metric: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        judging.judge(RECIPE, Labelled(TEXTS), metric)


def test_what_does_not_go_together_is_refused(vectors: Path) -> None:
    text, words = Labelled(TEXTS), wf.Corpus([["a"]])
    with pytest.raises(ValueError, match="validation"):
        judging.judge(wf.Word2Vec(), words, validation=text)
    with pytest.raises(ValueError, match="data"):
        judging.judge(RECIPE, text, data=[vectors])
    with pytest.raises(ValueError, match="similarity is scored on data"):
        judging.judge(wf.Word2Vec(), words, "similarity")
    with pytest.raises(FileNotFoundError, match="no evaluation set at nowhere"):
        judging.judge(wf.Word2Vec(), words, data=["nowhere"])
    with pytest.raises(ValueError, match="share"):
        judging.judge(RECIPE, text, share=1.0)
    with pytest.raises(ValueError, match="max_size is for classifiers"):
        Search(wf.Word2Vec(), words, judging.judge_loss(wf.Word2Vec(), words), {}, max_size=1000)
    for wrong in ({"trials": 0}, {"trials": 1, "minutes": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            begun(**wrong)  # type: ignore[arg-type]


def test_texts_set_apart_are_not_learnt_from() -> None:
    texts = [(f"word{number}", f"label{number % 2}") for number in range(50)]
    judge = judging.judge_labels(RECIPE, Labelled(texts), None, share=0.3)
    learnt = [pair[0] for pair in judge.text._pairs]
    assert len(learnt) == 35
    assert len(set(learnt)) == 35
    assert not judge.whole


@slow
def test_a_model_is_made_as_small_as_is_asked() -> None:
    letters = np.random.default_rng(1).integers(97, 123, (60, 8)).astype(np.uint8)
    words = [bytes(row).decode() for row in letters]
    texts = [(" ".join(words[start : start + 6]), f"l{start % 3}") for start in range(50)]
    table = wf.Classifier(dim=16, epochs=1, minn=3, maxn=4, bucket=5000, threads=1).fit(texts).table()
    full = fitting.stored_size(table, "model")
    assert fitting.fitting(table, full, "model") is table
    assert table.ngrams is not None
    for target in ("model", "model.bin"):
        sizes = []
        for limit in (26_000, 23_000):
            small = fitting.fitting(table, limit, target)
            sizes.append(fitting.stored_size(small, target))
            assert 0.9 * limit < sizes[-1] <= limit
            assert small.ngrams is not None
            assert small.ngrams.rows < table.ngrams.rows
    least = fitting.fitting(table, 20_500, "model")
    assert len(least.words) < len(table.words)
    with pytest.raises(fitting.TooLarge, match="10,000 bytes are too few: the least"):
        fitting.fitting(table, 10_000, "model")


def test_trials_are_scored_as_they_will_be_saved(tmp_path: Path) -> None:
    result = api.tune(RECIPE, Labelled(TEXTS), tmp_path / "out", trials=2, max_size="12K", fixed=FIXED, ranges=RANGES)
    assert api.models.stored_bytes(tmp_path / "out") <= 12_000
    assert result["score"] is not None
    with pytest.raises(ValueError, match=r"all 2 trials failed; the first: 100 bytes are too few"):
        api.tune(RECIPE, Labelled(TEXTS), tmp_path / "b", trials=2, max_size=100, fixed=FIXED, ranges=RANGES)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(("text", "size"), [("2M", 2_000_000), ("1.5k", 1500), ("300", 300), (7, 7)])
def test_sizes_have_units(text: Any, size: int) -> None:
    assert fitting.bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "M", "two", "-1K", "0", "nan", "inf"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size is a number of bytes"):
        fitting.bytes_of(text)


def test_words_are_scored_on_sets(text: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("king queen 9\nking cat 1\ncat dog 8\nmilk land 1\nmilk water 7\n")
    (tmp_path / "more.txt").write_text("king queen 1\nking cat 9\ncat dog 2\nmilk land 9\n")
    recipe = wf.SVD(dim=3, window=2, min_count=1, threads=1)
    options: dict[str, Any] = {"trials": 3, "ranges": {"window": "1..4"}, "fixed": ["dim"]}
    one = api.tune(recipe, text, tmp_path / "a", data=[tmp_path / "pairs.txt"], **options)
    two = api.tune(recipe, text, tmp_path / "b", data=[tmp_path / "pairs.txt", tmp_path / "more.txt"], **options)
    named = api.tune(recipe, text, tmp_path / "c", data=[tmp_path], metric="pairs", **options)
    assert one["score"] == named["score"] != two["score"]
    assert one["metric"] == "mean"
    (result,) = api.evaluate(tmp_path / "a", [tmp_path / "pairs.txt"])["results"]
    assert result["value"] == pytest.approx(one["score"])  # the model that was tried is the one that is kept
    with pytest.raises(ValueError, match=r"no set for analogy in .*: it has more, pairs, similarity"):
        api.tune(recipe, text, tmp_path / "d", data=[tmp_path], metric="analogy", **options)
    (tmp_path / "alien.txt").write_text("zork blub 9\nblub zork 1\nzork zork 3\n")
    with pytest.raises(ValueError, match="alien cannot be scored"):
        api.tune(recipe, text, tmp_path / "d", data=[tmp_path / "alien.txt"], **options)


@slow
def test_words_are_scored_by_their_held_out_loss(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    sentences = [[f"w{word}" for word in row] for row in (random.zipf(1.5, (400, 12)) % 50).tolist()]
    recipe = wf.Word2Vec(dim=4, epochs=1, min_count=1, threads=1)
    result = api.tune(
        recipe, sentences, tmp_path / "out", trials=4, fixed=["dim"], ranges={"epochs": "1..3"}, metric=None
    )
    assert result["metric"] == "heldout"
    scores = [trial["score"] for trial in result["trials"]]
    assert result["score"] == min(scores) < max(scores)
    history = wf.load(tmp_path / "out").history
    assert history["heldout"] == []  # the result has learnt from all of the text
    assert result["fields"]["heldout"] == 0.0


def test_interrupted_tuning_keeps_the_best_so_far(tmp_path: Path) -> None:
    options: dict[str, Any] = {"trials": 6, "ranges": RANGES, "fixed": FIXED, "journal": tmp_path / "log"}
    with pytest.raises(KeyboardInterrupt, match=r"the best model so far is in .*out; the same command goes on"):
        api.tune(RECIPE, Labelled(TEXTS), tmp_path / "out", progress=Stop(3), **options)
    assert isinstance(wf.load(tmp_path / "out"), ClassifierModel)
    result = api.tune(RECIPE, Labelled(TEXTS), tmp_path / "out", **options)
    assert [trial["state"] for trial in result["trials"]] == ["done"] * 2 + ["interrupted"] + ["done"] * 4
    with pytest.raises(KeyboardInterrupt, match=r"^$"):  # nothing was trained yet
        api.tune(RECIPE, Labelled(TEXTS), tmp_path / "none", progress=Stop(1), ranges=RANGES, fixed=FIXED)
    assert not (tmp_path / "none").exists()


def test_the_best_recipe_is_trained_on_all_of_the_text(tmp_path: Path) -> None:
    result = api.tune(RECIPE, Labelled(TEXTS), tmp_path / "out", trials=3, ranges=RANGES, fixed=FIXED)
    kept = wf.load(tmp_path / "out")
    again = wf.Classifier(**result["fields"]).fit(Labelled(TEXTS))
    assert np.array_equal(kept.predict_proba(["my oven"]), again.predict_proba(["my oven"]))  # type: ignore[union-attr]
    assert kept.history["texts"] == len(TEXTS)


def test_validation_texts_are_what_is_scored_on(tmp_path: Path) -> None:
    options: dict[str, Any] = {"trials": 2, "ranges": RANGES, "fixed": FIXED, "metric": "accuracy"}
    result = api.tune(RECIPE, Labelled(TEXTS), tmp_path / "out", validation=Labelled(ASKED), **options)
    answers = api.predict(tmp_path / "out", [text for text, _ in ASKED])
    right = sum(found[0][0] in labels for found, (_, labels) in zip(answers, ASKED, strict=True))
    assert result["score"] == right / len(ASKED)


def test_the_command_prints_trials_and_the_best(run: Run, lines: Path, tmp_path: Path) -> None:
    small = [
        "--dim",
        "4",
        "--minn",
        "0",
        "--word-ngrams",
        "1",
        "--loss",
        "softmax",
        "--threads",
        "1",
        "--fix",
        "bucket",
    ]
    ran = run("tune", "classifier", lines, "--out", tmp_path / "out", "--trials", "3", *small, "--tune", "epochs=1..5")
    assert ran.status == 0, ran.err
    first, *rows = ran.out.splitlines()
    assert first.split() == ["trial", "learning_rate", "epochs", "f1", "seconds", "MB"]
    assert [row.split()[0] for row in rows if row] == ["0", "1", "2", "best", "recipe", "seconds", "path"]
    command = next(row for row in rows if row.startswith("recipe")).split()[1:]
    ran = run("train", command[0], lines, "--out", tmp_path / "again", *command[1:])
    assert ran.status == 0, ran.err  # what is printed can be typed
    config = tmp_path / "options.toml"
    config.write_text('dim = 4\nminn = 0\nword_ngrams = 1\nloss = "softmax"\nbucket = 100\nthreads = 1\n')
    ran = run("tune", "classifier", lines, "--out", tmp_path / "b", "--trials", "2", "--config", config, "--json")
    assert ran.status == 0, ran.err
    result = json.loads(ran.out)
    assert set(result["trials"][0]["tried"]) == {"epochs", "learning_rate"}
    assert result["fields"]["bucket"] == 100
    assert ran.err == ""


def test_a_wrong_call_is_one_line(run: Run, lines: Path, tmp_path: Path) -> None:
    for options, status, said in (
        (["--tune", "epochs"], 2, "FIELD=a..b"),
        (["--fix", "epoch"], 1, "no field 'epoch'"),
        (["--metric", "f2"], 1, "unknown metric"),
        (["--max-size", "tiny"], 1, "a size is a number of bytes"),
        (["--trials", "1.5"], 2, "1.5"),
    ):
        ran = run("tune", "classifier", lines, "--out", tmp_path / "out", *options)
        assert ran.status == status
        assert said in ran.err
    ran = run("tune", "one-hot", lines, "--out", tmp_path / "out", "--data", lines)
    assert (ran.status, "error: " in ran.err) == (2, True)  # it has nothing to tune
    ran = run("tune", "word2vec", "-", "--out", tmp_path / "out")
    assert (ran.status, "standard input can be read once" in ran.err) == (1, True)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"wordfield\[tune\]"):
        search.optuna()


@slow
@pytest.mark.data
def test_questions_are_classified_with_what_tuning_found(data: Path, tmp_path: Path) -> None:
    def read(name: str) -> list[tuple[str, str]]:
        rows = (data / "classify" / name).read_text("latin-1").splitlines()
        return [(row.split(" ", 1)[1], row.split(":", 1)[0]) for row in rows]

    recipe = wf.Classifier(dim=16, threads=1)
    fixed = ["dim", "minn", "maxn", "bucket"]
    api.tune(recipe, Labelled(read("TREC.train")), tmp_path / "out", trials=8, fixed=fixed)
    model, asked = api.models.classifier(tmp_path / "out"), read("TREC.test")
    found = model.predict([text for text, _ in asked])
    assert sum(answer[0][0] == label for answer, (_, label) in zip(found, asked, strict=True)) / len(asked) >= 0.85
