"""Scores as people read them: a table of one model or of several beside each other, as plain text, CSV or Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Row = tuple[str, ...]

LABELS = 20
"""Labels whose scores are shown."""
SETS = ("task", "dataset", "metric", "pairs")
MODELS = ("model", "value", "low", "high", "covered", "oov")
ALONE = (*SETS, *MODELS)
"""Columns of CSV of one model."""
BESIDE = ("shared", "shared_value", "shared_low", "shared_high", "best")
APART = ("difference", "difference_low", "difference_high", "p", "p_holm", "significant")
"""What CSV has besides of several models: values on the shared items, and how much better the best is."""


class Marks(NamedTuple):
    """What stands after a value of the best model, and of one that is worse than the best by more than chance."""

    best: str = "*"
    worse: str = "†"


def tables(result: dict[str, Any], marks: Marks) -> Iterator[tuple[str, list[Row], set[tuple[int, int]]]]:
    """What ``api.evaluate`` returns, as tables: a line above each, perhaps empty, its rows, and which of their cells
    are those of the best model (row, column).
    """
    if "models" not in result:
        yield "", alone(result["results"]), set()
        for each in (each for each in result["results"] if "labels" in each):
            shown = f"the {LABELS} of most texts" if len(each["labels"]) > LABELS else "all of them"
            rows = [("label", "precision", "recall", "F1", "texts"), *map(label_row, each["labels"][:LABELS])]
            yield f"{each['dataset']}: {len(each['labels']):,} labels; {shown}", rows, set()
        return
    yield "", *beside(result, marks)
    if (rows := uneven(result))[1:]:
        yield "Each model on all that it covers, where that is not the same", rows, set()


def alone(results: Iterable[dict[str, Any]]) -> list[Row]:
    """The scores of one model."""
    results = list(results)
    policies = sorted({each["oov"] for each in results})
    rest = f"covered; unknown words: {' or '.join(policies)}"
    rows = [(*_names(each), number(each["value"]), between(each), _share(each["covered"], each)) for each in results]
    return [("task", "dataset", "metric", "value", "95 % interval", rest), *rows]


def beside(result: dict[str, Any], marks: Marks) -> tuple[list[Row], set[tuple[int, int]]]:
    """The values of several models on what all of them cover, a row a set, and which cells are the best."""
    rows: list[Row] = [("task", "dataset", "metric", "items", *columns(result["models"]))]
    best = set()
    for each in result["results"]:
        top = {value["model"]: value["on_shared"]["value"] for value in each["values"]}.get(each["best"])
        worse = {apart["model"] for apart in each["differences"] if apart["significant"]}
        cells = []
        for place, value in enumerate(each["values"]):
            score = value["on_shared"]["value"]
            first = top is not None and score == top
            cells.append(number(score) + (marks.best if first else marks.worse if value["model"] in worse else ""))
            best |= {(len(rows), 4 + place)} if first else set()
        rows.append((*_names(each), _share(each["shared"], each), *cells))
    return rows, best


def uneven(result: dict[str, Any]) -> list[Row]:
    """The sets of which the models cover different parts, each with all that it covers."""
    rows: list[Row] = [("task", "dataset", "metric", "items", *columns(result["models"]))]
    for each in result["results"]:
        if any(value["covered"] != each["shared"] for value in each["values"]):
            cells = [f"{number(value['value'])} ({value['covered']:,})" for value in each["values"]]
            rows.append((*_names(each), f"{each['pairs']:,}", *cells))
    return rows


def legend(result: dict[str, Any], marks: Marks) -> list[str]:
    """What the marks mean, over which items the models are compared, and what was done about unknown words."""
    if "models" not in result:
        return []
    everywhere = all(value["covered"] == each["pairs"] for each in result["results"] for value in each["values"])
    over = "all items of each set" if everywhere else "the items of a set that all models of its row cover"
    lines = [
        f"{marks.best or 'bold'} best; {marks.worse} worse than the best at 5 %: paired bootstrap over the shared "
        "items, p after Holm",
        f"compared over {over}",
    ]
    none = {
        (value["model"], each["dataset"])
        for each in result["results"]
        for value in each["values"]
        if value["covered"] < 2 and each["pairs"] > 1
    }
    for model, name in zip(result["models"], columns(result["models"]), strict=True):
        if sets := sorted(dataset for left_out, dataset in none if left_out == model):
            lines.append(f"{name} takes no part in {', '.join(sets)}: it covers nothing there, or one item")
    if empty := [each["dataset"] for each in result["results"] if not each["shared"]]:
        lines.append(f"no item is covered by all in {', '.join(dict.fromkeys(empty))}")
    return [*lines, f"unknown words: {policies(result)}"]


def policies(result: dict[str, Any]) -> str:
    """What each model did about unknown words, said once where all did the same."""
    names = columns(result["models"])
    done = [sorted({each["values"][place]["oov"] for each in result["results"]}) for place in range(len(names))]
    if all(each == done[0] for each in done):
        return " or ".join(done[0])
    return ", ".join(f"{' or '.join(each)} in {name}" for name, each in zip(names, done, strict=True))


def columns(models: Iterable[str]) -> list[str]:
    """The models' names above their columns: the last part of each path, where that tells them apart."""
    from wordfield.evaluation.comparison import short

    return short(list(models))


