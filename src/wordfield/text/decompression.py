"""Compressed bytes seen through: gzip, bzip2, xz and zstd, told by their first bytes, not by a name."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from typing import IO, Any, cast

GZIP, XZ, ZSTD = b"\x1f\x8b", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
BZIP2 = (b"1AY&SY", b"\x17rE8P\x90")
"""What stands after "BZh" and a digit, where there is anything in it, and where there is nothing."""
HEAD = 10
"""Bytes that tell."""


def decompressed(name: str, stored: IO[bytes], head: bytes) -> tuple[str, IO[bytes]]:
    """What ``stored`` is compressed with by its first bytes, "" for nothing, and its content. ``ImportError`` that says
    what ``name`` needs where a decompressor is missing.
    """
    if head.startswith(GZIP):
        return "gzip", cast("IO[bytes]", _gzip()(fileobj=stored))
    if head.startswith(b"BZh") and head[4:HEAD] in BZIP2:
        return "bzip2", cast("IO[bytes]", bz2.BZ2File(stored))
    if head.startswith(XZ):
        return "xz", cast("IO[bytes]", lzma.LZMAFile(stored))
    if head.startswith(ZSTD):
        return "zstd", cast("IO[bytes]", _zstd(name).ZstdFile(stored))
    return "", stored


def _gzip() -> Any:
    """The reader of gzip: three times as fast where the extra ``corpus`` is there."""
    try:
        from isal.igzip import IGzipFile
    except ImportError:
        return gzip.GzipFile
    return IGzipFile


def _zstd(name: str) -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as error:
        raise ImportError(f"{name} is packed with zstd; to read it: pip install 'wordfield[corpus]'") from error
    return zstd
