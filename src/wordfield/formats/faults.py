"""What is wrong with a file: said at the first fault, or, where the file is to be repaired, noted while the reader goes
on with what is sound.
"""

from __future__ import annotations

import logging
from pathlib import Path

from wordfield.formats.table import FormatError

log = logging.getLogger(__name__)

SHOWN = 20
"""Faults that are kept word for word; the rest is counted."""
ADVICE = "; to leave out what is at fault and read the rest: repair=True, or wordfield convert IN OUT --repair"


class Faults:
    """The faults of the file at ``path``. A reader calls ``found`` for each and goes on as if what is at fault were not
    there: a row that is left out, a word that stands twice, an end that is missing.
    """

    def __init__(self, path: Path, repair: bool = False) -> None:
        self.path, self.repair = path, repair
        self.count = 0
        self.shown: list[str] = []

    def found(self, where: str, what: str) -> None:
        """One fault, ``where`` a line or byte: ``FormatError`` unless the file is to be repaired."""
        if not self.repair:
            raise FormatError(f"{self.path}: {where}: {what}{ADVICE}")
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(f"{where}: {what}")

    def told(self) -> list[str]:
        """All that was found, a line each, and how much more; also said in the log."""
        rest = self.count - len(self.shown)
        lines = self.shown + ([f"and {rest} more"] if rest else [])
        if lines:
            count = "1 fault" if self.count == 1 else f"{self.count} faults"
            log.warning("%s: repaired, %s: %s", self.path, count, "; ".join(lines[:3]))
        return lines
