"""Results as tables: on the terminal, and in Markdown for the README, in English or Chinese."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.quality import CHINESE, ENGLISH, TYPOS
from benchmarks.words import LANGUAGES

NOTHING = "–"
WIDTH = 1000
"""More characters than a table needs: a terminal wraps what is too wide for it, and nothing is cut."""
CROWD = 0.15
"""Cores that other programs may keep busy before it is worth a warning."""
Figures = dict[str, Any]
Cell = Callable[[Figures, Figures | None], str]
"""What stands in a column: of a row, and its ratios to the base of its measurement, None if that was not measured."""


@dataclass(frozen=True)
class Table:
    """Cells of text under a title; numbers stand in all columns but the first."""

    title: str
    header: list[str]
    rows: list[list[str]]


def seconds(figure: str) -> Cell:
    return lambda row, _: f"{row[figure]:.2f} s" if row[figure] < 10 else f"{row[figure]:.0f} s"


def milliseconds(figure: str) -> Cell:
    return lambda row, _: f"{1000 * row[figure]:.3g} ms"


def thousands(figure: str) -> Cell:
    return lambda row, _: f"{row[figure] / 1000:,.0f} k"


def million_bytes(figure: str) -> Cell:
    return lambda row, _: f"{row[figure] / 1e6:,.{1 if row[figure] < 1e8 else 0}f} MB"


def megabytes(row: Figures, _: Figures | None) -> str:
    """The peak, with that of the processes that were started, which had their own at other moments."""
    return f"{(row['peak_bytes'] + (row.get('helpers_bytes') or 0)) / 1e6:,.0f} MB"


def own_megabytes(row: Figures, _: Figures | None) -> str:
    """The peak of the process alone."""
    return f"{row['peak_bytes'] / 1e6:,.0f} MB"


def more_megabytes(_: Figures, ratio: Figures | None) -> str:
    return NOTHING if ratio is None or "more_bytes" not in ratio else f"{ratio['more_bytes'] / 1e6:+,.0f} MB"


def count(figure: str) -> Cell:
    return lambda row, _: f"{row[figure]:,.0f}"


def times(figure: str) -> Cell:
    """The ratio to the base, if that was measured."""

    def cell(_: Figures, ratio: Figures | None) -> str:
        if ratio is None or figure not in ratio:
            return NOTHING
        return f"{ratio[figure]:.{1 if ratio[figure] >= 10 else 2}f}"

    return cell


def beside(cell: Cell, figure: str) -> Cell:
    """A cell, and how many times the base's it is."""
    ratio_to_base = times(figure)

    def both(row: Figures, ratio: Figures | None) -> str:
        is_base = ratio is None or ratio["row"] == ratio["base"]
        return cell(row, ratio) if is_base else f"{cell(row, ratio)} ({ratio_to_base(row, ratio)})"

    return both


def score(name: str, digits: int = 1, covered: bool = False) -> Cell:
    """Quality on a set: a correlation, or a share in per cent with ``digits`` after the point; and how many pairs or
    questions were ``covered``, of how many.
    """

    def cell(row: Figures, _: Figures | None) -> str:
        found = (row.get("quality") or {}).get(name)
        if found is None or found["value"] is None:
            return NOTHING
        value = f"{found['value']:.3f}" if found["metric"] == "spearman" else f"{100 * found['value']:.{digits}f} %"
        return f"{value} ({found['covered']:,} / {found['pairs']:,})" if covered else value

    return cell


