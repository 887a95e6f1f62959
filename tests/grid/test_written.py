"""Maps written block by block: the same file as from memory, and no more memory than a block."""

import numpy as np
import pytest
from geopandas import GeoDataFrame
from shapely import box

import carbonflows as cf
from carbonflows.errors import DataError, LabelError, SourceError, StoreError
from carbonflows.grid import written
from carbonflows.grid.gridded import GriddedFlows, gridded_flows
from carbonflows.grid.layers import RasterLayer
from carbonflows.grid.nodes import node_emissions
from carbonflows.grid.weights import weights
from carbonflows.grid.written import write_maps
from carbonflows.raster import Grid
from worlds import three_by_two

GRID = Grid("EPSG:6933", 0, 4e5, 2e4, 2e4, 20, 30)
LAND = GeoDataFrame(
    index=["R1", "R2", "R3"], crs="EPSG:6933",
    geometry=[box(0, 0, 1.6e5, 4e5), box(1.6e5, 0, 6e5, 2.4e5), box(1.6e5, 2.4e5, 6e5, 4e5)],
)  # fmt: skip
WAYS = ("destination", "category", "sector", "region")
SUFFIXES = (".tif", ".nc", ".zarr")


@pytest.fixture(scope="module")
def gridded() -> GriddedFlows:
    table = three_by_two()
    people = GRID.array(np.random.default_rng(0).random(GRID.shape), name="people", unit="persons")
    placed = weights(GRID, LAND, node_emissions(table), [RasterLayer("people", people)])
    return gridded_flows(cf.Leontief(table), placed)


def values_of(path, count: int) -> np.ndarray:
    """What is in a file, read by others than this package."""
    if path.suffix == ".tif":
        import rasterio

        with rasterio.open(path) as file:
            return file.read()
    import xarray as xr

    engine = {".nc": "h5netcdf", ".zarr": "zarr"}[path.suffix]
    with xr.open_dataset(path, engine=engine) as file:
        found = file["emissions"].to_numpy()
    return found.reshape(count, *GRID.shape)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("by", WAYS)
def test_a_file_has_the_maps_and_their_sums(gridded, tmp_path, by, suffix):
    path = write_maps(gridded, tmp_path / f"maps{suffix}", by)
    assert path == tmp_path / f"maps{suffix}"
    maps = gridded.maps(by)
    found = values_of(path, len(maps))
    np.testing.assert_allclose(found, maps, rtol=1e-12, atol=1e-15)
    totals = gridded.totals(by)[[str(name) for name in maps[by].values]]
    np.testing.assert_allclose(found.sum(axis=(1, 2)), totals, rtol=1e-9)


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_any_number_of_rows_at_a_time_gives_the_same_bytes(gridded, tmp_path, monkeypatch, rows):
    whole = write_maps(gridded, tmp_path / "whole.tif", "destination")
    wide = 8 * GRID.columns * len(gridded.names("destination"))
    monkeypatch.setattr(written, "_BLOCK", rows * wide)
    taken = []
    blocks = GriddedFlows.blocks

    def counting(self, by, groups=None, *, rows):
        taken.append(rows)
        return blocks(self, by, groups, rows=rows)

    monkeypatch.setattr(GriddedFlows, "blocks", counting)
    pieces = write_maps(gridded, tmp_path / "pieces.tif", "destination")
    assert taken == [rows]
    assert pieces.read_bytes() == whole.read_bytes()


def test_a_row_wider_than_a_block_is_written_by_itself(gridded, tmp_path, monkeypatch):
    monkeypatch.setattr(written, "_BLOCK", 1.0)
    path = write_maps(gridded, tmp_path / "rows.nc", "sector")
    np.testing.assert_allclose(values_of(path, 2), gridded.maps("sector"), rtol=1e-12)


def test_no_more_than_a_block_is_computed_at_once(gridded, tmp_path, monkeypatch):
    """Not with `maps`, which would need them all."""

    def refuse(*given):
        raise AssertionError("all maps at once")

    monkeypatch.setattr(GriddedFlows, "maps", refuse)
    write_maps(gridded, tmp_path / "maps.tif", "destination")


