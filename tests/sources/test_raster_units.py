"""Units of rasters: fluxes against geodesic areas, spellings, what contradicts."""

import calendar
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carbonflows.errors import GridError, UnitError
from carbonflows.sources.rasters import read_raster
from sources.raster_cases import (
    VALUES,
    dataset,
    geodesic_area,
    stored,
)


@pytest.mark.parametrize(
    ("unit", "year", "tonnes_per_m2", "made"),
    [
        ("kg m-2 s-1", 2007, 1e-3 * 365 * 86400, "t"),
        ("kg m-2 s-1", 2008, 1e-3 * 366 * 86400, "t"),
        ("kg CO2 m-2 s-1", 2007, 1e-3 * 365 * 86400, "t CO2"),
        ("g C m-2 day-1", 2007, 1e-6 * 365, "t C"),
        ("gC/m2/d", 2008, 1e-6 * 366, "t C"),
        ("kgCO2 m^-2 h^-1", 2007, 1e-3 * 365 * 24, "t CO2"),
        ("t km-2 a-1", None, 1e-6, "t"),
        ("t CO2/km²/yr", None, 1e-6, "t CO2"),
        ("g m⁻² month⁻¹", None, 12e-6, "t"),
        ("kt C km-2 year-1", 2008, 1e-3, "t C"),
    ],
)
def test_fluxes_become_tonnes(
    tmp_path: Path, unit: str, year: int | None, tonnes_per_m2: float, made: str
) -> None:
    read = read_raster(stored(dataset(name="fluxes", units=unit), tmp_path), year=year)
    assert read.attrs["units"] == made
    assert read.attrs["kind"] == "amount"
    for row, south in enumerate((32, 31, 30)):
        expected = VALUES[row] * geodesic_area(south, 100, 1) * tonnes_per_m2
        np.testing.assert_allclose(read[row], expected, rtol=1e-8)
    (words,) = read.attrs["treated"]
    assert "area" in words
    if "s-1" in unit:
        assert f"{365 + calendar.isleap(year or 0)} days ({year})" in words


def test_edgar_fluxes_and_emissions_agree(tmp_path: Path) -> None:
    area = np.array([[geodesic_area(s, 100, 1)] * 4 for s in (32, 31, 30)])
    flux = VALUES * 1e3 / area / (366 * 86400)
    (tmp_path / "flx").mkdir()
    made = read_raster(
        stored(dataset(flux, name="fluxes", units="kg m-2 s-1", substance="CO2"), tmp_path),
        year=2008,
    )
    told = read_raster(stored(dataset(units="Tonnes", substance="CO2"), tmp_path / "flx"))
    np.testing.assert_allclose(made, told, rtol=1e-8)
    assert told.attrs["units"] == made.attrs["units"] == "t CO2"
    assert told.attrs["treated"] == ["substance by the file: CO2"]


@pytest.mark.parametrize(
    ("unit", "kind", "kept"),
    [
        ("Tg C", None, "Tg C"), ("kt CO2", None, "kt CO2"), ("tonne carbon/cell", None, "t C"),
        ("Mg", None, "Mg"), ("persons", None, "persons"), ("M USD", None, "M USD"),
        ("TJ", None, "TJ"), ("1", "amount", "1"), ("km", "amount", "km"),
        ("persons per km2", None, "persons/km^2"), ("nW cm-2 sr-1", "density", "nW cm^-2 sr^-1"),
        ("kg m-2 s-1", "density", "kg m^-2 s^-1"), ("t km-2", "density", "t km^-2"),
    ],
)  # fmt: skip
def test_other_units_stay(tmp_path: Path, unit: str, kind: Any, kept: str) -> None:
    read = read_raster(stored(dataset(units=unit), tmp_path), kind=kind)
    np.testing.assert_array_equal(read, VALUES)
    assert read.attrs["units"] == kept
    assert read.attrs["kind"] == ("density" if kind == "density" or "per" in unit[4:] else "amount")


def test_amounts_per_time(tmp_path: Path) -> None:
    read = read_raster(stored(dataset(units="kt C yr-1"), tmp_path))
    np.testing.assert_allclose(read, VALUES * 1e3)
    assert (read.attrs["units"], read.attrs["treated"]) == ("t C", ["kt C year-1 × 1 year"])
    read = read_raster(stored(dataset(units="kg s-1"), tmp_path), year=2008)
    np.testing.assert_allclose(read, VALUES * 366 * 86.4)


def test_mass_per_area_of_a_year(tmp_path: Path) -> None:
    path = stored(dataset(units="t km-2"), tmp_path)
    with pytest.raises(GridError, match="does not tell amounts per cell from densities"):
        read_raster(path)
    read = read_raster(path, kind="flux")
    np.testing.assert_allclose(read[2, 0], 9 * geodesic_area(30, 100, 1) / 1e6, rtol=1e-8)


def test_units_that_contradict(tmp_path: Path) -> None:
    path = stored(dataset(units="kt"), tmp_path)
    with pytest.raises(UnitError, match=r"says 'kt', not 'Mt': 0.001 times as much; leave unit="):
        read_raster(path, unit="Mt")
    with pytest.raises(UnitError, match=r"says 'kt', not 'TJ'; leave unit="):
        read_raster(path, unit="TJ")
    assert read_raster(path, unit="kt CO2").attrs["treated"] == ["substance stated: CO2"]
    assert read_raster(path, unit="Gg CO2").attrs["units"] == "Gg CO2"
    path = stored(dataset(units="Tg C"), tmp_path)
    assert read_raster(path, unit="Mt").attrs["units"] == "Tg C"
    with pytest.raises(UnitError, match="says 'Tg C', not 'Tg CO2'"):
        read_raster(path, unit="Tg CO2")


@pytest.mark.parametrize(
    ("units", "options", "message"),
    [
        (None, {}, "does not say its unit: state it"),
        ("frogs", {}, "unit 'frogs' is not known; state it"),
        ("t", {"unit": "frogs"}, "unit='frogs' is not known"),
        ("1", {}, "does not tell amounts"),
        ("kg m-2 s-1", {}, "is per s and does not say of which year"),
        ("kg m-2 s-1", {"kind": "amount"}, "per area and time, which is no amount"),
        ("t", {"kind": "flux"}, "per cell, which is no flux"),
        ("t", {"kind": "density"}, "per cell, which is no density"),
        ("persons/km2", {"kind": "amount"}, "per area, which is no amount"),
        ("nW cm-2 sr-1", {"kind": "amount"}, "per area, which is no amount"),
        ("TJ/ha", {"kind": "amount"}, "per area, which is no amount"),
        ("t", {"kind": "frog"}, "kind='frog': choose from amount, density, flux"),
        ("t", {"negative": "hide"}, "negative='hide'"),
        ("t", {"flip": "x"}, "flip='x'"),
        ("t", {"flip": "half-turn"}, "has no meaning"),
        ("t", {"over": "mean"}, "over='mean'"),
        ("t", {"over": "sum"}, "twelve months of a year, and here are 1 steps"),
        ("t", {"band": 3}, "has no bands"),
    ],
)
def test_units_and_arguments_that_are_refused(
    tmp_path: Path, units: str | None, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((GridError, UnitError), match=message) as caught:
        read_raster(stored(dataset(units=units), tmp_path), **options)
    assert "\n" not in str(caught.value)


def test_a_unit_that_the_file_misspells_can_be_stated(tmp_path: Path) -> None:
    read = read_raster(stored(dataset(units="frogs"), tmp_path), unit="t CO2")
    assert read.attrs["treated"] == ["unit stated: t CO2 (the file: frogs)"]
