"""What is tuned of each recipe, in which range; fastText's own, of its -autotune, for the classifier."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple, TypeAlias, get_args, get_type_hints


class Span(NamedTuple):
    """Numbers from ``low`` to ``high``, whole ones if both are; ``log``: ratios count, not differences."""

    low: float
    high: float
    log: bool = False


Space: TypeAlias = "dict[str, Span | tuple[Any, ...]]"
"""By field: the numbers, or the choices, that trials take. ``ngrams`` stands for minn and maxn, "2-5"."""

COUNTED: Space = {"window": Span(2, 10), "smoothing": Span(0.5, 1.0), "shift": Span(1.0, 15.0, log=True)}
PREDICTED: Space = {
    "dim": Span(50, 300, log=True),
    "window": Span(2, 15),
    "negatives": (5, 10, 15),
    "subsample": Span(1e-6, 1e-3, log=True),
    "epochs": Span(1, 20, log=True),
    "learning_rate": Span(0.005, 0.2, log=True),
}

SPACES: dict[str, Space] = {
    "cooccurrence": {"window": Span(2, 10), "weight": ("flat", "harmonic", "decay")},
    "ppmi": COUNTED | {"weight": ("flat", "harmonic", "decay")},
    "svd": COUNTED | {"dim": Span(50, 500, log=True), "power": Span(0.0, 1.0), "add_contexts": (False, True)},
    "word2vec": PREDICTED,
    "glove": {
        "dim": Span(50, 300, log=True),
        "window": Span(3, 20),
        "x_max": Span(3.0, 100.0, log=True),
        "alpha": Span(0.5, 1.0),
        "epochs": Span(5, 50, log=True),
        "learning_rate": Span(0.01, 0.2, log=True),
    },
    "fasttext": PREDICTED | {"ngrams": ("3-6", "2-5", "3-5", "4-6")},
    "classifier": {
        "dim": Span(10, 300, log=True),
        "epochs": Span(1, 100, log=True),
        "learning_rate": Span(0.01, 5.0, log=True),
        "word_ngrams": Span(1, 5),
        "ngrams": ("0-0", "2-5", "3-6"),
        "bucket": Span(10_000, 10_000_000, log=True),
        "loss": ("softmax", "one-vs-all"),
    },
}
"""What is tuned of each recipe, unless something else is asked for."""

COMPARABLE = {"dim", "epochs", "learning_rate", "final_rate", "gradient", "ngrams", "minn", "maxn", "bucket"} | {
    "hash_count",
    "word_ngrams",
    "labels",
    "patience",
}
"""Fields that leave a held-out loss what it is: of other windows, losses or noise it would be another measure."""


def space_of(
    recipe: Any, ranges: Mapping[str, str | Sequence[Any]] | None = None, fixed: Collection[str] = (), metric: str = ""
) -> Space:
    """What to tune of a recipe: what `SPACES` says, without the fields ``fixed``, and with the ``ranges``: "5..50"
    (where the end is ten times the start or more, ratios count), or "5,10,20" or a list: one of these.

    Of the metric heldout only fields that leave it comparable. ``ValueError`` for a field that is not there or cannot
    be what is asked, and where nothing is left.
    """
    name, known = recipe.described()["model"], {field.name for field in fields(recipe)}
    for field in (*fixed, *(ranges or ())):
        if field not in known:
            raise ValueError(f"{name} has no field {field!r}; it has: {', '.join(sorted(known))}")
    asked = {field: _range(recipe, field, given) for field, given in (ranges or {}).items()}
    usual = {field: span for field, span in SPACES.get(name, {}).items() if field not in (*fixed, *asked)}
    if {"minn", "maxn"} & {*fixed, *asked}:
        usual.pop("ngrams", None)
    if metric == "heldout":
        usual = {field: span for field, span in usual.items() if field in COMPARABLE}
        if others := sorted(asked.keys() - COMPARABLE):
            raise ValueError(
                f"held-out losses of different {' and '.join(others)} cannot be compared: give --data to score on, or "
                "another metric"
            )
    widened = {field: _widened(span, _value_of(recipe, field)) for field, span in usual.items()}
    space = {field: span for field, span in widened.items() if span is not None} | asked
    if not space:
        raise ValueError(f"nothing of {name} is left to tune: every field is fixed, or none is usually tuned")
    return space


def start_of(recipe: Any, space: Space) -> dict[str, Any]:
    """The values that the recipe itself has, or those nearest to them in a range that somebody asked for."""
    start = {}
    for field, span in space.items():
        value = _value_of(recipe, field)
        if isinstance(span, Span):
            number = value if isinstance(value, int | float) else span.low
            start[field] = type(span.low)(min(max(number, span.low), span.high))
        else:
            start[field] = value if value in span else span[0]
    return start


def applied(recipe: Any, values: Mapping[str, Any]) -> Any:
    """The recipe with these values."""
    chosen = {field: value for field, value in values.items() if field != "ngrams"}
    if "ngrams" in values:
        chosen["minn"], chosen["maxn"] = map(int, values["ngrams"].split("-"))
    return replace(recipe, **chosen)


def _range(recipe: Any, field: str, given: str | Sequence[Any]) -> Span | tuple[Any, ...]:
    """What somebody asked a field to be."""
    if not isinstance(given, str):
        return tuple(given)
    low, dots, high = given.partition("..")
    values = tuple(_parsed(recipe, field, part.strip()) for part in ((low, high) if dots else given.split(",")))
    if field not in ("minn", "maxn"):  # which are right or wrong together
        for value in values:
            replace(recipe, **{field: value})
    if not dots:
        return values
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        raise ValueError(f"{field}={given}: a range is of numbers; choices are written a,b,c")
    begin, end = values
    if begin >= end:
        raise ValueError(f"{field}={given}: the end of a range is above its start")
    if not (isinstance(begin, int) and isinstance(end, int)):
        begin, end = float(begin), float(end)
    return Span(begin, end, log=begin > 0 and end >= 10 * begin)


def _parsed(recipe: Any, field: str, text: str) -> Any:
    """A value of a field, as its type has it."""
    hint = get_type_hints(type(recipe))[field]
    kinds = get_args(hint) or (hint,)
    words: dict[str, Any] = {"true": True, "false": False} if bool in kinds else {}
    words |= {"none": None} if type(None) in kinds else {}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (kind for kind in (int, float) if kind in kinds):
        try:
            return kind(text)
        except ValueError:
            continue
    if {int, float, bool} & {*kinds} and not any(isinstance(kind, str) or get_args(kind) for kind in kinds):
        raise ValueError(f"{field} cannot be {text!r}: a value of {field}, a range a..b or choices a,b,c is needed")
    return text


def _value_of(recipe: Any, field: str) -> Any:
    """The value that a recipe has; of a learning rate that is unset, the one that is taken then."""
    if field == "ngrams":
        return f"{recipe.minn}-{recipe.maxn}" if recipe.maxn else "0-0"
    value = getattr(recipe, field)
    return recipe.plan().learning_rate if field == "learning_rate" and value is None else value


def _widened(span: Span | tuple[Any, ...], value: Any) -> Span | tuple[Any, ...] | None:
    """A usual range, made to hold the recipe's own value; None where that is another kind of thing."""
    if not isinstance(span, Span):
        return span if value in span else (value, *span)
    if isinstance(value, bool) or not isinstance(value, int | float) or (span.log and value <= 0):
        return None
    kind = type(span.low)
    return span._replace(low=min(span.low, kind(value)), high=max(span.high, kind(value)))
