"""Whether a raster can be what it says: its place, its cells, its total, and what it covers."""

import math
from collections.abc import Sequence
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

Order = npt.NDArray[np.intp]

_MARKERS = (-9999.0, -999.0, -99999.0, -32768.0, -2147483648.0)
_HUGE = 1e19
"""Nobody emits as much from a cell; 1e20, 9.97e36 and −3.4e38 stand for no data."""
_SINGLE = 2.0**-23
_ROUNDED = 1e-2, 2e-4
"""How far coordinates may be from an even division of the circle and be taken for it: in cells, in
degrees."""


def placed(
    x: Array,
    y: Array,
    declared: str | None,
    stated: str | None,
    where: str,
    treated: list[str],
    size: tuple[float, float] | None = None,
) -> tuple[Grid, Order, Order]:
    """Return the grid of cells with given middles, north up, and how to get them in that order.

    Parameters
    ----------
    x, y : array (columns,), (rows,)
        Middles, either way round; longitudes may go from 0 to 360.
    declared, stated : str or None
        Reference system by the file and by the caller, who is right.
    where : str
        What is read, for messages.
    treated : list of str
        Gets what was done, in words.
    size : (width, height), optional
        Of a cell, where it is known.

    Returns
    -------
    grid : Grid
    rows, columns : array of int
        Order to take the file's rows and columns in.

    Raises
    ------
    GridError
        No reference system, or one that the coordinates cannot be in; coordinates not evenly
        spaced; a grid that crosses 180° without going around.

    Examples
    --------
    >>> grid, rows, columns = placed(
    ...     np.arange(45, 360, 90.0), np.array([-45.0, 45]), None, "EPSG:4326", "a.nc", []
    ... )
    >>> grid.bounds, rows.tolist(), columns.tolist()
    ((-180.0, -90.0, 180.0, 90.0), [1, 0], [2, 3, 0, 1])
    """
    system = stated or declared
    if system is None:
        raise GridError(
            f"{where} does not say its reference system: state it, for example crs='EPSG:4326'"
        )
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        raise GridError(f"{where}: coordinates that are no numbers; write the file again")
    geographic = Grid(system, 0, 1, 1, 1, 1, 1).geographic
    if stated and declared and not _same(declared, stated):
        treated.append(f"reference system stated: {stated}")
    rows, columns = np.arange(len(y)), np.arange(len(x))
    if len(y) > 1 and y[-1] > y[0]:
        rows = rows[::-1]
        treated.append("rows turned: north up")
    if len(x) > 1 and x[-1] < x[0]:
        columns = columns[::-1]
        treated.append("columns turned: east to the right")
    x, y = x[columns].astype(float), y[rows].astype(float)
    _likely(x, y, geographic, where)
    if geographic:
        around = np.mod(x + 180, 360) - 180
        order = np.argsort(around, kind="stable")
        if not np.allclose(around, x, rtol=0, atol=1e-6):
            steps = np.diff(around[order])
            if len(steps) and not steps.max() < 1.5 * np.median(np.abs(np.diff(x))) > 0:
                raise GridError(
                    f"{where}: longitudes from {x[0]:g} to {x[-1]:g} cross 180° without going all "
                    "around; cut it there in two"
                )
            if len(steps) and steps.min() < 0.5 * steps.max():
                raise GridError(
                    f"{where}: longitudes from {x[0]:g} to {x[-1]:g} go around more than once; cut "
                    "off the columns that repeat"
                )
            x, columns = around[order], columns[order]
            treated.append("longitudes turned: −180 to 180")
    sizes = size or (None, None)
    west, width = _edge(x, sizes[0], "columns", geographic, where, treated)
    south, height = _edge(-y, sizes[1], "rows", geographic, where, treated)
    return Grid(system, west, -south, width, height, len(y), len(x)), rows, columns


def _same(declared: str, stated: str) -> bool:
    """Whether two reference systems are one; what cannot be read is another."""
    try:
        systems = [Grid(one, 0, 1, 1, 1, 1, 1).system for one in (declared, stated)]
    except GridError:
        return False
    return bool(systems[0] == systems[1])


def _edge(
    middles: Array, size: float | None, name: str, degrees: bool, where: str, treated: list[str]
) -> tuple[float, float]:
    """Return the first edge and the size of cells whose middles rise evenly."""
    if len(middles) < 2 and size is None:
        raise GridError(
            f"{where}: one of the {name} alone does not say how large a cell is; cut out two"
        )
    numbers = np.arange(len(middles))
    step = size or float(middles[-1] - middles[0]) / numbers[-1]
    # Coordinates in single precision are off by up to some 1e-5 degrees.
    slack = max(1e-3 * step, 2 * _SINGLE * np.abs(middles).max())
    if not step > 0 or np.abs(middles - (middles[0] + step * numbers)).max() > slack:
        raise GridError(f"{where}: {name} that are not evenly spaced; regrid it first")
    if degrees:  # undo the rounding of what divides the circle evenly
        exact = 360 / max(1, round(360 / step))
        edge = round(2 * middles[0] / exact - 1) * exact / 2
        off = float(np.abs(edge + exact * (numbers + 0.5) - middles).max())
        near = off <= min(_ROUNDED[0] * exact, _ROUNDED[1])
        if near and off > 1e-6 * exact:
            treated.append(f"{name} rounded to even steps of {exact:.6g}°, by {off:.1g}° at most")
        if near:
            return edge, exact
    return float(middles[0]) - step / 2, step


