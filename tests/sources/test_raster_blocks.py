"""Maps written row block by row block: the same file, little memory, nothing but whole maps."""

import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import GridError
from carbonflows.raster import Grid
from carbonflows.sources.raster_write import write_raster, write_raster_blocks
from sources.map_files import GRIDS, SUFFIXES, back, opened


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_blocks_of_any_length_give_the_array(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    rows, columns = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 5))
    layers = data.draw(st.integers(1, 3))
    grid = Grid("EPSG:4326", 10, 50, 0.25, 0.5, rows, columns)
    cuts = data.draw(st.sets(st.integers(1, rows)))
    edges = sorted({0, rows} | {cut for cut in cuts if cut < rows})
    values = np.random.default_rng(0).random((layers, rows, columns))
    blocks = [(a, values[:, a:b]) for a, b in pairwise(edges)]
    path = write_raster_blocks(
        blocks, grid, tmp_path_factory.mktemp("blocks") / f"made.{suffix}", labels=range(layers),
        dim="sector", name="emissions", unit="t",
    )  # fmt: skip
    found, there = back(path)
    np.testing.assert_array_equal(found.reshape(values.shape), values)
    assert there == grid


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_blocks_and_whole_array_give_the_same_file(tmp_path: Path, suffix: str) -> None:
    grid = Grid("EPSG:4326", 0, 50, 0.01, 0.01, 300, 500)  # several chunks of rows
    values = np.random.default_rng(0).random((2, *grid.shape))
    whole = xr.concat(
        [grid.array(v, name="emissions", unit="t") for v in values],
        xr.Variable("region", np.array(["A", "B"], dtype=object)),
    )
    one = write_raster(whole, tmp_path / f"one.{suffix}")
    two = write_raster_blocks(
        ((row, values[:, row : row + 7]) for row in range(0, 300, 7)), grid,
        tmp_path / f"two.{suffix}", labels=["A", "B"], dim="region", name="emissions", unit="t",
    )  # fmt: skip
    if one.is_dir():
        names = sorted(str(f.relative_to(one)) for f in one.rglob("*") if f.is_file())
        assert all((one / n).read_bytes() == (two / n).read_bytes() for n in names)
        assert len([n for n in names if n.startswith("emissions/")]) > 3
    else:
        assert one.read_bytes() == two.read_bytes()
    np.testing.assert_array_equal(back(two)[0], values)


def test_blocks_with_pairs_and_without_labels(tmp_path: Path) -> None:
    grid = GRIDS["odd"]
    nodes = pd.MultiIndex.from_tuples([("A", "coal"), ("B", "coal")], names=["region", "sector"])
    write_raster_blocks(
        [(0, np.ones((2, *grid.shape)))], grid, tmp_path / "pairs.nc", labels=nodes, dim="node",
        name="emissions", unit="t", attrs={"quantity": "consumption"},
    )  # fmt: skip
    found = opened(tmp_path / "pairs.nc").emissions
    assert found.region.to_numpy().tolist() == ["A", "B"]
    assert found.attrs["quantity"] == "consumption"
    plain = np.arange(grid.size, dtype="float32").reshape(grid.shape)
    write_raster_blocks(
        [(0, plain)], grid, tmp_path / "plain.nc", name="emissions", unit="t", dtype="float32"
    )
    np.testing.assert_array_equal(back(tmp_path / "plain.nc")[0], plain)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_stays_far_below_the_map(tmp_path: Path, suffix: str) -> None:
    """A map of 400 MB is written with less than 150 MB more than after the imports."""
    program = textwrap.dedent(
        f"""
        import resource
        import h5netcdf, h5py, numpy as np, rasterio, xarray, zarr
        from carbonflows.raster import Grid
        from carbonflows.sources.raster_write import write_raster_blocks
        grid = Grid("EPSG:4326", 0, 50, 0.01, 0.01, 2000, 2500)
        def blocks(size):
            for row in range(0, grid.rows, size):
                yield row, np.full((10, size, grid.columns), row, dtype=float)
        about = dict(labels=range(10), dim="sector", name="made", unit="t")
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        before = peak()
        write_raster_blocks(blocks(50), grid, {str(tmp_path / f"made.{suffix}")!r}, **about)
        print(peak() - before)
        """
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 150
    path = tmp_path / f"made.{suffix}"
    if suffix == "tif":
        with rasterio.open(path) as file:
            assert file.read(10, window=((1999, 2000), (0, 3))).tolist() == [[1950.0] * 3]
    else:
        with xr.open_dataset(path, engine="zarr" if suffix == "zarr" else "h5netcdf") as file:
            assert file.made[9, 1999, :3].to_numpy().tolist() == [1950.0] * 3


GOOD = np.zeros((2, 7, 5))


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([(0, GOOD[:, :3])], "rows 3 to 6 are missing; give all 7"),
        ([], "rows 0 to 6 are missing"),
        ([(0, GOOD[:, :3]), (4, GOOD[:, 4:])], "rows 4 to 6 came, the next of 7 was 3"),
        ([(0, GOOD), (0, GOOD)], "rows 0 to 6 came, the next of 7 was 7"),
        ([(0, np.zeros((2, 8, 5)))], "rows 0 to 7 came"),
        ([(0, np.zeros((7, 5)))], "is 7 × 5 float64; give 2 × rows × 5 numbers"),
        ([(0, np.zeros((2, 7, 4)))], "is 2 × 7 × 4 float64"),
        ([(0, GOOD.astype(str))], "give 2 × rows × 5 numbers"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(tmp_path: Path, blocks: list, words: str) -> None:
    with pytest.raises(GridError) as refused:
        write_raster_blocks(
            blocks, GRIDS["odd"], tmp_path / "made.nc", labels="AB", dim="region", name="made",
            unit="t",
        )  # fmt: skip
    assert words in str(refused.value)
    assert list(tmp_path.iterdir()) == []
