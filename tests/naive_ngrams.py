"""The hashes and n-grams of fastText, floret and finalfusion, slow and obvious."""

from __future__ import annotations


def fnv(text: bytes) -> int:
    """FNV-1a in 32 bits, of bytes that are taken as signed."""
    state = 2166136261
    for byte in text:
        signed = byte - 256 if byte >= 128 else byte
        state = ((state ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return state


def long_fnv(ngram: str) -> int:
    """FNV-1a in 64 bits, of the number of characters in 8 bytes and of each character in 4, the lowest first."""
    state = 14695981039346656037
    for byte in len(ngram).to_bytes(8, "little") + b"".join(ord(each).to_bytes(4, "little") for each in ngram):
        state = ((state ^ byte) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
    return state


def ngrams(word: str, minn: int, maxn: int, marks: bool = False) -> list[str]:
    """The n-grams of a word, the marks of its ends in them, and alone only with ``marks``, where the end of a sentence
    is a word like others.
    """
    if word == "</s>" and not marks:
        return []
    marked = f"<{word}>"
    found = []
    for first in range(len(marked)):
        for last in range(first + 1, len(marked) + 1):
            ngram = marked[first:last]
            alone = len(ngram) == 1 and (first == 0 or last == len(marked))
            if minn <= len(ngram) <= maxn and (marks or not alone):
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


def murmur(text: bytes, seed: int) -> list[int]:
    """MurmurHash3 x64 128 as four numbers of 32 bits."""
    full = (1 << 64) - 1

    def turned(state: int, bits: int) -> int:
        return (state << bits | state >> (64 - bits)) & full

    def mixed(state: int) -> int:
        state = (state ^ state >> 33) * 0xFF51AFD7ED558CCD & full
        state = (state ^ state >> 33) * 0xC4CEB9FE1A85EC53 & full
        return state ^ state >> 33

    one, two = 0x87C37B91114253D5, 0x4CF5AD432745937F
    low = high = seed
    for begin in range(0, len(text), 16):
        block = text[begin : begin + 16]
        first, second = int.from_bytes(block[:8], "little"), int.from_bytes(block[8:], "little")
        low ^= turned(first * one & full, 31) * two & full
        if len(block) == 16:
            low = ((turned(low, 27) + high) * 5 + 0x52DCE729) & full
        high ^= turned(second * two & full, 33) * one & full
        if len(block) == 16:
            high = ((turned(high, 31) + low) * 5 + 0x38495AB5) & full
    low, high = low ^ len(text), high ^ len(text)
    low = (low + high) & full
    high = (high + low) & full
    low, high = mixed(low), mixed(high)
    low = (low + high) & full
    high = (high + low) & full
    return [low & 0xFFFFFFFF, low >> 32, high & 0xFFFFFFFF, high >> 32]
