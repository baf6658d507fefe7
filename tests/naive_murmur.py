"""MurmurHash64A as its author describes it, a byte at a time."""

from __future__ import annotations

FULL = (1 << 64) - 1
TIMES = 0xC6A4A7935BD1E995


def name(text: bytes, seed: int) -> int:
    """The hash of a word."""
    state = seed ^ len(text) * TIMES & FULL
    whole = len(text) // 8 * 8
    for begin in range(0, whole, 8):
        part = int.from_bytes(text[begin : begin + 8], "little") * TIMES & FULL
        part = (part ^ part >> 47) * TIMES & FULL
        state = (state ^ part) * TIMES & FULL
    if rest := text[whole:]:
        for place, byte in enumerate(rest):
            state ^= byte << 8 * place
        state = state * TIMES & FULL
    state = (state ^ state >> 47) * TIMES & FULL
    return state ^ state >> 47
