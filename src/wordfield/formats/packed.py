"""Packed files seen through: gzip, bzip2, xz and zstd, and the one file that a zip or tar archive holds.

What a file is packed with is told by its first bytes, not by its name. A tar archive may itself be packed.
"""

from __future__ import annotations

import errno
import io
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

from wordfield.formats.table import FormatError
from wordfield.text.decompression import decompressed

if TYPE_CHECKING:
    import tarfile

ENOUGH = 1 << 18
"""Bytes asked of a decompressor at once."""
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
TAR = b"ustar"
"""What stands at byte 257."""
DEFLATE = 1032
"""A byte of gzip unpacks to this many at most."""
UNKNOWN = 1 << 62
"""What a file of the other kinds may unpack to: nobody knows before it has come."""
SHOWN = 5


class Unpacked(io.RawIOBase):
    """A stream that a decompressor makes. Whatever that says of damaged data becomes a ``FormatError``."""

    def __init__(self, path: Path, kind: str, inner: IO[bytes]) -> None:
        self.path, self.kind, self.inner = path, kind, inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            data = self.inner.read(len(buffer))
        except (FormatError, MemoryError):
            raise
        except Exception as error:  # each decompressor has its own class, zlib.error among them
            if of_the_system(error):
                raise
            raise damaged(self.path, self.kind, error) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.inner.close()
        super().close()


class Member(io.RawIOBase):
    """The content of the only file of a tar archive, which is read once from its beginning to its end."""

    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        self.path, self.archive = path, archive
        self.members = (member for member in archive if member.isfile() and counts(member.name))
        first = next(self.members, None)
        if first is None:
            raise FormatError(f"{path}: the tar archive holds no file")
        self.name, self.left = first.name, first.size
        self.inner = cast("IO[bytes]", archive.extractfile(first))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self.inner.read(min(len(buffer), ENOUGH))
        buffer[: len(data)] = data
        self.left -= len(data)
        if not data:
            if self.left:
                raise EOFError(f"{self.left} bytes of {self.name} are missing")
            if others := [member.name for member in self.members]:
                raise several(self.path, "tar", [self.name, *others])
        return len(data)


def unpacked(path: Path, raw: IO[bytes], size: int) -> tuple[IO[bytes], int]:
    """The content of ``raw``, the file at ``path`` of ``size`` bytes, unpacked where it is packed, and how many bytes
    it has at most.

    ``FormatError`` for damaged data, and for an archive that does not hold exactly one file; ``ImportError`` that names
    the extra where a decompressor is missing.
    """
    head = raw.read(512)
    raw.seek(0)
    if head.startswith(ZIP):
        return of_zip(path, raw)
    kind, stream = decompressed(str(path), raw, head)
    limit = {"": size, "gzip": size * DEFLATE}.get(kind, UNKNOWN)
    if kind:
        stream = io.BufferedReader(Unpacked(path, kind, stream), ENOUGH)
        head = stream.peek(512)[:512]
    if head[257:262] == TAR:
        return of_tar(path, stream), limit
    return stream, limit


def of_zip(path: Path, raw: IO[bytes]) -> tuple[IO[bytes], int]:
    """The content of the only file in a zip archive."""
    import zipfile

    try:
        archive = zipfile.ZipFile(raw)
        members = [member for member in archive.infolist() if not member.is_dir() and counts(member.filename)]
        if len(members) == 1:
            inner = archive.open(members[0])
    except Exception as error:  # encrypted: RuntimeError; packed in an unknown way: NotImplementedError
        if isinstance(error, MemoryError) or of_the_system(error):
            raise
        raise damaged(path, "zip", error) from error
    if len(members) != 1:
        raise several(path, "zip", [member.filename for member in members])
    return io.BufferedReader(Unpacked(path, "zip", inner), ENOUGH), UNKNOWN


def of_tar(path: Path, stream: IO[bytes]) -> IO[bytes]:
    """The content of the only file in a tar archive."""
    import tarfile

    try:
        member = Member(path, tarfile.open(fileobj=stream, mode="r|", errorlevel=2))  # noqa: SIM115
    except (tarfile.TarError, EOFError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise damaged(path, "tar", error) from error
    return io.BufferedReader(Unpacked(path, "tar", cast("IO[bytes]", member)), ENOUGH)


def of_the_system(error: Exception) -> bool:
    """Whether a file could not be read; a place before its beginning is asked for by damaged data only."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def counts(name: str) -> bool:
    """Whether a member of an archive is more than what a system leaves beside files."""
    parts = PurePosixPath(name).parts
    return bool(parts) and "__MACOSX" not in parts and not parts[-1].startswith(".")


def several(path: Path, kind: str, names: list[str]) -> FormatError:
    shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    what = f"holds {len(names)} files ({shown}); one is needed: unpack it, and name one" if names else "holds no file"
    return FormatError(f"{path}: the {kind} archive {what}")


def damaged(path: Path, kind: str, error: Exception) -> FormatError:
    return FormatError(f"{path}: damaged {kind} data ({error}); fetch or pack the file again")
