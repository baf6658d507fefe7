"""What is measured with: a stopwatch, the peak of memory, the machine, and processes that share nothing."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGES = ("numpy", "numba", "scipy", "gensim", "fasttext", "jieba", "rjieba", "pyarrow")
ONE_BLAS_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
NO_CORPUS_KEPT = {"WORDFIELD_CACHE_LIMIT": "0"}
LOOKS = 0.1  # seconds between two looks at the memory of other processes


class Failed(RuntimeError):
    """A process ended with an error; the message is the last line that it wrote."""


class Stopwatch:
    """Seconds on the wall, and seconds of all cores, user and system: in all threads of this process, and in processes
    that it started and that have ended.
    """

    wall = cpu = 0.0

    def __enter__(self) -> Stopwatch:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall, self.cpu = time.perf_counter() - self._wall, cpu_seconds() - self._cpu

    @property
    def seconds(self) -> dict[str, float]:
        return {"wall": self.wall, "cpu": self.cpu}


def cpu_seconds() -> float:
    """Seconds that this process has worked so far, and those that it waited for."""
    helpers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + helpers.ru_utime + helpers.ru_stime


class Company:
    """How many cores other processes kept busy meanwhile, on the mean: ``cores``; None where Linux does not say."""

    cores: float | None = None

    def __enter__(self) -> Company:
        self._begun, self._before = time.perf_counter(), busy_elsewhere()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        after, wall = busy_elsewhere(), time.perf_counter() - self._begun
        if after is not None and self._before is not None:
            self.cores = max(0.0, after - self._before) / wall


def busy_elsewhere() -> float | None:
    """CPU seconds since the start of the system that neither this process nor one that it waited for has used."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _idle, _waiting, *interrupts = map(int, stat.read_text("ascii").split("\n", 1)[0].split()[1:9])
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    all_of = (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
    return all_of - sum(usage.ru_utime + usage.ru_stime for usage in ours)


class Helpers:
    """The most memory that processes which this one started had resident, all of them added up: ``bytes``; None where
    Linux does not say.
    """

    bytes: int | None = None

    def __enter__(self) -> Helpers:
        self._over, self._looking = threading.Event(), threading.Thread(target=self._look, daemon=True)
        self._looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._looking.join()

    def _look(self) -> None:
        while True:
            found = 0
            for listed in Path("/proc/self/task").glob("*/children"):
                with suppress(OSError):  # one that is gone
                    found += sum(resident_at_most(process) for process in listed.read_text("ascii").split())
                    self.bytes = max(self.bytes or 0, found)
            if self._over.wait(LOOKS):
                return


@contextmanager
def loop_watched() -> Iterator[Stopwatch]:
    """A stopwatch that runs while wordfield's loop over the epochs does."""
    from wordfield.models.predict.training import Loop

    watch, run = Stopwatch(), Loop.run

    def watched(*arguments: Any) -> None:
        with watch:
            run(*arguments)

    Loop.run = watched
    try:
        yield watch
    finally:
        Loop.run = run


def fitted(recipe: Any, text: Any) -> tuple[Any, dict[str, Any]]:
    """What ``recipe`` learns of ``text``, and the figures: training is what the loop over the epochs takes, reading the
    rest.
    """
    with loop_watched() as training, Stopwatch() as whole:
        model = recipe.fit(text)
    return model, {
        "words": model.history["corpus_tokens"],
        "known": model.history["known_tokens"],
        "vocabulary": len(model.words),
        "reading": {"wall": whole.wall - training.wall, "cpu": whole.cpu - training.cpu},
        "training": training.seconds,
        "peak_bytes": peak_bytes(),
    }


def resident_at_most(process: str) -> int:
    """The most memory that a process had resident so far, by Linux's own account; 0 for one that has just ended."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    return int(next((line for line in lines if line.startswith("VmHWM:")), "VmHWM: 0").split()[1]) * 1024


def peak_bytes() -> int:
    """The most memory that this process had resident so far, memory-mapped files included.

    From Linux's own account of this program: what ``getrusage`` says there can be the peak of the process that started
    it. Elsewhere from ``getrusage``, which counts bytes on macOS and KiB on other systems.
    """
    if Path("/proc/self/status").exists():
        return resident_at_most("self")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def alone(module: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run ``python -m benchmarks.<module>`` with ``job`` on its standard input: the JSON object that it prints last.

    The algebra libraries get one thread each, so that the threads asked for are all there are. wordfield keeps no
    corpus for the next time unless the job's ``environment`` says otherwise. `Failed` if it fails.
    """
    command = [sys.executable, "-m", f"benchmarks.{module}"]
    done = subprocess.run(
        command,
        input=json.dumps(job),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | ONE_BLAS_THREAD | NO_CORPUS_KEPT | job.get("environment", {}),
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise Failed(said[-1])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def answer(result: dict[str, Any]) -> None:
    """Print ``result`` as `alone` reads it."""
    print(json.dumps(result, allow_nan=False))


def machine() -> dict[str, Any]:
    """What the figures were measured on: processor, cores that may be used, load before, system, versions."""
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in PACKAGES},
    }


def cpu_model() -> str:
    """The processor's name."""
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    names, about = {}, Path("/proc/cpuinfo")
    for line in about.read_text("utf-8").splitlines() if about.exists() else ():
        key, _, value = line.partition(":")
        names.setdefault(key.strip(), value.strip())
    if "model name" not in names:
        return platform.processor() or platform.machine()
    places = [f"{key} {names[key]}" for key in ("cpu family", "model") if key in names]
    return f"{names['model name']} ({', '.join(places)})" if places else names["model name"]


def installed(package: str) -> str | None:
    """A package's version, None if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def commit() -> dict[str, Any]:
    """The commit that is measured, and whether files of the package differ from it."""
    try:
        head = git("rev-parse", "--short", "HEAD")
        return {"commit": head, "changed": bool(git("status", "--porcelain", "--", "src", "pyproject.toml"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", "changed": None}


def git(*arguments: str) -> str:
    """What git says about this checkout."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
