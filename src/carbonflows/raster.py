"""Grids: cells of one size in a coordinate reference system, and arrays of values on them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from carbonflows.areas import cell_areas, keeps_areas, projected_areas
from carbonflows.errors import GridError
from carbonflows.labels import Array, lock

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pyproj import CRS
    from xarray import DataArray

LONLAT = "EPSG:4326"
CHINA_ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m +no_defs"
"""Equal-area projection that is usual for China."""
_EVEN = 1e-6
"""How far steps between coordinates may be from equal, in cells."""


@dataclass(frozen=True)
class Grid:
    """Cells of equal width and height, rows from north to south, columns from west to east.

    A point on an edge belongs to the cell south or east of it. Cells are numbered row by row.

    Parameters
    ----------
    crs : str
        Anything that pyproj takes: ``EPSG:4326`` for longitude and latitude, a PROJ string, WKT.
    west, north : float
        Upper left corner [degrees, or the projection's metres].
    width, height : float
        Size of a cell [same].
    rows, columns : int

    Raises
    ------
    GridError
        An unknown reference system, one that is neither in degrees nor in metres, no cells, or
        cells beyond a pole or more than once around the earth.

    Examples
    --------
    >>> grid = Grid("EPSG:4326", 0, 1, 0.5, 0.5, 2, 4)
    >>> grid.bounds, grid.cell_of([0.5, 9], [0.9, 0.9]).tolist()
    ((0.0, 0.0, 2.0, 1.0), [1, -1])
    """

    crs: str
    west: float
    north: float
    width: float
    height: float
    rows: int
    columns: int

    def __post_init__(self) -> None:
        for name in ("west", "north", "width", "height"):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in ("rows", "columns"):
            object.__setattr__(self, name, int(getattr(self, name)))
        numbers = (self.west, self.north, self.width, self.height)
        if not np.isfinite(numbers).all() or self.width <= 0 or self.height <= 0:
            raise GridError(f"cells of {self.width} × {self.height}: give sizes above zero")
        if self.rows < 1 or self.columns < 1:
            raise GridError(f"{self.rows} × {self.columns} cells: a grid has at least one")
        if not self.geographic:
            metre = {round(axis.unit_conversion_factor, 12) for axis in self.system.axis_info}
            if metre != {1.0}:
                raise GridError(
                    f"{self.system.name}: a grid is in degrees or in metres; choose another system"
                )
            return
        west, south, east, north = self.bounds
        slack = _EVEN * max(self.width, self.height)
        if south < -90 - slack or north > 90 + slack:
            raise GridError(
                f"latitudes from {south:g} to {north:g}: these are no degrees; name the reference "
                "system that they are in"
            )
        if east - west > 360 + slack or west < -360 - slack or east > 540 + slack:
            raise GridError(
                f"longitudes from {west:g} to {east:g}: these are no degrees, or more than once "
                "around; name the reference system that they are in"
            )

    @cached_property
    def system(self) -> "CRS":
        """The reference system as pyproj has it."""
        return reference_system(self.crs)

    @property
    def geographic(self) -> bool:
        """Whether coordinates are longitude and latitude."""
        return bool(self.system.is_geographic)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.rows * self.columns

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        return (
            self.west, self.north - self.rows * self.height,
            self.west + self.columns * self.width, self.north,
        )  # fmt: skip

    @property
    def x(self) -> Array:
        """Middle of each column (columns,)."""
        steps = np.arange(self.columns, dtype=np.float64)
        middles: Array = self.west + (steps + 0.5) * self.width
        return middles

    @property
    def y(self) -> Array:
        """Middle of each row (rows,), falling."""
        steps = np.arange(self.rows, dtype=np.float64)
        middles: Array = self.north - (steps + 0.5) * self.height
        return middles

    @property
    def goes_around(self) -> bool:
        """Whether the east edge is the west edge.

        Examples
        --------
        >>> Grid.lonlat(1).goes_around, Grid.lonlat(1, (70, 15, 140, 55)).goes_around
        (True, False)
        """
        return self.geographic and abs(self.columns * self.width - 360) < self.width / 2

    @property
    def resolution(self) -> str:
        """Cell size as it is printed: ``10 km`` or ``0.1°``."""
        sizes = dict.fromkeys((self.width, self.height))
        if self.geographic:
            return " × ".join(f"{size:.6g}°" for size in sizes)
        return " × ".join(f"{size / 1e3:g} km" for size in sizes)

    @cached_property
    def area(self) -> Array:
        """Area of each cell (rows, columns) on the ellipsoid [km²], read-only.

        Examples
        --------
        >>> float(Grid("EPSG:4326", 0, 30.1, 0.1, 0.1, 1, 1).area.round(4)[0, 0])
        106.9045
        >>> float(Grid(CHINA_ALBERS, 0, 4e6, 1e4, 1e4, 1, 1).area[0, 0])
        100.0
        """
        if self.geographic:
            edges = self.north - np.arange(self.rows + 1) * self.height
            edges = np.clip(edges, -90, 90)
            by_row = cell_areas(edges[1:], edges[:-1], self.width, self.system)
            return lock(np.broadcast_to(by_row[:, None], self.shape))
        if keeps_areas(self.system, self.bounds):
            return lock(np.broadcast_to(np.float64(self.width * self.height / 1e6), self.shape))
        return lock(projected_areas(self.system, self.bounds, self.shape))

    def cell_of(self, x: Any, y: Any) -> npt.NDArray[np.int64]:
        """Return the number of the cell that each point lies in, −1 outside.

        Parameters
        ----------
        x, y : array (k,)
            Coordinates in the grid's reference system; longitudes may be a whole turn away.

        Returns
        -------
        array of int (k,)
        """
        x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if self.geographic:
            x = self.west + np.mod(x - self.west, 360)
        with np.errstate(invalid="ignore"):
            column = np.floor((x - self.west) / self.width)
            row = np.floor((self.north - y) / self.height)
            if self.geographic:  # the south pole belongs to the last row
                row = np.where((y == -90) & (row == self.rows), self.rows - 1, row)
            inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
            found = np.where(inside, row * self.columns + column, -1)
        return found.astype(np.int64)

    def array(self, values: Any, *, name: str, unit: str, **attrs: Any) -> "DataArray":
        """Return values on the cells as a labelled array that says where it lies.

        Parameters
        ----------
        values : array (rows, columns) or (cells,)
        name : str
        unit : str
            Unit of the values.
        **attrs
            Anything else to be stated.

        Returns
        -------
        DataArray (y, x) or (lat, lon)
            With the coordinate ``spatial_ref``, whose attribute ``crs_wkt`` has the reference
            system, as CF and GDAL want it.

        Examples
        --------
        >>> grid = Grid("EPSG:4326", 0, 1, 0.5, 0.5, 2, 4)
        >>> made = grid.array(np.ones(8), name="emissions", unit="t CO2")
        >>> made.dims, float(made.sum()), Grid.of(made) == grid
        (('lat', 'lon'), 8.0, True)
        """
        from xarray import DataArray

        made = DataArray(
            np.asarray(values).reshape(self.shape), dims=self.dims, coords=self.coords(), name=name,
            attrs={"units": unit, "grid_mapping": "spatial_ref", **attrs},
        )  # fmt: skip
        return made

    @property
    def dims(self) -> tuple[str, str]:
        """Names of the two dimensions."""
        return ("lat", "lon") if self.geographic else ("y", "x")

    def coords(self) -> dict[str, Any]:
        """Return the coordinates of an array on the grid, as xarray takes them."""
        unit = ("degrees_north", "degrees_east") if self.geographic else ("m", "m")
        prefix = "" if self.geographic else "projection_"
        words = ("latitude", "longitude") if self.geographic else ("y_coordinate", "x_coordinate")
        places = {
            dim: (dim, middles, {"units": one, "standard_name": prefix + word, "axis": axis})
            for dim, middles, one, word, axis in zip(
                self.dims, (self.y, self.x), unit, words, "YX", strict=True
            )
        }
        # The exact corner and size: coordinates are middles, rounded in the last digit.
        transform = f"{self.west!r} {self.width!r} 0 {self.north!r} 0 {-self.height!r}"
        mapping = {**self.system.to_cf(), "crs_wkt": self.system.to_wkt()}
        mapping |= {"spatial_ref": self.system.to_wkt(), "GeoTransform": transform}
        mapping |= {"carbonflows_crs": self.crs}
        return {**places, "spatial_ref": ((), 0, mapping)}

    @classmethod
    def of(cls, data: "DataArray", crs: str | None = None) -> "Grid":
        """Return the grid that an array lies on.

        Parameters
        ----------
        data : DataArray (…, y, x)
            Two last dimensions with evenly spaced coordinates, the first of them falling.
        crs : str, optional
            Reference system, where the array does not say it.

        Returns
        -------
        Grid

        Raises
        ------
        GridError
            No reference system, coordinates that are missing or not evenly spaced, or rows from
            south to north.
        """
        if data.ndim < 2:
            raise GridError(f"{data.name}: {data.ndim} dimensions; a grid has two")
        rows, columns = (str(d) for d in data.dims[-2:])
        mapping = data.coords["spatial_ref"].attrs if "spatial_ref" in data.coords else {}
        system = crs or mapping.get("carbonflows_crs") or mapping.get("crs_wkt")
        if system is None:
            raise GridError(
                f"{data.name or 'array'} does not say its reference system: name it, for example "
                "crs='EPSG:4326'"
            )
        transform = [float(part) for part in str(mapping.get("GeoTransform", "")).split()]
        if len(transform) == 6:
            west, width, _, north, _, height = transform
            made = cls(str(system), west, north, width, -height, *data.shape[-2:])
            close = np.allclose(made.x, data[columns], rtol=0, atol=1e-3 * made.width)
            if close and np.allclose(made.y, data[rows], rtol=0, atol=1e-3 * made.height):
                return made
        if rows not in data.coords or columns not in data.coords:
            raise GridError(f"{data.name or 'array'}: no coordinates; give {rows} and {columns}")
        x, y = data[columns].to_numpy().astype(float), data[rows].to_numpy().astype(float)
        width, height = _step(x, columns), _step(-y, rows)
        north, west = y[0] + height / 2, x[0] - width / 2
        return cls(str(system), west, north, width, height, len(y), len(x))

    @classmethod
    def lonlat(
        cls,
        step: float,
        bounds: tuple[float, float, float, float] = (-180, -90, 180, 90),
    ) -> "Grid":
        """Return a longitude–latitude grid whose edges are multiples of its step.

        Parameters
        ----------
        step : float
            Cell size [degrees].
        bounds : (west, south, east, north)
            What it covers at least [degrees]; the world by default.

        Returns
        -------
        Grid

        Examples
        --------
        >>> Grid.lonlat(0.1).shape
        (1800, 3600)
        """
        return cls._aligned(LONLAT, step, bounds)

    @classmethod
    def projected(
        cls, shapes: "GeoDataFrame", size: float = 10e3, crs: str = CHINA_ALBERS
    ) -> "Grid":
        """Return a grid of square cells that covers outlines, edges at multiples of its size.

        Parameters
        ----------
        shapes : GeoDataFrame
        size : float
            Cell size [m].
        crs : str
            A projection in metres; an equal-area one makes all cells of one area.

        Returns
        -------
        Grid

        Examples
        --------
        >>> from carbonflows.build.synthetic.place import invented_provinces
        >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
        >>> Grid.projected(shapes, 50e3).resolution
        '50 km'
        """
        if shapes.crs is None:
            raise GridError("outlines without a reference system: set it (GeoDataFrame.set_crs)")
        system = reference_system(crs)
        if system.is_geographic:
            raise GridError(f"{system.name} is in degrees: use lonlat, or a projection in metres")
        west, south, east, north = shapes.to_crs(system).total_bounds
        return cls._aligned(crs, size, (west, south, east, north))

    @classmethod
    def _aligned(cls, crs: str, step: float, bounds: tuple[float, float, float, float]) -> "Grid":
        if not step > 0:
            raise GridError(f"cells of {step}: give a size above zero")
        west, south, east, north = (bound / step for bound in bounds)
        # A hair's breadth keeps 0.3 / 0.1 from costing a row.
        west, south = np.floor(west + _EVEN), np.floor(south + _EVEN)
        east, north = np.ceil(east - _EVEN), np.ceil(north - _EVEN)
        return cls(crs, west * step, north * step, step, step, int(north - south), int(east - west))


def reference_system(crs: str) -> "CRS":
    """Return a reference system as pyproj has it.

    Parameters
    ----------
    crs : str
        Anything that pyproj takes.

    Returns
    -------
    CRS

    Raises
    ------
    GridError
        One that is not known.

    Examples
    --------
    >>> reference_system("EPSG:4326").name
    'WGS 84'
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        raise GridError(
            f"{str(crs)[:60]!r} is no reference system that is known: write it as for example "
            "'EPSG:4326'"
        ) from error


def _step(values: Array, name: str) -> float:
    """Return the step of rising, evenly spaced coordinates."""
    if len(values) < 2:
        raise GridError(f"{name}: one coordinate alone does not say how large a cell is")
    step = (values[-1] - values[0]) / (len(values) - 1)
    if step <= 0:
        raise GridError(f"{name} runs the wrong way: rows go from north to south, columns east")
    # Coordinates in single precision are off by up to some 1e-5 degrees.
    slack = max(1e-3 * step, 4 * np.finfo(np.float32).eps * np.abs(values).max())
    if np.abs(values - (values[0] + step * np.arange(len(values)))).max() > slack:
        raise GridError(f"{name} is not evenly spaced: regrid it first")
    return float(step)