WALL, CPU = seconds("wall_seconds"), seconds("cpu_seconds")
TRAINING: dict[str, Cell] = {
    "learning rate": lambda row, _: f"{row['learning_rate']:g}",
    "raw words per CPU second": thousands("words_per_cpu_second"),
    "× gensim": times("words_per_cpu_second"),
    "wall": WALL,
    "peak memory": megabytes,
}
SHAPES: tuple[tuple[str, tuple[str, ...], dict[str, Cell]], ...] = (
    ("Training", ("skipgram", "cbow", "hierarchical"), TRAINING | {name: score(name) for name in ENGLISH}),
    (
        "Words with their parts",
        ("parts",),
        {"× fastText" if name == "× gensim" else name: cell for name, cell in TRAINING.items()}
        | {name: score(name) for name in (*ENGLISH, "grammar", "WS-353, rare", "SimLex-999, rare", *TYPOS)},
    ),
    (
        "Labels of texts",
        ("labels-softmax", "labels-hierarchical", "labels-negative", "labels-one-vs-all"),
        {
            "words per CPU second": thousands("words_per_cpu_second"),
            "× fastText, CPU": times("words_per_cpu_second"),
            "words per second": thousands("words_per_second"),
            "× fastText": times("words_per_second"),
            "peak memory": megabytes,
            "P@1": score("P@1"),
        },
    ),
    (
        "Chinese",
        ("chinese",),
        TRAINING | {"reading": seconds("read_seconds")} | {name: score(name, covered=True) for name in CHINESE},
    ),
    (
        "Vocabulary and ids",
        ("vocabulary",),
        {"wall": WALL, "× gensim": times("words_per_second"), "CPU": CPU, "peak memory": megabytes},
    ),
    (
        "Chinese into words",
        ("segmentation",),
        {
            "wall": WALL,
            "MB per second": million_bytes("bytes_per_second"),
            "× jieba": times("bytes_per_second"),
            "MB per CPU second": million_bytes("bytes_per_cpu_second"),
            "× jieba, CPU": times("bytes_per_cpu_second"),
            "peak memory": megabytes,
            "cut as by jieba": score("as jieba", digits=4),
        },
    ),
    (
        "Phrases",
        ("phrases",),
        {
            "wall": WALL,
            "CPU": CPU,
            "× gensim": times("words_per_cpu_second"),
            "CPU without reading": lambda row, _: seconds("cpu")(row["training"], None),
            "× gensim, without reading": times("learnt_per_cpu_second"),
            "peak memory": megabytes,
            "phrases": count("phrases"),
            "in common": score("in common"),
        },
    ),
    (
        "Reading",
        ("files", "compressed"),
        {
            "wall": WALL,
            "× base": times("bytes_per_second"),
            "MB per second": million_bytes("bytes_per_second"),
            "CPU": CPU,
            "peak memory": megabytes,
        },
    ),
    (
        "Counting",
        ("counting",),
        {
            "wall": WALL,
            "CPU": CPU,
            "pairs": count("pairs"),
            "× Stanford's, CPU": times("pairs_per_cpu_second"),
            "peak memory": megabytes,
        },
    ),
    (
        "GloVe",
        ("glove",),
        {
            "learning rate": TRAINING["learning rate"],
            "pairs per CPU second": thousands("pairs_per_cpu_second"),
            "× Stanford's": times("pairs_per_cpu_second"),
            "wall": WALL,
            "peak memory": megabytes,
            "loss": lambda row, _: f"{row['loss']:.4f}",
        }
        | {name: score(name) for name in ENGLISH},
    ),
    (
        "SVD of PPMI",
        ("svd",),
        {
            "wall": WALL,
            "CPU": CPU,
            "× sklearn, CPU": times("pairs_per_cpu_second"),
            "peak memory": megabytes,
            "captured": lambda row, _: f"{100 * row['captured']:.2f} %",
        }
        | {name: score(name) for name in ENGLISH},
    ),
    ("Threads", ("threads",), {"wall": WALL, "× one thread": times("words_per_second"), "CPU": CPU}),
    (
        "Memory",
        ("memory",),
        {
            "vocabulary": count("vocabulary"),
            "peak memory": megabytes,
            "× corpus once": times("peak_bytes"),
            "more than once": more_megabytes,
        },
    ),
    (
        "Forecast",
        ("forecast", "forecast-chinese"),
        {
            "vocabulary": beside(count("vocabulary"), "vocabulary"),
            "reading": beside(seconds("read_seconds"), "read_seconds"),
            "training": beside(seconds("train_seconds"), "train_seconds"),
            "peak memory": beside(own_megabytes, "peak_bytes"),
        },
    ),
    (
        "Opening",
        ("opening",),
        {
            "wall": WALL,
            "× gensim": times("words_per_second"),
            "CPU": CPU,
            "× gensim, CPU": times("words_per_cpu_second"),
            "first question": seconds("first_seconds"),
            "until its answer, × gensim": times("ready_per_second"),
            "peak memory": megabytes,
        },
    ),
    (
        "Queries",
        ("queries-one", "queries-many", "queries-analogies", "queries-index"),
        {
            "wall, each": milliseconds("wall_each"),
            "CPU, each": milliseconds("cpu_each"),
            "× base": times("queries_per_second"),
            "× base, CPU": times("queries_per_cpu_second"),
            "right": lambda row, _: f"{row['right']:,}" if "right" in row else NOTHING,
            "recall": lambda row, _: f"{row['recall']:.3f}" if row.get("recall") is not None else NOTHING,
        },
    ),
    (
        "Language models",
        ("language-models",),
        {
            "parameters": count("parameters"),
            "tokens/s": count("tokens_per_second"),
            "× PyTorch": times("tokens_per_second"),
            "tokens/CPU s": count("tokens_per_cpu_second"),
            "× PyTorch, CPU": times("tokens_per_cpu_second"),
            "perplexity": lambda row, _: f"{row['perplexity']:.1f}",
            "peak memory": megabytes,
        },
    ),
    (
        "Encoders",
        ("encoders",),
        {
            "tokens/s": count("tokens_per_second"),
            "× transformers": times("tokens_per_second"),
            "tokens/CPU s": count("tokens_per_cpu_second"),
            "× transformers, CPU": times("tokens_per_cpu_second"),
            "difference": lambda row, _: f"{row['difference']:.0e}",
            "peak memory": megabytes,
        },
    ),
    (
        "ELMo",
        ("elmo-training", "elmo-reading"),
        {
            "words/s": count("tokens_per_second"),
            "× loop": times("tokens_per_second"),
            "words/CPU s": count("tokens_per_cpu_second"),
            "× loop, CPU": times("tokens_per_cpu_second"),
            "difference": lambda row, _: f"{row['difference']:.0e}",
            "peak memory": megabytes,
        },
    ),
    (
        "Servers",
        ("serving",),
        {
            "requests/s": count("requests_per_second"),
            "× FastAPI": times("requests_per_second"),
            "requests/CPU s": count("requests_per_cpu_second"),
            "× FastAPI, CPU": times("requests_per_cpu_second"),
            "median": milliseconds("median_seconds"),
            "99 % within": milliseconds("p99_seconds"),
            "errors": count("errors"),
            "memory, after the first requests": million_bytes("first_bytes"),
            "in the end": million_bytes("last_bytes"),
        },
    ),
    ("Start-up", ("startup",), {"wall": WALL}),
)
"""Title, the measurements in the table, its columns."""


