"""Which tokens of a text belong to one word, told one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def words(tokens: Sequence[str], special: set[str], cut: Callable[[str], Sequence[str]]) -> list[list[int]]:
    """The places of each word: pieces that begin with ## go on with the word before them, Chinese characters stand
    together as ``cut`` says.
    """
    found: list[list[int]] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token in special:
            place += 1
        elif "\u4e00" <= token <= "\u9fff":
            run = place
            while run < len(tokens) and len(tokens[run]) == 1 and "\u4e00" <= tokens[run] <= "\u9fff":
                run += 1
            for word in cut("".join(tokens[place:run])):
                found.append([*range(place, place + len(word))])
                place += len(word)
        elif token.startswith("##") and found and found[-1][-1] == place - 1:
            found[-1].append(place)
            place += 1
        else:
            found.append([place])
            place += 1
    return found
