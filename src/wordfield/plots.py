"""Pictures, for what people would rather look at than read. Drawn by matplotlib, which the extra ``plots`` brings."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.files import replacing

KINDS = (".png", ".svg", ".pdf")
FONTS = ["DejaVu Sans", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei"]
"""Tried in this order, so that Chinese is drawn where a font for it is installed."""
WRITTEN = 16
"""Words up to which each cell's number is written into it."""
MARKERS = "osD^vPX<>*"
"""One a model, so that models can be told apart without colours too; after the last the first again."""
ABREAST = 3
"""Models on a line of the legend."""
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#555555"]
"""One a model, such that most people can tell them apart (Okabe and Ito 2008)."""

log = logging.getLogger(__name__)


def heat_map(values: NDArray[Any], words: Sequence[str], path: str | Path, title: str = "") -> None:
    """Draw ``values`` (n, n) as coloured squares, a row and a column a word, into a .png, .svg or .pdf file.

    ``ValueError`` for another ending; ``ImportError`` naming the extra without matplotlib.
    """
    heat_maps({title: values}, words, path)


def heat_maps(panels: Mapping[str, NDArray[Any]], words: Sequence[str], path: str | Path) -> None:
    """Draw several matrices of the same words, or sentences, side by side in one scale of colours, each under its
    title, into a .png, .svg or .pdf file; of several the columns are numbered. Errors as of ``heat_map``.
    """
    path = check_target(path)
    for values in panels.values():
        if values.shape != (len(words), len(words)):
            raise ValueError(
                f"{len(words)} words, but values of shape {values.shape}: a row and a column a word is needed"
            )
    matplotlib = _matplotlib()
    size = (1.6 + 0.42 * len(words)) * (1.0 if len(panels) == 1 else 0.75)
    with matplotlib.rc_context({"font.family": FONTS, "svg.fonttype": "none"}):
        figure = matplotlib.figure.Figure(figsize=(size * len(panels) + 0.8, size), layout="constrained")
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        most = max(*(float(np.abs(values).max(initial=0.0)) for values in panels.values()), 1e-9)
        signed = any((values < 0).any() for values in panels.values())
        numbered = [str(number) for number in range(1, len(words) + 1)]
        for axes, (title, values) in zip(every, panels.items(), strict=True):
            image = axes.imshow(values, cmap="RdBu_r" if signed else "Blues", vmin=-most if signed else 0, vmax=most)
            axes.set_xticks(range(len(words)), words if len(panels) == 1 else numbered)
            axes.set_yticks(range(len(words)), words)
            axes.tick_params(length=0)
            axes.tick_params(axis="x", rotation=90 if len(panels) == 1 else 0)
            axes.xaxis.tick_top()
            axes.spines[:].set_visible(False)
            axes.set_title(title, loc="left", fontsize="medium")
            if len(words) <= WRITTEN:
                digits = ".3g" if len(panels) == 1 else ".1f"
                for (row, column), value in np.ndenumerate(values):
                    colour = "w" if abs(value) > 0.6 * most else "k"
                    axes.text(
                        column, row, f"{value:{digits}}", ha="center", va="center", fontsize="small", color=colour
                    )
        if len(panels) > 1:
            every[0].set_yticks(
                range(len(words)), [f"{word}  {number}" for word, number in zip(words, numbered, strict=True)]
            )
        figure.colorbar(image, ax=every, shrink=0.8)
        picture = _drawn(figure, path.suffix[1:].lower())
    with replacing(path) as stream:
        stream.write(picture)


