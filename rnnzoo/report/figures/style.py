"""What all pictures share: colours, letters, and SVG with text that stays text."""

from __future__ import annotations

import io

from matplotlib import rcParams
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Okabe and Ito 2008, told apart with every common kind of colour vision; orange, sky blue and
# purple are darker here, so that each has a contrast of 3 : 1 to white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#C46A9B", "#B97D00", "#3A94C9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", ":")
INK, FAINT, KEPT = "#222222", "#7d8791", "#0072B2"
POINTS = 72  # in an inch: the unit of SVG
STYLE = {
    "font.family": "sans-serif", "font.sans-serif": ["Inter", "Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 10, "svg.fonttype": "none", "svg.hashsalt": "rnnzoo", "axes.edgecolor": "#c9ced4",
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": "#5b6570", "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def svg(figure: Figure) -> str:
    """The picture as text, cut to what is drawn.

    `savefig(bbox_inches="tight")` gives the same, but draws everything twice: first only to learn
    where it will stand, which what is asked for sizes here does not need.
    """
    FigureCanvasSVG(figure)
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
    return text[text.index("<svg") :]
