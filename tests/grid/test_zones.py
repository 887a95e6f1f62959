"""Sums over zones: known by hand, against rasterstats, equal to the total, names apart."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from xarray import DataArray, concat

from carbonflows.build.synthetic.place import invented_provinces
from carbonflows.errors import DataError, GridError, LabelError, ShapeError
from carbonflows.grid.coverage import coverage
from carbonflows.grid.zones import TWICE, zonal_sums, zone_names, zone_patterns, zone_points
from carbonflows.raster import CHINA_ALBERS, Grid

PROVINCES = invented_provinces("CHN", 7, np.random.default_rng(2), 1e6)
LONLAT = Grid.lonlat(1, (90, 15, 130, 50))
ALBERS = Grid.projected(PROVINCES, 50e3)
SMALL = Grid("EPSG:3857", 0, 2, 1, 1, 2, 3)


def squares(*outlines):
    labels = list("abc"[: len(outlines)])
    return gpd.GeoDataFrame(index=labels, geometry=list(outlines), crs="EPSG:3857")


def layered(grid, shape, seed=0):
    """Amounts by sector and destination."""
    values = np.random.default_rng(seed).lognormal(0, 3, (*shape, *grid.shape))
    empty = grid.array(np.zeros(grid.size), name="CO2", unit="t")
    names = [f"s{i}" for i in range(shape[0])], [f"d{i}" for i in range(shape[1])]
    return DataArray(
        values, dims=("sector", "destination", *grid.dims), name="CO2",
        coords={**empty.coords, "sector": names[0], "destination": names[1]},
    )  # fmt: skip


def test_sums_known_by_hand():
    zones = coverage(SMALL, squares(shapely.box(0, 0, 1.5, 2), shapely.box(1.5, 1, 2, 2)))
    data = SMALL.array([1.0, 2, 4, 8, 16, 32], name="CO2", unit="t")
    found = zonal_sums(zones, data, remainder="the sea")
    assert found["CO2"].to_dict() == {"a": 1 + 1 + 8 + 8, "b": 1, "the sea": 4 + 8 + 32}


@pytest.mark.parametrize("grid", [LONLAT, ALBERS], ids=["deg", "km"])
def test_lines_sum_to_the_total(grid):
    data = layered(grid, (3, 4))
    zones = coverage(grid, PROVINCES)
    found = zonal_sums(zones, data)
    assert found.index.tolist() == [*PROVINCES.index, "outside all zones"]
    assert found.columns.names == ["sector", "destination"]
    totals = data.sum(grid.dims)
    for sector, destination in found.columns:
        total = float(totals.sel(sector=sector, destination=destination))
        assert found[sector, destination].sum() == pytest.approx(total, rel=1e-12)
    brute = zones.matrix.toarray()[:, 3] @ data.values[1, 2].ravel()
    assert found.loc["CHN-04", ("s1", "d2")] == pytest.approx(brute, rel=1e-12)
    single = zonal_sums(zones, data[0])
    pd.testing.assert_frame_equal(single, found["s0"], check_names=False)
    assert single.columns.name == "destination"


def test_arrays_and_sparse_arrays_give_the_same():
    zones = coverage(LONLAT, PROVINCES)
    data = layered(LONLAT, (2, 3))
    flat = data.values.reshape(6, -1).T
    first = zonal_sums(zones, data).to_numpy()
    np.testing.assert_allclose(zonal_sums(zones, flat).to_numpy(), first, rtol=1e-12)
    np.testing.assert_allclose(zonal_sums(zones, csr_array(flat)).to_numpy(), first, rtol=1e-12)
    np.testing.assert_allclose(zone_patterns(zones, flat), first, rtol=1e-12)
    alone = zonal_sums(zones, flat[:, 0])
    np.testing.assert_allclose(alone[0], first[:, 0], rtol=1e-12)
    single = data.astype("float32")
    np.testing.assert_allclose(zonal_sums(zones, single).to_numpy(), first, rtol=1e-6)


def test_patterns_and_a_mix_give_the_sums_of_the_cells_they_stand_for():
    rng = np.random.default_rng(1)
    patterns = csr_array(rng.random((LONLAT.size, 5)) * (rng.random((LONLAT.size, 5)) < 0.1))
    patterns = csr_array(patterns / patterns.sum(axis=0))
    mix = rng.dirichlet(np.ones(5), 8).T
    zones = coverage(LONLAT, PROVINCES)
    cheap = zone_patterns(zones, patterns) @ mix
    np.testing.assert_allclose(cheap, zone_patterns(zones, patterns @ mix), rtol=1e-11)
    np.testing.assert_allclose(cheap.sum(axis=0), 1, rtol=1e-12)


def test_zones_that_cover_the_grid_leave_nothing():
    halves = squares(shapely.box(0, 0, 1.3, 2), shapely.box(1.3, 0, 3, 2))
    found = zonal_sums(coverage(SMALL, halves), np.arange(6.0) ** 2)
    assert found.loc["outside all zones", 0] == 0
    assert found[0].sum() == pytest.approx(55, rel=1e-15)


@pytest.mark.parametrize("overlap", ["share", "keep"])
def test_overlapping_zones_sum_to_the_total_too(overlap):
    shapes = squares(shapely.box(0, 0, 2, 2), shapely.box(1, 0, 2.5, 2), shapely.box(1, 1, 2, 2))
    zones = coverage(SMALL, shapes, overlap=overlap)
    data = SMALL.array([1.0, 2, 4, 8, 16, 32], name="CO2", unit="t")
    found = zonal_sums(zones, data)["CO2"]
    assert found.sum() == pytest.approx(63, rel=1e-14)
    assert found["outside all zones"] == 18
    if overlap == "keep":
        assert found.to_dict() == {
            "a": 27, "b": 2 + 16 + 18, "c": 2, "outside all zones": 18, TWICE: -(2 + 2 + 16),
        }  # fmt: skip
    else:
        assert found["a"] == pytest.approx(1 + 8 + 16 / 2 + 2 / 3)
        assert TWICE not in found.index


@pytest.mark.filterwarnings("ignore:Use .@. matmul")
def test_rasterstats_comes_close_where_cells_are_small():
    """It takes a cell for inside if its middle is."""
    rasterstats = pytest.importorskip("rasterstats")
    from rasterio import Affine

    shapes = PROVINCES.to_crs(CHINA_ALBERS)
    grid = Grid.projected(shapes, 5e3)
    data = 1 + np.sin(np.arange(grid.size) / 9).reshape(grid.shape)
    place = Affine(grid.width, 0, grid.west, 0, -grid.height, grid.north)
    theirs = rasterstats.zonal_stats(shapes, data, affine=place, stats=["sum"], nodata=-1)
    ours = zonal_sums(coverage(grid, shapes), data.ravel())[0]
    np.testing.assert_allclose(ours[:-1], [one["sum"] for one in theirs], rtol=5e-3)


def test_real_prefectures_share_a_real_grid(shared):
    shapes = gpd.read_file(shared / "china" / "prefectures_topo.json", layer="prefectures")
    shapes = shapes.set_crs("EPSG:4326", allow_override=True).set_index("区划码")
    shapes["geometry"] = shapes.make_valid(method="structure", keep_collapsed=False)
    grid = Grid.lonlat(0.25, (70, 0, 140, 60))
    data = concat([grid.array(grid.area * k, name="land", unit="km2") for k in (1, 2)], dim="layer")
    found = zonal_sums(coverage(grid, shapes), data)
    assert found.shape == (373, 2)
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-12)
    assert found[0].sum() == pytest.approx(grid.area.sum(), rel=1e-12)


# --- wrong input --------------------------------------------------------------------------------


def test_data_on_another_grid_are_refused():
    zones = coverage(LONLAT, PROVINCES)
    for other in (Grid.lonlat(0.5, (90, 15, 130, 50)), Grid.lonlat(1, (91, 15, 131, 50))):
        data = other.array(np.ones(other.size), name="CO2", unit="t")
        with pytest.raises(GridError, match=r"^CO2 \(.*is not on the zones' grid \(1°.*regrid it"):
            zonal_sums(zones, data)
    with pytest.raises(ShapeError, match=r"^patterns \(5, 1\): the grid has 1400 cells"):
        zonal_sums(zones, np.ones(5))
    with pytest.raises(ShapeError, match=r"^patterns \(1400,\)"):
        zone_patterns(zones, np.ones(1400))


def test_the_same_grid_said_otherwise_is_the_same():
    """A file gives back a reference system as WKT, coordinates in the last digit."""
    data = LONLAT.array(np.ones(LONLAT.size), name="CO2", unit="t").drop_vars("spatial_ref")
    data = data.assign_coords(lat=data["lat"].astype("float32").astype("float64"))
    renamed = Grid(LONLAT.system.to_wkt(), *(90, 50, 1, 1, 35, 40)).array(
        data.values, name="CO2", unit="t"
    )
    found = zonal_sums(coverage(LONLAT, PROVINCES), renamed)
    assert found["CO2"].sum() == pytest.approx(1400, rel=1e-14)


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_missing_values_are_refused(missing):
    data = layered(LONLAT, (1, 2))
    data[0, 1, 3, 4] = missing
    zones = coverage(LONLAT, PROVINCES)
    flat = data.values.reshape(2, -1).T
    for given_as in (data, flat, csr_array(flat)):
        with pytest.raises(DataError, match=r"^1 values on cells are missing or infinite; fill"):
            zonal_sums(zones, given_as)


def test_a_zone_with_the_label_of_the_rest():
    zones = coverage(SMALL, squares(shapely.box(0, 0, 1, 1)))
    with pytest.raises(LabelError, match=r"^'a' is a zone: give the rest another label"):
        zonal_sums(zones, np.ones(6), remainder="a")


# --- names --------------------------------------------------------------------------------------


def test_homonyms_are_kept_apart():
    zones = pd.DataFrame(
        {
            "name": ["Suzhou", "Suzhou", "Wuxi", "Yichun", "Yichun", None, "Chaoyang", "Chaoyang"],
            "province": ["Jiangsu", "Anhui", "Jiangsu", None, None, "Hainan", "Beijing", "Beijing"],
        },
        index=[320500, 341300, 320200, 360900, 230700, 469000, 110105, 110106],
    )
    assert zone_names(zones, "province").tolist() == [
        "Suzhou (Jiangsu)", "Suzhou (Anhui)", "Wuxi", "Yichun (360900)", "Yichun (230700)",
        "469000", "Chaoyang (Beijing, 110105)", "Chaoyang (Beijing, 110106)",
    ]  # fmt: skip
    by_code = zone_names(zones, zones["province"].iloc[::-1])
    assert by_code.tolist() == zone_names(zones, "province").tolist()
    assert zone_names(zones).iloc[0] == "Suzhou (320500)"


@given(st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["x", "y", None])), max_size=12))
def test_no_two_zones_have_one_name(drawn):
    zones = pd.DataFrame(drawn, columns=["name", "within"], dtype=object)
    for within in (None, "within"):
        names = zone_names(zones, within)
        assert names.is_unique
        assert all(
            name[0] == printed[0] for name, printed in zip(zones["name"], names, strict=True)
        )


def test_real_homonyms(shared):
    shapes = gpd.read_file(shared / "china" / "prefectures_topo.json", layer="prefectures")
    shapes = shapes.set_index("区划码")
    names = zone_names(shapes)
    assert names["320500"] == "Suzhou (320500)"
    assert names["341300"] == "Suzhou (341300)"
    assert names.is_unique


def test_zones_without_names():
    with pytest.raises(LabelError, match=r"^zones have no column 'name'; they have code"):
        zone_names(pd.DataFrame({"code": [1]}))
    with pytest.raises(LabelError, match=r"^zones have no column 'province'"):
        zone_names(pd.DataFrame({"name": ["a"]}), "province")
    with pytest.raises(LabelError, match=r"^7: more than one zone with this code"):
        zone_names(pd.DataFrame({"name": ["a", "b"]}, index=[7, 7]))


BOXES = squares(shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2), shapely.box(3, 0, 4, 2))


def at(*points):
    """Degrees of points in the plane of `SMALL`."""
    from pyproj import Transformer

    return Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True).transform(
        *np.array(points, dtype=float).T
    )


@pytest.mark.parametrize(("overlap", "part"), [("share", 0.5), ("keep", 1.0)])
def test_points_in_zones_by_hand(overlap, part):
    # in a; in a and b; in c; nowhere; not on the map at all
    lon, lat = at((0.5, 1), (1.5, 1), (3.5, 1), (5, 1))
    found = zone_points(
        coverage(SMALL, BOXES, overlap=overlap), np.append(lon, 0.0), np.append(lat, -90.0)
    )
    assert found.toarray().T.tolist() == [
        [1, 0, 0, 0], [part, part, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1],
    ]  # fmt: skip
    assert zone_points(coverage(SMALL, BOXES, overlap="keep"), *np.zeros((2, 0))).shape == (4, 0)


def test_a_point_on_borders_alone_is_in_the_first_zone_as_points_of_regions_are():
    from carbonflows.sources.located import located

    boxes = [shapely.box(1, 0, 2, 1), shapely.box(0, 0, 1, 1), shapely.box(0, 1, 2, 2)]
    shapes = gpd.GeoDataFrame(index=list("abc"), geometry=boxes, crs="EPSG:4326")
    zones = coverage(Grid("EPSG:4326", 0, 2, 1, 1, 2, 2), shapes)
    points = pd.DataFrame({"longitude": [1, 1, 0.5, 0.5, 1], "latitude": [0.5, 1, 1, 0.5, 2.0]})
    found = zone_points(zones, points["longitude"].to_numpy(), points["latitude"].to_numpy())
    names = np.array([*"abc", None])[found.toarray().argmax(axis=0)].tolist()
    assert names == located(points, shapes)["region"].tolist() == ["a", "a", "b", "b", "c"]
    assert found.sum(axis=0).tolist() == [1] * 5
    # On the border of one and inside of another, it is in that.
    more = gpd.GeoDataFrame(index=["d"], geometry=[shapely.box(0.5, 0.2, 1.5, 0.8)], crs=shapes.crs)
    zones = coverage(zones.grid, pd.concat([shapes, more]), overlap="share")
    found = zone_points(zones, np.array([1.0]), np.array([0.5]))
    assert found.toarray().ravel().tolist() == [0, 0, 0, 1, 0]


def test_on_land_a_coastal_cells_sea_is_nobodys():
    zones = coverage(SMALL, squares(shapely.box(0.5, 0, 1, 2), shapely.box(1, 1, 1.25, 2)))
    land = np.array([[0.5, 0.1, 1], [1, 0, 0]])
    even = np.eye(6)
    found = zone_patterns(zones, even, land=land)
    # Of the first cell's land a has all; where a zone is larger than the land, it has all.
    assert found[0].tolist() == [1, 0, 0, 0.5, 0, 0]
    assert found[1].tolist() == [0, 1, 0, 0, 0, 0]
    assert found.sum(axis=0).tolist() == [1] * 6
    assert zone_patterns(zones, even)[0].tolist() == [0.5, 0, 0, 0.5, 0, 0]
    with pytest.raises(ShapeError, match=r"land \(6,\): give a fraction for \(2, 3\) cells"):
        zone_patterns(zones, even, land=land.ravel())
