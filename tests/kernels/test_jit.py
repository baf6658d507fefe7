"""Compiled once, never stale: the cache folder knows all kernel sources, and a second start compiles nothing."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import wordfield
from support import JIT_OFF
from wordfield.kernels import jit

TRAIN = """
import sys
from wordfield import Corpus, Word2Vec
model = Word2Vec(dim=4, min_count=1, threads=1, epochs=1).fit(Corpus([["a", "b", "c"] * 9] * 9))
print(model.words.vectors.tobytes().hex())
"""


def start(package: Path, cache: Path) -> str:
    """Train a little in a new process, with this copy of the package: the vectors."""
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "WORDFIELD_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", TRAIN], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def machine_code(cache: Path) -> set[tuple[str, int]]:
    return {(str(file), file.stat().st_mtime_ns) for file in cache.rglob("*.nbc")}


@pytest.mark.skipif(JIT_OFF, reason="nothing is compiled with the JIT off")
def test_a_second_start_compiles_nothing_and_an_edit_of_any_kernel_recompiles(tmp_path):
    package, cache = tmp_path / "wordfield", tmp_path / "cache"
    shutil.copytree(Path(wordfield.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    first = start(package, cache)
    compiled = machine_code(cache)
    assert compiled
    assert start(package, cache) == first
    assert machine_code(cache) == compiled
    shared = package / "kernels" / "sampling.py"  # only imported by the file that the trained kernel stands in
    text = shared.read_text("utf-8")
    assert "np.uint64(30)" in text
    shared.write_text(text.replace("np.uint64(30)", "np.uint64(29)"), "utf-8")
    assert start(package, cache) != first
    assert machine_code(cache) > compiled


def test_the_cache_folder_follows_every_kernel_source(tmp_path, monkeypatch):
    monkeypatch.setenv("WORDFIELD_CACHE", str(tmp_path / "cache"))
    copy = tmp_path / "kernels"
    shutil.copytree(Path(jit.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "__file__", str(copy / "jit.py"))
    folders = {jit.cache_folder.__wrapped__()}
    for source in sorted(copy.glob("*.py")):
        source.write_text(source.read_text("utf-8") + "\n", "utf-8")
        folders.add(jit.cache_folder.__wrapped__())
    assert len(folders) == 1 + len(list(copy.glob("*.py")))


def test_where_the_cache_cannot_be_written_a_folder_of_our_own_serves(tmp_path, monkeypatch):
    occupied = tmp_path / "file"
    occupied.write_text("in the way", "utf-8")
    monkeypatch.setenv("WORDFIELD_CACHE", str(occupied))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = jit.cache_folder.__wrapped__()
    assert folder.is_dir()
    assert folder.parent.parent == tmp_path
    assert jit.cache_folder.__wrapped__() == folder
    folder.parent.chmod(0o777)  # others could put machine code there
    assert jit.cache_folder.__wrapped__().parent == tmp_path


@pytest.mark.skipif(JIT_OFF, reason="nothing is compiled")
def test_threads_that_make_kernels_at_once_keep_them_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compiler = jit.numba.njit

    def slowly(**options):
        time.sleep(0.001)  # so that another thread has its turn
        return compiler(**options)

    monkeypatch.setattr(jit.numba, "njit", slowly)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: jit.kernel(lambda value: value + number), range(100)))
    folders = {str(Path(each._cache._cache_path).parent) for each in made}
    assert folders == {str(jit.cache_folder())}
    assert list(tmp_path.iterdir()) == []
