"""What several tests share: the folder of real data, the command line in this process, small text to train on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support import JIT_OFF, ROOT, Ran
from wordfield import cli


def pytest_configure(config: pytest.Config) -> None:
    """No corpus of a test is kept. As plain Python the kernels' integers wrap around with a warning, where machine code
    just wraps around.
    """
    os.environ["WORDFIELD_CACHE_LIMIT"] = "0"  # tests of the cache have one of their own
    if JIT_OFF:
        config.addinivalue_line("filterwarnings", "ignore:overflow encountered in scalar:RuntimeWarning")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data that WORDFIELD_DATA names, or the one beside the checkout."""
    folder = Path(os.environ.get("WORDFIELD_DATA") or ROOT / ".." / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real data: WORDFIELD_DATA names no folder, and there is no ../shared/data")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """``run("info", path)``: a command line in this process."""

    def command(*arguments: object) -> Ran:
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(status, out, err)

    return command


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A file of 90 sentences of 9 different words, each seen at least 20 times."""
    lines = ["the king rules the land", "the queen rules the land", "a cat drinks milk", "a dog drinks water"]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines * 25) + "\n", "utf-8")
    return path


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """A word2vec text file of six words in three dimensions, one of them Chinese."""
    path = tmp_path / "vectors.txt"
    rows = ["king 1 0 1", "queen 0 1 1", "man 1 0 0", "woman 0 1 0", "apple 0 0 -1", "苹果 0 0.5 -1"]
    path.write_text("6 3\n" + "\n".join(rows) + "\n", "utf-8")
    return path
