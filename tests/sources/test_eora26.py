"""The reader of Eora26: the published toy, exact round trips, policies, and damaged files."""

import shutil
import zipfile
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
    UnitError,
)
from carbonflows.sources.archive import Files
from carbonflows.sources.eora26 import SOURCE, read_eora26
from carbonflows.table import IOTable
from sources.layout_eora26 import write_eora26
from worlds import random_world, world

GIVEN = {"unit": "M USD"}


def small(seed: int = 1, regions: int = 4, sectors: int = 3, **options: object) -> IOTable:
    options = {"inventories": True, "emission_unit": "Gg CO2"} | options
    return random_world(seed, regions, sectors, **options)  # type: ignore[arg-type]


def same(found: IOTable, expected: IOTable) -> None:
    """The same labels and exactly the same numbers."""
    pd.testing.assert_frame_equal(found.Z, expected.Z, check_exact=True)
    pd.testing.assert_frame_equal(found.Y, expected.Y, check_exact=True)
    ours, theirs = found.extensions["emissions"], expected.extensions["emissions"]
    np.testing.assert_array_equal(ours.F.to_numpy(), theirs.F.to_numpy())
    np.testing.assert_array_equal(ours.F_Y.to_numpy(), theirs.F_Y.to_numpy())


def outside_of(table: IOTable, seed: int = 0) -> dict[str, np.ndarray | float]:
    """Discrepancies that keep rows and columns in balance."""
    rng = np.random.default_rng(seed)
    n, q = len(table.nodes), len(table.demand)
    row, column, bought = rng.uniform(0, 2, n), rng.uniform(0, 2, n), rng.uniform(0, 1, n)
    sold = rng.uniform(-1, 1, q)
    own = 3.0
    added = own + row.sum() + sold.sum() - own - column.sum()
    return {
        "row": row, "column": column, "own": own, "sold": sold, "bought": bought, "added": added,
        "emitted": 5.0,
    }  # fmt: skip


# The toy files, as published


def test_toy(shared: Path) -> None:
    table = read_eora26(
        shared / "layouts/eora26_mock", co2="I-GHG-CO2 emissions (kg) | emission_type2",
        unit="M USD", unbalanced="keep",
    )  # fmt: skip
    assert (len(table.regions), len(table.nodes), len(table.demand)) == (6, 48, 42)
    assert (table.year, table.price_basis, table.unit) == (2010, "current basic prices", "M USD")
    assert table.Z.loc[("reg1", "food"), ("reg1", "manufactoring")] == 106490.98
    assert table.Z.loc[("reg1", "electricity"), ("reg1", "food")] == 4039.1793
    homes = ("reg2", "Final consumption expenditure by households")
    assert table.Y.loc[("reg1", "manufactoring"), homes] == 80489.74
    assert table.value_added["reg1", "construction"] == 414930.96
    ext = table.extensions["emissions"]
    assert ext.stressors == ("CO2",)
    assert ext.unit["CO2"] == "kg CO2"
    assert ext.F.loc["CO2", ("reg1", "food")] == 139250.47
    assert ext.F_Y.loc["CO2", homes] == 40214002
    assert any("more than 1%" in w for w in table.provenance["warnings"])


def test_toy_is_refused_as_it_is(shared: Path) -> None:
    toy = shared / "layouts/eora26_mock"
    with pytest.raises(LabelError, match=r"2 rows of CO2.*emission_type1.*emission_type2"):
        read_eora26(toy)
    with pytest.raises(DataError, match=r"reg3/manufactoring sells 3.15\d*e\+08 but costs"):
        read_eora26(toy, co2=False, unit="M USD")


def test_recognised(shared: Path, tmp_path: Path) -> None:
    assert SOURCE.recognise(Files(shared / "layouts/eora26_mock")) == "Eora26 2010 bp"
    packed = write_eora26(small(), tmp_path / "a", packed=True)
    assert SOURCE.recognise(Files(packed)) == "Eora26 2012 bp"
    assert SOURCE.recognise(Files(tmp_path / "a")) == "Eora26 2012 bp"
    if (exio := shared / "layouts/exio3_mock").is_dir():
        assert SOURCE.recognise(Files(exio)) is None


