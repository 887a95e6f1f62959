"""The reader of EXIOBASE 3: the published toy, exact round trips, policies, damaged files."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, UnitError
from carbonflows.sources.archive import Files
from carbonflows.sources.exiobase3 import SOURCE, read_exiobase3
from carbonflows.sources.exiobase3_labels import RESTS, members_of_rests
from carbonflows.table import IOTable
from sources.layout_exiobase3 import APART, PRIMARY, SHARES, write_exiobase3
from worlds import random_world

LAYOUTS = ("3.4", "3.8", "3.9")


def small(seed: int = 1, regions: int = 4, sectors: int = 3) -> IOTable:
    return random_world(seed, regions, sectors, inventories=True, emission_unit="kg CO2")


def same(found: IOTable, expected: IOTable, *, exact: bool = True) -> None:
    """The same labels and the same numbers (emissions, sums of four rows, to the last digit)."""
    kwargs = {"check_exact": True} if exact else {"rtol": 1e-12, "check_exact": False}
    pd.testing.assert_frame_equal(found.Z, expected.Z, **kwargs)
    pd.testing.assert_frame_equal(found.Y, expected.Y, check_exact=True)
    ours, theirs = found.extensions["emissions"], expected.extensions["emissions"]
    np.testing.assert_allclose(ours.F.to_numpy(), theirs.F.to_numpy(), rtol=4e-16)
    np.testing.assert_allclose(ours.F_Y.to_numpy(), theirs.F_Y.to_numpy(), rtol=4e-16)


# The toy files, as published


def test_toy(shared: Path) -> None:
    toy = shared / "layouts/exio3_mock"
    table = read_exiobase3(toy, co2=["emission_type2"])
    assert (len(table.regions), len(table.nodes), len(table.demand)) == (6, 48, 42)
    assert (table.year, table.unit, table.x_given) == (2009, "M USD", None)
    assert list(table.regions) == ["AUS", "BRA", "FIN", "FRA", "KOR", "WF"]
    assert table.members["WF"] == members_of_rests()["WF"]
    A = table.Z.to_numpy() / table.x.to_numpy()
    assert A[0, 0] == pytest.approx(0.0990875448681, rel=1e-12)
    assert A[3, 1] == pytest.approx(0.0379914913463, rel=1e-12)
    homes = ("BRA", "Final consumption expenditure by households")
    assert table.Y.loc[("AUS", "manufactoring"), homes] == 80489.74
    ext = table.extensions["emissions"]
    assert ext.stressors == ("emission_type2",)
    assert ext.unit.iloc[0] == "kg"
    assert ext.F.loc["emission_type2", ("AUS", "food")] == 139250.47
    assert ext.F_Y.loc["emission_type2", homes] == 40214002
    assert table.provenance["release"] == "EXIOBASE 3.4 pxp 2009"
    # pymrio's x of the same system, for reg1/food
    assert table.x["AUS", "food"] == pytest.approx(239154.386473, rel=1e-11)


def test_toy_has_no_co2(shared: Path) -> None:
    with pytest.raises(LabelError, match=r"no satellite row 'CO2 - combustion.*'emission_type1'"):
        read_exiobase3(shared / "layouts/exio3_mock")


def test_recognised(shared: Path, tmp_path: Path) -> None:
    assert SOURCE.recognise(Files(shared / "layouts/exio3_mock")) == "EXIOBASE 3.4 pxp 2009"
    packed = write_exiobase3(small(), tmp_path, packed=True)
    assert SOURCE.recognise(Files(packed)) == "EXIOBASE 3 pxp 2011"
    assert SOURCE.recognise(Files(tmp_path)) == "EXIOBASE 3 pxp 2011"
    (tmp_path / "other.txt").write_text("beside it")
    assert SOURCE.recognise(Files(tmp_path)) == "EXIOBASE 3 2011 pxp"
    new = write_exiobase3(small(), tmp_path, layout="3.9", version="3.9.4", system="ixi")
    assert SOURCE.recognise(Files(new)) == "EXIOBASE 3.9.4 ixi 2011"
    assert SOURCE.recognise(Files(shared / "layouts/eora26_mock")) is None


# Round trips


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", [False, True])
def test_round_trip(tmp_path: Path, seed: int, layout: str, packed: bool) -> None:
    rng = np.random.default_rng(seed)
    table = small(seed, int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    path = write_exiobase3(table, tmp_path, layout=layout, packed=packed)
    found = read_exiobase3(path)
    same(found, table)
    assert (found.year, found.unit, found.name) == (2011, "M EUR", "EXIOBASE 3 pxp")
    assert found.extensions["emissions"].unit["CO2"] == "kg CO2"
    np.testing.assert_array_equal(found.x_given, table.x)
    np.testing.assert_allclose(found.value_added, table.x - table.Z.sum(), rtol=1e-12)
    names = {f["name"].removeprefix("IOT_2011_pxp/") for f in found.provenance["files"]}
    assert {"Z.txt", "Y.txt", "x.txt", "unit.txt"} < names
    assert found.provenance["steps"][0]["CO2 rows"] == list(SHARES)


@pytest.mark.parametrize(("core", "said"), [("Ax", "x from x.txt"), ("A", "x = A x + Y1")])
def test_coefficients_only(tmp_path: Path, core: str, said: str) -> None:
    table = random_world(3, 4, 3, emission_unit="kg CO2")
    found = read_exiobase3(write_exiobase3(table, tmp_path, core=core))
    same(found, table, exact=False)
    assert said in found.provenance["steps"][0]["Z"]
    assert (found.x_given is None) == (core == "A")


def test_flows_win_over_coefficients(tmp_path: Path) -> None:
    path = write_exiobase3(small(), tmp_path, core="ZAx")
    found = read_exiobase3(path)
    same(found, small())
    assert found.provenance["steps"][0]["Z"] == "Z.txt"


def test_wiod_round_trip(shared: Path, tmp_path: Path) -> None:
    from carbonflows.sources.wiod2013 import read_wiod2013

    table = read_wiod2013(shared / "wiod2013/wiod13_2007.npz")
    path = write_exiobase3(table, tmp_path, year=2007, system="ixi", layout="3.9")
    same(read_exiobase3(path), table)


def test_regions_become_iso3(tmp_path: Path) -> None:
    table = small(2, 3, 2)
    names = {"r1": "DEU", "r2": "WWA", "r3": "ROM"}
    path = write_exiobase3(table, tmp_path)
    for file in path.rglob("*.txt"):
        text = file.read_text()
        for old, new in names.items():
            text = text.replace(old, {"DEU": "DE"}.get(new, new))
        file.write_text(text)
    found = read_exiobase3(path)
    assert list(found.regions) == ["DEU", "WA", "ROU"]
    assert "IRQ" not in found.members["WA"]
    assert "PAK" in found.members["WA"]


def test_rests_hold_each_country_once() -> None:
    found = [code for rest in RESTS for code in members_of_rests()[rest]]
    assert len(found) == len(set(found)) > 150


# Choices


def test_rows_apart(tmp_path: Path) -> None:
    path = write_exiobase3(small(), tmp_path)
    whole = read_exiobase3(path).extensions["emissions"].F.to_numpy()[0]
    asked = ["CO2 - combustion - air", "CO2_bio - combustion - air", "SOx - air"]
    ext = read_exiobase3(path, co2=asked).extensions["emissions"]
    assert ext.stressors == tuple(asked)
    assert ext.unit.tolist() == ["kg CO2", "kg CO2", "kg"]
    np.testing.assert_allclose(ext.F.to_numpy(), np.outer([0.5, 3.0, 0.5], whole), rtol=4e-16)
    assert not read_exiobase3(path, co2=False).extensions
    with pytest.raises(LabelError, match=r"no satellite row 'CO2'.*'CO2 - combustion - air'"):
        read_exiobase3(path, co2="CO2")


def test_unknown_rows_of_co2_are_reported(tmp_path: Path) -> None:
    path = write_exiobase3(small(), tmp_path)
    for file in (path / "satellite").glob("*.txt"):
        text = file.read_text().replace("SOx - air", "CO2 - flaring - air")
        file.write_text(text.replace("CO2 - non combustion - Lime production", "CO2 - lime"))
    warnings = read_exiobase3(path).provenance["warnings"]
    assert any("left out: CO2 - lime - air, CO2 - flaring - air" in w for w in warnings)
    assert any("not in CO2: CO2 - non combustion - Lime production - air" in w for w in warnings)


@pytest.mark.parametrize("version", ["3.8.1", "3.8.2", "v3.8.2"])
def test_bad_releases(tmp_path: Path, version: str) -> None:
    found = read_exiobase3(write_exiobase3(small(), tmp_path, version=version))
    assert any("wrong final demand of electricity" in w for w in found.provenance["warnings"])
    assert version.strip("v") in found.provenance["release"]


def test_good_release_is_not_blamed(tmp_path: Path) -> None:
    found = read_exiobase3(write_exiobase3(small(), tmp_path, version="3.9.4", layout="3.9"))
    assert found.provenance["warnings"] == []


def test_years_and_systems(tmp_path: Path) -> None:
    write_exiobase3(small(1), tmp_path, packed=True)
    write_exiobase3(small(2), tmp_path, year=2012)
    write_exiobase3(small(3), tmp_path, system="ixi", packed=True)
    same(read_exiobase3(tmp_path, 2012), small(2))
    same(read_exiobase3(tmp_path, 2011, system="ixi"), small(3))
    with pytest.raises(SourceError, match="no year 2014: there are 2011, 2012"):
        read_exiobase3(tmp_path, 2014)
    with pytest.raises(SourceError, match=r"2011 as (pxp, ixi|ixi, pxp): choose with system="):
        read_exiobase3(tmp_path, 2011)
    with pytest.raises(SourceError, match="2012 not as 'ixi' but as pxp"):
        read_exiobase3(tmp_path, 2012, system="ixi")
    with pytest.raises(SourceError, match="system='both' is not known"):
        read_exiobase3(tmp_path, 2012, system="both")  # type: ignore[arg-type]


def test_year_must_be_known(tmp_path: Path) -> None:
    path = write_exiobase3(small(), tmp_path).rename(tmp_path / "unpacked")
    with pytest.raises(SourceError, match="which year it is: say it with year="):
        read_exiobase3(path)
    assert read_exiobase3(path, 1999).year == 1999


# Empty cells


def test_empty_cells_without_output_are_zero(tmp_path: Path) -> None:
    table = random_world(4, 3, 2, idle=True, emission_unit="kg CO2")
    idle = int(np.flatnonzero(table.x.to_numpy() == 0)[-1])
    path = write_exiobase3(table, tmp_path, layout="3.9")
    edit(path, "air_emissions/F.txt", cell(3, 1 + idle, ""))
    found = read_exiobase3(path)
    F, expected = found.extensions["emissions"].F.to_numpy()[0], table.extensions["emissions"].F
    assert F[idle] == pytest.approx(expected.to_numpy()[0, idle] / 2)  # what the other rows say
    assert any(
        "1 empty cell(s) of sectors without output" in w for w in found.provenance["warnings"]
    )


def test_empty_cells_with_output_are_refused(tmp_path: Path) -> None:
    path = write_exiobase3(small(), tmp_path, layout="3.9")
    edit(path, "air_emissions/F.txt", cell(3, 4, ""))
    match = r"air_emissions/F.txt: row CO2 - combustion - air, column r2/s1 is empty"
    with pytest.raises(DataError, match=match):
        read_exiobase3(path)


# Damaged files


def edit(folder: Path, name: str, change: Callable[[list[str]], list[str]]) -> None:
    file = folder / name
    file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")


def cell(line: int, column: int, text: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        cells = lines[line].split("\t")
        cells[column] = text
        return [*lines[:line], "\t".join(cells), *lines[line + 1 :]]

    return change


def swap(a: int, b: int) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        lines[a], lines[b] = lines[b], lines[a]
        return lines

    return change


def swap_labels(lines: list[str]) -> list[str]:
    """Exchange the labels of two rows, not their numbers."""
    a, b = lines[4].split("\t"), lines[5].split("\t")
    a[:2], b[:2] = b[:2], a[:2]
    return [*lines[:4], "\t".join(a), "\t".join(b), *lines[6:]]


F, F_Y = "satellite/F.txt", "satellite/F_Y.txt"
DAMAGES: dict[str, tuple[str, Callable[[list[str]], list[str]], type[CarbonflowsError], str]] = {
    "line lost": ("Z.txt", lambda x: x[:-1], SourceError, r"Z\.txt has 11 lines"),
    "line too many": ("Z.txt", lambda x: [*x, x[-1].replace("s3", "s4")], SourceError,
                      r"Z\.txt has more than 12 lines"),
    "line lost in Y": ("Y.txt", lambda x: x[:-1], LabelError, r"Y\.txt .*lack r4/s3"),
    "cut within a line": ("Y.txt", lambda x: [*x[:-1], x[-1][:30]], SourceError,
                          r"Y\.txt line 15 has"),
    "column lost": ("Z.txt", lambda x: [a.rsplit("\t", 1)[0] for a in x], SourceError, r"Z\.txt"),
    "text": ("Z.txt", cell(5, 6, "n/a"), DataError, r"Z\.txt line 6, column 7 is 'n/a'"),
    "empty cell": ("Z.txt", cell(5, 6, ""), DataError, r"Z\.txt line 6, column 7 is empty"),
    "text in F": (F, cell(7, 6, "n/a"), DataError, r"F\.txt line 8, column 7 is 'n/a'"),
    "F cut off": (F, lambda x: x[:8], SourceError, r"F\.txt lacks 'CO2 - non combustion"),
    "F line cut": (F, lambda x: [*x[:8], x[8][:50], *x[9:]], SourceError, r"F\.txt line 9 has"),
    "F_Y cut off": (F_Y, lambda x: x[:9], LabelError, r"F_Y\.txt .*lack"),
    "label twice": ("Z.txt", lambda x: [*x[:4], x[3], *x[5:]], LabelError, "occurs twice.*line 5"),
    "label empty": ("Z.txt", cell(4, 1, ""), LabelError, "an empty row label in line 5"),
    "header twice": ("Z.txt", cell(1, 3, "s1"), LabelError, "column label r1/s1 occurs twice"),
    "rows swapped": ("Z.txt", swap_labels, LabelError, r"Z\.txt .*another order from r1/s3 on"),
    "lines swapped": ("Y.txt", swap(4, 5), LabelError, r"Y\.txt .*another order from r1/s3 on"),
    "columns of F": (F, lambda x: [x[0], swap_cells(x[1]), *x[2:]], LabelError, r"F\.txt.*order"),
    "outputs swapped": ("x.txt", swap(2, 3), LabelError, r"x\.txt .*another order from r1/s3 on"),
    "other label": ("x.txt", cell(2, 1, "steel"), LabelError, r"x\.txt .*lack r1/s2.*r1/steel"),
    "lost point in Z": ("Z.txt", cell(4, 4, "98765"), DataError, "r1/s2 sells 98.*has the output"),
    "lost point in Y": ("Y.txt", cell(4, 4, "98765"), DataError, "r1/s2 sells 98.*has the output"),
    "lost point in x": ("x.txt", cell(2, 2, "98765"), DataError, "r1/s2 sells .*the output 98765"),
    "lost point in v": (F, cell(3, 2, "98765"), DataError, "r1/s2 costs 98.*has the output"),
    "two units": ("unit.txt", cell(3, 2, "kg"), UnitError, r"unit\.txt has the units 'M.EUR'"),
    "unit lost": ("satellite/unit.txt", lambda x: x[:5], UnitError, "has no known unit"),
    "header cut": ("Y.txt", lambda x: [x[0][:20], *x[1:]], SourceError, r"Y\.txt: its header"),
}  # fmt: skip


def swap_cells(line: str) -> str:
    cells = line.split("\t")
    cells[1], cells[2] = cells[2], cells[1]
    return "\t".join(cells)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged(tmp_path: Path, damage: str, packed: bool) -> None:
    name, change, error, match = DAMAGES[damage]
    path = write_exiobase3(small(), tmp_path)
    edit(path, name, change)
    if packed:
        path = Path(shutil.make_archive(str(path), "zip", path.parent, path.name))
    with pytest.raises(error, match=match) as caught:
        read_exiobase3(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["Z.txt", "Y.txt", F, "satellite/unit.txt"])
def test_file_missing(tmp_path: Path, name: str) -> None:
    path = write_exiobase3(small(), tmp_path)
    (path / name).unlink()
    with pytest.raises(CarbonflowsError, match=r"has no|holds no table|no satellite row"):
        read_exiobase3(path)


@pytest.mark.parametrize("name", ["Z.txt", "Y.txt", "x.txt", F, F_Y])
def test_mixed_releases(tmp_path: Path, name: str) -> None:
    path = write_exiobase3(small(1, 4, 3), tmp_path)
    other = write_exiobase3(small(1, 5, 3), tmp_path / "other")
    shutil.copy(other / name, path / name)
    with pytest.raises(LabelError, match="are not those in"):
        read_exiobase3(path)


@pytest.mark.parametrize("name", ["Z.txt", "Y.txt", F])
def test_same_labels_of_another_year(tmp_path: Path, name: str) -> None:
    path = write_exiobase3(small(1), tmp_path)
    other = write_exiobase3(small(2), tmp_path / "other")
    shutil.copy(other / name, path / name)
    if name == F:  # its value added shows it
        assert read_exiobase3(path, unbalanced="keep").provenance["warnings"]
    else:
        with pytest.raises(DataError, match="has the output"):
            read_exiobase3(path)


def test_web_page_and_encoding(tmp_path: Path) -> None:
    path = write_exiobase3(small(), tmp_path)
    kept = (path / "Z.txt").read_text()
    (path / "Z.txt").write_text("<!DOCTYPE html><html><body>404</body></html>")
    with pytest.raises(SourceError, match=r"Z\.txt is a web page"):
        read_exiobase3(path)
    (path / "Z.txt").write_bytes(kept.encode("utf-16"))
    with pytest.raises(SourceError, match=r"Z\.txt line 1 is not UTF-8"):
        read_exiobase3(path)


def test_entry_outside(tmp_path: Path) -> None:
    packed = write_exiobase3(small(), tmp_path, packed=True)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("../evil.txt", "x")
    with pytest.raises(SourceError, match="outside itself"):
        read_exiobase3(packed)


@pytest.mark.parametrize("seed", range(40))
def test_any_number_times_a_hundred(tmp_path: Path, seed: int) -> None:
    """A lost decimal point in flows, final demand or output is refused: the rows must add up."""
    rng = np.random.default_rng(seed)
    path = write_exiobase3(small(), tmp_path)
    name = str(rng.choice(["Z.txt", "Y.txt", "x.txt"]))
    first, index = (1, 2) if name == "x.txt" else (3, 2)
    lines = (path / name).read_text().splitlines()
    i = int(rng.integers(first, len(lines)))
    cells = lines[i].split("\t")
    j = int(rng.choice([k for k, c in enumerate(cells) if k >= index and float(c) != 0.0]))
    edit(path, name, cell(i, j, repr(float(cells[j]) * 100)))
    with pytest.raises(DataError, match="has the output"):
        read_exiobase3(path)


def test_layout_is_the_published_one(tmp_path: Path) -> None:
    """The writer's own constants: shares add up, so that sums come back exactly."""
    assert sum(SHARES.values()) == sum(PRIMARY.values()) == 1.0
    assert not set(APART) & set(SHARES)
