"""Fetching a file of a known length and checksum: resumed where it broke off, and in its place only when it is right.

What has arrived waits beside the target under a hidden name that ends in .part, so that the next try, or the next call,
goes on from there; after a wrong checksum nothing is kept.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from wordfield.progress import Progress, silent

TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as broken."""
TRIES = 3
"""Times that it is tried, of what may go better the next time."""
STEP = 1 << 16
"""Bytes that are taken at once."""
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What servers answer that cannot at the moment."""
PARTIAL, RANGE = 206, 416
"""What servers answer that send a part, and that do not have the part."""


class _Redirects(HTTPRedirectHandler):
    """Follows to another place of the same server, and to another server only by https, never from https to http."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        here, there = urlsplit(req.full_url), urlsplit(newurl)
        same = (here.scheme, here.netloc) == (there.scheme, there.netloc)
        if there.scheme != "https" and not same:
            raise _Refused(f"{req.full_url} redirects to {newurl}, which is not https: it is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Refused(ValueError):
    """What no other try makes better."""


def download(
    source: str,
    target: Path,
    size: int,
    sha256: str,
    *,
    progress: Progress = silent,
    timeout: float = TIMEOUT,
    tries: int = TRIES,
    pause: float = 1.0,
) -> None:
    """The file at ``source``, of ``size`` bytes with that SHA-256, becomes ``target``.

    ``timeout``: seconds without a byte; ``tries``, and the seconds of ``pause`` before the second, twice as many before
    each further one. ``ValueError`` where the file is another, of which nothing is kept; ``OSError`` where the server
    does not have it or cannot be reached.
    """
    if urlsplit(source).scheme not in ("https", "http"):
        raise ValueError(f"{source}: an address that begins with https:// is needed")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _begun(target, sha256) as part:
        try:
            _persist(source, target, part, size, progress, timeout, tries, pause)
            found = _digest(part)
            if found != sha256:
                raise _Refused(
                    f"{source} has the SHA-256 {found}, not {sha256} as it should: it was changed, or damaged on its "
                    "way; nothing of it is kept"
                )
        except _Refused:
            part.unlink()
            raise
        part.replace(target)


def _persist(
    source: str,
    target: Path,
    part: Path,
    size: int,
    progress: Progress,
    timeout: float,
    tries: int,
    pause: float,
) -> None:
    """Receive all of it, in more than one go where the connection breaks or the server is busy."""
    for attempt in range(1, tries + 1):
        try:
            return _receive(source, part, size, progress, timeout)
        except HTTPError as error:
            error.close()
            if error.code == RANGE:  # the part is of another file
                part.write_bytes(b"")
            elif error.code not in PASSING or attempt == tries:
                said = f"{source}: the server answers {error.code} {error.reason}{_by_hand(target)}"
                raise OSError(said) from None
        except (OSError, HTTPException) as error:
            if isinstance(error, OSError) and error.filename is not None:  # our own file, not the network
                raise
            if attempt == tries:
                said = f"{source} could not be fetched, in {tries} tries: {_said(error)}{_by_hand(target)}"
                raise ConnectionError(said) from None
        time.sleep(pause * 2 ** (attempt - 1))
    raise ConnectionError(f"{source} could not be fetched, in {tries} tries{_by_hand(target)}")


@contextmanager
def _begun(target: Path, sha256: str) -> Iterator[Path]:
    """The file that holds what has arrived, ours alone: two that fetch the same do not write to one."""
    waiting = target.with_name(f".{target.name}.{sha256[:8]}.part")
    own = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        waiting.replace(own)
    except FileNotFoundError:
        own.touch()
    try:
        yield own
    finally:
        if own.exists():
            own.replace(waiting) if own.stat().st_size else own.unlink()


def _receive(source: str, part: Path, size: int, progress: Progress, timeout: float) -> None:
    """Add to ``part`` what it lacks."""
    have = part.stat().st_size
    if have == size:
        return
    asked = Request(source, headers={"User-Agent": "wordfield", "Accept-Encoding": "identity"})
    if have:
        asked.add_header("Range", f"bytes={have}-")
    with _answer(asked, timeout) as answer, part.open("r+b") as stream:
        if answer.status != PARTIAL or not str(answer.headers.get("Content-Range")).startswith(f"bytes {have}-"):
            have = 0  # the server sends all of it
        length = answer.headers.get("Content-Length", "")
        if length.isdecimal() and have + int(length) != size:
            raise _Refused(f"{source} has {have + int(length):,} bytes, not {size:,} as it should: it was changed")
        stream.seek(have)
        stream.truncate()
        while piece := answer.read1(STEP):
            have += len(piece)
            if have > size:
                raise _Refused(f"{source} is longer than the {size:,} bytes that it should have: it was changed")
            with _told(part):
                stream.write(piece)
                stream.flush()
            progress(have, size)
    if have < size:
        raise ConnectionError(f"the connection ended after {have:,} of {size:,} bytes")


@contextmanager
def _told(part: Path) -> Iterator[None]:
    """Say which file a write failed for, which the system does not, so that it is not taken for the network."""
    try:
        yield
    except OSError as error:
        error.filename = str(part)
        raise


def _answer(asked: Request, timeout: float) -> HTTPResponse:
    opener = OpenerDirector()
    for handler in (ProxyHandler, HTTPHandler, HTTPSHandler, HTTPDefaultErrorHandler, HTTPErrorProcessor, _Redirects):
        opener.add_handler(handler())
    answer: HTTPResponse = opener.open(asked, timeout=timeout)
    return answer


def _said(error: Exception) -> str:
    """Why it failed, without what urllib puts around it."""
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)


def _by_hand(target: Path) -> str:
    return f"; downloaded by other means, it belongs at {target}"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
