"""CDIAC's one-degree grid: the published totals, and what happens to damaged files."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from carbonflows.errors import DataError, GridError, SourceError
from carbonflows.raster import Grid
from carbonflows.sources.cdiac import read_cdiac

# Sums of the column, by awk.
TOTALS = {2004: 7390.436157, 2007: 8063.796599, 2009: 8151.926037, 2012: 9206.654586}


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def lines() -> list[str]:
    """A file that is right: 1 Tg C in the north-west corner, 2 near London, 0.5 in the south."""
    cells = np.zeros((180, 360))
    cells[0, 0], cells[38, 180], cells[150, 300] = 1, 2, 0.5
    return [f" {value:.6E}" for value in cells.ravel()]


@pytest.mark.parametrize("year", TOTALS)
def test_published_years_have_their_totals(shared: Path, year: int) -> None:
    data = read_cdiac(shared / "grid", year)
    assert float(data.sum()) == pytest.approx(TOTALS[year], abs=1e-5)
    assert data.attrs["units"] == "Mt C"
    assert data.attrs["year"] == year
    co2 = read_cdiac(shared / "grid" / f"gridcar.{year}.gz", carbon=False)
    assert co2.attrs["units"] == "Mt CO2"
    assert float(co2.sum()) == pytest.approx(TOTALS[year] * 44 / 12, abs=1e-4)
    # The largest cell of all is Tokyo's.
    peak = data.stack(cell=("lat", "lon")).idxmax("cell").item()
    assert peak == (35.5, 139.5)


def test_world_2007_in_gigatonnes(shared: Path) -> None:
    assert float(read_cdiac(shared / "grid", 2007).sum()) == pytest.approx(8063.8, abs=0.05)
    co2 = read_cdiac(shared / "grid", 2007, carbon=False)
    assert float(co2.sum()) / 1e3 == pytest.approx(29.57, abs=0.005)


def test_first_line_is_the_north_west_corner(tmp_path: Path, lines: list[str]) -> None:
    data = read_cdiac(written(tmp_path / "gridcar.1999", lines))
    assert Grid.of(data) == Grid.lonlat(1)
    assert float(data.sel(lat=89.5, lon=-179.5)) == 1
    assert float(data.sel(lat=51.5, lon=0.5)) == 2
    assert float(data.sel(lat=-60.5, lon=120.5)) == 0.5
    assert data.attrs["treated"] == []


def test_plain_and_gzipped_agree(tmp_path: Path, lines: list[str]) -> None:
    plain = read_cdiac(written(tmp_path / "gridcar.1999", lines))
    packed = tmp_path / "gridcar.1999.gz"
    packed.write_bytes(gzip.compress((tmp_path / "gridcar.1999").read_bytes()))
    assert read_cdiac(packed).equals(plain)


def test_a_name_that_says_nothing_is_read_with_the_year_stated(
    tmp_path: Path, lines: list[str]
) -> None:
    path = written(tmp_path / "carbon.txt", lines)
    assert "year" not in read_cdiac(path).attrs
    assert read_cdiac(path, 1999).attrs["year"] == 1999


def test_lines_that_are_wrong(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "gridcar.1999"
    with pytest.raises(SourceError, match=r"64799 lines of numbers, 64800 were expected"):
        read_cdiac(written(path, lines[:-1]))
    with pytest.raises(SourceError, match=r"more than 64800 lines"):
        read_cdiac(written(path, [*lines, " 0.000000E+00"]))
    with pytest.raises(DataError, match="ocean"):
        read_cdiac(written(path, [*lines[:500], "ocean", *lines[501:]]))
    with pytest.raises(DataError, match=r"(?i)nan"):
        read_cdiac(written(path, [*lines[:500], " NaN", *lines[501:]]))
    with pytest.raises(GridError, match=r"2 negative cells, together -4 Tg C"):
        read_cdiac(written(path, [" -3.000000E+00", " -1.0", *lines[2:]]))


def test_a_file_from_south_to_north(tmp_path: Path, lines: list[str]) -> None:
    upside_down = np.array(lines).reshape(180, 360)[::-1].ravel().tolist()
    with pytest.raises(GridError, match=r"86% of its emissions south of the equator"):
        read_cdiac(written(tmp_path / "gridcar.1999", upside_down))


def test_files_that_are_not_there_or_damaged(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_cdiac(tmp_path / "gridcar.1999")
    with pytest.raises(SourceError, match="no file like gridcar"):
        read_cdiac(tmp_path)
    whole = gzip.compress(written(tmp_path / "gridcar.1999", lines).read_bytes())
    cut = tmp_path / "gridcar.2000.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="not a complete gzip file"):
        read_cdiac(cut)
    (tmp_path / "gridcar.2001.Z").write_bytes(b"\x1f\x9d")
    with pytest.raises(SourceError, match="uncompress it first"):
        read_cdiac(tmp_path / "gridcar.2001.Z")
    with pytest.raises(SourceError, match="holds the years 1999, 2000, 2001: say which one"):
        read_cdiac(tmp_path)
    with pytest.raises(SourceError, match="has no year 2007"):
        read_cdiac(tmp_path, 2007)
    with pytest.raises(SourceError, match="is of 1999, not 2007"):
        read_cdiac(tmp_path / "gridcar.1999", 2007)
