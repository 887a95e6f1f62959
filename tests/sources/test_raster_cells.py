"""Cells of rasters: marks for no data, NaN, negative ones."""

from pathlib import Path

import numpy as np
import pytest

from carbonflows.errors import GridError
from carbonflows.sources.rasters import read_raster
from sources.raster_cases import VALUES, dataset, monthly, stored, tiff

MARKS = [-9999.0, -999.0, float(np.finfo(np.float32).min), 1e20, 9.969209968386869e36]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("form", ["nc4", "nc3", "tif"])
def test_marks_for_no_data(tmp_path: Path, mark: float, form: str) -> None:
    values = VALUES.astype(np.float32)
    values[0, :2] = mark
    path = tiff(tmp_path, values) if form == "tif" else stored(dataset(values), tmp_path, form)
    with pytest.raises(GridError, match=r"2 cells are .*mark for no data.*say missing=") as caught:
        read_raster(path, negative="keep")
    assert (caught.value.cells, caught.value.value) == (2, float(np.float32(mark)))
    for stated in (mark, float(np.float32(mark)), [mark, -1.0]):
        read = read_raster(path, missing=stated)
        assert float(read.sum()) == VALUES.sum() - 3
        assert read.attrs["missing_cells"] == 2
        assert read.attrs["treated"] == ["2 cells without data set to 0"]
    if form == "tif":
        declared = tiff(tmp_path, values, nodata=np.float32(mark))
    else:
        declared = stored(dataset(values, _FillValue=np.float32(mark)), tmp_path, form)
    read = read_raster(declared)
    assert (float(read.sum()), read.attrs["missing_cells"]) == (VALUES.sum() - 3, 2)


def test_a_number_that_only_looks_like_a_mark(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[0, 0] = -999
    path = stored(dataset(values), tmp_path)
    assert float(read_raster(path, missing=(), negative="keep")[0, 0]) == -999


def test_marks_are_compared_before_scaling(tmp_path: Path) -> None:
    packed = VALUES.astype(np.int16)
    packed[0, 0] = -9999
    path = stored(dataset(packed, scale_factor=0.5), tmp_path)
    with pytest.raises(GridError, match="1 cells are -9999"):
        read_raster(path)
    assert float(read_raster(path, missing=-9999).sum()) == (VALUES.sum() - 1) / 2


def test_nan_and_infinite_cells(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[1, 1:] = np.nan
    path = stored(dataset(values), tmp_path)
    with pytest.raises(GridError, match=r"3 cells are NaN.*missing=float\('nan'\)"):
        read_raster(path)
    read = read_raster(path, missing=float("nan"))
    assert read.attrs["missing_cells"] == 3
    assert float(read.sum()) == np.nansum(values)
    declared = read_raster(stored(dataset(values, _FillValue=np.nan), tmp_path))
    assert declared.equals(read)
    values[1, 1:] = np.inf
    with pytest.raises(GridError, match="3 cells are inf"):
        read_raster(stored(dataset(values), tmp_path))


def test_valid_range(tmp_path: Path) -> None:
    read = read_raster(stored(dataset(valid_range=np.array([2.0, 11.0])), tmp_path))
    assert read.attrs["missing_cells"] == 2
    assert float(read.sum()) == VALUES.sum() - 13


def test_negative_cells(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[2, :2] = -1.5, -2
    path = stored(dataset(values), tmp_path)
    with pytest.raises(GridError, match=r"2 negative cells, together -3.5 t; keep them"):
        read_raster(path)
    kept = read_raster(path, negative="keep")
    assert float(kept.sum()) == values.sum()
    assert kept.attrs["treated"] == ["2 negative cells, together -3.5 t: kept"]
    dropped = read_raster(path, negative="drop")
    assert float(dropped.sum()) == values.sum() + 3.5
    assert dropped.attrs["treated"] == ["2 negative cells, together -3.5 t: set to 0"]


def test_a_negative_month_does_not_hide_in_its_year(tmp_path: Path) -> None:
    values = np.ones((12, 3, 4))
    values[5, 0, 0] = -1
    path = stored(monthly("t", values), tmp_path)
    with pytest.raises(GridError, match="1 negative cells, together -1 t"):
        read_raster(path, over="sum")
    assert float(read_raster(path, over="sum", negative="drop")[0, 0]) == 11
