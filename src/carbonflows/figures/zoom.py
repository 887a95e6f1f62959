"""A page with a map to zoom into, whole in one file: it needs no network and asks for none."""

import json
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from carbonflows.errors import DataError, GridError, ShapeError
from carbonflows.figures.gridcells import cells_of
from carbonflows.figures.gridclasses import ramp, readable
from carbonflows.figures.gridframe import GridFrame, grid_frame
from carbonflows.figures.gridplaces import places_on
from carbonflows.figures.style import LAND
from carbonflows.raster import LONLAT, Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from xarray import DataArray

MOST_CELLS = 1_000_000
"""Cells of a grid that a browser still draws without delay."""
_NEAR = 0.004  # degrees; places are printed to two decimals
_FOOT = 0.005  # of the total may be below the colour scale
_BAND = 0.06  # of the scale is for zero

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 "DejaVu Sans", Verdana, sans-serif; color: #222; margin: 1rem 1.5rem; }}
h1 {{ font-size: 1.2rem; margin: 0 0 .5rem; }}
p {{ margin: .3rem 0; color: #6b6b6b; }}
#map {{ height: 78vh; min-height: 320px; }}
#tip {{ position: fixed; pointer-events: none; background: #fff; border: 1px solid #7d7d7d;
  padding: .25rem .5rem; font-size: 12px; white-space: pre-line; }}
