"""A service that really listens, on loopback, answers as it is told to, and counts every text that it was paid for."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DIM = 8
KEY = "sk-very-secret-4711"


def vector(text: str) -> list[float]:
    """What the service makes of a text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(DIM).astype(np.float32).tolist()


class Service(ThreadingHTTPServer):
    """``faults``: what the next requests meet, in their order, "" nothing. ``most``: texts in a request, at most."""

    daemon_threads = True

    def __init__(self, faults: list[str], most: int = 10_000, bad: str = "\0", pause: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.most, self.bad, self.pause = list(faults), most, bad, pause
        self.paid: Counter[str] = Counter()
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.now = self.at_once = 0
        self.lock = threading.Lock()

    @property
    def name(self) -> str:
        """How a client asks for its model."""
        return f"http://127.0.0.1:{self.server_port}/v1#small"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes in one piece
    server: Service

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        service = self.server
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with service.lock:
            service.asked.append(question)
            service.headers.append({name.lower(): value for name, value in self.headers.items()})
            service.times.append(time.monotonic())
            fault = service.faults.pop(0) if service.faults else ""
            service.now += 1
            service.at_once = max(service.at_once, service.now)
        try:
            time.sleep(service.pause)
            self.meet(fault, question["input"], question.get("encoding_format", "float"))
        finally:
            with service.lock:
                service.now -= 1

    def meet(self, fault: str, texts: list[str], encoding: str) -> None:
        if fault in ("429", "500", "503"):
            return self.answer(int(fault), {"message": "Request was rejected due to rate limiting.", "data": None})
        if fault.startswith("retry-after"):
            return self.answer(429, {"message": "slow down"}, {"Retry-After": fault.split()[1]})
        if fault == "401":
            return self.answer(401, {"error": {"message": f"Incorrect API key: {self.headers['Authorization']}"}})
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return None
        return self.embed(fault, texts, encoding)

    def embed(self, fault: str, texts: list[str], encoding: str) -> None:
        service = self.server
        if len(texts) > service.most:
            said = f"input batch size {len(texts)} > maximum allowed batch size {service.most}"
            return self.answer(413, {"code": 20042, "message": said, "data": None})
        if any(service.bad in text for text in texts):
            return self.answer(400, {"code": 20015, "message": "The parameter is invalid.", "data": None})
        data = [{"object": "embedding", "index": place, "embedding": vector(text)} for place, text in enumerate(texts)]
        if fault == "slow":
            time.sleep(1.5)
        if fault == "zeros":
            data[0]["embedding"] = [0.0] * DIM
        if fault == "half":
            data = data[: len(data) // 2]
        if fault == "permuted":
            data = data[::-1]
        if encoding == "base64":
            raise AssertionError("the client asks for numbers unless it is told otherwise")
        if fault not in ("slow", "cut"):
            with service.lock:
                service.paid.update(texts[each["index"]] for each in data if any(each["embedding"]))
        return self.answer(200, {"object": "list", "model": "small", "data": data,
                                 "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}},
                           cut=fault == "cut")  # fmt: skip

    def answer(self, status: int, told: Any, headers: dict[str, str] | None = None, cut: bool = False) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut


@contextmanager
def serving(*faults: str, **options: Any) -> Iterator[Service]:
    """A service that listens while the block lasts."""
    service = Service(list(faults), **options)
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
        thread.join()
