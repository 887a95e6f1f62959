"""Whether a raster can be what it says: its total, its place, and what it covers."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from carbonflows.errors import GridError, ShapeError, some
from carbonflows.labels import Array
from carbonflows.raster import Grid
from carbonflows.units import convertible, factor, substance

if TYPE_CHECKING:
    import pandas as pd
    from geopandas import GeoDataFrame
    from xarray import DataArray


def plausible_total(
    data: "DataArray",
    expected: float,
    unit: str,
    *,
    land: Array | None = None,
    most: float = 3.0,
) -> float:
    """Return how many times an expected total the raster's amounts add up to.

    Parameters
    ----------
    data : DataArray (rows, columns)
        Amounts per cell, with their unit.
    expected : float
        Total by another account, such as an inventory [`unit`].
    unit : str
        Of `expected`; of the same substance.
    land : array (rows, columns), optional
        Which part of each cell counts, 0 to 1; all of it by default.
    most : float
        By what factor the two may differ.

    Returns
    -------
    float
        Raster over expected.

    Raises
    ------
    GridError
        They differ by more; the message names the slip that would explain it.
    UnitError
        The units do not convert.

    Examples
    --------
    >>> grid = Grid("EPSG:4326", 0, 31, 0.5, 0.5, 2, 4)
    >>> round(plausible_total(grid.array(np.full(8, 1e6), name="e", unit="t CO2"), 7.0, "Mt"), 3)
    1.143
    >>> plausible_total(grid.array(np.full(8, 1e3), name="e", unit="t CO2"), 7.0, "Mt")
    Traceback (most recent call last):
    ...
    carbonflows.errors.GridError: e adds up to 0.008 Mt, 0.00114 times the 7 Mt expected: its
    values look like kt CO2, not t CO2; state the right unit
    """
    if not (math.isfinite(expected) and expected > 0) or not most > 1:
        raise GridError(f"expected={expected:g}, most={most:g}: give a total above 0, most above 1")
    grid = Grid.of(data)
    said = str(data.attrs.get("units", ""))
    values = data.to_numpy() * _part(land, grid)
    total = float(values.sum()) * factor(said, unit)
    ratio = total / expected
    if 1 / most <= ratio <= most:
        return ratio
    wrong = (
        f"{data.name or 'raster'} adds up to {total:.6g} {unit}, {ratio:.3g} times the "
        f"{expected:g} {unit} expected"
    )
    slips = _slips(values, grid, said, unit, expected, ratio) if ratio > 0 else []
    near = [slip for slip in sorted(slips) if slip[0] <= math.log(most)]
    if not near:
        raise GridError(f"{wrong}: no slip of units explains it; compare what both cover")
    raise GridError(f"{wrong}: {near[0][1]}", ratio=ratio)


def _part(share: Array | None, grid: Grid) -> Any:
    """Return which part of each cell counts."""
    if share is None:
        return 1.0
    share = np.asarray(share, dtype=float)
    if share.shape != grid.shape:
        raise ShapeError(f"land is {share.shape}, the raster {grid.shape}: make it on its grid")
    if not ((share >= 0) & (share <= 1)).all():
        raise GridError("land has shares outside 0 to 1: give fractions of cells")
    return share


def _slips(
    values: Array, grid: Grid, said: str, unit: str, expected: float, ratio: float
) -> list[tuple[float, str]]:
    """Return slips that would explain a ratio: how far from one it would be then, and the words."""
    what = substance(said) or substance(unit)
    mass = f" {what}".rstrip()
    slips = []
    for carbon, name in (
        (44 / 12, "carbon where CO2 is meant (12/44)"),
        (12 / 44, "CO2 where carbon is meant (44/12)"),
    ):
        off = abs(math.log(ratio * carbon))
        if off < math.log(1.1):
            slips.append((off, f"its values look like {name}; state the right substance"))
    for one in ("g", "kg", "t", "kt", "Mt", "Gt"):
        if convertible(said, f"{one}{mass}"):
            times = ratio * factor(f"{one}{mass}", said)
            words = f"its values look like {one}{mass}, not {said}; state the right unit"
            slips.append((abs(math.log(times)), words))
    if convertible("t", unit):
        year = 365 * 86400.0
        for one, times in (
            ("kg m-2 s-1", 1e3 * year), ("g m-2 day-1", 365.0), ("t km-2 a-1", 1.0),
            ("kg m-2 a-1", 1e3), ("kg km-2 a-1", 1e-3),
        ):  # fmt: skip
            made = float((values * grid.area).sum()) * times * factor("t", unit)
            words = (
                f"its values look like a flux in {one}, not {said} per cell; read it with unit="
                f"'{one}'"
            )
            if made > 0:
                slips.append((abs(math.log(made / expected)) + 1e-3, words))
    return slips


def plausible_place(data: "DataArray", land: Array, *, margin: float = 0.2) -> float:
    """Return the share of a raster's mass that lies on land.

    Parameters
    ----------
    data : DataArray (rows, columns)
        Amounts per cell, or densities if its ``kind`` says so; cells below zero do not count.
    land : array (rows, columns)
        Which part of each cell is land, or the country that the raster is of, 0 to 1.
    margin : float
        How much more must lie on land the other way round for the raster to be refused.

    Returns
    -------
    float

    Raises
    ------
    GridError
        Far more would lie on land if the raster were turned upside down, or half around the earth;
        or there is no mass.

    Examples
    --------
    >>> grid = Grid.lonlat(90)
    >>> land = np.array([[1.0, 0, 0, 1], [0, 0, 0, 0]])
    >>> plausible_place(grid.array([3, 0, 0, 1, 0, 0, 0, 0], name="e", unit="t"), land)
    1.0
    >>> plausible_place(grid.array([0, 0, 0, 0, 3, 0, 0, 1], name="e", unit="t"), land)
    Traceback (most recent call last):
    ...
    carbonflows.errors.GridError: e has 0% of its mass on land, and 100% if it is turned: read it
    with flip='latitude'
    """
    grid = Grid.of(data)
    part = _part(land, grid)
    mass = data.to_numpy() * (grid.area if data.attrs.get("kind") == "density" else 1.0)
    mass = np.maximum(mass, 0.0)
    total = float(mass.sum())
    name = data.name or "raster"
    if not total > 0:
        raise GridError(f"{name} has no cell above 0: nothing to compare with land; check the file")
    ways = {"": mass, "'latitude'": mass[::-1]}
    if grid.geographic and abs(grid.columns * grid.width - 360) < 1e-6 and grid.columns % 2 == 0:
        half = np.roll(mass, grid.columns // 2, axis=1)
        ways |= {"'half-turn'": half, "('latitude', 'half-turn')": half[::-1]}
    shares = {way: float((turned * part).sum()) / total for way, turned in ways.items()}
    best = max(shares, key=lambda way: shares[way])
    if shares[best] > shares[""] + margin:
        raise GridError(
            f"{name} has {shares['']:.0%} of its mass on land, and {shares[best]:.0%} if it is "
            f"turned: read it with flip={best}",
            shares=shares,
        )
    return shares[""]


def covered(data: "DataArray", shapes: "GeoDataFrame", *, least: float = 0.999) -> "pd.Series":
    """Return which share of each outline's area the raster's extent covers.

    Parameters
    ----------
    data : DataArray (rows, columns)
    shapes : GeoDataFrame
        Outlines, with their reference system.
    least : float
        Share that must be covered.

    Returns
    -------
    Series
        By the outlines' index, 0 to 1.

    Raises
    ------
    GridError
        Outlines that are covered less, each with the share that is missing; outlines without a
        reference system, or empty or broken ones.

    Examples
    --------
    >>> from geopandas import GeoDataFrame
    >>> from shapely import box
    >>> grid = Grid("EPSG:4326", 0, 31, 0.5, 0.5, 2, 4)
    >>> raster = grid.array(np.zeros(8), name="e", unit="t")
    >>> covered(raster, GeoDataFrame(index=["P"], geometry=[box(0, 30, 1, 31)], crs=4326))
    P    1.0
    Name: covered, dtype: float64
    >>> covered(raster, GeoDataFrame(index=["Q"], geometry=[box(1, 30, 3, 31)], crs=4326))
    Traceback (most recent call last):
    ...
    carbonflows.errors.GridError: e does not cover Q (50.0% missing): get a raster that does, or
    allow it with least=
    """
    import pandas as pd
    import shapely

    grid = Grid.of(data)
    name = data.name or "raster"
    if shapes.crs is None:
        raise GridError("outlines without a reference system: set it (GeoDataFrame.set_crs)")
    broken = shapes.is_empty | ~shapes.is_valid
    if broken.any():
        raise GridError(f"outlines of {some(shapes.index[broken])} are empty or broken; mend them")
    outlines = shapes.geometry.to_crs(grid.system.geodetic_crs).to_numpy()
    inside = shapely.intersection(outlines, _extent(grid, name))
    shares = pd.Series(_areas(inside) / _areas(outlines), shapes.index, name="covered")
    short = shares[shares < least]
    if len(short):
        listed = some(f"{label} ({1 - share:.1%} missing)" for label, share in short.items())
        raise GridError(
            f"{name} does not cover {listed}: get a raster that does, or allow it with least=",
            shares=short,
        )
    return shares


def _extent(grid: Grid, name: Any) -> Any:
    """Return a grid's extent in longitude and latitude."""
    import shapely
    from pyproj import Transformer

    extent = shapely.box(*grid.bounds)
    if grid.geographic:
        return extent
    back = Transformer.from_crs(grid.system, grid.system.geodetic_crs, always_xy=True)
    fine = shapely.segmentize(extent, max(grid.width * grid.columns, grid.height * grid.rows) / 200)
    made = shapely.transform(fine, lambda at: np.c_[back.transform(at[:, 0], at[:, 1])])
    west, _, east, _ = made.bounds
    if not np.isfinite(made.bounds).all() or not made.is_valid or east - west > 180:
        raise GridError(
            f"{name} goes around a pole or across 180°: regrid it to longitude and latitude to "
            "compare what it covers"
        )
    return made


def _areas(shapes: npt.NDArray[Any]) -> Array:
    """Return areas to compare: of longitudes and latitudes on a cylinder of equal area."""
    import shapely

    flat = shapely.transform(shapes, lambda at: np.c_[at[:, 0], np.sin(np.radians(at[:, 1]))])
    return np.asarray(shapely.area(flat))
