"""Vectors that were paid for are there again, whoever asks, and whatever happened in between."""

from __future__ import annotations

import multiprocessing
import os
import signal
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from wordfield.models.service.cache import Cache, digest

MEANT = ("siliconflow", "https://api.siliconflow.cn/v1", "BAAI/bge-m3", None, "")


def rows(start: int, count: int) -> list[tuple[bytes, np.ndarray]]:
    return [(digest(f"text {row}", *MEANT), np.full(8, row, np.float32)) for row in range(start, start + count)]


def test_what_was_kept_is_found(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "deep" / "vectors.db")
    cache.keep(rows(0, 1200), "siliconflow", "BAAI/bge-m3", 99)
    found = Cache(cache.path).take([known for known, _ in rows(0, 1300)])
    assert len(found) == 1200
    assert all(np.array_equal(found[known], vector) for known, vector in rows(0, 1200))
    assert cache.take([]) == {}


def test_all_that_decides_a_vector_is_part_of_its_name() -> None:
    variants = [
        ("text", *MEANT),
        ("text ", *MEANT),
        ("Text", *MEANT),
        ("text", "openai", *MEANT[1:]),
        ("text", *MEANT[:1], "http://localhost/v1", *MEANT[2:]),
        ("text", *MEANT[:2], "BAAI/bge-m4", *MEANT[3:]),
        ("text", *MEANT[:3], 256, ""),
        ("text", *MEANT[:3], "256", ""),
        ("text", *MEANT[:4], "query: "),
        ("ery: text", *MEANT[:4], "qu"),
        ("\ud800", *MEANT),
        ("e\u0301", *MEANT),
        ("\u00e9", *MEANT),
    ]
    assert all(digest(*a) != digest(*b) for a, b in combinations(variants, 2))


def test_the_ledger_adds_up(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "vectors.db")
    cache.keep(rows(0, 3), "openai", "small", 30)
    cache.keep(rows(3, 2), "openai", "small", 12)
    cache.keep(rows(5, 1), "openai", "large", 7)
    told = [(each.model, each.requests, each.texts, each.tokens) for each in cache.used()]
    assert told == [("large", 1, 1, 7), ("small", 2, 5, 42)]


def test_no_text_is_in_the_file(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "vectors.db")
    cache.keep([(digest("a private remark", *MEANT), np.ones(8, np.float32))], "openai", "small", 3)
    assert not any(b"private remark" in file.read_bytes() for file in tmp_path.iterdir())


def write(path: Path, start: int) -> None:
    for here in range(start, start + 200, 10):
        Cache(path).keep(rows(here, 10), "openai", "small", 1)


def test_two_processes_share_it(tmp_path: Path) -> None:
    path, context = tmp_path / "vectors.db", multiprocessing.get_context("spawn")
    writers = [context.Process(target=write, args=(path, start)) for start in (0, 100)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
    assert [each.exitcode for each in writers] == [0, 0]
    assert len(Cache(path).take([known for known, _ in rows(0, 300)])) == 300
    assert Cache(path).used()[0].requests == 40


def killed(path: Path) -> None:
    Cache(path).keep(rows(0, 50), "openai", "small", 50)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_kept_before_a_crash_is_there(tmp_path: Path) -> None:
    path = tmp_path / "vectors.db"
    process = multiprocessing.get_context("spawn").Process(target=killed, args=(path,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert len(Cache(path).take([known for known, _ in rows(0, 60)])) == 50
    assert Cache(path).used()[0].tokens == 50


def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "vectors.db"
    path.write_bytes(b"no database at all" * 400)
    with pytest.raises(OSError, match=r"vectors\.db: .*delete it"):
        Cache(path).take([digest("a", *MEANT)])
