"""The recipe as its user sees it: what it learns, repeats, goes on with, and refuses."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support import PLAIN, Stop
from worlds import sentences

torch = pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield import Corpus, api  # noqa: E402
from wordfield.formats import checkpoint  # noqa: E402
from wordfield.models import runs  # noqa: E402
from wordfield.models.sequence import training  # noqa: E402
from wordfield.models.sequence.language_model import LanguageModel  # noqa: E402
from wordfield.models.sequence.llm import LLM, Foreseeing  # noqa: E402
from wordfield.models.sequence.streams import Stream, everything  # noqa: E402

SMALL = LLM(
    dim=8,
    layers=1,
    heads=2,
    inner=16,
    context=6,
    pieces=60,
    min_count=1,
    batch=4,
    epochs=2,
    heldout=0.1,
    checks=4,
    device="cpu",
    precision="float32",
    threads=1,
)


TEXT = sentences(60)
WORDS = [sentence.split() for sentence in TEXT]


def tensors(model):
    return dict(model.network.tensors)


def same(one, other):
    one, other = tensors(one), tensors(other)
    return [*one] == [*other] and all(np.array_equal(one[name], other[name]) for name in one)


def stopped(recipe, stop, start=None):
    """What a run leaves that is interrupted."""
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit(WORDS, stop, start=start)
    return caught.value.partial


def test_it_learns_what_follows_what():
    model = replace(SMALL, epochs=15, learning_rate=2e-2, dropout=0.0).fit(WORDS)
    assert model.history["loss"][-1] < 0.5 < model.history["loss"][0]
    assert model.history["heldout"][-1] < 0.5
    assert model.generate("the cat", 2, temperature=0) == "the cat drinks milk"
    assert model.generate("a ship", 3, temperature=0) == "a ship sails west\n"
    assert model.next("a ship sails", 1)[0][0] == "west"
    assert {word for word, _ in model.next("", 2)} == {"the", "a"}


def test_what_it_remembers():
    model = SMALL.fit(WORDS)
    assert model.recipe == SMALL.described() == {"model": "llm", **model.recipe}
    assert model.words.vocabulary.words[:2] == ["<eos>", "<unk>"]
    assert len(model.words) == 10
    history = model.history
    assert history["corpus"] == "60 sentences"
    assert history["corpus_tokens"] == history["known_tokens"] == 240
    assert history["stopped"] == ""
    assert history["resumed"] == 0
    assert set(history["seconds"]) == {"read", "train"}
    assert len(history["loss"]) == len(history["heldout"]) == 4
    assert model.state == {}
    assert model.info()["kind"] == "llm"
    assert not model.info()["trainable"]


def test_pieces_are_learnt_where_nobody_says_what_words_are():
    model = SMALL.fit(TEXT)
    assert model.tokenizer.name == "subwords"
    assert len(model.words) <= SMALL.pieces + 1
    assert model.words.vocabulary.words[model.tokens.end] == "<eos>"
    words = SMALL.fit(Corpus(TEXT, tokenizer="words"))
    assert words.tokenizer.name == "words"
    assert "ship" in words.words


def test_chinese_in_characters():
    model = SMALL.fit(Corpus(["国王统治着土地。", "女王统治着大海。"] * 20, tokenizer="characters"))
    assert {"王", "海"} <= set(model.words.vocabulary.words)
    assert model.embed_words("女王统治")[0] == ["女", "王", "统", "治"]


def test_the_same_seed_gives_the_same_model():
    one = SMALL.fit(WORDS)
    assert same(one, SMALL.fit(WORDS))
    assert not same(one, replace(SMALL, seed=2).fit(WORDS))


@pytest.mark.parametrize(
    ("steps", "check", "threads"),
    [(1, False, 1), (6, False, 1), (1, True, 1), (8, True, 1), (6, False, 2)],
    ids=["first", "step", "first check", "check", "threads"],
)
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, steps, check, threads):
    """Through the file: parameters, moments and history are those of a run without the interruption."""
    recipe = replace(SMALL, threads=threads, patience=3, epochs=2 if threads == 1 else 1)
    whole = recipe.fit(WORDS)
    partial = stopped(recipe, Stop(steps, check))
    assert partial.history["stopped"] == "interrupted"
    assert partial.info()["trainable"]
    partial.save(tmp_path / "partial")
    model = recipe.fit(WORDS, start=LanguageModel.load(tmp_path / "partial"))
    assert model.history["resumed"] == partial.history["tokens"] > 0
    assert same(model, whole)
    assert {name: model.history[name] for name in PLAIN} == {name: whole.history[name] for name in PLAIN}
    assert same(recipe.fit(WORDS, start=partial), whole), "and from memory, once more"


def test_moments_go_on_bit_for_bit():
    """Two runs that stop at the same step, one of them interrupted before: all that they leave is the same."""
    whole = stopped(SMALL, Stop(9))
    again = stopped(SMALL, Stop(5), start=stopped(SMALL, Stop(4)))
    assert same(whole, again)
    assert whole.state
    assert {*whole.state} == {*again.state}
    assert all(np.array_equal(whole.state[name], again.state[name]) for name in whole.state)
    assert {name: whole.history[name] for name in PLAIN} == {name: again.history[name] for name in PLAIN}


def test_interrupted_twice():
    whole = SMALL.fit(WORDS)
    first = stopped(SMALL, Stop(3, check=True))
    second = stopped(SMALL, Stop(4), start=first)
    assert second.history["resumed"] == first.history["tokens"]
    assert same(SMALL.fit(WORDS, start=second), whole)


@pytest.mark.parametrize("steps", [2, 10, 11, 12, 15], ids=["before", "just before", "at", "just after", "after"])
def test_untied_half_way_goes_on_bit_for_bit(tmp_path, steps):
    recipe = replace(SMALL, tied="until:0.5")
    whole = recipe.fit(WORDS)
    assert whole.history["steps"] == 22
    assert not whole.tied
    assert not np.array_equal(whole.output.vectors, whole.words.vectors)
    partial = stopped(recipe, Stop(steps))
    assert partial.tied is (steps <= 11)
    partial.save(tmp_path / "partial")
    assert same(recipe.fit(WORDS, start=LanguageModel.load(tmp_path / "partial")), whole)


def test_tied_until_a_share():
    tied, untied, half = (replace(SMALL, tied=tied).fit(WORDS) for tied in (True, False, "until:0.5"))
    assert tied.tied
    assert tied.output is tied.words
    sizes = [sum(array.size for array in tensors(model).values()) for model in (tied, untied, half)]
    assert sizes[1] == sizes[2] == sizes[0] + tied.words.vectors.size
    at_half = stopped(replace(SMALL, tied="until:0.5"), Stop(11))
    assert same(at_half, stopped(SMALL, Stop(11))), "up to there it is the tied model"


def test_tied_to_the_best_and_untied_after():
    """What is restored foresees the held-out text as it did when it was best."""
    recipe = replace(SMALL, tied="until:0.5", patience=1, learning_rate=3.0, warmup=0.0, epochs=6, checks=12)
    model = recipe.fit(WORDS, validation=WORDS[:9])
    loss = model.surprise(WORDS[:9]).loss
    assert loss == pytest.approx(min(model.history["heldout"]), abs=1e-5)
    assert model.history["heldout"][-1] > min(model.history["heldout"]), "otherwise nothing was restored"


def test_validation_is_measured_instead_of_a_share():
    aside = [["the", "cat", "sails", "unheard"]] * 5
    model = SMALL.fit(WORDS, validation=aside)
    assert model.surprise(aside).loss == pytest.approx(model.history["heldout"][-1], abs=1e-5)
    assert model.history["checked"] != SMALL.fit(WORDS).history["checked"], "all of the corpus is trained on"
    assert replace(SMALL, heldout=0.0).fit(WORDS).history["heldout"] == []


def test_dropout_is_not_at_work_when_the_loss_is_measured():
    model = replace(SMALL, dropout=0.9, epochs=1, checks=1).fit(WORDS, validation=WORDS)
    assert model.surprise(WORDS).loss == pytest.approx(model.history["heldout"][0], abs=1e-5)


def test_other_settings_take_the_weights_alone(caplog):
    partial = stopped(SMALL, Stop(6))
    with caplog.at_level(logging.WARNING):
        model = replace(SMALL, epochs=1).fit(WORDS, start=partial)
    assert "had other settings: its weights are taken, its course is not" in caplog.text
    assert model.history["resumed"] == 0
    assert model.history["steps"] == 11


def test_a_finished_model_goes_on_learning(tmp_path):
    first = SMALL.fit(WORDS)
    first.save(tmp_path / "model")
    second = SMALL.fit(WORDS, start=LanguageModel.load(tmp_path / "model"))
    assert second.history["resumed"] == 0
    assert second.history["loss"][-1] < first.history["loss"][-1]
    assert second.words.vocabulary.words == first.words.vocabulary.words
    pieces = SMALL.fit(TEXT)
    other = SMALL.fit(["the west ship", "a cat sails milk"] * 20, start=pieces)
    assert other.tokenizer == pieces.tokenizer
    assert other.words.vocabulary.words == pieces.words.vocabulary.words
    lists = SMALL.fit([["the", "west", "ship"], ["a", "cat", "sails", "milk"]] * 20, start=pieces)
    assert same(lists, other), "words in lists are cut into pieces too"


def test_a_course_that_was_lost_is_not_gone_on_with(caplog):
    partial = replace(stopped(SMALL, Stop(6)), state={})
    with caplog.at_level(logging.WARNING):
        model = SMALL.fit(WORDS, start=partial)
    assert "has lost the state of its training: only its weights are taken" in caplog.text
    assert model.history["steps"] == 22


def test_a_start_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"the model to go on from has Shape\(.*dim=8.*the recipe asks for.*dim=12"):
        replace(SMALL, dim=12).fit(WORDS, start=SMALL.fit(WORDS))


def test_a_start_that_is_no_language_model_is_refused():
    from wordfield import OneHot

    vectors = OneHot().fit(WORDS)
    with pytest.raises(ValueError, match="a network goes on from a network only"):
        SMALL.fit(WORDS, start=vectors)


def test_nan_leaves_a_finite_partial(tmp_path):
    recipe = replace(SMALL, learning_rate=1e12, warmup=0.0, clip=0.0)
    with pytest.raises(FloatingPointError, match=r"the loss of step \d+ is no number") as caught:
        recipe.fit(WORDS)
    partial = caught.value.partial
    assert all(np.isfinite(array).all() for array in tensors(partial).values())
    out = tmp_path / "model"
    with pytest.raises(
        FloatingPointError, match=rf"the loss of step \d+ .*; what was learnt so far is in {out}.partial"
    ):
        api.train(recipe, WORDS, out)
    assert not out.exists()
    assert same(LanguageModel.load(f"{out}.partial"), partial)


def test_an_interrupted_training_is_kept_and_goes_on(tmp_path):
    out = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt, match=f"interrupted; what was learnt so far is in {out}.partial"):
        api.train(SMALL, WORDS, out, progress=Stop(6))
    assert not out.exists()
    partial = LanguageModel.load(f"{out}.partial")
    assert partial.history["steps"] == 6
    assert same(SMALL.fit(WORDS, start=partial), SMALL.fit(WORDS))


def test_an_older_result_stays_when_interrupted(tmp_path):
    out = tmp_path / "model"
    api.train(SMALL, WORDS, out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    with pytest.raises(KeyboardInterrupt):
        api.train(replace(SMALL, seed=2), WORDS, out, progress=Stop(6))
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_ctrl_c_is_heard_while_it_trains():
    """A real signal, at any moment, while several threads work."""
    recipe = replace(SMALL, epochs=400, threads=2)
    begun = threading.Event()

    def interrupt():
        begun.wait(60)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit(WORDS, lambda done, total, **measures: begun.set() if "loss" in measures else None)
    thread.join()
    partial = caught.value.partial
    steps = partial.history["steps"]
    assert 0 < steps < 4000
    assert same(partial, stopped(recipe, Stop(steps))), "as if it had been interrupted between two steps"


def test_checkpoints_are_written_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", -1.0)
    out, partial, seen = tmp_path / "model", tmp_path / "model.partial", []

    def progress(done, total, **measures):
        if partial.exists():
            seen.append(LanguageModel.load(shutil.copytree(partial, tmp_path / f"seen{len(seen)}")))

    told = api.train(replace(SMALL, epochs=1), WORDS, out, progress=progress)
    assert told["loss"]
    assert not partial.exists()
    assert {model.history["steps"] for model in seen} == {*range(1, 12)}
    assert {model.history["stopped"] for model in seen} == {"checkpoint"}
    final = LanguageModel.load(out)
    assert final.history["stopped"] == ""
    assert final.state == {}
    half = next(model for model in seen if model.history["steps"] == 5)
    assert same(replace(SMALL, epochs=1).fit(WORDS, start=half), final)


def test_a_foreign_folder_in_the_place_of_checkpoints_is_refused(tmp_path):
    (tmp_path / "model.partial").mkdir()
    (tmp_path / "model.partial" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"model\.partial"):
        api.train(SMALL, WORDS, tmp_path / "model")
    assert (tmp_path / "model.partial" / "mine.txt").exists()


def test_a_budget_ends_the_training():
    recipe = replace(SMALL, epochs=100_000, budget="0.5s")
    model = recipe.fit(WORDS)
    assert model.history["spent"] >= 0.5
    assert model.history["steps"] < 1_000_000
    assert len(model.history["heldout"]) == model.history["checks"] == 4


def test_room_that_is_missing_names_the_batch_to_try(tmp_path, monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("wordfield.models.sequence.decoder.Decoder.losses", full)
    with pytest.raises(MemoryError, match=r"no room for batch=4 .*: try batch=2, or accumulate=2"):
        api.train(SMALL, WORDS, tmp_path / "model")


def test_invalid_bytes_are_told(tmp_path, caplog):
    path = tmp_path / "text.txt"
    path.write_bytes("\n".join(TEXT).encode() + b"\n\xff\xfe bytes\n")
    with caplog.at_level(logging.WARNING):
        told = api.train(SMALL, path, tmp_path / "model")
    assert told["invalid"] == 2
    assert "2 bytes" in caplog.text
    assert api.train(SMALL, path, tmp_path / "more", start=tmp_path / "model")["invalid"] == 2
    assert api.train(SMALL, Corpus(path, tokenizer="words"), tmp_path / "model")["invalid"] == 2


def test_what_training_tells(tmp_path):
    told = api.train(SMALL, TEXT, tmp_path / "model")
    assert told["recipe"] == "llm"
    assert told["dim"] == 8
    assert len(told["loss"]) == len(told["heldout"]) == 4
    assert told["words_per_second"] > 0
    assert told["out"] == str(tmp_path / "model")
    assert {file.name for file in (tmp_path / "model").iterdir()} <= checkpoint.FILES


def test_a_plan_is_told_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.setattr(runs.Trial, "SECONDS", 0.1)
    told = api.plan(SMALL, TEXT * 20)
    assert told["recipe"] == "llm"
    assert told["vocabulary"] == pytest.approx(len(SMALL.fit(TEXT).words), abs=5)
    assert told["seconds"]["train"] > 0
    assert told["memory"] > told["disk"]["result"] > 0
    assert list(tmp_path.iterdir()) == []


def test_the_stretches_of_an_epoch_are_read_once():
    numbered = [[str(number)] for number in range(100)]
    with Corpus(numbered).scan() as scan:
        vocabulary = scan.vocabulary(1)
        ids = scan.encode(vocabulary)
        stream = Stream(ids, everything(ids), len(vocabulary))
        blocks = Foreseeing(stream, 8, 4, 1, 1)
        firsts = []
        for epoch in range(3):
            read = [blocks.batch(epoch, step, 4) for step in range(blocks.steps)]
            assert all(batch.shape == (4, 8) and batch.dtype == torch.int64 for batch in read)
            rows = torch.cat(read)
            inputs = [row for row in rows[:, :-1].flatten().tolist() if row < len(vocabulary)]
            assert len(inputs) == len(set(inputs)), "no token is read twice"
            assert len(inputs) >= 80
            whole = stream.read(0, len(stream)).tolist()
            for row in rows.tolist():
                assert any(whole[at : at + 8] == row for at in range(len(whole) - 7))
            firsts.append(rows[:, 0].tolist())
        assert firsts[0] != firsts[1] != firsts[2]
        assert torch.equal(blocks.batch(1, 2, 4), Foreseeing(stream, 8, 4, 1, 1).batch(1, 2, 4)), (
            "of nothing but the seed"
        )
        assert not torch.equal(blocks.batch(1, 2, 4), Foreseeing(stream, 8, 4, 2, 1).batch(1, 2, 4))


def test_a_corpus_of_less_than_a_batch():
    model = replace(SMALL, batch=1000, epochs=3).fit(WORDS)
    assert model.history["steps"] == 3


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (
            [["too", "short"]] * 3,
            r"the corpus has \d+ tokens to train on.*context=6 needs more than 12; give more text",
        ),
        ([], "no pieces can be learnt: the lines have no text"),
        (Corpus([], tokenizer="words"), "no words in 0 sentences"),
        ([""], "no pieces can be learnt: the lines have no text"),
        ([["one"] * 50], r"heldout=0\.1 needs more than one sentence: the corpus has 1"),
    ],
    ids=["short", "empty", "no words", "no text", "one sentence"],
)
def test_corpora_that_are_too_small_are_refused(corpus, message):
    with pytest.raises(ValueError, match=message):
        SMALL.fit(corpus)


def test_an_empty_text_for_validation_is_refused():
    with pytest.raises(ValueError, match="no words in"):
        SMALL.fit(WORDS, validation=[[""]])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tied", "sometimes", 'tied must be True, False, or "until:" and a share such as until:0.66'),
        ("tied", "until:1.5", "tied must be"),
        ("tied", "until:", "tied must be"),
        ("tied", 0.5, "tied must be .* not 0.5"),
        ("budget", "soon", "budget must be a time such as 90s, 20min or 1.5h, not 'soon'"),
        ("budget", "0min", "budget must be a time"),
        ("budget", 20, "budget must be a time .* not 20"),
        ("budget", "-5min", "budget must be a time"),
        ("dim", 7, "dim must be an even number for each of heads=2, not 7"),
        ("dim", 10, "dim must be an even number for each of heads=2, not 10"),
        ("dim", 0, "dim must be a whole number of at least 2"),
        ("heads", 3, "dim must be an even number for each of heads=3, not 8"),
        ("heads", 0, "heads must be a whole number of at least 1"),
        ("layers", 0, "layers must be a whole number of at least 1"),
        ("context", 1, "context must be a whole number of at least 2"),
        ("batch", 0, "batch must be"),
        ("dropout", 1.0, "dropout must be a share, from 0 to below 1"),
        ("heldout", -0.1, "heldout must be a share"),
        ("learning_rate", 0.0, "learning_rate must be above 0"),
        ("learning_rate", float("nan"), "learning_rate must be above 0"),
        ("weight_decay", -1.0, "weight_decay must be 0 or more"),
        ("clip", -1.0, "clip must be 0"),
        ("final_rate", 1.5, "final_rate must be"),
        ("precision", "float8", "precision must be one of auto, float32, bfloat16"),
        ("max_vocab", 2, "max_vocab must be a whole number of at least 3"),
    ],
)
def test_settings_that_cannot_be_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **{field: value})


@pytest.mark.parametrize(
    ("budget", "seconds"), [("90s", 90), ("20min", 1200), ("1.5h", 5400), ("20 min", 1200), (None, None)]
)
def test_budgets_are_times(budget, seconds):
    assert replace(SMALL, budget=budget).seconds() == seconds


@pytest.mark.parametrize(("tied", "share"), [(True, 1), (False, 0), ("until:0.66", 0.66), ("until:.5", 0.5)])
def test_tied_is_a_share(tied, share):
    assert replace(SMALL, tied=tied).until() == share


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused_before_anything_is_read():
    with pytest.raises(ValueError, match=r"no device 'cuda' here \(.*\): use auto or cpu"):
        replace(SMALL, device="cuda").fit(WORDS, lambda *_, **__: pytest.fail("the corpus was read"))


BLOCKED = """
import sys
sys.modules["torch"] = None
import wordfield, wordfield.api
from wordfield import cli
from wordfield.models.sequence.llm import LLM
try:
    LLM().fit([["a", "b"]])