def score_plot(results: Sequence[Mapping[str, Any]], models: Sequence[str], path: str | Path) -> None:
    """Draw scores as dots with their 95 % intervals, a panel a metric, a row a set, a colour and a shape a model, into
    a .png, .svg or .pdf file. ``results``: as ``api.evaluate`` returns them, of one model or of several; of several the
    values on the items that all of them cover. Sets without any value are left out.

    ``ValueError`` for another ending, or no results; ``ImportError`` naming the extra without matplotlib.
    """
    path = check_target(path)
    panels: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        if any(_of_model(result, number)[0] is not None for number in range(len(models))):
            panels.setdefault(result["metric"], []).append(result)
    if not panels:
        raise ValueError("there are no scores to draw: no set has two items that the models cover")
    matplotlib = _matplotlib()
    apart = 0.16 * len(models) + 0.2  # inches of a row
    heights = [apart * len(rows) + 0.55 for rows in panels.values()]
    with matplotlib.rc_context({"font.family": FONTS, "svg.fonttype": "none"}):
        size = (8, sum(heights) + 0.22 * -(-len(models) // ABREAST) + 0.4)
        figure = matplotlib.figure.Figure(figsize=size, layout="constrained")
        axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
        for axis, (metric, rows) in zip(axes, panels.items(), strict=True):
            _panel(axis, rows, models)
            axis.set_title(metric, loc="left", fontsize="medium", fontweight="bold")
        if len(models) > 1:
            handles = axes[0].get_legend_handles_labels()[0]
            figure.legend(handles=handles, loc="outside upper left", ncols=ABREAST, frameon=False, fontsize="small")
        figure.supxlabel("dots: scores; lines: their 95 % intervals", fontsize="small", x=0.99, ha="right")
        picture = _drawn(figure, path.suffix[1:].lower())
    with replacing(path) as stream:
        stream.write(picture)


def _panel(axis: Any, rows: Sequence[Mapping[str, Any]], models: Sequence[str]) -> None:
    """The sets of one metric, the first on top, and of each the models, the first on top."""
    step = 0.8 / len(models)
    places = np.arange(len(rows))
    for number, model in enumerate(models):
        found = [_of_model(row, number) for row in rows]
        values, lows, highs = np.array([[np.nan if each is None else each for each in some] for some in found], float).T
        here, colour = places + (number - (len(models) - 1) / 2) * step, COLOURS[number % len(COLOURS)]
        axis.hlines(here, lows, highs, color=colour, linewidth=1.4)
        shape = MARKERS[number % len(MARKERS)]
        axis.plot(values, here, shape, color=colour, markersize=5, label=model)
    tasks = {row["task"] for row in rows}
    names = [row["dataset"] if len(tasks) == 1 else f"{row['dataset']} ({row['task']})" for row in rows]
    axis.set_yticks(places, names, fontsize="small")
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.hlines(places[1:] - 0.5, 0, 1, transform=axis.get_yaxis_transform(), color="0.9", linewidth=0.8)
    axis.grid(axis="x", color="0.85", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(length=0, labelsize="small")
    axis.spines[["top", "right", "left"]].set_visible(False)


def tying(result: Mapping[str, Any], path: str | Path) -> None:
    """Draw what ``api.compare_tying`` returns into a .png, .svg or .pdf file, three panels: held-out perplexity by
    tokens read, how alike the tables are by the frequency of words, how long their rows are.

    ``ValueError`` for another ending; ``ImportError`` naming the extra without matplotlib.
    """
    path = check_target(path)
    matplotlib = _matplotlib()
    with matplotlib.rc_context({"font.family": FONTS, "svg.fonttype": "none", "font.size": 9}):
        figure = matplotlib.figure.Figure(figsize=(12, 4), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06)
        curves, alike, lengths = figure.subplots(1, 3)
        _curves(curves, result["ways"])
        _alike(alike, result["bands"])
        _lengths(lengths, result["bands"], result["start_norm"])
        for axis in (curves, alike, lengths):
            axis.grid(axis="y", color="0.85", linewidth=0.8)
            axis.set_axisbelow(True)
            axis.tick_params(length=0, labelsize="small")
            axis.spines[["top", "right"]].set_visible(False)
            axis.legend(frameon=False, fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        picture = _drawn(figure, path.suffix[1:].lower())
    with replacing(path) as stream:
        stream.write(picture)


def course(history: Mapping[str, Any], path: str | Path) -> None:
    """Draw how the loss fell while a model was trained, on what it read and on text kept aside, into a .png, .svg or
    .pdf file: a network's by tokens read and as perplexity, another's by epochs; of a network that guesses masked words
    also how many it guessed right. ``history``: as a model remembers it.

    ``ValueError`` for another ending, or a history without losses; ``ImportError`` naming the extra without matplotlib.
    """
    path = check_target(path)
    curves = {"read": history.get("loss") or [], "kept aside": history.get("heldout") or []}
    if not curves["read"]:
        raise ValueError("there is no course of training to draw: the model remembers no losses")
    matplotlib = _matplotlib()
    tokens = history.get("checked")
    with matplotlib.rc_context({"font.family": FONTS, "svg.fonttype": "none", "font.size": 9}):
        accuracy = history.get("accuracy") or []
        figure = matplotlib.figure.Figure(figsize=(10 if accuracy else 6, 3.6), layout="constrained")
        axis, *others = np.atleast_1d(figure.subplots(1, 1 + bool(accuracy)))
        for number, (name, losses) in enumerate(curves.items()):
            places = tokens or range(1, len(losses) + 1)
            values = np.exp(losses) if tokens else losses
            if losses:
                axis.plot(places, values, ".-", color=COLOURS[1 - number], linewidth=1.2, label=name)
        _proportional(axis)
        axis.set_xlabel("tokens read" if tokens else "epochs")
        axis.set_ylabel("perplexity" if tokens else "loss, nats a prediction")
        axis.legend(frameon=False, fontsize="small")
        for other in others:
            _right(other, tokens or range(1, len(accuracy) + 1), accuracy)
        for each in (axis, *others):
            each.grid(axis="y", color="0.85", linewidth=0.8)
            each.tick_params(length=0, labelsize="small")
            each.spines[["top", "right"]].set_visible(False)
        picture = _drawn(figure, path.suffix[1:].lower())
    with replacing(path) as stream:
        stream.write(picture)


def _right(axis: Any, places: Sequence[int], accuracy: Sequence[float]) -> None:
    """The share of masked words that was guessed right."""
    from matplotlib.ticker import EngFormatter, PercentFormatter

    axis.plot(places, accuracy, ".-", color=COLOURS[0], linewidth=1.2)
    axis.set_xlabel("tokens read")
    axis.set_ylabel("masked tokens guessed right")
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlim(left=0)
    axis.set_ylim(bottom=0)


def _proportional(axis: Any) -> None:
    """Steps are as high as they are in proportion; tokens are counted in thousands and millions."""
    from matplotlib.ticker import EngFormatter, MaxNLocator, NullFormatter, ScalarFormatter

    axis.set_yscale("log")
    axis.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axis.yaxis.set_major_formatter(ScalarFormatter())
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_xlim(left=0)


def _curves(axis: Any, ways: Mapping[str, Any]) -> None:
    """Perplexity while training, a line a seed. Steps are as high as they are in proportion."""
    for number, (name, way) in enumerate(ways.items()):
        for seed, curve in enumerate(way["curves"]):
            tokens, values = zip(*curve, strict=True)
            axis.plot(tokens, values, ".-", color=COLOURS[number], linewidth=1.2, label="" if seed else name)
    _proportional(axis)
    axis.set_xlabel("tokens read")
    axis.set_ylabel("held-out perplexity")


def _alike(axis: Any, bands: Sequence[Mapping[str, Any]]) -> None:
    """Three pairs of tables: full marks for the tables as they are, hollow ones for what training added to them."""
    names = {"tied_input": "tied, input", "tied_output": "tied, output", "input_output": "input, output"}
    places = np.arange(len(bands))
    for number, (pair, name) in enumerate(names.items()):
        colour, shape, here = COLOURS[3 + number], MARKERS[number], places + (number - 1) * 0.22
        for shift, kind, inside in ((-0.04, "alignment", colour), (0.04, "changes", "w")):
            values, spreads = _means(bands, kind, pair)
            label = name if kind == "alignment" else ""
            axis.errorbar(
                here + shift, values, spreads, fmt=shape, color=colour, mfc=inside, ms=6, elinewidth=1, label=label
            )
    axis.errorbar([], [], [], fmt="o", color="0.4", mfc="w", ms=6, label="what training added")
    axis.axhline(0, color="0.6", linewidth=0.8)
    _under(axis, bands)
    axis.set_ylabel("alike (Spearman of cosines)")


def _lengths(axis: Any, bands: Sequence[Mapping[str, Any]], start: float) -> None:
    """The length of rows of each table beside that before training."""
    places = np.arange(len(bands))
    for number, name in enumerate(("tied", "input", "output")):
        values, spreads = _means(bands, "norm", name)
        error = {"elinewidth": 1, "ecolor": "0.3"}
        axis.bar(
            places + (number - 1) * 0.26, values, 0.24, yerr=spreads, color=COLOURS[number], label=name, error_kw=error
        )
    axis.axhline(start, color="0.2", linewidth=1, linestyle="--", label="before training")
    _under(axis, bands)
    axis.set_ylabel("mean length of rows")


def _means(bands: Sequence[Mapping[str, Any]], kind: str, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Means and spreads over the seeds, a number a band; NaN where there is none."""
    found = [(band[kind][name]["mean"], band[kind][name]["spread"]) for band in bands]
    values = np.array(found, float).reshape(-1, 2)
    return values[:, 0], values[:, 1]


def _under(axis: Any, bands: Sequence[Mapping[str, Any]]) -> None:
    """What each band is, with how often its words were seen."""
    names = []
    for band in bands:
        low, high = band["counts"]
        seen = f"{low:,}-{high:,} times" if low != high else {0: "", 1: "once"}.get(low, f"{low:,} times")
        names.append(f"{band['name']}\n{seen}")
    axis.set_xticks(range(len(bands)), names)
    axis.set_xlim(-0.5, max(len(bands), 1) - 0.5)


def _of_model(row: Mapping[str, Any], number: int) -> tuple[float | None, float | None, float | None]:
    """Value, low and high of a model in a result of one model or of several."""
    part = row["values"][number]["on_shared"] if "values" in row else row
    return part["value"], part["low"], part["high"]


def check_target(path: str | Path) -> Path:
    """Where to draw; ``ValueError`` for an ending that is none of ``KINDS``."""
    path = Path(path)
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"cannot draw {path}: give a name that ends in {', '.join(KINDS)}")
    return path


def _drawn(figure: Any, kind: str) -> bytes:
    """The picture; a warning where the fonts lack a character."""
    picture = io.BytesIO()
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        figure.savefig(picture, format=kind, dpi=150)
    if any("missing from font" in str(complaint.message) for complaint in complaints) and kind != "svg":
        log.warning("no font here has all the characters: boxes stand for them; install one, such as Noto Sans CJK")
    return picture.getvalue()


def _matplotlib() -> Any:
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # most of FONTS are missing on any machine
    try:
        import matplotlib.figure
    except ImportError as error:
        raise ImportError("drawing needs matplotlib, which is not installed: pip install 'wordfield[plots]'") from error
    return matplotlib