def test_groups_are_maps_of_their_own(gridded, tmp_path):
    import rasterio

    groups = {"abroad": ["R2", "R3"], "all": ["R1", "R2", "R3"]}
    path = write_maps(gridded, tmp_path / "groups.tif", "destination", groups)
    with rasterio.open(path) as file:
        assert [text.split()[-1] for text in file.descriptions] == ["abroad", "all"]
        abroad, every = file.read()
    np.testing.assert_allclose(every, gridded.map(), rtol=1e-12)
    one = gridded.only(destination=["R2", "R3"]).map()
    np.testing.assert_allclose(abroad, one, rtol=1e-12)


def test_what_it_was_narrowed_to_is_in_the_file(gridded, tmp_path):
    import rasterio

    part = gridded.only(destination="R2", sector="s1")
    path = write_maps(part, tmp_path / "part.tif", "region")
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 6933
        assert file.transform[:6] == (2e4, 0, 0, 0, -2e4, 4e5)
        assert set(file.units) == {"Mt"}
        told = file.tags()
        total = file.read().sum()
    assert told["destination"] == "R2"
    assert told["sector"] == "s1"
    assert told["stressor"] == gridded.load.name
    assert told["table"] == gridded.table
    assert told["resolution"] == "20 km"
    assert total == pytest.approx(part.caused.to_numpy().sum(), rel=1e-9)


def test_it_reads_back_as_a_raster_of_this_package(gridded, tmp_path):
    path = write_maps(gridded, tmp_path / "maps.tif", "destination")
    back = cf.read_raster(path, band="R3", negative="keep")
    np.testing.assert_allclose(back, gridded.only(destination="R3").map(), rtol=1e-12, atol=1e-15)
    assert Grid.of(back) == GRID
    assert back.attrs["units"] == "Mt"


def test_what_is_there_is_replaced_only_when_asked(gridded, tmp_path):
    path = write_maps(gridded, tmp_path / "maps.tif", "destination")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"maps\.tif"):
        write_maps(gridded, path, "sector")
    assert path.read_bytes() == before
    write_maps(gridded, path, "sector", overwrite=True)
    assert len(values_of(path, 2)) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["maps.tif"]


@pytest.mark.parametrize(
    ("path", "by", "groups", "error", "told"),
    [
        ("a.tif", "colour", None, DataError, "by='colour'"),
        ("a.tif", "destination", {"x": ["R9"]}, LabelError, "destination R9 is not in"),
        ("a.png", "destination", None, (StoreError, SourceError), "png"),
        ("no/where/a.tif", "destination", None, StoreError, "where"),
    ],
)
def test_bad_requests_are_a_line_and_leave_nothing(
    gridded, tmp_path, path, by, groups, error, told
):
    with pytest.raises(error, match=told) as caught:
        write_maps(gridded, tmp_path / path, by, groups)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_no_groups_at_all_are_refused(gridded, tmp_path):
    with pytest.raises(DataError, match=r"groups=\{\}: no map; name at least one") as caught:
        write_maps(gridded, tmp_path / "a.tif", "destination", {})
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"groups=\{\}"):
        gridded.maps("destination", {})
    assert not list(tmp_path.iterdir())


def test_maps_hold_what_pandas_sums_of_the_account_say(gridded, tmp_path):
    """Region by region: cells inside an outline hold what its nodes emit, by destination."""
    path = write_maps(gridded, tmp_path / "maps.nc", "destination")
    found = values_of(path, 3)
    x, y = np.meshgrid(GRID.x, GRID.y)  # borders are edges of cells
    inside = {"R1": x < 1.6e5, "R2": (x > 1.6e5) & (y < 2.4e5), "R3": (x > 1.6e5) & (y > 2.4e5)}
    account = gridded.caused.T.groupby(level="demand_region", sort=False).sum().T
    account = account.groupby(level="region").sum()
    for region, chosen in inside.items():
        whole = account.loc[region, gridded.names("destination")]
        np.testing.assert_allclose(found[:, chosen].sum(axis=1), whole, rtol=1e-9)
