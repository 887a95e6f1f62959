"""Edits of the files of a study of hotspots that make them wrong, and runs that are refused."""

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import CarbonflowsError

SECTION = "[hotspots]\n"
POINTS = 'unit = "kt CO2"\n'
PEOPLE = 'file = "population.tif"\n'
CITIES = 'file = "cities.geojson"\n'
COUNTED = (SECTION, SECTION + 'countries = "countries.csv"\n')
TERRITORY = '\n[hotspots.territory]\nfile = "territory.geojson"\n'
Files = Callable[[Path], object]


def refused(attempt, tmp_path: Path, told: str, *given, **more) -> str:
    """The message of a run that is refused, in one line, with nothing left behind."""
    with pytest.raises(CarbonflowsError, match=told) as caught:
        attempt(*given, **more)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    assert [p.name for p in tmp_path.iterdir()] == ["country"]
    return message


def added(*lines: str) -> tuple[str, str]:
    """More settings of the section [hotspots]."""
    return SECTION, SECTION + "".join(f"{line}\n" for line in lines)


def without(first: str, last: str) -> Files:
    """Cut the study file from one header up to another."""

    def cut(place: Path) -> None:
        text = (place / "study.toml").read_text(encoding="utf-8")
        begin, end = text.index(first), text.index(last)
        (place / "study.toml").write_text(text[:begin] + text[end:], encoding="utf-8")

    return cut


def table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Files:
    def changed(place: Path) -> None:
        change(pd.read_csv(place / name)).to_csv(place / name, index=False)

    return changed


def written(name: str, data: bytes) -> Files:
    return lambda place: (place / name).write_bytes(data)


def raster(name: str, change: Callable = lambda v: v, *, unit: bool = True, **profile) -> Files:
    """Write a GeoTIFF again: other values, without its unit, or with another profile."""

    def changed(place: Path) -> None:
        import rasterio

        with rasterio.open(place / name) as file:
            values, old = change(file.read()), {**file.profile, **profile}
            units, tags = file.units, file.tags()
        old.update(height=values.shape[1], width=values.shape[2])
        with rasterio.open(place / name, "w", **old) as file:
            file.write(values)
            if unit:
                file.units = units
                file.update_tags(**tags)

    return changed


def outlines(name: str, change: Callable) -> Files:
    def changed(place: Path) -> None:
        change(gpd.read_file(place / name)).to_file(place / name, driver="GeoJSON")

    return changed


def at(row: int, **values) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Change some cells of a row."""

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame.iloc[:row], frame.iloc[[row]].assign(**values),
                          frame.iloc[row + 1 :]])  # fmt: skip

    return changed


def in_metres(frame: pd.DataFrame) -> pd.DataFrame:
    from pyproj import Transformer

    there = Transformer.from_crs(4326, 3857, always_xy=True)
    x, y = there.transform(frame["longitude"].to_numpy(), frame["latitude"].to_numpy())
    return frame.assign(longitude=x, latitude=y)


def reaching_over(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The first outline swallows the second."""
    both = frame.geometry.iloc[:2].union_all()
    return frame.set_geometry([both, *frame.geometry.iloc[1:]])


def a_cell(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def changed(values: np.ndarray) -> np.ndarray:
        made = values.copy()
        made[0, 30, 30] = value
        return made

    return changed


def emptied(value: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.where(values == 0, value, values)


def first_two(place: Path) -> None:
    shapes = gpd.read_file(place / "shapes.geojson").rename(columns={"region": "code"})
    shapes.iloc[:2].to_file(place / "territory.geojson", driver="GeoJSON")
