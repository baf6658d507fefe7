"""What counts alone foresee: the perplexity of unigrams and of interpolated modified Kneser-Ney 5-grams (Chen and
Goodman 1999, section 3.4) of one text for another, forwards and backwards, to be held beside those of networks.

    python -m benchmarks.kneser_ney TRAIN TEST

Both are words with spaces between them, a sentence a line; the end of a sentence is foreseen too, its beginning is not.
Words of the test that training never saw count as `<unk>`, which must be there, as in the Penn Treebank.
"""

from __future__ import annotations

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

ORDER = 5
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"

Gram = tuple[str, ...]


class KneserNey:
    """N-grams up to ORDER words of sentences."""

    def __init__(self, sentences: Iterable[list[str]], order: int = ORDER) -> None:
        self.order = order
        raw: list[Counter[Gram]] = [Counter() for _ in range(order + 1)]
        for words in sentences:
            full = [BEGIN, *words, END]
            for place in range(1, len(full)):
                for size in range(1, min(order, place + 1) + 1):
                    raw[size][tuple(full[place + 1 - size : place + 1])] += 1
        self.words = {gram[0] for gram in raw[1]}
        self.discounts, self.tables = [(0.0, 0.0, 0.0)], [dict[Gram, tuple[dict[str, float], float]]()]
        for size in range(1, order + 1):
            counts = raw[size] if size == order else self._before(raw[size], raw[size + 1])
            self._add(counts)

    @staticmethod
    def _before(own: Counter[Gram], longer: Counter[Gram]) -> Counter[Gram]:
        """How many different words stand before each n-gram; what begins a sentence has none before it."""
        found = Counter(gram[1:] for gram in longer)
        return Counter({gram: count if gram[0] == BEGIN else found[gram] for gram, count in own.items()})

    def _add(self, counts: Counter[Gram]) -> None:
        """The discounts of an order, and by what stands before a word its probability so far, and what is left."""
        times = Counter(counts.values())
        one, two, three, four = (max(times[number], 1) for number in range(1, 5))
        base = one / (one + 2 * two)
        discounts = tuple(
            min(max(number - (number + 1) * base * more / less, 0.0), number)
            for number, more, less in ((1, two, one), (2, three, two), (3, four, three))
        )
        groups: dict[Gram, dict[str, int]] = defaultdict(dict)
        for gram, count in counts.items():
            groups[gram[:-1]][gram[-1]] = count
        table = {}
        for before, after in groups.items():
            total = sum(after.values())
            taken = {word: discounts[min(count, 3) - 1] for word, count in after.items()}
            shares = {word: (count - taken[word]) / total for word, count in after.items()}
            table[before] = shares, sum(taken.values()) / total
        self.discounts.append(discounts)
        self.tables.append(table)

    def probability(self, word: str, before: Gram) -> float:
        """Of a word after those before it."""
        before = before[-(self.order - 1) :] if self.order > 1 else ()
        found = 1 / len(self.words)
        for size in range(1, len(before) + 2):
            context = before[len(before) - size + 1 :]
            if context in self.tables[size]:
                shares, left = self.tables[size][context]
                found = shares.get(word, 0.0) + left * found
        return found

    def perplexity(self, sentences: Iterable[list[str]]) -> float:
        """Of sentences."""
        loss, count = 0.0, 0
        for words in sentences:
            known = [BEGIN, *(word if word in self.words else UNKNOWN for word in words), END]
            for place in range(1, len(known)):
                loss -= math.log(self.probability(known[place], tuple(known[max(0, place + 1 - self.order) : place])))
            count += len(known) - 1
        return math.exp(loss / count)


def read(path: Path) -> list[list[str]]:
    """The sentences of a file."""
    return [words for line in path.read_text("utf-8").splitlines() if (words := line.split())]


def main(train: str, test: str) -> None:
    """Print the table."""
    learnt, asked = read(Path(train)), read(Path(test))
    for name, order in (("unigrams", 1), (f"Kneser-Ney {ORDER}-grams", ORDER)):
        for way, turn in (("forwards", 1), ("backwards", -1)):
            model = KneserNey([words[::turn] for words in learnt], order)
            print(f"{name}, {way}: {model.perplexity([words[::turn] for words in asked]):.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
