"""Distances and neighbours."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.gravity.distance import EARTH, great_circle, own_distance
from carbonflows.build.gravity.neighbours import neighbours
from carbonflows.errors import DataError, LabelError


def places(n: int = 20, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    regions = [f"r{i}" for i in range(n)]
    return pd.DataFrame({"lon": rng.uniform(-180, 180, n), "lat": rng.uniform(-89, 89, n)}, regions)


def squares(gaps: tuple[str, ...] = ()):
    """Nine squares of one degree by rows, some taken out, and one island."""
    gpd = pytest.importorskip("geopandas")
    from shapely.geometry import box

    cells = {f"{i}{j}": box(j, i, j + 1, i + 1) for i in range(3) for j in range(3)}
    cells["far"] = box(10, 0, 11, 1)
    shapes = {name: shape for name, shape in cells.items() if name not in gaps}
    return gpd.GeoSeries(shapes, crs="EPSG:4326")


def test_distances_as_in_pyproj() -> None:
    from pyproj import Geod

    at = places()
    sphere, earth = Geod(a=EARTH * 1000, b=EARTH * 1000), Geod(ellps="WGS84")
    found = great_circle(at["lon"], at["lat"]).to_numpy()
    r, s = np.indices(found.shape).reshape(2, -1)
    lon, lat = at["lon"].to_numpy(), at["lat"].to_numpy()
    for geod, tolerance in ((sphere, 1e-9), (earth, 0.006)):
        expected = geod.inv(lon[r], lat[r], lon[s], lat[s])[2].reshape(found.shape) / 1000
        assert np.allclose(found, expected, rtol=tolerance, atol=1e-6)


def test_half_way_round_and_own_distance() -> None:
    ends = pd.Series({"a": 0.0, "b": 180.0})
    flat = pd.Series({"b": 0.0, "a": 0.0})
    area = pd.Series({"b": np.pi, "a": 4 * np.pi})
    found = great_circle(ends, flat, area=area)
    assert found.loc["a", "b"] == pytest.approx(np.pi * EARTH)
    assert np.diag(found).tolist() == pytest.approx([1.34, 0.67])
    assert own_distance(area).tolist() == pytest.approx([0.67, 1.34])


def test_nearest_by_looking_at_all() -> None:
    at = places()
    W, apart = neighbours(at, k=4), great_circle(at["lon"], at["lat"])
    assert np.allclose(W.sum(axis=1), 1)
    for region in at.index:
        near = apart.loc[region].drop(region).nsmallest(4).index
        assert set(W.columns[W.loc[region] > 0]) == set(near)
        assert set(W.loc[region, near]) == {0.25}


def test_contiguity_is_the_queens() -> None:
    W = neighbours(squares(("far",)), "contiguity")
    assert (W > 0).sum(axis=1).to_dict() == {
        "00": 3, "01": 5, "02": 3, "10": 5, "11": 8, "12": 5, "20": 3, "21": 5, "22": 3,
    }  # fmt: skip
    assert W.loc["11", "00"] == 0.125
    assert W.loc["00", "22"] == 0


def test_islands_are_refused_or_get_their_nearest() -> None:
    with pytest.raises(DataError, match=r"^far has no neighbours; pass islands='knn'"):
        neighbours(squares(), "contiguity")
    W = neighbours(squares(), "contiguity", k=2, islands="knn")
    assert W.attrs["islands"] == ["far"]
    assert set(W.columns[W.loc["far"] > 0]) == {"02", "12"}
    assert (W["far"] == 0).all()
    W = neighbours(squares(), "inverse_distance", cutoff=200, k=1, islands="knn")
    assert W.attrs["islands"] == ["far"]
    assert W.loc["00", "01"] == pytest.approx(W.loc["00", "11"] * 2**0.5, rel=1e-3)
    assert W.loc["00", "02"] == 0


def test_projected_places_are_measured_on_the_plane() -> None:
    gpd = pytest.importorskip("geopandas")
    points = gpd.GeoSeries.from_xy([0, 3000, 0], [0, 0, 9000], index=["a", "b", "c"], crs=3857)
    W = neighbours(points, "inverse_distance", cutoff=5.0, k=1, islands="knn")
    assert W.attrs["islands"] == ["c"]
    W = neighbours(points.to_frame("shape").set_geometry("shape"), "inverse_distance")
    assert W.loc["a"].tolist() == pytest.approx([0, 0.75, 0.25])


def test_refusals() -> None:
    at = places(4)
    with pytest.raises(DataError, match="k = 4 neighbours of 4 regions"):
        neighbours(at, k=4)
    with pytest.raises(DataError, match="share no borders; use kind='knn'"):
        neighbours(at, "contiguity")
    with pytest.raises(LabelError, match="places lack lon, lat"):
        neighbours(at.rename(columns=str.upper), k=2)
    with pytest.raises(LabelError, match="places name r0 twice"):
        neighbours(pd.concat([at, at.iloc[:1]]), k=2)
    with pytest.raises(DataError, match="cutoff has no meaning with knn"):
        neighbours(at, k=2, cutoff=100)
    with pytest.raises(DataError, match="no coordinate reference system"):
        neighbours(squares().set_crs(None, allow_override=True), k=2)
    at.iloc[1] = at.iloc[0]
    with pytest.raises(DataError, match="places r0, r1 coincide"):
        neighbours(at, "inverse_distance")
    with pytest.raises(DataError, match="lat of r2 is no coordinate"):
        great_circle(at["lon"], at["lat"].mask(at.index == "r2", 95))
    with pytest.raises(DataError, match="area of r3 is not a positive number"):
        own_distance(pd.Series({"r3": 0.0}))
    with pytest.raises(LabelError, match="labels of lat do not match"):
        great_circle(at["lon"], at["lat"].drop("r1"))
