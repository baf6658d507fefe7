"""The command ``python -m benchmarks.forked``: what ``python -m benchmarks`` does, in half the time, to try it out.

Only the first job of each module has a new Python. Later ones are forked from this process, which has imported
wordfield and its peers: importing takes longer than a small job. Machine code is loaded in each as ever, but what a
process has resident from the start, and so its peak of memory, is more than it needs.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import tempfile
import traceback
from contextlib import suppress
from io import StringIO
from typing import Any

from benchmarks import measure

PRELOADED = (
    "wordfield.api",
    "wordfield.evaluation",
    "wordfield.models.predict.word2vec",
    "wordfield.search.exact",
    "wordfield.storage",
    "wordfield.text.corpus",
    "gensim.models",
    "jieba",
    "sklearn.decomposition",
)
ALONE = measure.alone
begun: set[str] = set()
"""Modules that had their new Python."""


def alone_or_forked(module: str, job: dict[str, Any]) -> dict[str, Any]:
    """What `measure.alone` does, in a fork of this process if ``module`` has had a new Python before."""
    if module not in begun:
        begun.add(module)
        return ALONE(module, job)
    sys.stdout.flush()  # what waits to be written would be written twice
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        child = os.fork()
        if not child:
            work(module, job, out.fileno(), said.fileno())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for stream in (out, said):
            stream.seek(0)
        if status:
            raise measure.Failed([f"exit status {status}", *said.read().strip().splitlines()][-1])
        result: dict[str, Any] = json.loads(out.read().splitlines()[-1])
        return result


def work(module: str, job: dict[str, Any], out: int, said: int) -> None:
    """What a child does: ``python -m benchmarks.<module>`` with ``job`` on its standard input. Then it ends."""
    status = 1
    try:
        os.dup2(out, 1)
        os.dup2(said, 2)
        os.environ.update(job.get("environment", {}))
        sys.stdin = StringIO(json.dumps(job))
        sys.modules.pop(f"benchmarks.{module}", None)  # which it may have as an import
        runpy.run_module(f"benchmarks.{module}", run_name="__main__")
        sys.stdout.flush()
        status = 0
    except BaseException as error:
        if isinstance(error, SystemExit):
            print(error, file=sys.stderr)
        else:
            traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    if hasattr(os, "fork"):
        os.environ.update(measure.ONE_BLAS_THREAD | measure.NO_CORPUS_KEPT)
        measure.alone = alone_or_forked  # before the modules that take it from there
        for name in PRELOADED:
            with suppress(ModuleNotFoundError):
                importlib.import_module(name)
    sys.exit(importlib.import_module("benchmarks.__main__").main())
