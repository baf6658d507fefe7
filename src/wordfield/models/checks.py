"""What the fields of a recipe may be, said as data and checked alike for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Bounds = Mapping[str, tuple[str, Callable[[float], bool]]]
"""By field: what it must be, in words and as a test."""


def check(recipe: object, least: Mapping[str, int], choices: Mapping[str, Sequence[str]], numbers: Bounds) -> None:
    """``ValueError`` for the first field that is not as it should be; None is what nobody has set, and is never wrong.

    ``least``: fields that are whole numbers, and the least each may be; ``choices``: the words that a field may be;
    ``numbers``: what else a number must be.
    """
    for name, smallest in least.items():
        value = getattr(recipe, name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < smallest):
            raise ValueError(f"{name} must be a whole number of at least {smallest}, not {value!r}")
    for name, words in choices.items():
        if getattr(recipe, name) not in words:
            raise ValueError(f"{name} must be one of {', '.join(words)}, not {getattr(recipe, name)!r}")
    for name, (meaning, within) in numbers.items():
        value = getattr(recipe, name)
        if value is not None and not within(value):
            raise ValueError(f"{name} must be {meaning}, not {value}")