# Round trips


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "layout",
    [{}, {"trailing": True}, {"packed": True}, {"packed": True, "inside": "Eora26_2012_bp/"},
     {"packed": True, "indices": True}, {"indices": True}, {"price": "pp"}],
)  # fmt: skip
def test_round_trip(tmp_path: Path, seed: int, layout: dict[str, object]) -> None:
    rng = np.random.default_rng(seed)
    table = small(seed, int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    found = read_eora26(write_eora26(table, tmp_path / "e", **layout), **GIVEN)  # type: ignore[arg-type]
    same(found, table)
    assert found.year == 2012
    assert found.provenance["release"] == f"Eora26 2012 {layout.get('price', 'bp')}"
    np.testing.assert_allclose(found.value_added, table.x - table.Z.sum(), rtol=1e-12)
    assert len(found.provenance["files"]) == 9


def test_wiod_round_trip(shared: Path, tmp_path: Path) -> None:
    from carbonflows.sources.wiod2013 import read_wiod2013

    table = read_wiod2013(shared / "wiod2013/wiod13_2007.npz")
    write_eora26(table, tmp_path / "e", year=2007)
    found = read_eora26(tmp_path / "e")
    same(found, table)
    assert found.unit == "M USD"
    assert found.provenance["steps"][0]["unit"].startswith("M USD, as the value added")
    assert found.members["ROW"] == ("*",)
    assert found.members["ROU"] == ("ROU",)


def test_zip_and_folder_record_the_same_bytes(tmp_path: Path) -> None:
    write_eora26(small(), tmp_path / "loose")
    packed = write_eora26(small(), tmp_path / "packed", packed=True)
    a, b = (read_eora26(p, **GIVEN).provenance["files"] for p in (tmp_path / "loose", packed))
    assert {(f["name"], f["sha256"]) for f in a} == {(f["name"], f["sha256"]) for f in b}


# Discrepancies


@pytest.fixture
def with_outside(tmp_path: Path) -> tuple[IOTable, dict[str, np.ndarray | float], Path]:
    table = small(7)
    outside = outside_of(table)
    return table, outside, write_eora26(table, tmp_path / "e", outside=outside)


def test_dropped(with_outside: tuple[IOTable, dict, Path]) -> None:
    table, outside, path = with_outside
    found = read_eora26(path, **GIVEN)
    same(found, table)
    lost = found.provenance["steps"][0]["sums of ROW"]
    assert lost["purchases from it"] == pytest.approx(outside["row"].sum())
    assert lost["sales to it"] == pytest.approx(outside["column"].sum() + outside["bought"].sum())
    assert lost["its sales to final demand"] == pytest.approx(outside["sold"].sum())
    assert lost["within it"] == pytest.approx(3.0)
    assert lost["its primary inputs"] == pytest.approx(outside["added"])
    assert lost["its emissions"] == 5.0


def test_kept(with_outside: tuple[IOTable, dict, Path]) -> None:
    table, outside, path = with_outside
    found = read_eora26(path, discrepancies="keep", **GIVEN)
    assert len(found.nodes) == len(table.nodes) + 1
    np.testing.assert_array_equal(found.Z.loc[("ROW", "TOTAL")].to_numpy()[:-1], outside["row"])
    assert found.extensions["emissions"].F.loc["CO2", ("ROW", "TOTAL")] == 5.0
    assert found.members["ROW"] == ("*",)
    assert "sums of ROW" not in found.provenance["steps"][0]


def test_to_final_keeps_outputs(with_outside: tuple[IOTable, dict, Path]) -> None:
    table, outside, path = with_outside
    found = read_eora26(path, discrepancies="to_final", **GIVEN)
    whole = read_eora26(path, discrepancies="keep", **GIVEN)
    np.testing.assert_allclose(found.x, whole.x.iloc[:-1], rtol=1e-13)
    assert list(found.categories) == ["C", "INV", "discrepancy"]
    extra = found.Y.loc[:, found.demand.get_level_values("category") == "discrepancy"].to_numpy()
    own = found.node_region[:, None] == np.arange(len(found.regions))
    np.testing.assert_allclose(extra[own], outside["column"] + outside["bought"], rtol=1e-13)
    assert not extra[~own].any()
    np.testing.assert_allclose(
        found.value_added, table.x - table.Z.sum() + outside["row"], rtol=1e-12
    )


# Re-exports


def reexporting() -> IOTable:
    """Two regions whose re-export sectors buy and sell abroad and emit nothing."""
    nodes = [(r, s) for r in ("AAA", "BBB") for s in ("goods", "Re-export & Re-import")]
    Z = [[20, 8, 5, 1], [6, 0, 0, 0], [4, 0, 30, 3], [0, 2, 4, 0]]
    Y = [[50, 2], [0, 4], [3, 40], [0, 0]]
    demand = [("AAA", "C"), ("BBB", "C")]
    return world(Z, Y, [9, 0, 7, 0], nodes, demand, final=[1, 2], emission_unit="Gg CO2")


def test_reexports_are_diagnosed(tmp_path: Path) -> None:
    path = write_eora26(reexporting(), tmp_path / "e")
    facts = read_eora26(path, **GIVEN).provenance["steps"][0]["re-exports"]
    assert facts["sectors"] == ["Re-export & Re-import"]
    # Trade: 5 + 1 + 2 of AAA's goods, 4 of its re-exports; 4 + 3 of BBB's goods, 2 of its own.
    traded, passing = 8 + 4 + 7 + 2, 4 + 2 + 1
    assert facts["share of trade between regions"] == pytest.approx(passing / traded)


def test_bypass_keeps_outputs_and_flows(tmp_path: Path) -> None:
    from carbonflows.accounts.flows import flows
    from carbonflows.solve import Leontief

    path = write_eora26(reexporting(), tmp_path / "e")
    kept = read_eora26(path, **GIVEN)
    found = read_eora26(path, reexport="bypass", **GIVEN)
    assert list(found.sectors) == ["goods"]
    np.testing.assert_allclose(found.x, kept.x[found.nodes], rtol=1e-14)
    T, T_kept = flows(Leontief(found)), flows(Leontief(kept))
    np.testing.assert_allclose(T, T_kept, rtol=1e-12)
    assert found.provenance["steps"][-1]["step"] == "bypass"


# Choices


def test_rows_are_chosen_by_name(tmp_path: Path) -> None:
    path = write_eora26(small(), tmp_path / "e")
    half = read_eora26(path, co2="Other Energy Industries", **GIVEN).extensions["emissions"]
    full = read_eora26(path, **GIVEN).extensions["emissions"]
    np.testing.assert_allclose(half.F, 0.25 * full.F, rtol=1e-12)
    assert full.unit["CO2"] == "Gg CO2"
    assert "Total CO2 emissions (Gg) from EDGAR | Total" in full.source
    two = read_eora26(
        path, co2=["Total", "Natural Gas"], **GIVEN
    ).extensions["emissions"]  # fmt: skip
    assert two.stressors == (
        "Total CO2 emissions (Gg) from EDGAR | Total", "Energy Usage (TJ) | Natural Gas",
    )  # fmt: skip
    assert two.unit.tolist() == ["Gg CO2", "TJ"]
    assert not read_eora26(path, co2=False, **GIVEN).extensions


@pytest.mark.parametrize(
    ("co2", "match"),
    [("I-GHG-CO2 emissions (Gg)", "2 rows 'I-GHG-CO2.*one or a list"),
     ("Total CO2 emission (Gg) from EDGAR", "no row .*did you mean 'Total CO2 emissions")],
)  # fmt: skip
def test_a_name_must_say_which(tmp_path: Path, co2: str, match: str) -> None:
    path = write_eora26(small(), tmp_path / "e")
    with pytest.raises(LabelError, match=match):
        read_eora26(path, co2=co2, **GIVEN)


def test_two_totals_are_listed_not_summed(tmp_path: Path) -> None:
    path = write_eora26(small(), tmp_path / "e")
    labels = path / "labels_Q.txt"
    labels.write_text(
        labels.read_text().replace("Energy Usage (TJ)", "Total CO2 emissions (Gg) from CDIAC")
    )
    with pytest.raises(LabelError, match=r"not one total.*CDIAC | Natural Gas.*EDGAR | Total"):
        read_eora26(path, **GIVEN)


@pytest.mark.parametrize(("scale", "unit"), [(1e9, "thousand USD"), (1e6, "M USD")])
def test_unit_by_magnitude(tmp_path: Path, scale: float, unit: str) -> None:
    table = small(3)
    factor = 60 * scale / float((table.x - table.Z.sum()).sum())
    found = read_eora26(
        write_eora26(table.replace(Z=table.Z * factor, Y=table.Y * factor), tmp_path / "e")
    )
    assert found.unit == unit


def test_unit_that_fits_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="plausible neither in thousand nor in million USD: state"):
        read_eora26(write_eora26(small(), tmp_path / "e"))


