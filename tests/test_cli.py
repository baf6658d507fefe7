"""The command line as a user meets it: what it prints, where, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from support import JIT_OFF, Ran
from wordfield import __version__, options
from wordfield.cli import COMMANDS, explained, main
from wordfield.evaluation.sets import TASKS
from wordfield.models import LINEAGE
from wordfield.storage import Dense
from wordfield.text.vocabulary import Vocabulary
from wordfield.unknown import POLICIES
from wordfield.vectors import WordVectors

Run = Callable[..., Ran]
SMALL = ["--dim", "8", "--min-count", "1", "--epochs", "2", "--threads", "1"]
WORDFIELD = [sys.executable, "-m", "wordfield"]


def fails(ran: Ran, status: int, *said: str) -> None:
    """One line on stderr that starts with error, nothing on stdout, the right exit status."""
    assert ran.status == status, ran
    assert ran.out == ""
    (line,) = [line for line in ran.err.splitlines() if not line.startswith("warning: ")]
    assert line.startswith("error: ")
    assert "Traceback" not in ran.err
    for words in said:
        assert words in line


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), *(["train", name] for name in LINEAGE)])
def test_every_command_helps(run: Run, command: list[str]) -> None:
    ran = run(*command, "--help")
    assert ran.status == 0
    assert ran.out.startswith("Usage: wordfield")
    assert ran.err == ""


@pytest.mark.parametrize(
    "command", [*([name] for name in COMMANDS if name != "train"), *(["train", name] for name in LINEAGE)]
)
def test_every_command_that_prints_a_result_takes_json(run: Run, command: list[str]) -> None:
    assert "--json" in run(*command, "--help").out


def test_the_options_of_train_are_the_fields_with_their_help(run: Run) -> None:
    said = " ".join(run("train", "word2vec", "--help").out.split())
    for option in ("--dim INT", "--architecture CHOICE", "--min-count INT", "--max-vocab INT", "--shrink, --no-shrink"):
        assert option in said
    assert "Words to each side that count as neighbours." in said
    assert "skipgram|cbow" in said


def test_version(run: Run) -> None:
    assert run("--version").out.strip() == __version__


def test_train_prints_one_object(run: Run, text: Path, tmp_path: Path) -> None:
    ran = run("train", "word2vec", text, "--out", tmp_path / "model", *SMALL, "--json")
    assert ran.status == 0, ran.err
    result = json.loads(ran.out)
    wanted = {"recipe", "tokens", "vocabulary", "dim", "seconds", "words_per_second", "loss", "out"}
    assert wanted <= set(result)
    assert set(result["seconds"]) == {"read", "train"}
    assert len(result["loss"]) == 2
    assert ran.err == ""


def test_train_ends_with_a_table(run: Run, text: Path, tmp_path: Path) -> None:
    ran = run("train", "word2vec", text, "--out", tmp_path / "model", *SMALL)
    assert ran.status == 0, ran.err
    names = [line.split()[0] for line in ran.out.splitlines()]
    assert names == ["tokens", "vocabulary", "dimension", "seconds", "words/s", "loss", "path"]


def test_progress_is_quiet_without_a_terminal_unless_asked_for(run: Run, text: Path, tmp_path: Path) -> None:
    assert run("train", "word2vec", text, "--out", tmp_path / "a", *SMALL).err == ""
    assert "100%" in run("train", "word2vec", text, "--out", tmp_path / "b", *SMALL, "--progress").err


def test_options_from_a_file_give_way_to_those_given(run: Run, text: Path, tmp_path: Path) -> None:
    config = tmp_path / "options.toml"
    config.write_text('dim = 7\nepochs = 1\nmin_count = 1\nshrink = false\ntokenizer = "whitespace"\nthreads = 1\n')
    ran = run("train", "word2vec", text, "--out", tmp_path / "model", "--config", config, "--dim", "9", "--json")
    assert ran.status == 0, ran.err
    told = json.loads(run("info", tmp_path / "model", "--json").out)
    assert told["dim"] == 9
    assert told["recipe"]["epochs"] == 1
    assert told["recipe"]["shrink"] is False
    assert told["tokenizer"]["name"] == "whitespace"


@pytest.mark.parametrize("line", ["dimm = 4", 'dim = "many"', "dim = "])
def test_a_wrong_file_of_options_is_a_usage_error(run: Run, text: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / "options.toml").write_text(line)
    fails(
        run("train", "word2vec", text, "--out", tmp_path / "m", "--config", tmp_path / "options.toml"),
        2,
        "options.toml",
    )


def test_training_goes_on_from_a_model(run: Run, text: Path, tmp_path: Path) -> None:
    assert run("train", "word2vec", text, "--out", tmp_path / "a", *SMALL).status == 0
    ran = run("train", "word2vec", text, "--out", tmp_path / "b", *SMALL, "--start", tmp_path / "a", "--json")
    assert ran.status == 0, ran.err
    assert json.loads(ran.out)["vocabulary"] == json.loads(run("info", tmp_path / "a", "--json").out)["vocabulary"]


def test_going_on_cuts_text_as_before_unless_told_otherwise(run: Run, text: Path, tmp_path: Path) -> None:
    first = [*SMALL, "--tokenizer", "whitespace", "--lowercase", "--phrases", "1"]
    assert run("train", "word2vec", text, "--out", tmp_path / "a", *first).status == 0
    ran = run("train", "word2vec", text, "--out", tmp_path / "b", *SMALL, "--start", tmp_path / "a")
    assert (ran.status, ran.err) == (0, "")
    one, two = (json.loads(run("info", tmp_path / name, "--json").out)["tokenizer"] for name in "ab")
    assert one == two
    assert one["phrases"]["score"] == "word2phrase"
    ran = run(
        "train", "word2vec", text, "--out", tmp_path / "c", *SMALL, "--start", tmp_path / "a", "--tokenizer", "words"
    )
    assert (ran.status, "warning: the model to go on from cuts text by" in ran.err) == (0, True)


def test_a_wrong_call_is_a_usage_error(run: Run, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORDFIELD_DATA", raising=False)
    fails(run("train", "word3vec", text, "--out", "x"), 2, "word3vec", 'Did you mean "word2vec"')
    fails(run("train", "word2vec", text), 2, "--out")
    fails(run("train", "word2vec", text, "--out", "x", "--dimm", "3"), 2, "--dimm", "--dim")
    fails(run("train", "word2vec", text, "--out", "x", "--dim", "many"), 2, "--dim", "many")
    fails(run("train", "word2vec", text, "--out", "x", "--architecture", "bag"), 2, "skipgram", "cbow")
    fails(run("neighbours", "x"), 2, "neighbors")
    fails(run("evaluate", "x"), 2, "--data")
    fails(run("embed", "x"), 2, "--input")


@pytest.mark.parametrize("option", ["--dim", "--window", "--epochs", "--min-count", "--threads"])
def test_a_zero_where_one_is_needed_is_refused(run: Run, text: Path, tmp_path: Path, option: str) -> None:
    ran = run("train", "word2vec", text, "--out", tmp_path / "model", option, "0")
    fails(ran, 1, option[2:].replace("-", "_"), "0")
    assert not (tmp_path / "model").exists()


def test_bad_text_is_refused_or_reported(run: Run, tmp_path: Path) -> None:
    fails(run("train", "word2vec", tmp_path / "nowhere.txt", "--out", tmp_path / "m"), 1, "nowhere.txt")
    empty = tmp_path / "empty.txt"
    empty.touch()
    fails(run("train", "word2vec", empty, "--out", tmp_path / "m"), 1)
    rare = tmp_path / "rare.txt"
    rare.write_text("each word once only")
    fails(run("train", "word2vec", rare, "--out", tmp_path / "m"), 1, "5")
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"caf\xe9 and more\n" * 9)
    fails(run("train", "word2vec", broken, "--out", tmp_path / "m", "--strict", *SMALL), 1, "broken.txt")
    assert not (tmp_path / "m").exists()
    ran = run("train", "word2vec", broken, "--out", tmp_path / "m", *SMALL)
    assert ran.status == 0
    assert "9" in ran.err
    assert ran.err.startswith("warning: ")


def test_an_endless_line_and_a_nul_are_text(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "line.txt"
    path.write_bytes(b"one\0two three " * 3000)
    ran = run("train", "word2vec", path, "--out", tmp_path / "m", "--json", "--dim", 4, "--epochs", 1, "--threads", 1)
    assert json.loads(ran.out)["tokens"] == 9000
    assert json.loads(ran.out)["vocabulary"] == 3


def test_more_threads_than_cores_train(run: Run, text: Path, tmp_path: Path) -> None:
    ran = run("train", "word2vec", text, "--out", tmp_path / "m", *SMALL[:-2], "--threads", "64")
    assert ran.status == 0, ran.err


def test_questions_to_a_model(run: Run, vectors: Path) -> None:
    assert run("neighbors", vectors, "苹果", "-k", "1").out.split()[:2] == ["苹果", "apple"]
    assert json.loads(run("neighbors", vectors, "苹果", "--json").out)["苹果"][0][0] == "apple"
    assert float(run("similarity", vectors, "king", "queen").out) == 0.5
    assert json.loads(run("similarity", vectors, "king", "queen", "--json").out)["similarity"] == pytest.approx(0.5)
    assert run("analogy", vectors, "man", "woman", "king", "-k", "1").out.split()[0] == "queen"
    assert json.loads(run("analogy", vectors, "man", "woman", "king", "--json").out)["answers"][0][0] == "queen"
    assert json.loads(run("info", vectors, "--json").out)["vocabulary"] == 6
    fails(run("neighbors", vectors, "kinq"), 1, "kinq", "king")
    fails(run("neighbors", vectors, "king", "-k", "0"), 1, "0")
    fails(run("neighbors", "nothing-here", "king"), 1, "nothing-here")


def test_a_damaged_model_is_an_error_that_names_it(run: Run, vectors: Path, tmp_path: Path) -> None:
    assert run("convert", vectors, tmp_path / "m.bin").status == 0
    data = (tmp_path / "m.bin").read_bytes()
    (tmp_path / "short.bin").write_bytes(data[:-5])
    fails(run("info", tmp_path / "short.bin"), 1, "short.bin")


def test_embed_takes_arguments_files_and_standard_input(run: Run, vectors: Path, tmp_path: Path) -> None:
    (line,) = run("embed", vectors, "king").out.splitlines()
    assert json.loads(line) == {"text": "king", "vector": [1, 0, 1]}
    (tmp_path / "texts").write_bytes("king\r\n苹果\n\nman\u2028man".encode())
    ran = run("embed", vectors, "--input", tmp_path / "texts", "--output", tmp_path / "out.npy")
    assert ran.status == 0
    assert np.load(tmp_path / "out.npy").tolist() == [[1, 0, 1], [0, 0.5, -1], [0, 0, 0], [1, 0, 0]]
    done = subprocess.run(
        [*WORDFIELD, "embed", vectors, "--input", "-"], input=b"king\nman\n", capture_output=True, check=True
    )
    assert len(done.stdout.splitlines()) == 2
    assert len(json.loads(run("embed", vectors, "king", "man", "--json").out)["vectors"]) == 2


def test_evaluate_prints_one_object_or_a_table(run: Run, vectors: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("king queen 9\nman woman 8\nking apple 1\nman apple 2\nking unheard 3\n")
    (result,) = json.loads(run("evaluate", vectors, "--data", pairs, "--json").out)["results"]
    assert set(result) >= {"task", "dataset", "metric", "value", "low", "high", "pairs", "covered", "oov"}
    assert "4 of 5" in run("evaluate", vectors, "--data", pairs, "--suite", "similarity").out


def test_a_corpus_comes_from_standard_input(text: Path, tmp_path: Path) -> None:
    command = [*WORDFIELD, "train", "word2vec", "-", "--out", tmp_path / "m", *SMALL, "--json"]
    done = subprocess.run(command, input=text.read_bytes(), capture_output=True, check=True)
    assert json.loads(done.stdout)["tokens"] == len(text.read_text().split())


def test_a_reader_that_goes_away_is_no_error(vectors: Path) -> None:
    command = [*WORDFIELD, "embed", vectors, "--input", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(b"king\n" * 20000)
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_stdout_is_one_line(vectors: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*WORDFIELD, "info", vectors], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert b"No space left" in done.stderr


def test_output_that_cannot_be_encoded_is_escaped(vectors: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*WORDFIELD, "neighbors", vectors, "苹果", "--json"], env=environment, capture_output=True, check=True
    )
    assert "苹果" in json.loads(done.stdout)


@pytest.mark.skipif(JIT_OFF, reason="real training takes too long with the compiler off")
def test_control_c_keeps_what_was_learnt_and_the_old_result(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    long = ["--dim", "8", "--min-count", "1", "--epochs", "1000000", "--threads", "1", "--progress"]
    assert subprocess.run(
        [*WORDFIELD, "train", "word2vec", text, "--out", out, *SMALL], check=True, capture_output=True
    )
    old = {file.name: file.read_bytes() for file in out.iterdir()}
    command = [*WORDFIELD, "train", "word2vec", text, "--out", out, *long]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"epoch" not in process.stderr.readline():
            assert process.poll() is None
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        last = process.stderr.read().decode().splitlines()[-1]
    assert process.returncode == 130
    assert last.startswith("error: ")
    assert f"{out}.partial" in last
    assert {file.name: file.read_bytes() for file in out.iterdir()} == old
    done = subprocess.run([*WORDFIELD, "info", f"{out}.partial", "--json"], capture_output=True, check=True)
    assert json.loads(done.stdout)["dim"] == 8


@pytest.mark.skipif(JIT_OFF, reason="real training takes too long with the compiler off")
def test_demo_says_what_to_try_next(run: Run, tmp_path: Path) -> None:
    ran = run("demo", "--out", tmp_path / "model")
    assert ran.status == 0, ran.err
    assert "month" in ran.out
    assert f"wordfield neighbors {tmp_path / 'model'}" in ran.out
    assert run("neighbors", tmp_path / "model", "socket").status == 0


def test_evaluate_without_data_takes_the_folder_that_the_environment_names(run, vectors, tmp_path, monkeypatch):
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "pairs.txt").write_text("king queen 9\nman woman 8\nking apple 1\nman apple 2\n")
    monkeypatch.setenv("WORDFIELD_DATA", str(folder))
    assert json.loads(run("evaluate", vectors, "--json").out)["results"][0]["dataset"] == "pairs"
    monkeypatch.delenv("WORDFIELD_DATA")
    assert run("evaluate", vectors).status == 2


@pytest.mark.parametrize("line", ["dim = 2.5", "max_vocab = 2.5"])
def test_a_fraction_is_no_whole_number(run: Run, text: Path, tmp_path: Path, line: str) -> None:
    name, _, value = line.replace("_", "-").split()
    fails(run("train", "word2vec", text, "--out", tmp_path / "m", f"--{name}", value), 2, "2.5")
    options = tmp_path / "options.toml"
    options.write_text(line)
    fails(run("train", "word2vec", text, "--out", tmp_path / "m", "--config", options), 2, "2.5")
    assert run("train", "word2vec", text, "--out", tmp_path / "m", *SMALL[2:], "--dim", "8.0").status == 0


def shell(command: str, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    """A command line of the shell; "$@" in it are wordfield with ``arguments``."""
    words = [*WORDFIELD, *map(str, arguments)]
    return subprocess.run(["sh", "-c", command, "sh", *words], capture_output=True, check=False)


def test_closed_streams_are_no_crash(vectors: Path, text: Path, tmp_path: Path) -> None:
    assert shell('"$@" >&-', "info", vectors, "--json").returncode == 0
    assert shell('"$@" 2>&-', "train", "word2vec", text, "--out", tmp_path / "m", *SMALL).returncode == 0
    assert shell('"$@" >&- 2>&-', "info", "nothing-here").returncode == 1
    for command in (["embed", vectors, "--input", "-"], ["train", "word2vec", "-", "--out", tmp_path / "n"]):
        done = shell('"$@" <&-', *command)
        assert done.returncode == 1
        assert done.stderr.startswith(b"error: standard input is closed")


def test_texts_that_are_not_utf8_are_counted(run: Run, vectors: Path, tmp_path: Path) -> None:
    (tmp_path / "texts").write_bytes(b"\xef\xbb\xbfking\nking \xff\xfe\n")
    ran = run("embed", vectors, "--input", tmp_path / "texts")
    assert [json.loads(line)["text"] for line in ran.out.splitlines()] == ["king", "king \ufffd\ufffd"]
    assert ran.err.startswith("warning: 2 bytes of ")


def test_a_word_with_a_line_feed_stays_in_its_row_of_the_table(run: Run, tmp_path: Path) -> None:
    field = WordVectors(Vocabulary(["a", "two\nlines", "\x1b[31m"]), Dense(np.eye(3, dtype=np.float32)))
    field.save(tmp_path / "m")
    assert [line.split()[1] for line in run("neighbors", tmp_path / "m", "a").out.splitlines()] == [
        "two\\nlines",
        "\\x1b[31m",
    ]


def test_help_fits_a_narrow_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    ran = run("train", "word2vec", "--help")
    assert ran.status == 0
    assert "--dim" in ran.out


def test_too_little_memory_is_said_plainly() -> None:
    assert explained(MemoryError("Unable to allocate 9 TiB")) == "not enough memory: Unable to allocate 9 TiB"
    assert "surrogates" in explained(UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"))


INTERRUPTED_TWICE = """
import signal
from wordfield import terminal
with terminal.one_interrupt():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        signal.raise_signal(signal.SIGINT)
        print("kept")
    terminal.PATIENCE = 0
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("heard again")
"""


def test_a_second_control_c_does_not_break_off_what_the_first_set_going() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED_TWICE], capture_output=True, check=True, text=True)
    assert done.stdout.split("\n") == ["kept", "heard again", ""]


def test_tokens_shows_what_a_word_is_made_of(run: Run, text: Path, tmp_path: Path) -> None:
    options = ["--dim", 8, "--epochs", 1, "--min-count", 1, "--minn", 3, "--maxn", 3, "--bucket", 5000]
    assert run("train", "fasttext", text, "--out", tmp_path / "parts", *options).status == 0
    done = run("tokens", tmp_path / "parts", "king kinb")
    assert done.status == 0
    title, known, unknown = done.out.splitlines()
    assert title.split("  ")[0] == "word"
    assert known.split()[:2] == ["king", "yes"]
    assert known.endswith("<ki kin ing ng>")
    assert unknown.split()[:2] == ["kinb", "no"]
    assert unknown.endswith("<ki kin (inb) (nb>)")
    parsed = json.loads(run("tokens", tmp_path / "parts", "king", "--json").out)
    assert parsed["tokens"][0]["known"] is True


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A file of 75 texts with labels."""
    path = tmp_path / "labelled.txt"
    lines = ["__label__people the king rules", "__label__animals a cat drinks", "__label__animals __label__pets a dog"]
    path.write_text("\n".join(lines * 25) + "\n", "utf-8")
    return path


