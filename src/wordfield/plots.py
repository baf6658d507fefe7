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
    path = check_target(path)
    if values.shape != (len(words), len(words)):
        raise ValueError(f"{len(words)} words, but values of shape {values.shape}: a row and a column a word is needed")
    matplotlib = _matplotlib()
    size = 1.6 + 0.42 * len(words)
    with matplotlib.rc_context({"font.family": FONTS, "svg.fonttype": "none"}):
        figure = matplotlib.figure.Figure(figsize=(size + 0.8, size), layout="constrained")
        axes = figure.add_subplot()
        most = max(float(np.abs(values).max(initial=0.0)), 1e-9)
        signed = bool((values < 0).any())
        image = axes.imshow(values, cmap="RdBu_r" if signed else "Blues", vmin=-most if signed else 0, vmax=most)
        axes.set_xticks(range(len(words)), words, rotation=90)
        axes.set_yticks(range(len(words)), words)
        axes.tick_params(length=0)
        axes.xaxis.tick_top()
        axes.spines[:].set_visible(False)
        axes.set_title(title, loc="left", fontsize="medium")
        figure.colorbar(image, ax=axes, shrink=0.8)
        if len(words) <= WRITTEN:
            for (row, column), value in np.ndenumerate(values):
                dark = abs(value) > 0.6 * most
                axes.text(
                    column, row, f"{value:.3g}", ha="center", va="center", fontsize="small", color="w" if dark else "k"
                )
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
