"""How figures look, and the one function that writes them."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.colors import to_hex, to_rgb

from carbonflows.errors import DataError, StoreError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#222222"
GREY = "#6b6b6b"
FAINT = "#d9d9d9"
LAND = "#eeeeee"
EXPORTER = "#b35806"
IMPORTER = "#542788"
PRODUCTION = "#D55E00"
CONSUMPTION = "#0072B2"
OTHER = "#a6a6a6"

TITLE, SUBTITLE, BODY, SMALL = 9.0, 7.0, 6.5, 6.0  # points

_RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": BODY,
    "axes.titlesize": SUBTITLE,
    "axes.labelsize": BODY,
    "axes.linewidth": 0.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.unicode_minus": True,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.0,
    "ytick.major.size": 2.0,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,  # a dollar sign is a dollar sign
    "hatch.linewidth": 0.35,
    "hatch.color": "#9a9a9a",
    "patch.linewidth": 0.4,
    "lines.linewidth": 0.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": None,
    "path.simplify": True,
    # Text as outlines: the same picture on a machine without the font.
    "svg.fonttype": "path",
    "svg.hashsalt": "carbonflows",
    "pdf.fonttype": 42,
}
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": "carbonflows"},
    "pdf": {"CreationDate": None, "Creator": "carbonflows", "Producer": None},
}
# Okabe and Ito's eight without black, then tints and shades that stay apart from them.
_QUALITATIVE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#332288",
    "#882255", "#44AA99", "#999933", "#AA4499", "#88CCEE", "#117733", "#DDAA77", "#7A4E2D",
    "#B5A6E3", "#004949", "#FFB6DB", "#6DB300",
)  # fmt: skip


@contextmanager
def style() -> Iterator[None]:
    """Set the package's matplotlib settings for the length of a ``with`` block.

    Examples
    --------
    >>> with style():
    ...     matplotlib.rcParams["svg.fonttype"]
    'path'
    """
    with matplotlib.rc_context(_RC):
        yield


def sequential(n: int) -> list[str]:
    """Return `n` colours from light (low) to dark (high), safe for colour-blind readers.

    Examples
    --------
    >>> len(sequential(6))
    6
    """
    ramp = matplotlib.colormaps["YlGnBu"]
    return [to_hex(ramp(0.08 + 0.87 * i / max(n - 1, 1))) for i in range(n)]


def diverging(n: int) -> list[str]:
    """Return `n` colours from purple (negative) over near-white to orange (positive).

    Examples
    --------
    >>> diverging(7)[3]
    '#f7f7f6'
    """
    ramp = matplotlib.colormaps["PuOr_r"]
    steps = [0.06 + 0.88 * i / max(n - 1, 1) for i in range(n)]
    return [to_hex(ramp(step)) for step in steps]


def pale(colours: Sequence[str], keep: float = 0.5) -> list[str]:
    """Return colours mixed with white, for a ground that something is drawn on.

    Examples
    --------
    >>> pale(["#000000"], 0.5)
    ['#808080']
    """
    rgb = [to_rgb(colour) for colour in colours]
    mixed = [tuple(1 - keep * (1 - part) for part in colour) for colour in rgb]
    return [to_hex((r, g, b)) for r, g, b in mixed]


def halo(width: float = 1.6) -> list[Any]:
    """Return path effects that set letters or lines off from what lies below them.

    Parameters
    ----------
    width : float
        Of the white rim [points], on both sides together.

    Examples
    --------
    >>> len(halo())
    1
    """
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="white")]


def qualitative(n: int) -> list[str]:
    """Return `n` colours that tell categories apart; after 20 they repeat.

    Examples
    --------
    >>> qualitative(3)
    ['#0072B2', '#E69F00', '#009E73']
    """
    return [_QUALITATIVE[i % len(_QUALITATIVE)] for i in range(n)]


def save(
    figure: "Figure", stem: Path | str, formats: Sequence[str] = ("png", "svg"), *, dpi: int = 300
) -> list[Path]:
    """Write a figure to `stem` with each format's ending; same figure, same bytes.

    Parameters
    ----------
    figure : Figure
        Any figure of this package.
    stem : path
        Path without the ending; its folder is made if need be.
    formats : sequence of {"png", "svg", "pdf"}
        What to write.
    dpi : int
        Resolution of the PNG [dots per inch].

    Returns
    -------
    list of Path
        The files written, in the order of `formats`.

    Raises
    ------
    DataError
        An unknown format.
    StoreError
        The file cannot be written; nothing half-written is left.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save(Figure(), Path(folder) / "empty", formats=("svg",))]
    ['empty.svg']
    """
    unknown = [name for name in formats if name not in _METADATA]
    if unknown:
        raise DataError(f"format {unknown[0]!r} is not known: use {', '.join(_METADATA)}")
    stem = Path(stem)
    written = []
    for name in formats:
        path = stem.with_name(f"{stem.name}.{name}")
        partial = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with style():
                figure.savefig(partial, format=name, dpi=dpi, metadata=_METADATA[name])
            if name == "svg":
                partial.write_text(shortened(partial.read_text("utf-8")), "utf-8", newline="\n")
            os.replace(partial, path)
        except OSError as error:
            if partial.exists():
                partial.unlink()
            reason = error.strerror or str(error)
            raise StoreError(
                f"{path}: cannot be written ({reason}); choose another folder", path=path
            ) from error
        written.append(path)
    return written


def shortened(svg: str) -> str:
    """Return an SVG whose paths have two decimals: 1/7200 inch, and files half the size.

    Examples
    --------
    >>> shortened('<path d="M 1.234567 8 L 2.5 3.999999"/>')
    '<path d="M 1.23 8 L 2.5 4"/>'
    """

    def short(found: re.Match[str]) -> str:
        return re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."),
                      found[0])  # fmt: skip

    return re.sub(r' d="[^"]*"', short, svg)
