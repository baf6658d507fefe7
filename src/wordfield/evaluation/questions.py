"""Files of analogies: Google's questions and CA8 (": section" lines and four words a line), four columns alone, tables
whose first row names the columns (word1, word2, word3, target and maybe type), MSR's questions with the answers in
another file (Mikolov, Yih and Zweig 2013), and BATS (Gladkova, Drozd and Matsuoka 2016), whose files hold pairs, each
with several right answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from wordfield.evaluation.lines import Head, cells, fields, lines, plain, sentence

BATS = re.compile(r"[IDEL]\d\d\b")
"""How the names of BATS's files begin: inflection, derivation, encyclopedia, lexicon."""
VARIED = 20
"""Of rows without sections there is one of so many that has a fourth word of its own; tags of words are fewer."""
COLUMNS = ("word1", "word2", "word3", "target")
"""How a table names its columns of words."""
SECTION = "type"
"""How it names the column of sections."""


class Question(NamedTuple):
    """a is to b as c is to d; the section it stands in; what else would be right."""

    section: str
    a: str
    b: str
    c: str
    d: str
    others: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, str, str]:
        """The three words of the question."""
        return self.a, self.b, self.c

    @property
    def right(self) -> tuple[str, ...]:
        """All right answers."""
        return self.d, *self.others


def sniff(head: Head) -> bool:
    """A line ": section" and then mostly lines of four words; or only such lines, none of the words a number; or a row
    of names and others under it; or what MSR and BATS name their files.
    """
    first = head.lines
    if not first:
        return False
    if _pairs(head):
        return True
    if _named(head):
        return len(first) > 1
    rows = [fields(line) for line in first if not line.startswith(":")]
    if _answers(head.path) is not None:
        return all(len(row) == 3 for row in rows)
    fours = sum(len(row) == 4 for row in rows)
    if first[0].startswith(":"):
        return 2 * fours > len(rows)
    words = bool(rows) and fours == len(rows) and all(plain(cell) for row in rows for cell in row)
    asked, right = len({tuple(row[:3]) for row in rows}), len({row[-1] for row in rows})
    phrases = not any(sentence(cell) for row in rows for cell in row)
    return words and phrases and 2 * asked > len(rows) and VARIED * right >= len(rows)


def together(heads: Sequence[Head]) -> list[Path]:
    """The files of a folder that are one set, a section each: those of BATS, if there are several."""
    files = [head.path for head in heads if _pairs(head)]
    return files if len(files) > 1 else []


def read(path: Path) -> list[Question]:
    """The questions of a file; ``ValueError`` names the line that is neither a section nor four words, nor, in a file
    of BATS, two columns, nor, in a table, as long as the row of names.
    """
    head = Head.of(path)
    if _pairs(head):
        return list(_of_pairs(path))
    if (answers := _answers(path)) is not None:
        return list(_of_two_files(path, answers))
    questions = list(_of_table(path) if _named(head) else _of_sections(path))
    if not questions:
        raise ValueError(f"{path}: no questions of four words in it")
    return questions


def _of_sections(path: Path) -> Iterator[Question]:
    """The questions of a file of four words a line, under the sections that they stand in."""
    section = ""
    for at, line in lines(path):
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        row = fields(line)
        if len(row) != 4:
            raise ValueError(f"{path}: line {at}: four words are needed, not {len(row)}: {line[:80]!r}")
        a, b, c, d = row
        yield Question(section, a, b, c, d)


def _pairs(head: Head) -> bool:
    """Whether this is a file of BATS: by its name, and two columns."""
    return bool(BATS.match(head.path.name) and head.lines) and all(len(row.split()) == 2 for row in head.lines)


def _of_pairs(path: Path) -> Iterator[Question]:
    """A question of each two pairs, in either order: b is the first answer to a, and all to c are right."""
    pairs = []
    for at, line in lines(path):
        row = line.split()
        answers = [each for each in row[-1].split("/") if each]
        if len(row) != 2 or not answers:
            raise ValueError(f"{path}: line {at}: a word and its answers, word/word, are needed, not {line[:80]!r}")
        pairs.append((row[0], answers))
    for one, (a, (b, *_)) in enumerate(pairs):
        for other, (c, (d, *others)) in enumerate(pairs):
            if one != other:
                yield Question(path.stem, a, b, c, d, tuple(others))


def _named(head: Head) -> bool:
    """Whether the first row names columns of words."""
    return bool(head.lines) and set(COLUMNS) <= set(_names(head.lines[0]))


def _names(line: str) -> list[str]:
    return [cell.lower() for cell in cells(line)]


def _of_table(path: Path) -> Iterator[Question]:
    """The questions of a table, whichever order its columns have; what else stands in a row is passed over."""
    rows = lines(path)
    names = _names(next(rows)[1])
    places = [names.index(name) for name in COLUMNS]
    section = names.index(SECTION) if SECTION in names else None
    for at, line in rows:
        row = cells(line)
        words = [row[place] for place in places] if len(row) == len(names) else [""]
        if not all(words):
            wanted = f"{len(names)} columns with words under {', '.join(COLUMNS)}"
            raise ValueError(f"{path}: line {at}: {wanted} are needed, not {line[:80]!r}")
        a, b, c, d = words
        yield Question("" if section is None else row[section], a, b, c, d)


def _answers(path: Path) -> Path | None:
    """The file with the answers to MSR's questions, if it is there."""
    beside = path.with_suffix(".answers")
    return beside if path.suffix == ".questions" and beside.is_file() else None


def _of_two_files(path: Path, beside: Path) -> Iterator[Question]:
    """The questions of a file of three words a line, and of one with a section and the fourth word."""
    questions, answers = list(lines(path)), list(lines(beside))
    if len(questions) != len(answers):
        raise ValueError(f"{path}: {len(questions):,} questions, but {len(answers):,} answers in {beside.name}")
    for (at, line), (there, answer) in zip(questions, answers, strict=True):
        row, end = line.split(), answer.split()
        if len(row) != 3:
            raise ValueError(f"{path}: line {at}: three words are needed, not {len(row)}: {line[:80]!r}")
        if len(end) != 2:
            raise ValueError(f"{beside}: line {there}: a section and a word are needed, not {answer[:80]!r}")
        a, b, c = row
        yield Question(end[0], a, b, c, end[1])