@pytest.fixture
def classifier(run: Run, labelled: Path) -> Path:
    """A classifier that the command has trained on it."""
    options = ["--dim", "8", "--epochs", "20", "--threads", "1", "--learning-rate", "0.5", "--word-ngrams", "2"]
    ran = run("train", "classifier", labelled, "--out", labelled.parent / "classifier", *options, "--bucket", "1000")
    assert ran.status == 0, ran.err
    return labelled.parent / "classifier"


def test_predict_prints_labels_with_their_probabilities(run: Run, classifier: Path) -> None:
    ran = run("predict", classifier, "the king", "a cat", "", "-k", "2")
    assert ran.status == 0, ran.err
    first, second, _ = [line.split("\t") for line in ran.out.splitlines()]
    assert [first[0].split()[0], second[0].split()[0]] == ["people", "animals"]
    assert len(first) == 2
    assert 0.5 < float(first[0].split()[1]) <= 1
    result = json.loads(run("predict", classifier, "the king", "--json").out)
    assert result["model"] == str(classifier)
    assert result["predictions"][0][0][0] == "people"
    assert run("predict", classifier, "the king", "--threshold", "1").out == "\n"


def test_predict_takes_the_lines_of_a_file(run: Run, classifier: Path, tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("the king\n\na cat\n")
    ran = run("predict", classifier, "--input", tmp_path / "texts")
    assert len(ran.out.splitlines()) == 3
    fails(run("predict", classifier), 2, "TEXT")
    fails(run("predict", classifier, "x", "-k", "0"), 1, "at least 1")


def test_predict_refuses_a_model_without_labels(run: Run, vectors: Path) -> None:
    fails(run("predict", vectors, "king"), 1, "no classifier")


def test_evaluate_scores_a_classifier(run: Run, classifier: Path, labelled: Path) -> None:
    ran = run("evaluate", classifier, "--data", labelled)
    assert ran.status == 0, ran.err
    for shown in ("P@1", "R@1", "F1 micro", "F1 macro", "3 labels; all of them", "animals", "75 of 75"):
        assert shown in ran.out
    result = json.loads(run("evaluate", classifier, "--data", labelled, "-k", "2", "--json").out)
    assert {each["task"] for each in result["results"]} == {"classification"}
    assert {"P@1", "P@2", "R@2"} <= {each["metric"] for each in result["results"]}


def test_labels_may_stand_in_a_field_of_a_table(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text("kind\tsaid\n" + "people\tthe king\nanimals\ta cat\n" * 30, "utf-8")
    fields = ["--field", "said", "--label-field", "kind"]
    options = [*fields, "--dim", "8", "--epochs", "20", "--threads", "1", "--class-weight", "balanced", "--json"]
    ran = run("train", "classifier", path, "--out", tmp_path / "model", *options)
    assert ran.status == 0, ran.err
    assert json.loads(ran.out)["tokens"] == 60 * 3
    assert run("evaluate", tmp_path / "model", "--data", path, *fields).status == 0
    ran = run("train", "classifier", path, "--out", tmp_path / "other", "--field", "said")
    fails(ran, 1, "'__label__'", "the king")


def test_a_classifier_can_be_tried_before_it_is_trained(run: Run, labelled: Path) -> None:
    ran = run("train", "classifier", labelled, "--dry-run", "--dim", "8", "--threads", "1")
    assert ran.status == 0, ran.err
    assert "vocabulary" in ran.out


def test_the_policies_are_those_of_the_library() -> None:
    assert get_args(options.Policy) == POLICIES


def test_the_tasks_are_those_of_evaluation() -> None:
    asked = get_args(get_args(get_args(options.Suite)[0])[0])
    assert asked == (*TASKS, "classification")


def test_what_stands_for_unknown_words_is_said(run: Run, vectors: Path) -> None:
    ran = run("neighbors", vectors, "kinq", "king", "-k", "1", "--unknown", "spelling")
    assert ran.status == 0
    assert ran.err == "note: kinq: the spelling 'king', 1 edit\n"
    assert [line.split()[:2] for line in ran.out.splitlines()] == [["kinq", "man"], ["king", "man"]]
    ran = run("neighbors", vectors, "kinq", "--unknown", "skip", "--json")
    assert (json.loads(ran.out), ran.err) == ({"kinq": []}, "note: kinq: nothing\n")
    ran = run("similarity", vectors, "kinq", "queen", "--unknown", "skip")
    assert (ran.out, ran.err) == ("-\n", "note: kinq: nothing\n")
    assert (
        json.loads(run("similarity", vectors, "kinq", "queen", "--unknown", "skip", "--json").out)["similarity"] is None
    )
    assert run("analogy", vectors, "man", "woman", "kinq", "-k", 1, "--unknown", "spelling").out.split()[0] == "queen"
    ran = run("analogy", vectors, "man", "woman", "kinq", "--unknown", "skip")
    assert (ran.status, ran.out, ran.err) == (0, "", "note: kinq: nothing\n")
    ran = run("matrix", vectors, "king", "kinq", "zebra", "--unknown", "spelling", "--json")
    assert json.loads(ran.out)["words"] == ["king", "kinq"]
    assert ran.err.splitlines() == ["note: kinq: the spelling 'king', 1 edit", "note: zebra: nothing"]
    assert run("neighbors", vectors, "king").err == ""
    for command in (
        ["neighbors", vectors, "kinq"],
        ["similarity", vectors, "kinq", "king"],
        ["matrix", vectors, "kinq"],
    ):
        fails(run(*command), 1, "'kinq' is not among the 6 words", "king")
        fails(run(*command, "--unknown", "raise"), 1, "kinq")
        fails(run(*command, "--unknown", "guess"), 2, "guess", "spelling")


def test_what_texts_are_made_of_is_said(run: Run, vectors: Path, tmp_path: Path) -> None:
    title, king, kinq, zebra = run("tokens", vectors, "king kinq zebra", "--unknown", "spelling").out.splitlines()
    assert "made of" in title
    assert king.split("  ")[-1].strip() == "its own row"
    assert kinq.endswith("the spelling 'king', 1 edit")
    assert zebra.endswith("nothing")
    told = json.loads(run("tokens", vectors, "zebra", "--unknown", "rare", "--json").out)["tokens"]
    assert told[0]["origin"] == "the mean of the 6 rarest words"
    options = ["king kinq zebra", "--unknown", "spelling"]
    ran = run("embed", vectors, *options, "--output", tmp_path / "out.npy")
    assert ran.out.splitlines()[-1].split(maxsplit=1) == ["words", "its own row 1, another spelling 1, nothing 1"]
    ran = run("embed", vectors, *options)
    assert json.loads(ran.out)["vector"] == [1, 0, 1]
    assert ran.err == "note: words: its own row 1, another spelling 1, nothing 1\n"
    result = json.loads(run("embed", vectors, *options, "--json").out)
    assert result["words"] == {"its own row": 1, "another spelling": 1, "nothing": 1}
    fails(run("embed", vectors, *options[:1], "--unknown", "raise"), 1, "'kinq' is not among")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A set of five pairs, one of them with a word that no model knows."""
    path = tmp_path / "pairs.txt"
    path.write_text("king queen 9\nman woman 8\nking apple 1\nman apple 2\nking unheard 3\n")
    return path


def test_evaluate_of_one_model_says_the_policy(run: Run, vectors: Path, pairs: Path) -> None:
    title, row = run("evaluate", vectors, "--data", pairs).out.splitlines()
    assert title.endswith("covered; unknown words: skip")
    assert row.endswith("4 of 5")
    title, row = run("evaluate", vectors, "--data", pairs, "--unknown", "zero").out.splitlines()
    assert title.endswith("covered; unknown words: zero")
    assert row.endswith("5 of 5")
    fails(run("evaluate", vectors, "--data", pairs, "--unknown", "raise"), 1, "'unheard' is not among the 6 words")


def test_evaluate_puts_models_side_by_side(run: Run, vectors: Path, pairs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("4 2\nking 1 0\nqueen -1 0\nman 0 1\nwoman 0.1 -1\n")
    ran = run("evaluate", vectors, other, "--data", pairs)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "task        dataset  metric    items   vectors.txt  other.txt",
        "similarity  pairs    spearman  2 of 5  1.000*       -1.000",
        "",
        "Each model on all that it covers, where that is not the same",
        "",
        "task        dataset  metric    items  vectors.txt  other.txt",
        "similarity  pairs    spearman  5      0.949 (4)    -1.000 (2)",
        "",
        "* best; † worse than the best at 5 %: paired bootstrap over the shared items, p after Holm",
        "compared over the items of a set that all models of its row cover",
        "unknown words: skip",
    ]
    result = json.loads(run("evaluate", vectors, other, "--data", pairs, "--json").out)
    assert result["models"] == [str(vectors), str(other)]
    assert [value["covered"] for value in result["results"][0]["values"]] == [4, 2]
    assert set(json.loads(run("evaluate", vectors, "--data", pairs, "--json").out)) == {"model", "results"}
    twice = run("evaluate", vectors, vectors, "--data", pairs).out
    assert "vectors.txt (2)" in twice.splitlines()[0]
    assert "Each model on all" not in twice


def test_evaluate_writes_csv_and_markdown(run: Run, vectors: Path, pairs: Path, tmp_path: Path) -> None:
    written = ["--csv", tmp_path / "out.csv", "--markdown", tmp_path / "out.md"]
    table = run("evaluate", vectors, vectors, "--data", pairs, *written).out
    assert table == run("evaluate", vectors, vectors, "--data", pairs).out
    assert (tmp_path / "out.csv").read_text("utf-8") == run(
        "evaluate", vectors, vectors, "--data", pairs, "--csv", "-"
    ).out
    piped = run("evaluate", vectors, vectors, "--data", pairs, "--markdown", "-").out
    assert (tmp_path / "out.md").read_text("utf-8") == piped
    row, again = csv.DictReader((tmp_path / "out.csv").read_text("utf-8").splitlines())
    assert (row["dataset"], row["model"], row["covered"], row["best"]) == ("pairs", str(vectors), "4", "True")
    assert (again["model"], again["difference"], again["p_holm"]) == (f"{vectors} (2)", "0.0", "1.0")
    assert "| similarity | pairs | spearman | 4 of 5 |" in piped
    (one,) = csv.DictReader(run("evaluate", vectors, "--data", pairs, "--csv", "-").out.splitlines())
    assert (one["model"], one["oov"]) == (str(vectors), "skip")
    for both in (["--csv", "-", "--json"], ["--csv", "-", "--markdown", "-"]):
        fails(run("evaluate", vectors, "--data", pairs, *both), 2, "only one of --json, --csv - and --markdown -")
    fails(run("evaluate", vectors, "--data", pairs, "--csv", pairs / "x.csv"), 1, "x.csv")
    assert "nowhere" not in run("evaluate", vectors, "--data", "nowhere", "--markdown", pairs / "x.md").err


def test_evaluate_compares_no_classifier_with_word_vectors(
    run: Run, vectors: Path, classifier: Path, labelled: Path, pairs: Path
) -> None:
    fails(run("evaluate", vectors, classifier, "--data", pairs), 1, str(classifier), "one at a time")
    fails(run("evaluate", classifier, classifier, "--data", labelled), 1, "one at a time")
    ran = run("evaluate", classifier, "--data", labelled, "--csv", "-")
    assert {row["metric"] for row in csv.DictReader(ran.out.splitlines())} >= {"P@1", "F1 macro"}


def test_the_best_is_bold_on_a_terminal(
    vectors: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "30")  # rows are not broken
    assert main(["evaluate", str(vectors), str(vectors), "--data", str(pairs)]) == 0
    title, row, *_, legend, _, _ = capsys.readouterr().out.splitlines()
    assert title.startswith("task        dataset  metric    items   vectors.txt")
    assert row.count("\x1b[1m0.949") == 2
    assert "*" not in row
    assert legend.startswith("bold best; † worse")