def test_years_and_prices(tmp_path: Path) -> None:
    write_eora26(small(1), tmp_path / "2012", packed=True)
    write_eora26(small(2), tmp_path / "2013", year=2013)
    write_eora26(small(3), tmp_path / "2013", year=2013, price="pp")
    same(read_eora26(tmp_path, 2012, **GIVEN), small(1))
    same(read_eora26(tmp_path, 2013, **GIVEN), small(2))
    found = read_eora26(tmp_path, 2013, price="pp", **GIVEN)
    same(found, small(3))
    assert found.price_basis == "current purchasers' prices"
    with pytest.raises(SourceError, match="no year 2014: there are 2012, 2013"):
        read_eora26(tmp_path, 2014)
    with pytest.raises(SourceError, match="holds the years 2012, 2013: say which one"):
        read_eora26(tmp_path)
    with pytest.raises(SourceError, match="has 2012 not in 'pp' but in bp"):
        read_eora26(tmp_path, 2012, price="pp")


@pytest.mark.parametrize("policy", ["discrepancies", "reexport", "unbalanced"])
def test_unknown_policy(tmp_path: Path, policy: str) -> None:
    with pytest.raises(SourceError, match=f"{policy}='guess' is not known"):
        read_eora26(tmp_path, **{policy: "guess"})  # type: ignore[arg-type]


