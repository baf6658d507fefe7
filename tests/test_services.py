"""Models behind an API as a user meets them: by name, on the command line, and when something goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import wordfield as wf
from hosted import DIM, KEY, serving, vector
from support import Ran
from wordfield import api
from wordfield.models.service.hosted import HostedModel

Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("WORDFIELD_API_KEY", KEY)
    monkeypatch.setenv("WORDFIELD_CACHE", str(tmp_path / "cache"))
    return None


def test_a_service_is_loaded_by_name_and_asked_nothing_yet() -> None:
    model = wf.load("siliconflow:BAAI/bge-m3", dimensions=256)
    assert isinstance(model, HostedModel)
    assert (model.name, model.dim) == ("siliconflow:BAAI/bge-m3", 256)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: wf.load("openai:small", state="zero"), "no state"),
        (lambda: wf.load("openai:small", repair=True), "no repair"),
        (lambda: api.neighbors("openai:small", ["king"]), "no list of words"),
        (lambda: api.convert("openai:small", "model.txt"), "no list of words"),
        (lambda: wf.load("openai:small").save("model"), "keep its name, openai:small"),
        (lambda: wf.load("openai:"), "which model"),
    ],
)
def test_what_a_hosted_model_cannot_do_is_said(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def test_options_of_services_are_refused_for_files(vectors: Path) -> None:
    with pytest.raises(ValueError, match="for models behind an API"):
        wf.load(vectors, dimensions=5)
    with pytest.raises(ValueError, match="leave kind out"):
        api.embed(vectors, ["king"], kind="query")


def test_embed_writes_what_the_service_makes(run: Run, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("one\ntwo\none\n")
    with serving() as service:
        ran = run("embed", service.name, "--input", texts, "--output", tmp_path / "out.npy", "--json")
        assert ran.status == 0, ran.err
        assert json.loads(ran.out)["dim"] == DIM
        expected = np.array([vector(text) for text in ("one", "two", "one")], np.float32)
        assert np.array_equal(np.load(tmp_path / "out.npy"), expected)
        told = run("embed", service.name, "two", "three", "--dry-run")
        assert "2, 2 different, 1 of them already here" in told.out
        assert service.paid == {"one": 1, "two": 1}
    used = json.loads(run("usage", "--json").out)
    assert (used["vectors"], used["ledger"][0]["texts"], used["ledger"][0]["tokens"]) == (2, 2, 2)
    assert "requests" in run("usage").out


def test_usage_before_anything_was_used(run: Run) -> None:
    assert json.loads(run("usage", "--json").out)["ledger"] == []


def test_info_tells_what_is_known_without_asking(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORDFIELD_API_KEY")
    told = json.loads(run("info", "siliconflow:BAAI/bge-large-zh-v1.5", "--json").out)
    assert (told["longest"], told["key"]) == (512, "SILICONFLOW_API_KEY")


def test_without_a_key_one_line_says_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SILICONFLOW_API_KEY", raising=False)
    ran = run("embed", "siliconflow:BAAI/bge-m3", "a text")
    assert (ran.status, ran.out) == (1, "")
    assert "error: no key: set SILICONFLOW_API_KEY" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_wrong_key_is_one_line_without_it(run: Run) -> None:
    with serving("401") as service:
        ran = run("embed", service.name, "a text")
    assert ran.status == 1
    assert "is the key in WORDFIELD_API_KEY right?" in ran.err
    assert KEY not in ran.err


def test_sets_of_sentences_score_a_hosted_model(tmp_path: Path) -> None:
    pairs = [(f"a sentence number {n}", f"another sentence number {n * 7 % 11}", n % 6) for n in range(20)]
    (tmp_path / "pairs.tsv").write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs))
    with serving() as service:
        (result,) = api.evaluate(service.name, [tmp_path])["results"]
    assert (result["task"], result["covered"]) == ("sentences", 20)


COUNT = 50_000


def test_killed_in_the_middle_of_50000_texts_nothing_is_paid_for_twice(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"text {number}\n" for number in range(COUNT)))
    with serving(pause=0.005) as service:
        command = [sys.executable, "-m", "wordfield", "embed", service.name, "--input", str(texts)]
        command += ["--output", str(tmp_path / "out.npy")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while sum(service.paid.values()) < COUNT // 4:
            assert process.poll() is None
            time.sleep(0.01)
        words = Path(f"/proc/{process.pid}/cmdline").read_bytes() if Path("/proc").exists() else b""
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.5)  # what was on its way is answered to nobody
        before = service.paid.copy()
        assert not (tmp_path / "out.npy").exists()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"WORDFIELD_DEBUG": "1"})
    twice = sum(count > 1 for count in service.paid.values())
    assert len(before) >= COUNT // 4
    assert len(service.paid) == COUNT
    assert twice <= 4 * 32  # at most what was on its way when it was killed, and so never received
    rows = np.load(tmp_path / "out.npy", mmap_mode="r")
    for number in (0, 1, 777, COUNT - 1):
        assert np.array_equal(rows[number], np.array(vector(f"text {number}"), np.float32))
    assert KEY.encode() not in words
