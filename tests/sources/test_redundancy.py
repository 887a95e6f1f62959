"""What is published twice is compared: totals, coefficients, orders of labels, numbers of lines."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carbonflows.errors import CarbonflowsError
from sources.editable import Grid, Labelled, Part, packed, parts_of, unpacked
from sources.reader_cases import CASES


def laid_out(name: str, folder: Path) -> Path:
    CASES[name].write(folder, 0, False)
    return folder


def read(name: str, folder: Path) -> Any:
    return CASES[name].read(folder, CASES[name].year)


def edit(folder: Path, pattern: str, change: Callable[[Part], object], part: str = "") -> None:
    """Change a part of the one file of a name, also of one within an archive."""
    for archive in folder.rglob("*.zip"):
        inside = folder / "inside"
        unpacked(archive, inside)
        edit(inside, pattern, change, part)
        packed(inside, archive)
        return
    (file,) = folder.rglob(pattern)
    parts, save = parts_of(file)  # type: ignore[misc]
    change(parts[part or next(iter(parts))])
    save()


def cell(row: int, column: int, value: Any) -> Callable[[Part], object]:
    return lambda part: part.set((row, column), value)


def swapped(*pairs: tuple[tuple[Any, ...], tuple[Any, ...]]) -> Callable[[Part], object]:
    def swap(part: Part) -> None:
        for one, other in pairs:
            first, second = part.get(one), part.get(other)
            part.set(one, second)
            part.set(other, first)

    return swap


def times(factor: float, *place: Any) -> Callable[[Part], object]:
    return lambda part: part.set(place, factor * float(part.get(place)))


def rows(change: Callable[[list[list[Any]]], object]) -> Callable[[Part], object]:
    def changed(part: Part) -> None:
        assert isinstance(part, Grid)
        change(part.rows)

    return changed


def lost_fuel(part: Part) -> None:
    assert isinstance(part, Labelled)
    part.values, part.elements[0] = part.values[1:], part.elements[0][1:]


REFUSED = {
    "a sector of one country stands elsewhere than in the others": (
        "wiod2013 workbook", "AUS*.xls", swapped(((2, 1), (1, 1))), "",
        r"AUS_CO2_May12.xls|CHN_CO2_May12.xls.* come in another order from sec",
    ),
    "an industry of one country stands elsewhere than in the others": (
        "wiod2016 xlsx", "CO2*.xlsx", swapped(((2, 0), (4, 0))), "DEU",
        r"sheet DEU are not those in sheet AUS: they come in another order from FC_HH",
    ),
    "households of some countries only": (
        "lr_wiod", "emissions.csv", rows(lambda lines: lines.pop()), "",
        r"emissions.csv has no CO2 for ROW/CONS_h but for others: it is cut off",
    ),
    "a total for some countries only": (
        "figaro flat", "env*.csv",
        rows(lambda lines: lines.remove(next(x for x in lines if x[4:6] == ["TOTAL", "DE"]))), "",
        r"has a line TOTAL for other regions but not for DEU in 2010: it is cut off",
    ),
    "no industry": (
        "figaro flat", "env*.csv", cell(1, 4, ""), "", r"csv: a line of AU has no industry: get",
    ),
    "fuels of one header only": (
        "gtap v6", "gsdemiss.har", lost_fuel, "MIP",
        r"header 'MIP' and others before it differ in the fuels coa",
    ),
    "elements of one header swapped": (
        "gtap v7", "gsdfemiss.har",
        swapped((("element", 1, 0), ("element", 1, 1))), "MDP",
        r"headers 'MDF' and 'MDP' list the set REG in different orders, from chn on",
    ),
    "lines of labels exchanged": (
        "gloria", "*ReadMe*.xlsx",
        rows(lambda lines: lines.insert(1, lines.pop(2))), "Sectors",
        r"sheet 'Sectors' is not numbered 2, 3, … in Lfd_Nr \(line 2 is '1'\): lines were lost",
    ),
    "a column of labels twice": (
        "gloria", "*ReadMe*.xlsx", cell(0, 0, "Sector_names"), "Sectors",
        r"sheet 'Sectors' has two columns Sector_names: get it again",
    ),
    "an extension that is not described": (
        "pymrio_folder", "", None, "", r"system/emissions/F.txt has no file_parameters.json beside",
    ),
    "two columns of output": (
        "plain parquet", "x.parquet",
        rows(lambda lines: [line.append(line[-1]) for line in lines]), "",
        r"x.parquet has 2 columns of numbers: write one, called value",
    ),
    "a column of the long list twice": (
        "lr_wiod", "lr_wiod*.csv", cell(0, 2, "year"), "", r"csv has a column twice: it is no file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str, tmp_path: Path) -> None:
    name, pattern, change, part, message = REFUSED[what]
    laid_out(name, tmp_path)
    if change is None:
        (tmp_path / "system" / "emissions" / "file_parameters.json").unlink()
    else:
        edit(tmp_path, pattern, change, part)
    with pytest.raises(CarbonflowsError, match=message):
        read(name, tmp_path)


WARNED = {
    "emissions that are not output times coefficients": (
        "exiobase3 S", "F.txt", times(10, 7, 3), "",
        r"1 emission\(s\) differ by more than 1% from output times .*S.txt: CO2 - comb",
    ),
    "other rows in the coefficients": (
        "exiobase3 S", "S.txt", cell(7, 0, "CO2 - else"), "", r"S.txt does not have the rows and",
    ),
    "purchases with taxes that are many times those without": (
        "gtap v6", "gsddat.har", times(0.1, 4, 0), "VDGM",
        r"VDGM and VDGA differ by more than a factor of 5 in 1 place\(s\), most at ser/usa",
    ),
    "exports with taxes that are many times those without": (
        "gtap v6", "gsddat.har", times(0.01, 0, 1, 2), "VXMD", r"VXMD and VXWD differ by more",
    ),
    "a blank among years": (
        "wiod2016 xlsx", "CO2*.xlsx", cell(1, 2, ""), "CHN",
        r"1 blank cell\(s\) of 2010 were read as zero: CHN/A01",
    ),
    "output of a plain folder": (
        "plain csv", "x.csv", times(1.02, 3, 2), "", r"1 node\(s\) are off by more than 1%",
    ),
    "value added of a plain folder": (
        "plain csv", "value_added.csv", times(1.1, 3, 2), "", r"AUS/homes, which costs",
    ),
    "output of a folder of pymrio": (
        "pymrio_folder", "x.txt", times(1.02, 3, 2), "", r"2? ?node\(s\) are off by more than 1%",
    ),
    "a unit that nobody knows": (
        "pymrio_folder", "emissions/unit.txt", cell(1, 1, "kt CO3"), "",
        r"unit.txt: 'kt CO3' is no known unit",
    ),
    "own use": (
        "figaro matrix", "matrix*.csv", times(10**4, 1, 1), "",
        r"1 node\(s\) use more than 90% of their output themselves: AUS/A01",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WARNED)
def test_warned(what: str, tmp_path: Path) -> None:
    name, pattern, change, part, message = WARNED[what]
    assert read(name, laid_out(name, tmp_path)).provenance.get("warnings", []) == []
    edit(tmp_path, pattern, change, part)
    warnings = read(name, tmp_path).provenance["warnings"]
    assert re.search(message, "\n".join(warnings)), warnings


def test_coefficients_that_pymrio_saved(tmp_path: Path) -> None:
    import json

    laid_out("pymrio_folder", tmp_path)
    place = tmp_path / "system" / "emissions"
    entry = json.loads((place / "file_parameters.json").read_text())
    entry["files"]["S"] = {**entry["files"]["F"], "name": "S.txt"}
    (place / "file_parameters.json").write_text(json.dumps(entry))
    (place / "S.txt").write_text((place / "F.txt").read_text())
    warnings = read("pymrio_folder", tmp_path).provenance["warnings"]
    assert len(warnings) == 1
    assert warnings[0].startswith("12 emission(s) differ by more than 1% from output times")


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("eora26", "Eora26*_Q.txt"), ("exiobase3 3.8", "Y.txt"), ("pymrio_folder", "emissions/F.txt")],
)
def test_last_line_that_does_not_end(name: str, pattern: str, tmp_path: Path) -> None:
    before = read(name, laid_out(name, tmp_path)).provenance["warnings"]
    (file,) = tmp_path.rglob(pattern)
    file.write_bytes(file.read_bytes()[:-2])
    new = [w for w in read(name, tmp_path).provenance["warnings"] if w not in before]
    assert any(f"{file.name} ends within a line: it may be cut off" in w for w in new)


@pytest.mark.parametrize("name", ["adb", "wiod2016 xlsb", "ceads_inventory", "gloria"])
def test_a_workbook_damaged_anywhere_is_refused_or_whole(name: str, tmp_path: Path) -> None:
    """Each sheet of a workbook is packed: a wrong byte is found when it is unpacked."""
    laid_out(name, tmp_path)
    (file,) = (p for p in tmp_path.rglob("*.xls[xb]") if "CO2" not in p.name)
    whole = file.read_bytes()
    refused = 0
    for at in range(40, len(whole), max(1, len(whole) // 60)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            read(name, tmp_path)
        except CarbonflowsError as error:
            refused += file.name in str(error)
    assert refused > 20
