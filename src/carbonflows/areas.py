"""Areas of cells on the ellipsoid: exact between meridians and parallels, else nearly so."""

from typing import TYPE_CHECKING, Any

import numpy as np

from carbonflows.errors import GridError
from carbonflows.labels import Array

if TYPE_CHECKING:
    from pyproj import CRS

AUTHALIC_RADIUS = 6371007.2
"""Of the sphere with the area of the earth [m]."""
_FLAT = 1e-9
"""How far an equal-area projection's areal scale may be from one."""


def cell_areas(
    south: Any, north: Any, width: float, system: "CRS | None" = None, *, sphere: bool = False
) -> Array:
    """Return areas of cells between two parallels and two meridians [km²].

    Parameters
    ----------
    south, north : array (k,)
        Latitudes [degrees].
    width : float
        Difference of longitudes [degrees].
    system : CRS, optional
        Whose ellipsoid; WGS 84 by default.
    sphere : bool
        On the sphere of the earth's area instead.

    Returns
    -------
    array (k,)

    Notes
    -----
    ``a² Δλ/2 [q(φ₂) − q(φ₁)]``,
    ``q = (1 − e²) [sin φ/(1 − e² sin² φ) + artanh(e sin φ)/e]``; exact (Snyder 1987, p. 16).

    Examples
    --------
    >>> cell_areas([0, 45], [0.1, 45.1], 0.1).round(4).tolist()
    [123.0907, 87.5484]
    """
    top, bottom = np.sin(np.radians(north)), np.sin(np.radians(south))
    turn = np.radians(width)
    if sphere:
        area: Array = AUTHALIC_RADIUS**2 * turn * (top - bottom) / 1e6
        return area
    a, b = _axes(system)
    e2 = 1 - (b / a) ** 2
    if e2 == 0:
        area = a**2 * turn * (top - bottom) / 1e6
        return area
    e = np.sqrt(e2)

    def q(sine: Array) -> Array:
        value: Array = (1 - e2) * (sine / (1 - e2 * sine**2) + np.arctanh(e * sine) / e)
        return value

    area = a**2 / 2 * turn * (q(top) - q(bottom)) / 1e6
    return area


def keeps_areas(system: "CRS", bounds: tuple[float, float, float, float]) -> bool:
    """Return whether a projection keeps areas, tried in nine places of a grid.

    Parameters
    ----------
    system : CRS
        In metres.
    bounds : (west, south, east, north)
        Places that are not on the earth, such as a corner, are not counted.

    Returns
    -------
    bool

    Raises
    ------
    GridError
        None of the places is on the earth.

    Examples
    --------
    >>> from pyproj import CRS
    >>> [keeps_areas(CRS(code), (0, 5e6, 1e5, 6e6)) for code in ("EPSG:6933", "EPSG:3395")]
    [True, False]
    """
    from pyproj import Proj, Transformer

    west, south, east, north = bounds
    x, y = np.meshgrid(np.linspace(west, east, 3), np.linspace(south, north, 3))
    back = Transformer.from_crs(system, system.geodetic_crs, always_xy=True)
    lon, lat = back.transform(x.ravel(), y.ravel())
    there = np.isfinite([lon, lat]).all(axis=0)
    if not there.any():
        raise GridError(f"{system.name}: the grid is not on the earth; give other bounds")
    scale = np.asarray(Proj(system).get_factors(lon[there], lat[there]).areal_scale)
    return bool((np.abs(scale - 1) < _FLAT).all())


def projected_areas(
    system: "CRS", bounds: tuple[float, float, float, float], shape: tuple[int, int]
) -> Array:
    """Return areas of cells of a projection that does not keep them [km²].

    Parameters
    ----------
    system : CRS
        In metres.
    bounds : (west, south, east, north)
    shape : (rows, columns)

    Returns
    -------
    array (rows, columns)

    Raises
    ------
    GridError
        Cells that are not on the earth.

    Notes
    -----
    Corners and middles of edges are carried into an equal-area projection around the grid.

    Examples
    --------
    >>> from pyproj import CRS
    >>> mercator = projected_areas(CRS("EPSG:3395"), (0, 5e6, 1e4, 5.01e6), (1, 1))
    >>> float(mercator.round(2)[0, 0])
    56.88
    """
    from pyproj import Proj, Transformer

    west, south, east, north = bounds
    rows, columns = shape
    x, y = np.meshgrid(
        np.linspace(west, east, 2 * columns + 1), np.linspace(north, south, 2 * rows + 1)
    )
    back = Transformer.from_crs(system, system.geodetic_crs, always_xy=True)
    lon, lat = back.transform(x, y)
    middle = back.transform((west + east) / 2, (south + north) / 2)
    a, b = _axes(system)
    plane = Proj(proj="laea", lon_0=middle[0], lat_0=middle[1], a=a, b=b)
    points = np.array(plane(lon, lat))
    if not np.isfinite(points).all():
        raise GridError(f"{system.name}: parts of the grid are not on the earth; make it smaller")
    around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    u, v = (np.array([part[i::2, j::2][:rows, :columns] for i, j in around]) for part in points)
    twice = (u * np.roll(v, -1, axis=0) - np.roll(u, -1, axis=0) * v).sum(axis=0)
    area: Array = np.abs(twice) / 2e6
    return area


def _axes(system: "CRS | None") -> tuple[float, float]:
    """Semi-axes of a system's ellipsoid, of WGS 84 without one [m]."""
    if system is None or system.ellipsoid is None:
        return 6378137.0, 6356752.314245179
    return system.ellipsoid.semi_major_metre, system.ellipsoid.semi_minor_metre