def as_csv(result: dict[str, Any]) -> str:
    """A line a set and model, with all that was measured; what there is not is empty."""
    several = "models" in result
    stream = io.StringIO()
    write = csv.writer(stream, lineterminator="\n")
    write.writerow((*ALONE, *BESIDE, *APART) if several else ALONE)
    for each in result["results"]:
        named = [each[name] for name in SETS]
        for value in each["values"] if several else [each | {"model": result["model"]}]:
            cells = [*named, *(value[name] for name in MODELS)]
            write.writerow([*cells, *_compared(each, value)] if several else cells)
    return stream.getvalue()


def _compared(row: dict[str, Any], value: dict[str, Any]) -> list[Any]:
    """The cells of BESIDE and APART."""
    apart: dict[str, Any] = next((each for each in row["differences"] if each["model"] == value["model"]), {})
    shared = value["on_shared"]
    cells = [row["shared"], shared["value"], shared["low"], shared["high"], value["model"] == row["best"]]
    names = ("difference", "low", "high", "p", "adjusted", "significant")
    return cells + [apart.get(name) for name in names]


def as_markdown(result: dict[str, Any], marks: Marks) -> str:
    """The tables, the best of a row in bold, with what the marks mean under them."""
    parts = []
    plain = Marks("", marks.worse)
    for title, rows, best in tables(result, plain):
        parts += [title] if title else []
        lines = [
            [f"**{cell}**" if (row, column) in best else cell for column, cell in enumerate(map(_escaped, cells))]
            for row, cells in enumerate(rows)
        ]
        lines.insert(1, ["---"] * len(lines[0]))
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    if said := legend(result, plain):
        parts.append("\n".join(f"- {line}" for line in said))
    return "\n\n".join(parts) + "\n"


def _escaped(cell: str) -> str:
    """A cell of a table of Markdown."""
    for special in "\\|*_`<[":
        cell = cell.replace(special, f"\\{special}")
    return " ".join(cell.split())


def before_and_after(result: dict[str, Any]) -> Row:
    """A row of the table of scores of a model and of what it was made into."""
    change = "-" if result["change"] is None else f"{result['change']:+.3f}"
    covered = " and ".join(f"{count:,}" for count in dict.fromkeys(result["covered"].values()))
    return *_names(result), number(result["before"]), number(result["after"]), change, covered


def label_row(label: dict[str, Any]) -> Row:
    """A row of the table of labels."""
    return label["label"], *(number(label[part]) for part in ("precision", "recall", "f1")), f"{label['texts']:,}"


def number(value: float | None) -> str:
    """A score."""
    return "-" if value is None else f"{value:.3f}"


def between(result: dict[str, Any]) -> str:
    """Its interval."""
    return "-" if result["low"] is None else f"{number(result['low'])} to {number(result['high'])}"


def _names(result: dict[str, Any]) -> Row:
    p = f", p {result['p']:.2g}" if result.get("p") is not None else ""
    return result["task"], result["dataset"], result["metric"] + p


def _share(part: int, result: dict[str, Any]) -> str:
    return f"{part:,} of {result['pairs']:,}"
