"""The hashes and n-grams of fastText, slow and obvious."""

from __future__ import annotations


def fnv(text: bytes) -> int:
    """FNV-1a in 32 bits, of bytes that are taken as signed."""
    state = 2166136261
    for byte in text:
        signed = byte - 256 if byte >= 128 else byte
        state = ((state ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return state


def ngrams(word: str, minn: int, maxn: int) -> list[str]:
    """The n-grams of a word, the marks of its ends in them, but no mark alone."""
    if word == "</s>":
        return []
    marked = f"<{word}>"
    found = []
    for first in range(len(marked)):
        for last in range(first + 1, len(marked) + 1):
            ngram = marked[first:last]
            if minn <= len(ngram) <= maxn and not (len(ngram) == 1 and (first == 0 or last == len(marked))):
                found.append(ngram)
    return found


def run_hashes(hashes: list[int], most: int) -> list[int]:
    """The 64-bit hashes of runs of 2 to ``most`` words, by their first word, the shorter first."""
    signed = [each - (1 << 32) if each >= 1 << 31 else each for each in hashes]
    found = []
    for first, state in enumerate(signed):
        for each in signed[first + 1 : first + most]:
            state = (state * 116049371 + each) & 0xFFFFFFFFFFFFFFFF
            found.append(state)
    return found
