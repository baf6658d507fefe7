"""The same text, stored in other ways. A process of this module makes one form of it and ends."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.corpora import sentences
from benchmarks.measure import alone, answer

LEVEL = 6
ROOM = 3
"""Free disk asked for before a text is repeated, in sizes of the result: that, and what programs make of it."""


def repeated(text: Path, folder: Path, times: int) -> list[Path]:
    """One file with the text so many times over."""
    size, free = text.stat().st_size * times, shutil.disk_usage(folder).free
    if free < ROOM * size:
        sys.exit(f"{ROOM * size / 1e9:.1f} GB of disk are needed in {folder}, {free / 1e9:.1f} GB are free")
    target = folder / f"{text.stem}-{times}-times.txt"
    with target.open("wb") as out:
        for _ in range(times):
            with text.open("rb") as stream:
                shutil.copyfileobj(stream, out, 1 << 20)
    return [target]


def gzipped(text: Path, folder: Path, files: int) -> list[Path]:
    """So many compressed files of about the same size, whole lines in each."""
    lines, targets = text.read_bytes().splitlines(keepends=True), []
    for number in range(files):
        part = lines[len(lines) * number // files : len(lines) * (number + 1) // files]
        targets.append(folder / f"{text.stem}-{number + 1}-of-{files}.txt.gz")
        targets[-1].write_bytes(gzip.compress(b"".join(part), LEVEL))
    return targets


def json_lines(text: Path, folder: Path) -> list[Path]:
    """An object a line, its ``text`` a line of the text."""
    target = folder / f"{text.stem}.jsonl"
    with target.open("w", encoding="utf-8") as out, text.open(encoding="utf-8", newline="\n") as stream:
        out.writelines(json.dumps({"text": line.rstrip("\n")}, ensure_ascii=False) + "\n" for line in stream)
    return [target]


def parquet(text: Path, folder: Path) -> list[Path]:
    """A table whose only column, ``text``, has a line of the text in each row."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    target = folder / f"{text.stem}.parquet"
    write_table(pa.table({"text": text.read_text("utf-8").rstrip("\n").split("\n")}), target)
    return [target]


def segmented(text: Path, folder: Path) -> list[Path]:
    """A sentence a line, its words as wordfield cuts Chinese, with spaces between them."""
    target = folder / f"{text.stem}-segmented.txt"
    with target.open("w", encoding="utf-8") as out:
        out.writelines(f"{' '.join(words)}\n" for words in sentences(text))
    return [target]


FORMS: dict[str, Callable[[Path, Path], list[Path]]] = {
    "4 times": partial(repeated, times=4),
    "20 times": partial(repeated, times=20),
    "gzip": partial(gzipped, files=1),
    "8 gzip": partial(gzipped, files=8),
    "jsonl": json_lines,
    "parquet": parquet,
    "segmented": segmented,
}
"""Name -> what makes files of a text in a folder."""


class Stored:
    """A ``text`` and a ``small`` one in any form, made in ``folder`` when first asked for."""

    def __init__(self, text: Path, small: Path, folder: Path) -> None:
        self.text, self.folder = text, folder
        self._texts = (text, small)
        self._made: dict[str, list[list[str]]] = {"": [[str(text)], [str(small)]]}

    def files(self, form: str) -> list[list[str]]:
        """The files of both. `Failed` where they cannot be made here."""
        if form not in self._made:
            jobs = ({"text": str(text), "form": form, "folder": str(self.folder)} for text in self._texts)
            self._made[form] = [alone("forms", job)["files"] for job in jobs]
        return self._made[form]


if __name__ == "__main__":
    job = json.load(sys.stdin)
    files = FORMS[job["form"]](Path(job["text"]), Path(job["folder"]))
    answer({"files": list(map(str, files))})
