"""The examples do what they say, on the machine that they run on."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from support import JIT_OFF, ROOT


@pytest.mark.skipif(JIT_OFF, reason="real training takes too long with the compiler off")
def test_why_embeddings_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORDFIELD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WORDFIELD_CACHE_LIMIT", "1GB")  # the text is read once for all models
    monkeypatch.delenv("SILICONFLOW_API_KEY", raising=False)
    example = runpy.run_path(str(ROOT / "examples" / "embed.py"))
    found = example["main"](["--out", str(tmp_path / "alike.svg")])
    assert list(found) == ["one-hot", "co-occurrence", "Word2Vec", "fastText", "all-MiniLM-L6-v2, recorded"]
    assert found["one-hot"]["said otherwise"] > 3  # no word is shared
    assert found["Word2Vec"]["said otherwise"] <= 2
    assert found["fastText"]["misspelt"] == 1
    for name in ("one-hot", "Word2Vec"):  # a word has one vector
        assert found[name]["same word"] > found[name]["same sense"]
    hosted = found["all-MiniLM-L6-v2, recorded"]
    assert (hosted["said otherwise"], hosted["misspelt"]) == (1, 1)
    assert hosted["same sense"] > hosted["same word"]
    assert "Word2Vec" in capsys.readouterr().out
    assert "remove an item from the list" in (tmp_path / "alike.svg").read_text("utf-8")
