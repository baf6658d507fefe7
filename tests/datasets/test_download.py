"""Fetching a file: from a server on this machine that behaves well, badly, or not at all."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from wordfield.datasets.download import download

CONTENT = bytes(range(256)) * 600
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = bytes(len(CONTENT))


class Handler(BaseHTTPRequestHandler):
    """The path says how the server behaves; what was asked is noted."""

    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        how = self.path.strip("/")
        self.server.asked.append((how, self.headers.get("Range")))
        many = sum(each == how for each, _ in self.server.asked)
        port = self.server.server_port
        places = {"moved": "/whole", "away": f"http://localhost:{port}/whole", "tls": f"https://127.0.0.1:{port}/whole"}
        places |= {"file": "file:///etc/hostname"}
        bodies = {"longer": CONTENT + b"!", "shorter": CONTENT[:-1], "whole-again": CONTENT}
        unsized = {"endless": CONTENT + b"!", "empty": b""}
        errors = {"missing": 404} | ({"busy": 503} if many == 1 else {})
        errors |= {"no-such-part": 416} if self.headers.get("Range") else {}
        if how in places:
            self.answer(302, b"", Location=places[how])
        elif how in errors:
            self.answer(errors[how], b"said")
        elif how in bodies or how in unsized:
            self.answer(200, (bodies | unsized)[how], length=None if how in unsized else -1)
        elif how == "slow":
            self.server.over.wait(10)
        elif how == "broken" or (how == "once" and many == 1):
            self.part(CONTENT, keep=1000)
        else:
            self.part(OTHER if how == "changed" else CONTENT)

    def part(self, content: bytes, keep: int | None = None) -> None:
        """What is asked for of the content; the connection ends after ``keep`` bytes."""
        begin = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        rest, headers = content[begin:], {}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self.answer(206 if begin else 200, rest[:keep], length=len(rest), **headers)

    def answer(self, status: int, body: bytes, length: int | None = -1, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.over = threading.Event()

    def handle_error(self, *_: Any) -> None:
        """Whoever asked has gone away: nothing to say."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def fetch(server: Server, how: str, target: Path, **options: Any) -> None:
    options = {"timeout": 5.0, "pause": 0.0} | options
    download(f"http://127.0.0.1:{server.server_port}/{how}", target, len(CONTENT), SHA256, **options)


