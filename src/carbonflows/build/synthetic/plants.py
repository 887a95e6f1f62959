"""Power stations, cement works and steel works on the map of the synthetic country."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from carbonflows.labels import Array

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

HOURS = 5000.0  # full-load hours a year
PER_MWH = {"coal": 0.9, "gas": 0.4}  # t CO2


def plants_on_map(
    shapes: "GeoDataFrame", point_sources: pd.DataFrame, rng: np.random.Generator
) -> "GeoDataFrame":
    """Place plants around each province's capital.

    Parameters
    ----------
    shapes : GeoDataFrame
        As from `invented_provinces`.
    point_sources : DataFrame
        ``region``, ``sector``, ``fuel``, ``family`` (coal, gas …), ``power`` (whether it feeds the
        grid) and ``value`` [kt CO2]; each line becomes one or more plants.
    rng : numpy Generator

    Returns
    -------
    GeoDataFrame
        ``region``, ``sector``, ``fuel``, ``capacity`` [MW; empty for works that are not power
        stations], ``emissions`` [kt CO2], ``longitude``, ``latitude`` and ``geometry``; inside
        their provinces, and their emissions sum to the lines'.

    Examples
    --------
    >>> from carbonflows.build.synthetic.place import invented_provinces
    >>> shapes = invented_provinces("CHN", 5, np.random.default_rng(0), 1e6)
    >>> line = pd.DataFrame([["CHN-02", "Power", "Lignite", "coal", True, 900.0]],
    ...     columns=["region", "sector", "fuel", "family", "power", "value"])
    >>> plants = plants_on_map(shapes, line, np.random.default_rng(0))
    >>> float(round(plants["emissions"].sum(), 9))
    900.0
    >>> bool(plants.within(shapes.geometry.iloc[1]).all())
    True
    """
    from geopandas import GeoDataFrame

    most = point_sources["value"].max()
    parts = []
    for line in point_sources.to_dict("records"):
        if line["value"] <= 0:
            continue
        count = 1 + int(rng.poisson(12 * line["value"] / most))
        size = np.exp(rng.normal(0, 0.8, count))
        emissions = size / size.sum() * line["value"]
        capacity = emissions * 1e3 / (PER_MWH.get(line["family"], 0.7) * HOURS)
        points = _points(shapes.loc[line["region"]], count, rng)
        parts.append(
            pd.DataFrame(
                {
                    "region": line["region"],
                    "sector": line["sector"],
                    "fuel": line["fuel"],
                    "capacity": capacity if line["power"] else np.nan,
                    "emissions": emissions,
                    "longitude": points[:, 0],
                    "latitude": points[:, 1],
                }
            )
        )
    plants = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    return GeoDataFrame(
        plants,
        geometry=shapely.points(plants[["longitude", "latitude"]].to_numpy(dtype=float)),
        crs=shapes.crs,
    )


COLUMNS = ("region", "sector", "fuel", "capacity", "emissions", "longitude", "latitude")


def _points(province: Any, count: int, rng: np.random.Generator) -> Array:
    """Draw points around the capital, within the province."""
    spread = 0.5 * np.sqrt(shapely.area(province["geometry"]))
    centre = np.array([province["longitude"], province["latitude"]], dtype=float)
    found = np.empty((0, 2))
    while len(found) < count:
        drawn = centre + rng.normal(0, spread, (2 * count, 2))
        inside = shapely.contains_xy(province["geometry"], drawn[:, 0], drawn[:, 1])
        found = np.concatenate([found, drawn[inside]])
    return found[:count]