def _likely(x: Array, y: Array, geographic: bool, where: str) -> None:
    """Raise where degrees are declared and metres given, or the other way round."""
    far, high = float(np.abs(x).max()), float(np.abs(y).max())
    spans = f"x from {x[0]:g} to {x[-1]:g}, y from {y[-1]:g} to {y[0]:g}"
    if geographic and (high > 90 + 1e-6 or far > 540):
        raise GridError(
            f"{where}: {spans}; these are no degrees, though longitude and latitude are declared: "
            "state the projection that they are in with crs="
        )
    if geographic and len(y) > 1 and high + abs(y[0] - y[-1]) / (len(y) - 1) / 2 > 90 + 1e-2:
        raise GridError(
            f"{where}: {spans}; cells around these points lie beyond a pole: they are nodes, not "
            "middles of cells; regrid it to cells first"
        )
    if not geographic and far <= 360 and high <= 90:
        raise GridError(
            f"{where}: {spans}; these are degrees, though a projection in metres is declared: "
            "state crs='EPSG:4326'"
        )


class Cells:
    """Adds up steps of a raster, with its cells without data and its negative ones in view.

    Parameters
    ----------
    shape : (rows, columns)
    where : str
        What is read, for messages.
    missing : float, sequence of float or None
        What stands for no data besides what the file declares.
    negative : {"refuse", "keep", "drop"}
    scaling : (scale, offset)
        Of the numbers in the file; `missing` is compared with these as they are there.

    Examples
    --------
    >>> cells = Cells((1, 3), "a.tif", -1.0, "refuse")
    >>> cells.add(np.array([[5.0, -1.0, 7.0]]), np.array([[False, False, True]]), 2.0)
    >>> words = []
    >>> cells.finished("t", words).tolist(), cells.missing, words
    ([[10.0, 0.0, 0.0]], 2, ['2 cells without data set to 0'])
    """

    def __init__(
        self,
        shape: tuple[int, int],
        where: str,
        missing: float | Sequence[float] | None,
        negative: str,
        scaling: tuple[float, float] = (1.0, 0.0),
    ) -> None:
        self.where, self.negative, self.scaling = where, negative, scaling
        self.stated = missing is not None
        self.markers = [] if missing is None else [float(one) for one in np.ravel(missing)]
        self._total = np.zeros(shape)
        self._empty = np.zeros(shape, dtype=bool)
        self._below, self._sum = 0, 0.0

    @property
    def missing(self) -> int:
        """How many cells have no data, in any step."""
        return int(self._empty.sum())

    def add(self, values: Array, empty: npt.NDArray[np.bool_], number: float | Array) -> None:
        """Add one step (rows, columns), multiplied by a number.

        Parameters
        ----------
        values : array (rows, columns)
        empty : array of bool (rows, columns)
            Where the file itself says that there are no data.
        number : float or array (rows, columns)

        Raises
        ------
        GridError
            Values that stand for no data and are not declared, NaN, infinite.
        """
        empty = empty.copy()
        for marker in self.markers:
            near = 1e-3 * abs(marker) if abs(marker) > _HUGE else 1e-6 * abs(marker)
            empty |= np.isnan(values) if math.isnan(marker) else values == marker
            if math.isfinite(marker):
                empty |= np.abs(values - marker) <= near
        self._marked(values, empty)
        scale, offset = self.scaling
        made = np.where(empty, 0.0, (values * scale + offset) * number)
        below = made < 0
        if below.any():
            self._below += int(below.sum())
            self._sum += float(made[below].sum())
            if self.negative == "drop":
                made[below] = 0.0
        self._total += made
        self._empty |= empty

    def _marked(self, values: Array, empty: npt.NDArray[np.bool_]) -> None:
        """Raise at cells that can be no data and that nobody declared."""
        bad = int((np.isnan(values) & ~empty).sum())
        if bad:
            raise GridError(
                f"{self.where}: {bad} cells are NaN; if they are cells without data, say "
                "missing=float('nan')"
            )
        with np.errstate(invalid="ignore"):
            odd = (np.abs(values) >= _HUGE) | (
                np.isin(values, _MARKERS) if not self.stated else False
            )
        found, counts = np.unique(values[odd & ~empty], return_counts=True)
        if len(found):
            cells, value = int(counts.max()), float(found[np.argmax(counts)])
            raise GridError(
                f"{self.where}: {cells} cells are {value:.8g}, which looks like a mark for no data "
                f"that the file does not declare; say missing={value!r}",
                value=value, cells=cells,
            )  # fmt: skip

    def finished(self, unit: str, treated: list[str]) -> Array:
        """Return the sum of all steps (rows, columns).

        Parameters
        ----------
        unit : str
            Of the sum, for messages.
        treated : list of str
            Gets what was done, in words.

        Raises
        ------
        GridError
            Negative cells, unless they are kept or dropped.
        """
        if self.missing:
            treated.append(f"{self.missing} cells without data set to 0")
        if self._below:
            what = f"{self._below} negative cells, together {self._sum:.6g} {unit}"
            if self.negative == "refuse":
                raise GridError(
                    f"{self.where}: {what}; keep them with negative='keep' or set them to 0 with "
                    "negative='drop'",
                    cells=self._below, total=self._sum,
                )  # fmt: skip
            treated.append(f"{what}: {'kept' if self.negative == 'keep' else 'set to 0'}")
        return self._total


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