def only(folder: Path, *names: str) -> None:
    assert sorted(each.name for each in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("how", ["whole", "moved", "busy"])
def test_a_file_arrives_as_it_is(server: Server, how: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    fetch(server, how, tmp_path / "new" / "set.txt", progress=lambda done, total, **_: told.append((done, total)))
    assert (tmp_path / "new" / "set.txt").read_bytes() == CONTENT
    only(tmp_path / "new", "set.txt")
    assert told == sorted(told)
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_connection_that_breaks_goes_on_where_it_broke_off(server: Server, tmp_path: Path) -> None:
    fetch(server, "once", tmp_path / "set.txt")
    assert (tmp_path / "set.txt").read_bytes() == CONTENT
    assert server.asked == [("once", None), ("once", "bytes=1000-")]


@pytest.mark.parametrize(
    ("how", "asked"),
    [("whole", ["bytes=1000-"]), ("whole-again", ["bytes=1000-"]), ("no-such-part", ["bytes=1000-", None])],
)
def test_another_call_goes_on_with_what_is_there(
    server: Server, how: str, asked: list[str | None], tmp_path: Path
) -> None:
    with pytest.raises(ConnectionError, match=r"in 1 tries: the connection ended after 1,000 of 153,600 bytes"):
        fetch(server, "broken", tmp_path / "set.txt", tries=1)
    only(tmp_path, f".set.txt.{SHA256[:8]}.part")
    del server.asked[:]
    fetch(server, how, tmp_path / "set.txt")
    assert (tmp_path / "set.txt").read_bytes() == CONTENT
    assert [part for _, part in server.asked] == asked
    only(tmp_path, "set.txt")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("changed", f"has the SHA-256 {hashlib.sha256(OTHER).hexdigest()}, not {SHA256}"),
        ("longer", "has 153,601 bytes, not 153,600"),
        ("endless", "is longer than the 153,600 bytes"),
        ("shorter", "has 153,599 bytes, not 153,600"),
    ],
)
def test_of_another_file_nothing_is_kept(server: Server, how: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        fetch(server, how, tmp_path / "set.txt")
    only(tmp_path)
    assert len(server.asked) == 1


def test_the_old_file_stays_until_the_new_one_is_right(server: Server, tmp_path: Path) -> None:
    (tmp_path / "set.txt").write_text("old")
    with pytest.raises(ValueError, match="SHA-256"):
        fetch(server, "changed", tmp_path / "set.txt")
    assert (tmp_path / "set.txt").read_text() == "old"
    fetch(server, "whole", tmp_path / "set.txt")
    assert (tmp_path / "set.txt").read_bytes() == CONTENT


def test_a_part_of_another_file_is_found_by_the_checksum(server: Server, tmp_path: Path) -> None:
    (tmp_path / f".set.txt.{SHA256[:8]}.part").write_bytes(b"x" * 1000)
    with pytest.raises(ValueError, match="SHA-256"):
        fetch(server, "whole", tmp_path / "set.txt")
    only(tmp_path)
    fetch(server, "whole", tmp_path / "set.txt")


def test_what_the_server_does_not_have_is_asked_for_once(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"answers 404 .*; downloaded by other means, it belongs at .*set\.txt"):
        fetch(server, "missing", tmp_path / "set.txt")
    only(tmp_path)
    assert len(server.asked) == 1


@pytest.mark.parametrize(("how", "said"), [("slow", "timed out"), ("empty", "0 of 153,600")])
def test_what_does_not_come_is_asked_for_again_and_then_told(
    server: Server, how: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConnectionError, match=f"could not be fetched, in 2 tries: .*{said}"):
        fetch(server, how, tmp_path / "set.txt", timeout=0.2, tries=2)
    only(tmp_path)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ("away", ValueError, r"redirects to http://localhost.*, which is not https"),
        ("file", OSError, "url 'file:///etc/hostname' is not allowed"),
        ("tls", ConnectionError, "SSL"),  # it is followed; the server speaks no TLS
    ],
)
def test_to_another_server_only_https_is_followed(
    server: Server, how: str, error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        fetch(server, how, tmp_path / "set.txt", tries=1)
    only(tmp_path)
    assert len(server.asked) == 1


def test_an_interrupt_leaves_nothing_under_the_name_and_what_came_for_the_next_time(
    server: Server, tmp_path: Path
) -> None:
    def interrupt(done: int, total: int, **_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server, "whole", tmp_path / "set.txt", progress=interrupt)
    (part,) = tmp_path.iterdir()
    assert part.name == f".set.txt.{SHA256[:8]}.part"
    assert 0 < part.stat().st_size < len(CONTENT)
    fetch(server, "whole", tmp_path / "set.txt")
    assert (tmp_path / "set.txt").read_bytes() == CONTENT


def test_without_a_network_the_error_says_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        source = f"http://127.0.0.1:{taken.getsockname()[1]}/set.txt"
        with pytest.raises(ConnectionError, match=r"in 3 tries: Connection refused; downloaded by other means"):
            download(source, tmp_path / "set.txt", 1, SHA256, pause=0)
    only(tmp_path)


def test_a_disk_that_does_not_take_it_is_not_the_networks_fault(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        fetch(server, "whole", tmp_path / "file" / "set.txt")
    assert server.asked == []


@pytest.mark.parametrize("source", ["file:///etc/hostname", "ftp://127.0.0.1/set.txt", "set.txt"])
def test_only_addresses_of_the_web_are_fetched(source: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="https://"):
        download(source, tmp_path / "set.txt", 1, SHA256)
