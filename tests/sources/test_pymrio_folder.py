"""Folders of pymrio: what it saves is read, what is written it loads."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import (
    CarbonflowsError,
    DataError,
    LabelError,
    SourceError,
    StoreError,
    UnitError,
)
from carbonflows.sources.archive import Files
from carbonflows.sources.pymrio_folder import SOURCE, read_pymrio, write_pymrio
from carbonflows.table import Extension, IOTable
from worlds import WORLDS, random_world

pymrio = pytest.importorskip("pymrio", reason="pymrio, whose folders these are, is missing")


def equal(found: IOTable, expected: IOTable) -> None:
    pd.testing.assert_frame_equal(found.Z, expected.Z, check_exact=True)
    pd.testing.assert_frame_equal(found.Y, expected.Y, check_exact=True)
    assert list(found.extensions) == list(expected.extensions)
    for name, ours in found.extensions.items():
        theirs = expected.extensions[name]
        pd.testing.assert_frame_equal(ours.F, theirs.F, check_exact=True)
        pd.testing.assert_frame_equal(ours.F_Y, theirs.F_Y, check_exact=True)
        assert ours.unit.tolist() == theirs.unit.tolist()
        assert ours.has_final == theirs.has_final


@pytest.fixture(scope="module")
def theirs():  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pymrio.load_test().calc_all()


def save(system, path: Path, table_format: str = "txt") -> Path:  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system.save_all(path, table_format=table_format)
    return path


# Both ways


@pytest.mark.parametrize("name", WORLDS)
def test_round_trip(tmp_path: Path, name: str) -> None:
    table = WORLDS[name]
    found = read_pymrio(write_pymrio(table, tmp_path / "t"))
    equal(found, table)
    for key in ("unit", "year", "name", "output", "price_basis", "members"):
        assert getattr(found, key) == getattr(table, key), key
    if table.value_added is not None:
        np.testing.assert_array_equal(found.value_added, table.value_added)


@pytest.mark.parametrize("name", WORLDS)
def test_pymrio_loads_what_we_write(tmp_path: Path, name: str) -> None:
    table = WORLDS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system = pymrio.load_all(write_pymrio(table, tmp_path / "t"))
    np.testing.assert_allclose(system.Z, table.Z, rtol=1e-14)
    np.testing.assert_allclose(system.Y, table.Y, rtol=1e-14)
    assert [tuple(map(str, x)) for x in system.Z.index] == list(table.nodes)
    assert list(system.Z.columns) == list(table.nodes)
    assert list(system.Y.columns) == list(table.demand)
    assert system.Z.index.names == ["region", "sector"]
    assert system.Y.columns.names == ["region", "category"]
    assert set(system.unit["unit"]) == {table.unit}
    ext = table.extensions["emissions"]
    np.testing.assert_allclose(system.emissions.F, ext.F, rtol=1e-14)
    assert system.emissions.unit.loc["CO2", "unit"] == ext.unit["CO2"]
    if ext.has_final:
        np.testing.assert_allclose(system.emissions.F_Y, ext.F_Y, rtol=1e-14)


def test_pymrio_computes_the_same(tmp_path: Path) -> None:
    from carbonflows.accounts.footprint import footprint
    from carbonflows.solve import Leontief

    table = random_world(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system = pymrio.load_all(write_pymrio(table, tmp_path / "t")).calc_all()
    account = footprint(Leontief(table), unit="Mt")
    expected = system.emissions.D_cba_reg.loc["CO2", list(table.regions)]
    np.testing.assert_allclose(account["consumption"], expected, rtol=1e-9)


@pytest.mark.parametrize("table_format", ["txt", "parquet"])
def test_what_pymrio_saves(theirs, tmp_path: Path, table_format: str) -> None:  # type: ignore[no-untyped-def]
    found = read_pymrio(save(theirs, tmp_path / "s", table_format), 2010)
    assert (found.year, found.unit, found.name) == (2010, "M USD", "testmrio")
    assert list(found.extensions) == ["emissions", "factor_inputs"]
    np.testing.assert_allclose(found.Z, theirs.Z, rtol=1e-11)
    np.testing.assert_allclose(found.Y, theirs.Y, rtol=1e-11)
    np.testing.assert_allclose(found.x_given, theirs.x["indout"], rtol=1e-11)
    ext = found.extensions["emissions"]
    assert ext.stressors == ("emission_type1 | air", "emission_type2 | water")
    assert ext.unit.tolist() == ["kg", "kg"]
    np.testing.assert_allclose(ext.F, theirs.emissions.F, rtol=1e-11)
    np.testing.assert_allclose(ext.F_Y, theirs.emissions.F_Y, rtol=1e-11)
    assert not found.extensions["factor_inputs"].has_final
    assert read_pymrio(tmp_path / "s", extensions=["emissions"]).extensions.keys() == {"emissions"}


def test_archives(theirs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    save(theirs, tmp_path / "s")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pymrio.archive(tmp_path / "s", tmp_path / "a.zip", path_in_arc="deep/down")
    packed, loose = read_pymrio(tmp_path / "a.zip"), read_pymrio(tmp_path / "s")
    equal(packed, loose)


def test_coefficients_and_output(theirs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = save(theirs, tmp_path / "s")
    whole = read_pymrio(path)
    change_parameters(path, lambda files: files.pop("Z"))
    found = read_pymrio(path)
    np.testing.assert_allclose(found.Z, whole.Z, rtol=1e-9)
    change_parameters(path, lambda files: files.pop("x"))
    with pytest.raises(SourceError, match="lists neither Z nor A with x"):
        read_pymrio(path)


def test_several_extensions(tmp_path: Path) -> None:
    table = random_world(6, 3, 2)
    land = Extension(
        pd.DataFrame(np.ones((2, 6)), ["crops", 'the "rest"\tof it'], table.nodes),
        unit="km2", name="land",
    )  # fmt: skip
    ext = table.extensions["emissions"]
    both = table.replace(extensions=[Extension(ext.F, ext.F_Y, unit="Mt"), land])
    equal(read_pymrio(write_pymrio(both, tmp_path / "t")), both)


def test_recognised(theirs, tmp_path: Path, shared: Path) -> None:  # type: ignore[no-untyped-def]
    path = write_pymrio(random_world(1), tmp_path / "t")
    assert SOURCE.recognise(Files(path)) == "pymrio folder"
    assert SOURCE.recognise(Files(save(theirs, tmp_path / "s"))) == "pymrio folder"
    assert SOURCE.recognise(Files(shared / "layouts/exio3_mock")) is None
    assert SOURCE.recognise(Files(shared / "layouts/eora26_mock")) is None


# Writing completely or not at all


def test_nothing_is_overwritten_by_accident(tmp_path: Path) -> None:
    path = write_pymrio(random_world(1), tmp_path / "t")
    with pytest.raises(StoreError):
        write_pymrio(random_world(2), path)
    equal(read_pymrio(write_pymrio(random_world(2), path, overwrite=True)), random_world(2))
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("all of it")
    with pytest.raises(StoreError, match="no system of pymrio"):
        write_pymrio(random_world(1), other, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "t"]


def test_names_that_are_no_folders(tmp_path: Path) -> None:
    table = random_world(1)
    F = table.extensions["emissions"].F
    odd = table.replace(extensions=[Extension(F, unit="Mt", name="../up")])
    with pytest.raises(StoreError, match=r"'\.\./up' cannot be a folder"):
        write_pymrio(odd, tmp_path / "t")
    assert not list(tmp_path.iterdir())


# Damaged folders


def change_parameters(path: Path, change: Callable[[dict], object]) -> None:
    file = path / "file_parameters.json"
    facts = json.loads(file.read_text())
    change(facts["files"])
    file.write_text(json.dumps(facts))


def edit(name: str, change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        file = path / name
        file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")

    return damage


def cell(line: int, column: int, text: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        cells = lines[line].split("\t")
        cells[column] = text
        return [*lines[:line], "\t".join(cells), *lines[line + 1 :]]

    return change


def no_files(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()
    (path / "readme.txt").write_text("later")


DAMAGES: dict[str, tuple[Callable[[Path], None], type[CarbonflowsError], str]] = {
    "nothing of pymrio": (no_files, SourceError, "no file_parameters.json of a system"),
    "no JSON": (
        lambda p: (p / "file_parameters.json").write_text("{"), SourceError, "line 1 is no JSON",
    ),
    "file gone": (lambda p: (p / "Y.txt").unlink(), SourceError, r"lists Y\.txt, which is not"),
    "pickled": (
        lambda p: (
            (p / "Z.txt").rename(p / "Z.pkl"),
            change_parameters(p, lambda f: f["Z"].update(name="Z.pkl")),
        ),
        SourceError, r"Z\.pkl is neither text nor Parquet",
    ),
    "shape lost": (
        lambda p: change_parameters(p, lambda f: f["Z"].pop("nr_header")), SourceError,
        "does not describe Z",
    ),
    "no Y": (lambda p: change_parameters(p, lambda f: f.pop("Y")), SourceError, "lists no Y"),
    "no unit": (lambda p: change_parameters(p, lambda f: f.pop("unit")), UnitError, "no unit file"),
    "line lost": (edit("Z.txt", lambda x: x[:-1]), SourceError, r"Z\.txt has 5 lines"),
    "line lost in F_Y": (edit("emissions/F_Y.txt", lambda x: x[:-1]), LabelError, "F_Y.*lack CO2"),
    "text": (edit("Z.txt", cell(4, 3, "x")), DataError, r"Z\.txt line 5, column 4 is 'x'"),
    "label": (edit("Y.txt", cell(4, 1, "x")), LabelError, "rows of Y .*lack r1/s2"),
    "units": (edit("unit.txt", cell(2, 2, "kg")), UnitError, "has the units 'M USD', 'kg'"),
    "unit of CO2": (edit("emissions/unit.txt", lambda x: x[:1]), UnitError, "no unit for CO2"),
    "encoding": (
        lambda p: (p / "Y.txt").write_bytes((p / "Y.txt").read_text().encode("utf-16")),
        SourceError, r"Y\.txt line 1 is not UTF-8",
    ),
    "web page": (
        lambda p: (p / "Z.txt").write_text("<html><body>no</body></html>"), SourceError,
        r"Z\.txt is a web page",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged(tmp_path: Path, damage: str) -> None:
    change, error, match = DAMAGES[damage]
    path = write_pymrio(random_world(1, 3, 2), tmp_path / "t")
    change(path)
    with pytest.raises(error, match=match) as caught:
        read_pymrio(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_parquet(theirs, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = save(theirs, tmp_path / "s", "parquet")
    file = path / "Z.parquet"
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(SourceError, match=r"Z\.parquet cannot be read as Parquet"):
        read_pymrio(path)


def test_year_that_is_not_there(tmp_path: Path) -> None:
    path = write_pymrio(random_world(1), tmp_path / "t")
    with pytest.raises(SourceError, match="holds the year 2012, not 2013"):
        read_pymrio(path, 2013)
    with pytest.raises(SourceError, match="has no extension water: there are emissions"):
        read_pymrio(path, extensions=["water"])