def tables(result: Figures, language: str = "en") -> Iterator[Table]:
    """The tables of what was measured; where a table has several measurements, each begins with a row of its name."""
    texts = LANGUAGES[language]
    done = {measurement["name"]: measurement for measurement in result["measurements"]}
    for title, names, columns in SHAPES:
        rows: list[list[str]] = []
        for name in (name for name in names if name in done):
            rows += [[texts.get(name, name)] + [""] * len(columns)] if len(names) > 1 else []
            rows += table_rows(done[name], columns, texts)
        if rows:
            yield Table(texts.get(title, title), ["", *(texts.get(column, column) for column in columns)], rows)


def table_rows(measurement: Figures, columns: dict[str, Cell], texts: dict[str, str]) -> Iterator[list[str]]:
    ratios = {ratio["row"]: ratio for ratio in measurement["ratios"]}
    for row in measurement["rows"]:
        parts = [texts.get(part, part) for part in (row["program"], row["variant"]) if part]
        cells = [cell(row, ratios.get(row["name"])) for cell in columns.values()]
        yield [texts["comma"].join(parts), *cells]


def notes(result: Figures, language: str = "en") -> list[str]:
    """When, what and where it was measured, and what was not."""
    texts = LANGUAGES[language]
    packages = [f"{name} {version}" for name, version in result["machine"]["packages"].items() if version]
    chinese = result["settings"].get("chinese")
    return [
        texts["changed" if result["changed"] else "stamp"].format(**result),
        texts["comma"].join([texts["machine"].format(**result["machine"]), *packages]),
        texts["settings"].format(**result["settings"]),
        *([texts["chinese corpus"].format(**chinese)] if chinese else []),
        *crowded(result, texts),
        *(texts["skipped"].format(**each) for each in result["skipped"]),
    ]


def crowded(result: Figures, texts: dict[str, str]) -> list[str]:
    """A warning, if other programs took part of the machine while something was measured."""
    rows = (row for measurement in result["measurements"] for row in measurement["rows"])
    most = max((row.get("others_cores") or 0 for row in rows), default=0)
    return [texts["crowded"].format(most)] if most > CROWD else []


def markdown(result: Figures, language: str = "en") -> str:
    """What the README shows: the tables, the words under them."""
    parts = []
    for table in tables(result, language):
        lines = [table.header, ["---"] + ["---:"] * (len(table.header) - 1), *table.rows]
        parts.append(f"**{table.title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts) + "\n\n" + "\n".join(f"- {note}" for note in notes(result, language)) + "\n"


def show(result: Figures) -> None:
    """Print the tables on the terminal."""
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(width=WIDTH)
    for table in tables(result):
        grid = Grid(title=table.title, title_justify="left", box=None, pad_edge=False)
        for place, name in enumerate(table.header):
            grid.add_column(name, justify="right" if place else "left", no_wrap=True)
        for row in table.rows:
            grid.add_row(*row)
        console.print(grid, "")
    for note in notes(result):
        console.print(note, markup=False, highlight=False)
