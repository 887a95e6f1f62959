"""Distances between regions, and a region's distance to itself."""

from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import repeated, same_labels

EARTH = 6371.0088
"""Mean radius of the Earth [km]."""

WITHIN = 0.67
"""Mean distance to the centre of a disc, as a share of its radius."""


def great_circle(
    lon: "pd.Series[float]", lat: "pd.Series[float]", *, area: "pd.Series[float] | None" = None
) -> pd.DataFrame:
    """Distances between places on a sphere.

    Parameters
    ----------
    lon, lat : Series (n,)
        Degrees east and north, of a region's capital or centre.
    area : Series (n,), optional
        Areas [km²]; with it the diagonal is `own_distance`, without it is zero.

    Returns
    -------
    DataFrame (n, n)
        Distances [km].

    Raises
    ------
    LabelError
        A region is named twice, or not in all of the series.
    DataError
        A coordinate that is none, or an area that is not positive.

    Notes
    -----
    Haversine formula with a radius of 6371.0088 km; off the ellipsoid by at most 0.6 %.

    Examples
    --------
    >>> lon = pd.Series({"Beijing": 116.40, "Shanghai": 121.47})
    >>> lat = pd.Series({"Beijing": 39.90, "Shanghai": 31.23})
    >>> great_circle(lon, lat).round(1).loc["Beijing", "Shanghai"]
    np.float64(1067.1)
    """
    if twice := repeated(lon.index):
        raise LabelError(f"lon names {some(twice)} twice; name each region once")
    same_labels(lat.index, lon.index, "lat", "lon")
    lat = lat.loc[lon.index]
    for name, degrees, most in (("lon", lon, 360), ("lat", lat, 90)):
        if len(bad := degrees.index[~(degrees.abs() <= most)]):
            raise DataError(f"{name} of {some(bad)} is no coordinate; give degrees")
    place = np.radians(np.column_stack([lon, lat]).astype(float))
    half = np.sin((place[:, None] - place[None, :]) / 2) ** 2
    across = np.cos(place[:, 1])
    share = half[..., 1] + across[:, None] * across[None, :] * half[..., 0]
    distance = 2 * EARTH * np.arcsin(np.sqrt(np.minimum(share, 1)))
    if area is not None:
        same_labels(area.index, lon.index, "area", "lon")
        np.fill_diagonal(distance, own_distance(area.loc[lon.index]))
    return pd.DataFrame(distance, lon.index, lon.index)


def own_distance(area: "pd.Series[float]") -> "pd.Series[float]":
    """Mean distance within a region, as if it were a disc with its producers in the centre.

    Parameters
    ----------
    area : Series (n,)
        Areas [km²].

    Returns
    -------
    Series (n,)
        ``0.67 √(area / π)`` [km].

    Raises
    ------
    DataError
        An area that is not positive.

    References
    ----------
    Head, K. and Mayer, T. (2010), Illusory border effects, in The Gravity Model in International
    Trade, Cambridge University Press.

    Examples
    --------
    >>> own_distance(pd.Series({"Beijing": 16410.0})).round(2).to_dict()
    {'Beijing': 48.42}
    """
    if len(bad := area.index[~((area > 0) & np.isfinite(area))]):
        raise DataError(f"area of {some(bad)} is not a positive number; give areas in km²")
    radius = np.sqrt(area.to_numpy(float) / np.pi)
    return pd.Series(WITHIN * radius, area.index)


def centres(places: pd.DataFrame) -> tuple[npt.NDArray[np.float64], bool, float]:
    """Coordinates of places, whether they are degrees, and kilometres per unit if they are not."""
    import shapely

    if (geometry := getattr(places, "geometry", None)) is None:
        if absent := [c for c in ("lon", "lat") if c not in places]:
            raise LabelError(
                f"places lack {some(absent)}; give columns lon and lat, or a GeoDataFrame"
            )
        return places[["lon", "lat"]].to_numpy(float), True, 1.0
    if places.crs is None:
        raise DataError("places have no coordinate reference system; set one, as EPSG:4326")
    points = shapely.get_coordinates(shapely.centroid(geometry.to_numpy()))
    if len(points) != len(places):
        empty = places.index[np.asarray(geometry.is_empty | geometry.isna())]
        raise DataError(f"places have no shape for {some(empty)}; leave them out or draw them")
    metres = cast(float, places.crs.axis_info[0].unit_conversion_factor)
    return points, bool(places.crs.is_geographic), metres / 1000


def between(places: pd.DataFrame) -> pd.DataFrame:
    """Distances between the centres of places (n, n) [km]."""
    points, degrees, kilometres = centres(places)
    if degrees:
        lon, lat = (pd.Series(c, places.index) for c in points.T)
        return great_circle(lon, lat)
    apart = np.linalg.norm(points[:, None] - points[None, :], axis=2) * kilometres
    return pd.DataFrame(apart, places.index, places.index)