#tip[hidden] {{ display: none; }}
select {{ font: inherit; max-width: 100%; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<label for="layer">Layer</label> <select id="layer" autocomplete="off"></select>
<span id="said" aria-live="polite"></span>
<noscript><p>This map is drawn by a script: allow scripts for this file. It loads nothing.</p>
</noscript>
<div id="map" role="img" aria-label="{title}"></div>
<div id="tip" role="tooltip" hidden></div>
<p>{note}</p>
<p>{source}</p>
</main>
<script>{library}</script>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def zoomable_map(
    layers: "Mapping[str, DataArray]",
    shapes: "GeoDataFrame | None" = None,
    *,
    unit: str,
    density: bool = False,
    cities: pd.DataFrame | None = None,
    title: str = "Emissions",
    source: str = "",
) -> str:
    """Return an HTML page with the layers' cells to zoom into, all in one file.

    One layer is shown at a time, all on one logarithmic colour scale; pointing at a cell shows its
    value and place. The page holds the drawing library (plotly.js), loads nothing, and tells the
    browser to refuse any request. Only cells that have data are stored, each value to one part in
    65,000; four digits of it are shown.

    Parameters
    ----------
    layers : mapping of str to DataArray (rows, columns)
        Name → values on one grid, not below zero; NaN says that there are no data.
    shapes : GeoDataFrame, optional
        Outlines, in any reference system; the page opens with their surroundings.
    unit : str
        Unit of the values: of amounts per cell, as ``"t CO2"``, or per area, as ``"t CO2/km2"``.
    density : bool
        Show amounts per km²: divide them by the area of their cell.
    cities : DataFrame, optional
        ``name``, ``longitude``, ``latitude``; names that would cover an earlier one appear when
        there is room.
    title, source : str
        Lines above and below.

    Returns
    -------
    str
        The same for the same input.

    Raises
    ------
    ShapeError
        No layer, or one that has not two dimensions.
    GridError
        Layers on different grids, more than a million cells, outlines that do not touch the grid,
        or a city beyond the map.
    DataError
        An infinite or negative value, or nothing above zero.
    LabelError
        Cities without one of their columns.
    UnitError
        A unit per area for values per cell, or the other way round.

    Examples
    --------
    >>> grid = Grid.lonlat(1.0, (100, 30, 104, 32))
    >>> data = grid.array([0, 1, 20, 300, 4000, np.nan, 0, 7], name="emissions", unit="t CO2")
    >>> page = zoomable_map({"Total": data}, unit="t CO2", title="Emissions of 2012")
    >>> "<title>Emissions of 2012</title>" in page
    True
    """
    if not layers:
        raise ShapeError("layers: none; give at least one")
    made = {}
    grid: Grid | None = None
    for name, data in layers.items():
        if data.ndim != 2:
            raise ShapeError(f"layer {name!r}: {data.ndim} dimensions; give rows and columns")
        made[str(name)] = cells_of(data, unit, density)
        grid = grid or made[str(name)].grid
        if made[str(name)].grid != grid:
            raise GridError(f"layer {name!r}: on another grid than the first; regrid it")
    assert grid is not None
    if grid.size > MOST_CELLS:
        raise GridError(
            f"{grid.size:,} cells: more than {MOST_CELLS:,} are slow to draw; cut or coarsen them"
        )
    values = np.stack([cells.values.ravel() for cells in made.values()])
    mass = np.stack([cells.mass.ravel() for cells in made.values()])
    if not (values > 0).any():
        raise DataError("nothing above zero: there is no map to draw")
    frame = grid_frame(grid, shapes, 100.0)
    printed = next(iter(made.values()))
    totals = [
        f"{readable(float(one.mass.sum()), 4)} {one.amount} in all" if one.amount else ""
        for one in made.values()
    ]
    content = {
        "title": title, "unit": printed.unit, **_frame(frame), **_scale(values, mass),
        **_stored(list(made), values, totals), "places": _lattice(grid),
        "outline": _packed(_outline(frame)), "cities": _cities(frame, cities),
    }  # fmt: skip
    note = (
        f"Cells of {grid.resolution}. One logarithmic scale for all layers; grey cells have none, "
        "white ones no data. Scroll to zoom, drag to move, double-click to reset."
    )
    from plotly.offline import get_plotlyjs

    return _PAGE.format(
        title=escape(title), note=escape(note), source=escape(source), library=get_plotlyjs(),
        # Nothing in a name can end the script that it stands in.
        data=json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"),
        script=(files("carbonflows.figures") / "zoom.js").read_text("utf-8"),
    )  # fmt: skip


def _packed(values: np.ndarray) -> str:
    """Return numbers in single precision, little-endian, as text."""
    return b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def _short(values: np.ndarray) -> str:
    """Return numbers in three bytes each, little-endian: single precision without its last byte."""
    whole = np.ascontiguousarray(values, dtype="<f4").view("<u4") + np.uint32(0x80)  # rounded
    return b64encode(whole.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()).decode("ascii")


def _bits(which: np.ndarray) -> str:
    """Return yes and no as bits, the first highest, as text."""
    return b64encode(np.packbits(which).tobytes()).decode("ascii")


def _stored(names: list[str], values: np.ndarray, totals: list[str]) -> dict[str, Any]:
    """Return the cells that have data on any layer, and the values that are not zero."""
    land = ~np.isnan(values).all(axis=0)
    layers = [
        {"name": name, "total": total, "above": _bits(on_land != 0),
         "values": _short(on_land[on_land != 0])}
        for name, total, on_land in zip(names, totals, values[:, land], strict=True)
    ]  # fmt: skip
    return {"land": _bits(land), "layers": layers}


def _unit_length(grid: Grid) -> float:
    """Return grid units per unit of the page: degrees as they are, metres as kilometres."""
    return 1.0 if grid.geographic else 1e3


def _frame(frame: GridFrame) -> dict[str, Any]:
    """Return where cells and the first view lie, and how much longer a unit north is than east."""
    grid, length = frame.grid, _unit_length(frame.grid)
    west, south, east, north = (edge / length for edge in frame.bounds)
    ratio = frame.height / (north - south) / (frame.width / (east - west))
    return {
        "rows": grid.rows, "columns": grid.columns, "x0": float(grid.x[0]) / length,
        "dx": grid.width / length, "y0": float(grid.y[-1]) / length, "dy": grid.height / length,
        "range": [[west, east], [south, north]], "ratio": ratio,
    }  # fmt: skip


def _scale(values: np.ndarray, mass: np.ndarray) -> dict[str, Any]:
    """Return the logarithmic scale: its ends, ticks and colours, a band for zero below."""
    above = values > 0
    sizes, weights = values[above], mass[above]
    order = np.argsort(sizes, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    first = int(np.searchsorted(share, _FOOT, side="right"))
    least = float(sizes[order][min(first, len(sizes) - 1)])
    foot, top = float(np.floor(np.log10(least))), float(np.log10(sizes.max()))
    top = max(top, foot + 0.5)
    zero = foot - _BAND * (top - foot)
    powers = range(int(foot), int(np.floor(top + 1e-9)) + 1)
    digits = (1, 2, 5) if len(powers) < 4 else (1,)
    ticks: list[tuple[float, str]] = [((zero + foot) / 2, "0")]
    for value in (float(f"{d}e{e}") for e in powers for d in digits):
        if np.log10(value) <= top + 1e-9:
            text = readable(value)
            ticks.append((float(np.log10(value)), text))
    if sizes.min() < 10.0**foot:
        ticks[1] = (ticks[1][0], f"≤ {ticks[1][1]}")
    start = (foot - zero) / (top - zero)
    colours = ramp(24)
    steps = [[start + (1 - start) * i / 23, colour] for i, colour in enumerate(colours)]
    scale = [[0.0, LAND], [start, LAND], *steps]
    scale[-1][0] = 1.0
    return {"zero": zero, "foot": foot, "top": top, "ticks": ticks, "scale": scale}


def _lattice(grid: Grid) -> dict[str, Any]:
    """Return longitudes and latitudes of every so many cells, enough to find those between."""
    from pyproj import Transformer

    back = Transformer.from_crs(grid.system, LONLAT, always_xy=True)

    def at(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        x = grid.west + (columns + 0.5) * grid.width
        y = grid.north - (rows + 0.5) * grid.height
        return np.stack(back.transform(*np.meshgrid(x, y)))

    step = 64
    while True:
        down = np.arange(0, grid.rows + step, step)
        across = np.arange(0, grid.columns + step, step)
        corners = at(down, across)
        middle = at(down[:-1] + step / 2, across[:-1] + step / 2)
        mixed = (corners[:, :-1, :-1] + corners[:, 1:, :-1] + corners[:, :-1, 1:]
                 + corners[:, 1:, 1:]) / 4  # fmt: skip
        if step == 1 or np.abs(mixed - middle).max() < _NEAR:
            break
        step //= 2
    return {
        "step": step, "across": len(across), "lon": _packed(corners[0]), "lat": _packed(corners[1])
    }  # fmt: skip


def _outline(frame: GridFrame) -> np.ndarray:
    """Return the outlines' corners (n, 2), a row of NaN between rings."""
    rings = shapely.get_parts(shapely.boundary(frame.outlines))
    pieces = [np.vstack([shapely.get_coordinates(ring), [[np.nan, np.nan]]]) for ring in rings]
    return np.vstack([np.empty((0, 2)), *pieces]) / _unit_length(frame.grid)


def _cities(frame: GridFrame, cities: pd.DataFrame | None) -> list[list[Any]]:
    """Return names and places."""
    if cities is None:
        return []
    xy = places_on(frame, cities, "cities") / _unit_length(frame.grid)
    names = [str(name) for name in cities["name"].fillna("")]
    return [
        [name, round(x, 4), round(y, 4)] for name, (x, y) in zip(names, xy.tolist(), strict=True)
    ]
