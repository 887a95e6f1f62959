"""Files that are no rasters, or are cut off or damaged."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from carbonflows.errors import GridError, SourceError
from carbonflows.sources.rasters import read_raster
from sources.raster_cases import dataset, stored, tiff


def test_files_that_are_not_rasters(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_raster(tmp_path / "none.tif")
    with pytest.raises(SourceError, match="no raster that is known"):
        read_raster(tmp_path)
    for content, message in (
        (b"region,value\n", "no raster that is known: give GeoTIFF"),
        (b"", "no raster that is known"),
        (b"PK\3\4....", "an archive: unpack it first"),
        (b"CDF\5....", "nccopy -k nc4"),
    ):
        path = tmp_path / "raster.nc"
        path.write_bytes(content)
        with pytest.raises(SourceError, match=message):
            read_raster(path)


@pytest.mark.parametrize("form", ["nc4", "nc3", "tif"])
def test_files_that_are_cut_off(tmp_path: Path, form: str) -> None:
    values = np.random.default_rng(0).random((60, 80))
    lat, lon = 60 - np.arange(60) - 0.5, np.arange(80) + 0.5
    if form == "tif":
        path = tiff(tmp_path, values, compress="deflate")
    else:
        path = stored(dataset(values, lat, lon), tmp_path, form)
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(SourceError, match="is cut off or damaged; get it again") as caught:
            read_raster(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_raster(path), values)


def test_a_zarr_folder_with_a_damaged_chunk(tmp_path: Path) -> None:
    path = stored(dataset(), tmp_path, "zarr")
    (chunk,) = (p for p in (path / "emissions").iterdir() if not p.name.startswith("."))
    chunk.write_bytes(chunk.read_bytes()[:10])
    with pytest.raises(SourceError, match="is cut off or damaged"):
        read_raster(path)
    shutil.rmtree(path / "lat")
    with pytest.raises((SourceError, GridError)):
        read_raster(path)
