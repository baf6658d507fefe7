"""Pictures, for what people would rather look at than read. Drawn by matplotlib, which the extra ``plots`` brings."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Sequence
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

log = logging.getLogger(__name__)


def heat_map(values: NDArray[Any], words: Sequence[str], path: str | Path, title: str = "") -> None:
    """Draw ``values`` (n, n) as coloured squares, a row and a column a word, into a .png, .svg or .pdf file.

    ``ValueError`` for another ending; ``ImportError`` naming the extra without matplotlib.
    """
    path = Path(path)
    if path.suffix.lower() not in KINDS:
        raise ValueError(f"cannot draw {path}: give a name that ends in {', '.join(KINDS)}")
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
