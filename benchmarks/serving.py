"""How many requests a second a server answers, and how soon, beside FastAPI with the StaticEmbedding of
sentence-transformers: one table of random numbers under BERT's tokenizer, the same lines of real text, one in a
request, so many connections that each ask again as soon as they have their answer. Both servers run on uvicorn, uvloop
and httptools. A process of this module is one of the servers, or the load.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np

from benchmarks.corpora import data_folder
from benchmarks.measure import Company, Failed
from benchmarks.running import tell

THEIRS = "fastapi"
TOKENIZER = Path("fixtures", "bert", "bert-uncased-tokenizer.json")
DIM = 256
CONNECTIONS = 64
SECONDS, LITTLE = 30.0, 1.0
WORDS = 40
"""Words of a text, at most."""
NEEDED = ("fastapi", "sentence_transformers", "starlette", "uvicorn")


def measured(text: Path, sample: bool, folder: Path) -> dict[str, Any] | None:
    """Both servers, one after the other. None without what the other needs, or the tokenizer."""
    tokenizer = data_folder() / TOKENIZER
    if any(importlib.util.find_spec(name) is None for name in NEEDED) or not tokenizer.is_file():
        return None
    made = folder / "table"
    helper("make", str(tokenizer), str(made))
    lines = [" ".join(line.split()[:WORDS]) for line in text.read_text("utf-8").split("\n")[:4000]]
    asked = folder / "asked.json"
    asked.write_text(json.dumps([line for line in lines if line]), "utf-8")
    rows, vectors = [], []
    with Company() as company:
        for program in ("wordfield", THEIRS):
            tell(f"serving: {program} ...")
            with serving(program, made) as (address, process):
                load = helper("load", address, str(asked), str(LITTLE if sample else SECONDS), str(process.pid))
                rows.append({"name": program, "program": program, "variant": ""} | load)
                vectors.append(np.array(rows[-1].pop("vector")))
    if not np.allclose(*vectors, atol=1e-5):
        raise Failed(f"the servers give different vectors: {np.abs(vectors[0] - vectors[1]).max()}")
    for row in rows:
        row["others_cores"] = company.cores
    base = rows[1]
    figures = ("requests_per_second", "requests_per_cpu_second", "median_seconds", "p99_seconds")
    ratios = [{"row": row["name"], "base": THEIRS} | {name: row[name] / base[name] for name in figures} for row in rows]
    return {"name": "serving", "base": THEIRS, "rows": rows, "ratios": ratios}


def helper(*arguments: str) -> dict[str, Any]:
    """What a process of this module found out."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(done.stderr.strip().splitlines()[-1])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@contextmanager
def serving(program: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server that listens, and its address."""
    ours = [sys.executable, "-m", "wordfield", "serve", f"table={folder}", "--port", "0", "--json"]
    command = ours if program == "wordfield" else [sys.executable, "-m", "benchmarks.serving", "serve", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise Failed(f"{program} does not start")
        yield json.loads(line)["address"], process
    finally:
        process.terminate()
        process.wait(60)


def make(tokenizer: str, folder: str) -> dict[str, Any]:
    """A table of random numbers, as sentence-transformers keeps it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer

    cut = Tokenizer.from_file(tokenizer)
    rows = np.random.default_rng(1).standard_normal((cut.get_vocab_size(), DIM)).astype(np.float32)
    SentenceTransformer(modules=[StaticEmbedding(cut, embedding_weights=rows)], device="cpu").save(folder)
    return {}


def serve(folder: str) -> None:
    """What a user of FastAPI and sentence-transformers writes."""
    import socket

    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    app = FastAPI()

    class Question(BaseModel):
        model: str
        input: str | list[str]
        encoding_format: str = "float"

    def embeddings(question: Any) -> dict[str, Any]:
        texts = [question.input] if isinstance(question.input, str) else question.input
        rows = model.encode(texts).tolist()
        data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
        return {"object": "list", "model": question.model, "data": data}

    embeddings.__annotations__["question"] = Question  # which FastAPI does not find by its name here
    app.post("/v1/embeddings")(embeddings)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(json.dumps({"address": "http://{}:{}".format(*listening.getsockname())}), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listening])


class Connection(asyncio.Protocol):
    """Asks, and asks again when the answer is there, until the time is over."""

    def __init__(self, load: Load, place: int) -> None:
        self.load, self.place = load, place
        self.held = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.begun = time.perf_counter()
        self.transport.write(self.load.requests[self.place % len(self.load.requests)])
        self.place += CONNECTIONS

    def data_received(self, data: bytes) -> None:
        self.held += data
        head, end, body = self.held.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(
            next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1]
        )
        if len(body) < length:
            return
        now, self.held = time.perf_counter(), b""
        if now >= self.load.start:
            self.load.seconds.append(now - self.begun)
            self.load.errors += not head.startswith(b"HTTP/1.1 200")
        if now < self.load.end:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.load.errors += error is not None
        self.load.open -= 1
        if not self.load.open:
            self.load.over.set_result(None)


class Load:
    """Some connections, for some seconds; the first tenth of them is not counted."""

    def __init__(self, address: str, texts: list[str], seconds: float) -> None:
        self.host, port = address.removeprefix("http://").split(":")
        self.port, self.seconds_asked = int(port), seconds
        self.requests = [self.request(text) for text in texts]
        self.seconds: list[float] = []
        self.errors, self.open = 0, CONNECTIONS

    def request(self, text: str) -> bytes:
        body = json.dumps({"model": "table", "input": text}).encode()
        head = "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def run(self, process: int) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        self.over = loop.create_future()
        begun = time.perf_counter()
        self.start, self.end = begun + self.seconds_asked / 10, begun + self.seconds_asked * 1.1
        for place in range(CONNECTIONS):
            await loop.create_connection(lambda place=place: Connection(self, place), self.host, self.port)
        await asyncio.sleep(max(0, self.start - time.perf_counter()))
        memory, spent = resident(process), cpu(process)
        await self.over
        lasted, spent = time.perf_counter() - self.start, cpu(process) - spent
        cuts = quantiles(self.seconds, n=100)
        return {
            "requests": len(self.seconds),
            "errors": self.errors,
            "connections": CONNECTIONS,
            "requests_per_second": len(self.seconds) / lasted,
            "requests_per_cpu_second": len(self.seconds) / spent,
            "median_seconds": cuts[49],
            "p99_seconds": cuts[98],
            "first_bytes": memory,
            "last_bytes": resident(process),
        }


def resident(process: int) -> int:
    """Bytes of memory that a process has at the moment."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu(process: int) -> float:
    """Seconds that a process has computed for."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(address: str, asked: str, seconds: str, process: str) -> dict[str, Any]:
    """The figures of one server, and what it makes of the first text."""
    import uvloop

    from wordfield.models.service.hosted import HostedModel

    texts = json.loads(Path(asked).read_text("utf-8"))
    vector = HostedModel.named(f"{address}/v1#table", cache=None).embed(texts[:1])[0]
    return uvloop.run(Load(address, texts, float(seconds)).run(int(process))) | {"vector": vector.tolist()}


if __name__ == "__main__":
    print(json.dumps({"make": make, "serve": serve, "load": load}[sys.argv[1]](*sys.argv[2:])))
