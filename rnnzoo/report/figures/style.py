"""What all pictures share: colours, letters, and SVG with text that stays text."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, TextIO

from matplotlib import rcParams
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from rnnzoo.report.figures.marks import written

# The hues of Okabe and Ito 2008, lighter or darker until each has a contrast of 3 : 1 to white and
# is told from the others with every common kind of colour vision: tests/report/test_palette.py.
COLOURS = ("#0072B2", "#8C3000", "#00A35A", "#CC6C9C", "#A6921E", "#5A2A6E", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # of variants, beside the colour: a print may be grey
DASHES = ("-", "--", ":")  # of lines, where there are more than there are colours
INK, SOFT, FAINT, KEPT = "#222222", "#5b6570", "#7d8791", "#0072B2"
GRID = "#eceff2"  # lines behind the data, and what is shaded
FLOOR = "#dde2e7"  # on such a shade, that of the floor
POINTS = 72  # in an inch: the unit of SVG
STYLE = {
    "font.family": "sans-serif", "font.sans-serif": ["Inter", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10, "svg.fonttype": "none", "svg.hashsalt": "rnnzoo", "axes.edgecolor": "#c9ced4",
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": SOFT, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


@lru_cache(maxsize=4096)  # tick labels mostly, which the pictures of a report repeat
def _measured(
    text: str, font: FontProperties, ismath: bool | Literal["TeX"]
) -> tuple[float, float, float]:
    """Width, height and descent of a text."""
    measured: tuple[float, float, float] = text_to_path.get_text_width_height_descent(
        text, font, ismath
    )
    return measured


class _Renderer(RendererSVG):  # type: ignore[misc]  # Matplotlib's classes have no types here
    """Measures no text twice, whatever picture it stands in."""

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: bool | Literal["TeX"]
    ) -> tuple[float, float, float]:
        return _measured(s, prop.copy(), ismath)  # a font can be changed after it was drawn with


class _Canvas(FigureCanvasSVG):  # type: ignore[misc]  # Matplotlib's classes have no types here
    """Draws with renderers that share what they know of text.

    Each of Matplotlib's own renderers, of which a picture takes two or three, would parse `10^-3`
    and its like anew.
    """

    def get_renderer(self) -> _Renderer:
        """A renderer that measures: `Figure` asks for it."""
        if not hasattr(self, "_measuring"):
            self._measuring = self._renderer(io.StringIO())
        return self._measuring

    def print_svg(
        self,
        stream: TextIO,
        *,
        bbox_inches_restore: Any = None,
        metadata: Mapping[str, Any] | None = None,
        **_others: Any,
    ) -> None:
        """What `savefig` calls."""
        self.figure.dpi = POINTS
        size = self.figure.get_size_inches()
        renderer = MixedModeRenderer(
            self.figure,
            *size,
            POINTS,
            self._renderer(stream, metadata),
            bbox_inches_restore=bbox_inches_restore,
        )
        self.figure.draw(renderer)
        renderer.finalize()

    def _renderer(self, stream: TextIO, metadata: Mapping[str, Any] | None = None) -> _Renderer:
        width, height = self.figure.get_size_inches()
        renderer = _Renderer(width * POINTS, height * POINTS, stream, metadata=metadata)
        renderer._text2path = text_to_path
        return renderer


def svg(figure: Figure) -> str:
    """The picture as text, cut to what is drawn.

    `savefig(bbox_inches="tight")` gives the same, but draws everything twice: first only to learn
    where it will stand, which what is asked for sizes here does not need.
    """
    _Canvas(figure)
    figure.dpi = POINTS
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine(None)
    drawn = figure.get_tightbbox().padded(rcParams["savefig.pad_inches"])
    stream = io.StringIO()
    figure.savefig(
        stream,
        format="svg",
        metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        bbox_inches=drawn,
    )
    text = stream.getvalue()
    return written(text[text.index("<svg") :])
