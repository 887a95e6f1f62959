"""Lands, nodes and points for the tests of weights, and the laws that all weights obey."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy import sparse

from carbonflows.grid.weights import Weights
from carbonflows.raster import CHINA_ALBERS, Grid

GRID = Grid("EPSG:4326", 0, 2, 1, 1, 2, 3)
PLANE = Grid(CHINA_ALBERS, 0, 4e6, 1e4, 1e4, 4, 5)
LAND = gpd.GeoDataFrame(
    index=["A", "B"], geometry=[shapely.box(0, 0, 1.5, 2), shapely.box(1.5, 0, 3, 2)],
    crs="EPSG:4326",
)  # fmt: skip

WEST = LAND.loc[["A"]]


def outlines(crs=CHINA_ALBERS, **boxes) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        index=list(boxes), geometry=[shapely.box(*bounds) for bounds in boxes.values()], crs=crs
    )


def masses(unit="", **by_node) -> pd.Series:
    """A__power=4 is 4 of the node (A, power)."""
    made = pd.Series(
        list(by_node.values()), pd.MultiIndex.from_tuples([n.split("__") for n in by_node]),
        dtype=float,
    )  # fmt: skip
    made.attrs["unit"] = unit
    return made


def plants(*rows, **columns) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["longitude", "latitude", "value"])
    return frame.assign(**columns)


def dense(placed: Weights) -> dict:
    return {
        node: placed.matrix[:, [j]].toarray().ravel()
        for j, node in enumerate(placed.nodes.tolist())
    }


def require_lawful(placed: Weights, mass: pd.Series) -> None:
    """The laws of weights, whatever they are made of."""
    for matrix in (placed.patterns, placed.mix):
        assert matrix.dtype == np.float64
        by_column = sparse.csc_array(matrix)
        assert by_column.data.min() > 0
        for j in range(by_column.shape[1]):
            column = by_column.data[by_column.indptr[j] : by_column.indptr[j + 1]]
            assert abs(math.fsum(column) - 1) <= 4e-16
    placed_mass = mass.loc[placed.nodes].to_numpy()
    carried = placed.patterns @ (placed.mix @ placed_mass)
    assert carried.sum() == pytest.approx(placed_mass.sum(), rel=1e-12)
    by_node = placed.report.groupby(["region", "sector"])["mass"].sum().loc[placed.nodes]
    assert by_node.to_numpy() == pytest.approx(placed_mass, rel=1e-12)
    assert np.bincount(placed.mix.indices, minlength=placed.patterns.shape[1]).min() > 0
