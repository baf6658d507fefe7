"""Text prepared in a process of its own, because the libraries that do it hold the interpreter's lock.

The process is a fresh Python that speaks over its standard input and output: it needs nothing of the program that uses
it, and nothing is pickled. First a JSON line, the tokenizer's description; then texts, each as its size in 8 bytes,
little-endian, and UTF-8; for each one in return, size -1 for an error with its message after it.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

from wordfield.text.tokenizers import Tokenizer

SIZE = struct.Struct("<q")


class Preparer:
    """``tokenizer.prepared`` in another process, started when it is first needed and ended by ``close``."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Preparer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def prepared(self, text: str) -> str:
        """The text as ``Tokenizer.prepared`` gives it. ``RuntimeError`` if the process failed or was ended."""
        process = self._process = self._process or self._started()
        try:
            send(process.stdin, text.encode())  # type: ignore[arg-type]
            size, answer = receive(process.stdout)  # type: ignore[arg-type]
        except (BrokenPipeError, EOFError):
            status = process.wait()
            raise RuntimeError(
                f"the process that cuts text into words ended with status {status}: was it killed, or memory short?"
            ) from None
        if size < 0:
            raise RuntimeError(f"the process that cuts text into words failed: {answer.decode()}")
        return answer.decode()

    def close(self) -> None:
        """End the process; it has nothing that could be lost."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        places = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "wordfield.text.preparing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        )
        description = json.dumps(self._tokenizer.describe()).encode()
        send(process.stdin, description)  # type: ignore[arg-type]
        return process


def send(stream: IO[bytes], text: bytes, size: int | None = None) -> None:
    """Write one message."""
    stream.write(SIZE.pack(len(text) if size is None else size))
    stream.write(text)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[int, bytes]:
    """Read one message: its size, negative for an error, and its text. ``EOFError`` where there is none."""
    head = stream.read(SIZE.size)
    if len(head) < SIZE.size:
        raise EOFError
    (size,) = SIZE.unpack(head)
    return size, stream.read(abs(size))


def serve(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer every text from ``source`` until it ends."""
    tokenizer = Tokenizer.described(json.loads(receive(source)[1]))
    while True:
        try:
            _, text = receive(source)
        except EOFError:
            return
        try:
            send(target, tokenizer.prepared(text.decode()).encode())
        except Exception as error:
            message = f"{type(error).__name__}: {error}".encode()
            send(target, message, -len(message))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides when to stop
    serve(sys.stdin.buffer, sys.stdout.buffer)