# Damaged files


def edit(folder: Path, name: str, change: Callable[[list[str]], list[str]]) -> None:
    file = folder / name
    lines = file.read_text().splitlines()
    file.write_text("\n".join(change(lines)) + "\n")


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


T, FD, VA, Q, QY = (f"Eora26_2012_bp_{kind}.txt" for kind in ("T", "FD", "VA", "Q", "QY"))
DAMAGES: dict[str, tuple[str, Callable[[list[str]], list[str]], type[CarbonflowsError], str]] = {
    "line lost": (T, lambda x: x[:-1], SourceError, r"T\.txt has 11 lines.*12 were expected"),
    "line too many": (T, lambda x: [*x, x[-1]], SourceError, r"T\.txt has more than 12 lines"),
    "cut within a line": (T, lambda x: [*x[:-1], x[-1][:40]], SourceError, r"T\.txt line 12 has"),
    "column too many": (T, lambda x: [f"{a}\t1" for a in x], SourceError, r"T\.txt line 1 has 13"),
    "columns lost": (FD, lambda x: [a.rsplit("\t", 2)[0] for a in x], SourceError, r"FD\.txt line"),
    "text": (T, cell(3, 5, "n.a."), DataError, r"T\.txt line 4, column 6 is 'n\.a\.'"),
    "empty cell": (FD, cell(2, 1, ""), DataError, r"FD\.txt line 3, column 2 is empty"),
    "decimal comma": (T, cell(0, 0, "1,5"), DataError, r"T\.txt line 1, column 1 is '1,5'"),
    "infinite": (VA, cell(1, 4, "1e999"), DataError, r"VA\.txt line 2, column 5"),
    "NaN": (T, cell(1, 1, "nan"), DataError, r"T\.txt line 2, column 2"),
    "text in CO2": (Q, cell(3, 2, "x"), DataError, r"Q\.txt line 4, column 3 is 'x'"),
    "satellite cut off": (Q, lambda x: x[:3], SourceError, r"_Q\.txt has 3 lines.*has 4"),
    "households cut off": (QY, lambda x: x[:3], SourceError, r"_QY\.txt has 3 lines.*has 4"),
    "lost point in T": (T, cell(4, 3, "98765"), DataError, "sells 9|costs 9"),
    "lost point in FD": (FD, cell(4, 2, "98765"), DataError, "sells 9.*e.04|98"),
    "lost point in VA": (VA, cell(0, 4, "98765"), DataError, "costs 98"),
    "label twice": ("labels_T.txt", lambda x: [x[0], x[0], *x[2:]], LabelError, "occurs twice"),
    "label lost": ("labels_T.txt", lambda x: x[:-1], LabelError, "r4 does not have the same"),
    "label empty": ("labels_T.txt", cell(2, 3, ""), SourceError, "labels_T.txt line 3 has less"),
    "sectors swapped": ("labels_T.txt", swap(3, 4), LabelError, "r2 does not have the same labels"),
    "regions mixed": ("labels_T.txt", swap(2, 3), LabelError, "labels_T.txt.*comes back"),
    "categories swapped": ("labels_FD.txt", swap(2, 3), LabelError, "labels_FD.txt: r2 does not"),
    "code of another": ("labels_T.txt", cell(0, 1, "r9"), LabelError, "contradicts"),
    "row too many": ("labels_Q.txt", lambda x: [*x, "a\tb"], SourceError, "has 4 lines.*has 5"),
    "regions reversed": (
        "labels_FD.txt", lambda x: [*x[2:4], *x[:2], *x[4:]], SourceError, "same order",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged(tmp_path: Path, damage: str, packed: bool) -> None:
    name, change, error, match = DAMAGES[damage]
    path = write_eora26(small(), tmp_path / "Eora26_2012_bp")
    edit(path, name, change)
    if packed:
        path = Path(shutil.make_archive(str(path), "zip", path))
    with pytest.raises(error, match=match) as caught:
        read_eora26(path, **GIVEN)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [T, FD, VA, Q, QY, "labels_T.txt", "labels_FD.txt"])
def test_file_missing(tmp_path: Path, name: str) -> None:
    path = write_eora26(small(), tmp_path / "e")
    (path / name).unlink()
    match = "holds no table of Eora26" if name == T else f"has no {name}"
    with pytest.raises(SourceError, match=match):
        read_eora26(path, **GIVEN)


@pytest.mark.parametrize("kind", ["T", "FD", "VA", "Q", "labels"])
def test_mixed_releases(tmp_path: Path, kind: str) -> None:
    path = write_eora26(small(1, 4, 3), tmp_path / "e")
    other = write_eora26(small(1, 5, 3), tmp_path / "other")
    for file in other.glob(f"*{kind}*" if kind == "labels" else f"*_bp_{kind}.txt"):
        shutil.copy(file, path / file.name)
    with pytest.raises(SourceError, match=r"labels do not fit|were expected|more than"):
        read_eora26(path, **GIVEN)


def test_web_page(tmp_path: Path) -> None:
    path = write_eora26(small(), tmp_path / "e")
    (path / T).write_text("<!DOCTYPE html><html><body>Please log in</body></html>")
    with pytest.raises(SourceError, match=r"T\.txt is a web page"):
        read_eora26(path, **GIVEN)


@pytest.mark.parametrize("name", [T, "labels_T.txt"])
def test_wrong_encoding(tmp_path: Path, name: str) -> None:
    path = write_eora26(small(), tmp_path / "e")
    (path / name).write_bytes((path / name).read_text().encode("utf-16"))
    with pytest.raises(CarbonflowsError, match=name.replace(".", r"\.")):
        read_eora26(path, **GIVEN)


def test_entry_outside(tmp_path: Path) -> None:
    packed = write_eora26(small(), tmp_path / "e", packed=True)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("../evil.txt", "x")
    with pytest.raises(SourceError, match="outside itself"):
        read_eora26(packed, **GIVEN)


def test_zip_cut_off(tmp_path: Path) -> None:
    packed = write_eora26(small(), tmp_path / "e", packed=True)
    packed.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(SourceError, match="not a sound zip"):
        read_eora26(packed, **GIVEN)


@pytest.mark.parametrize("seed", range(60))
def test_any_number_times_a_hundred(tmp_path: Path, seed: int) -> None:
    """A lost decimal point is refused, or shows in the balance, which is otherwise perfect.

    On the diagonal of T it raises sales and costs alike: there only own use can give it away.
    """
    rng = np.random.default_rng(seed)
    path = write_eora26(small(), tmp_path / "e")
    name = rng.choice([T, FD, VA])
    lines = (path / name).read_text().splitlines()
    i = int(rng.integers(len(lines)))
    cells = lines[i].split("\t")
    j = int(rng.choice([k for k, c in enumerate(cells) if float(c) != 0.0]))
    edit(path, name, cell(i, j, repr(float(cells[j]) * 100)))
    try:
        found = read_eora26(path, **GIVEN)
    except DataError:
        return
    if name == T and i == j:
        share = found.Z.to_numpy()[i, i] / found.x.iloc[i]
        assert share < 0.9 or any("themselves" in w for w in found.provenance["warnings"])
    else:
        assert found.provenance["steps"][0]["balance"]["gap"] > 1e-6