except ImportError as error:
    print(error)
status = cli.main(["train", "llm", sys.argv[1], "--out", sys.argv[2]])
print(status)
"""


def test_without_pytorch_the_extra_is_named(tmp_path):
    (tmp_path / "text.txt").write_text("a b c\n" * 50)
    command = [sys.executable, "-c", BLOCKED, str(tmp_path / "text.txt"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, status = done.stdout.splitlines()
    assert first.startswith("networks need PyTorch, which is not installed")
    assert first.endswith("pip install 'wordfield[neural]'")
    assert status == "1"
    assert "wordfield[neural]" in done.stderr
    assert not (tmp_path / "out").exists()


def test_pytorch_is_not_loaded_before_it_is_needed():
    code = (
        "import sys, wordfield, wordfield.api, wordfield.cli as cli\n"
        "import wordfield.models.sequence.llm, wordfield.models.sequence.language_model\n"
        "for line in (['--help'], ['train', 'llm', '--help'], ['generate', '--help'], ['perplexity', '--help']):\n"
        "    cli.main(line)\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here: PyTorch finds none")
def test_a_gpu_is_taken_and_learns(tmp_path):
    recipe = replace(SMALL, device="auto", precision="auto", epochs=20, learning_rate=1e-2)
    assert recipe.plan().device == "cuda"
    model = recipe.fit(WORDS)
    assert model.history["loss"][-1] < 1 < model.history["loss"][0]
    partial = stopped(recipe, Stop(6))
    partial.save(tmp_path / "partial")
    again = recipe.fit(WORDS, start=LanguageModel.load(tmp_path / "partial"))
    assert again.history["steps"] == model.history["steps"]
    assert again.history["loss"][-1] < 1


@pytest.mark.data
def test_a_slice_of_the_penn_treebank_is_learnt(data, tmp_path):
    folder = next((path.parent for path in sorted(data.rglob("ptb.train.txt"))), None)
    if folder is None:
        pytest.skip("no ptb.train.txt in the folder of real data")
    lines = {}
    for name, count in (("train", 1000), ("valid", 50)):
        with (folder / f"ptb.{name}.txt").open(encoding="utf-8") as stream:
            lines[name] = [next(stream) for _ in range(count)]
        Path(tmp_path / name).write_text("".join(lines[name]), "utf-8")
    corpus, aside = (Corpus(tmp_path / name, tokenizer="whitespace") for name in ("train", "valid"))
    small = {"dim": 32, "layers": 1, "heads": 2, "context": 16, "max_vocab": 500, "precision": "float32"}
    recipe = LLM(**small, batch=2, epochs=2, threads=1, checks=4, learning_rate=1e-2, dropout=0.0, device="cpu")
    model = recipe.fit(corpus, validation=aside)
    assert model.words.vocabulary.words[:2] == ["<eos>", "<unk>"]
    found = model.surprise(aside)
    assert found.tokens == sum(len(line.split()) + 1 for line in lines["valid"])
    counts = model.words.vocabulary.counts
    rows = [row for line in lines["valid"] for row in [*model.tokens.rows(line), model.tokens.end]]
    assert found.loss < -np.log(counts[rows] / counts.sum()).mean(), "it knows more than how frequent tokens are"
    assert model.history["heldout"] == sorted(model.history["heldout"], reverse=True)
