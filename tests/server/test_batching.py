"""The line before a model: who comes together is read together, who comes too late is turned away, all get theirs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from wordfield.server.batching import Batcher
from wordfield.server.faults import Fault


class Model:
    """Waits until it may read, and remembers what it was given at once."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.read_at_once: list[list[str]] = []

    def read(self, texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
        self.may.wait(10)
        self.read_at_once.append(list(texts))
        if "bad" in texts:
            raise ValueError("a bad text")
        return np.array([[float(text)] for text in texts], np.float32), [1] * len(texts)


async def asked(line: Batcher, model: Model, *requests: list[str]) -> list[object]:
    """The answers to requests of which the first is read before the others come."""
    first = asyncio.create_task(line.ask(requests[0]))
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(line.ask(texts)) for texts in requests[1:]]
    await asyncio.sleep(0.05)
    model.may.set()
    answers = await asyncio.gather(first, *others, return_exceptions=True)
    line.close()
    return [each if isinstance(each, Exception) else (each[0][:, 0].tolist(), each[1]) for each in answers]


def run(most: int, together: int, *requests: list[str]) -> tuple[list[object], list[list[str]]]:
    model = Model()
    return asyncio.run(asked(Batcher(model.read, most, together), model, *requests)), model.read_at_once


def test_who_waits_is_read_together() -> None:
    answers, read = run(9, 4, ["1"], ["2", "3"], ["4"], ["5"], ["6", "7", "8", "9", "10"], ["11"])
    assert answers == [
        ([1.0], 1),
        ([2.0, 3.0], 2),
        ([4.0], 1),
        ([5.0], 1),
        ([6.0, 7.0, 8.0, 9.0, 10.0], 5),
        ([11.0], 1),
    ]
    assert read == [["1"], ["2", "3", "4", "5"], ["6", "7", "8", "9", "10"], ["11"]]


def test_who_comes_when_too_many_wait_is_turned_away() -> None:
    answers, _ = run(2, 9, ["1"], ["2"], ["3"], ["4"])
    assert answers[:3] == [([1.0], 1), ([2.0], 1), ([3.0], 1)]
    fault = answers[3]
    assert isinstance(fault, Fault)
    response = fault.response()
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")


def test_only_the_request_at_fault_fails() -> None:
    answers, _ = run(9, 9, ["1"], ["2"], ["bad"], ["3"])
    assert [answers[here] for here in (0, 1, 3)] == [([1.0], 1), ([2.0], 1), ([3.0], 1)]
    assert isinstance(answers[2], ValueError)


def test_who_has_gone_is_not_read() -> None:
    async def gone() -> None:
        model = Model()
        line = Batcher(model.read, 9, 9)
        tasks = [asyncio.create_task(line.ask([str(number)])) for number in range(3)]
        await asyncio.sleep(0.05)
        late = asyncio.create_task(line.ask(["7"]))
        stays = asyncio.create_task(line.ask(["8"]))
        await asyncio.sleep(0.05)
        late.cancel()
        model.may.set()
        await asyncio.gather(*tasks, stays)
        line.close()
        assert "7" not in [text for texts in model.read_at_once for text in texts]
        with pytest.raises(asyncio.CancelledError):
            await late

    asyncio.run(gone())
