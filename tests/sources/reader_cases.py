"""Every reader with a release that it reads: what the mutations are tried on.

A new reader is one more entry of `CASES`. `write` lays a random table out in a folder, `read` reads
that folder; everything else is said by `Case`.
"""

import csv
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from carbonflows import sources
from carbonflows.table import Extension, IOTable
from sources.balanced import balanced
from sources.editable import packed
from worlds import random_world

REGIONS = ("AUS", "CHN", "DEU", "ROW")
FEWER = ("AUS", "CHN", "ROW")
ONE_NUMBER = "emissions of one node or final user: no total of them is published"
OWN_USE = "own use of a node: raises what it sells and what it costs alike"
NO_HOMES = "a list that ends exactly where its households begin is a list without households"
NO_YEAR = "the year stands in the names of the files only"
OTHER_EMISSIONS = "emissions of another table with the same labels: nothing ties them to the flows"


@dataclass(frozen=True)
class Case:
    """A reader and a layout that it reads.

    Attributes
    ----------
    name : str
        Reader and variant.
    write : callable
        ``write(folder, seed, stranger)`` lays out a small table, for a stranger one of another
        size and of the year after.
    read : callable
        ``read(folder, year)``.
    year : int
    tolerance : float
        Share of the sum of a row or column by which a table may miss its totals and be accepted:
        smaller damage cannot be told from what the database itself leaves open.
    own_use_open : bool
        No totals are published, only the balance of what nodes sell and cost.
    beyond : mapping
        What cannot be detected and why: (group of mutations, part of the table) → reason.
    excuse : callable, optional
        Given what was read and the truth, says why the difference cannot be detected, or nothing.
    """

    name: str
    write: Callable[[Path, int, bool], object]
    read: Callable[[Path, int], Any]
    year: int = 2010
    tolerance: float = 0.0
    own_use_open: bool = False
    beyond: Mapping[tuple[str, str], str] = field(default_factory=dict)
    excuse: Callable[[IOTable, IOTable], str] = lambda found, truth: ""

    @property
    def reader(self) -> str:
        return self.name.split()[0]


CASES: dict[str, Case] = {}


def add(case: Case) -> None:
    CASES[case.name] = case


def table_of(
    seed: int,
    stranger: bool,
    *,
    sectors: tuple[str, ...],
    categories: tuple[str, ...],
    stock: str | None = None,
    households: str | None = None,
    year: int = 2010,
    unit: str = "M USD",
    regions: tuple[str, ...] = REGIONS,
) -> IOTable:
    """A balanced table; a stranger has a region less and is of the year after."""
    regions = tuple(r for r in regions if r != "DEU") if stranger else regions
    table = balanced(seed, regions, sectors, categories, stock, unit)
    emissions = table.extensions["emissions"]
    F_Y = emissions.F_Y.copy()
    if households is not None:
        values = F_Y.to_numpy().sum(axis=0)
        F_Y[:] = 0.0
        F_Y.loc["CO2", [(r, households) for r in regions]] = values[values > 0]
    own = Extension(emissions.F, F_Y, unit="kt CO2")
    return table.replace(extensions=own, year=year + stranger)


def tidy(table: IOTable, folder: Path, households: str) -> Path:
    """Write the list of emissions that readers of tables without emissions take."""
    emissions = table.extensions["emissions"]
    homes = emissions.F_Y.loc["CO2"]
    lines = [(r, s, float(v)) for (r, s), v in emissions.F.loc["CO2"].items()]
    lines += [(r, "HH", float(homes[r, households])) for r in table.regions]
    path = folder / "emissions.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["region", "industry", "value", "unit"])
        writer.writerows([*line, "kt CO2"] for line in lines)
    return path


def reading(name: str, inside: str = "", **options: Any) -> Callable[[Path, int], Any]:
    """Read a folder, or what is inside it, with a source; paths among the options are in it too."""

    def read(folder: Path, year: int) -> Any:
        own = {k: folder / v if isinstance(v, Path) else v for k, v in options.items()}
        return sources.named(name).read(folder / inside, year, **own)

    return read


def in_zip(
    write: Callable[[Path, int, bool], object], name: str
) -> Callable[[Path, int, bool], None]:
    def packing(folder: Path, seed: int, stranger: bool) -> None:
        inner = folder / "inner"
        inner.mkdir()
        write(inner, seed, stranger)
        packed(inner, folder / name)
        shutil.rmtree(inner)

    return packing


OTHER = {("mixed", "emissions"): OTHER_EMISSIONS}
EMISSIONS = {("number", "emissions"): ONE_NUMBER} | OTHER
YEAR = {("year", "year"): NO_YEAR}
OPTIONAL = dict.fromkeys(
    (("bytes", part) for part in ("x given", "value added", "final users", "no emissions")),
    "a file that may be left out was",
)
PLACES = dict.fromkeys(
    (("label", part) for part in ("labels", "Z", "Y", "emissions", "value added", "x given")),
    "numbers without labels, or labels that stand in one place only: nothing to compare",
)
PLACES |= {("number", "labels"): PLACES["label", "labels"]}  # a byte of a label
ORDER = {("label", "emissions"): "columns may come in any order: swapped labels are another order"}
LINES = {("label", "emissions"): PLACES["label", "emissions"]}
LIST = {("bytes", "final users"): NO_HOMES}
"""For lists of emissions that users make."""
ONE_FILE = dict.fromkeys(
    (("mixed", part) for part in ("Z", "Y", "value added", "x given")),
    "another complete table of the same labels under the name of this one",
)
"""For tables that are one file."""


# carbonflows' own layouts


def _own(seed: int, stranger: bool) -> IOTable:
    return table_of(seed, stranger, sectors=("farms", "mines", "homes"), categories=("C", "I"))


def _plain(form: str) -> Callable[[Path, int, bool], object]:
    from carbonflows.sources.plain import write_plain

    def write(folder: Path, seed: int, stranger: bool) -> object:
        table = _own(seed, stranger)
        return write_plain(table, folder / str(table.year), form)  # type: ignore[arg-type]

    return write


for _form in ("csv", "parquet"):
    add(Case(f"plain {_form}", _plain(_form), reading("plain"), tolerance=1e-2,
             beyond=EMISSIONS | OPTIONAL | ORDER))  # fmt: skip


def _saved(ending: str) -> Callable[[Path, int, bool], object]:
    from carbonflows.store import save_table

    return lambda folder, seed, stranger: save_table(
        _own(seed, stranger), folder / f"table{ending}"
    )


for _ending in (".zarr", ".zip"):
    add(Case(f"saved {_ending}", _saved(_ending), reading("saved", f"table{_ending}")))


def _example(folder: Path, seed: int, stranger: bool) -> None:
    from importlib.resources import files

    year = 2009 if stranger else 2007 if seed == 0 else 2004
    shipped = files("carbonflows") / "data" / "example" / f"wiod_{year}.zip"
    (folder / "wiod.zip").write_bytes(shipped.read_bytes())


add(Case("example", _example, reading("saved", "wiod.zip"), 2007))


# WIOD


def _wiod2013(seed: int, stranger: bool) -> IOTable:
    from carbonflows.sources.wiod2013_labels import CATEGORIES, SECTORS

    return table_of(
        seed, stranger, sectors=tuple(SECTORS[c][1] for c in ("c1", "c2", "c17")),
        categories=tuple(CATEGORIES.values()), stock="INVEN", households="CONS_h", year=2007,
    )  # fmt: skip


def _wiod2013_excel(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_wiod2013 import write_wiod2013

    write_wiod2013(_wiod2013(seed, stranger), folder)


def _wiod2013_npz(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_wiod2013 import write_npz

    write_npz(_wiod2013(seed, stranger), folder)


add(Case("wiod2013 workbook", _wiod2013_excel, reading("wiod2013"), 2007, 2e-3,
         beyond=OTHER | ONE_FILE))  # fmt: skip
add(Case("wiod2013 npz", _wiod2013_npz, reading("wiod2013"), 2007, 2e-3,
         beyond=EMISSIONS | LINES | YEAR | ONE_FILE))  # fmt: skip


def _wiod2016(ending: str) -> Callable[[Path, int, bool], object]:
    from sources.layout_wiod2016 import CATEGORIES, SECTORS, write_co2, write_wiod2016

    def write(folder: Path, seed: int, stranger: bool) -> None:
        table = table_of(
            seed, stranger, sectors=SECTORS[:3], categories=CATEGORIES, stock="INVEN",
            households="CONS_h",
        )  # fmt: skip
        write_wiod2016(table, folder, ending)
        write_co2(table, folder)

    return write


for _ending in ("xlsb", "xlsx"):
    add(Case(f"wiod2016 {_ending}", _wiod2016(_ending), reading("wiod2016"), tolerance=2e-3,
             beyond=EMISSIONS | OPTIONAL | ONE_FILE))  # fmt: skip


def _lr_wiod(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_lr_wiod import CATEGORIES, write_lr_wiod

    def made(number: int, year: int) -> IOTable:
        return table_of(
            number, stranger, sectors=("AtB", "D15t16", "E"), categories=CATEGORIES, stock="INV",
            households="CONS_h", year=year,
        )  # fmt: skip

    first = made(seed, 1990)
    write_lr_wiod([first, made(seed + 50, 1991)], folder)
    tidy(first, folder, "CONS_h")


add(Case("lr_wiod", _lr_wiod, reading("lr_wiod", emissions=Path("emissions.csv")), 1990, 2e-3,
         beyond=EMISSIONS | LIST | ONE_FILE))  # fmt: skip


# Tables without emissions of their own


def _icio(edition: int, **options: bool) -> Callable[[Path, int, bool], object]:
    from sources.layout_oecd_icio import write_icio

    labels: dict[str, Any] = {
        2016: {"sectors": ("C01T05AGR", "C10T14MIN"), "categories": ("HFCE", "INV", "DIRP")},
        2018: {"sectors": ("01T03", "05T06"), "categories": ("HFCE", "INVNT", "P33")},
        2023: {"sectors": ("A01_02", "A03"), "categories": ("HFCE", "INVNT", "DPABR")},
        2025: {"sectors": ("A01", "C24A"), "categories": ("HFCE", "INVNT", "DPABR")},
    }[edition]

    def write(folder: Path, seed: int, stranger: bool) -> None:
        table = table_of(
            seed, stranger, **labels, stock=labels["categories"][1], households="HFCE",
            regions=("AUS", "CHN", "DEU", "MEX", "ROW"),
        )  # fmt: skip
        write_icio(table, folder, edition, **options)
        tidy(table, folder, "HFCE")

    return write


for _edition, _options in (
    (2016, {"discrepancy": True}), (2018, {"extended": True}), (2023, {}), (2025, {}),
):  # fmt: skip
    add(Case(f"oecd_icio {_edition}", _icio(_edition, **_options),
             reading("oecd_icio", emissions=Path("emissions.csv")), tolerance=2e-3,
             beyond=EMISSIONS | LIST | YEAR | ONE_FILE))  # fmt: skip


def _icio_zip(folder: Path, seed: int, stranger: bool) -> None:
    _icio(2021 + 2)(folder, seed, stranger)
    emissions = (folder / "emissions.csv").rename(folder.parent / f"{folder.name}.csv")
    (table,) = folder.iterdir()
    inner = folder / "inner"
    inner.mkdir()
    table.rename(inner / table.name)
    packed(inner, folder / "ICIO2023_2010-2011.zip")
    shutil.rmtree(inner)
    emissions.rename(folder / "emissions.csv")


add(Case("oecd_icio zip", _icio_zip, reading("oecd_icio", emissions=Path("emissions.csv")),
         tolerance=2e-3, beyond=EMISSIONS | LIST | YEAR | ONE_FILE))  # fmt: skip


def _figaro(flat: bool, accounts: str) -> Callable[[Path, int, bool], object]:
    from sources.layout_figaro import write_emissions, write_figaro

    def write(folder: Path, seed: int, stranger: bool) -> None:
        table = table_of(
            seed, stranger, sectors=("A01", "C10T12", "D35"),
            categories=("P3_S13", "P3_S14", "P5M"), stock="P5M", households="P3_S14",
            unit="M EUR",
        )  # fmt: skip
        write_figaro(table, folder, flat=flat)
        ending = "tsv" if accounts == "tsv" else "csv"
        write_emissions(table, folder / f"env_ac_co2fp.{ending}", accounts)

    return write


add(Case("figaro matrix", _figaro(False, "tsv"),
         reading("figaro", emissions=Path("env_ac_co2fp.tsv")),
         tolerance=6e-3, own_use_open=True, beyond=EMISSIONS | YEAR | ONE_FILE))  # fmt: skip
add(Case("figaro flat", _figaro(True, "csv"),
         reading("figaro", emissions=Path("env_ac_co2fp.csv")),
         tolerance=6e-3, own_use_open=True, beyond=EMISSIONS | YEAR | ONE_FILE))  # fmt: skip


def _adb(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_adb import CATEGORIES, SECTORS, write_adb

    table = table_of(
        seed, stranger, sectors=SECTORS, categories=CATEGORIES, stock=CATEGORIES[-1],
        households=CATEGORIES[0],
    )  # fmt: skip
    write_adb(table, folder / f"ADB-MRIO-{table.year}_Dec2022.xlsx")
    tidy(table, folder, CATEGORIES[0])


add(Case("adb", _adb, reading("adb", emissions=Path("emissions.csv")),
         tolerance=2e-3, beyond=EMISSIONS | LIST | ONE_FILE))  # fmt: skip


# Tables of several files


def _scaled(table: IOTable, money: float) -> IOTable:
    """The same world in smaller units of money."""
    extension = table.extensions["emissions"]
    return IOTable(
        table.Z * money, table.Y * money, extensions=extension, unit=table.unit, year=table.year
    )


def _gloria(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_gloria import supply_and_use, write_gloria

    table = random_world(seed, 2 if stranger else 3, 3)
    write_gloria(folder, supply_and_use(table).replace(year=2022 + stranger), year=2022 + stranger)


def _gloria_zip(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_gloria import supply_and_use, write_gloria

    table = supply_and_use(random_world(seed, 2 if stranger else 3, 3))
    write_gloria(folder, table, year=2022 + stranger, packed=True)


for _name, _write in (("gloria", _gloria), ("gloria zip", _gloria_zip)):
    add(Case(_name, _write, reading("gloria"), 2022, 1e-2,
             beyond=EMISSIONS | PLACES | YEAR | ONE_FILE))  # fmt: skip


def _gtap(naming: str) -> Callable[[Path, int, bool], object]:
    from sources.layout_gtap import REGIONS as KNOWN
    from sources.layout_gtap import gtap_world, write_gtap

    def write(folder: Path, seed: int, stranger: bool) -> None:
        world = gtap_world(seed, KNOWN[1:] if stranger else KNOWN) | {"taxed": True}
        write_gtap(folder, world, naming, name=f"flexagg9aY{12 if stranger else 11}")

    return write


for _naming in ("v6", "v7"):
    add(Case(f"gtap {_naming}", _gtap(_naming), reading("gtap"), 2011, 2e-3,
             beyond=EMISSIONS | YEAR | ONE_FILE))  # fmt: skip
add(Case("gtap zip", in_zip(_gtap("v6"), "flexagg9a.zip"), reading("gtap", "flexagg9a.zip"),
         2011, 2e-3, beyond=EMISSIONS | YEAR | ONE_FILE))  # fmt: skip


def _eora(**options: Any) -> Callable[[Path, int, bool], object]:
    from sources.layout_eora26 import write_eora26

    def write(folder: Path, seed: int, stranger: bool) -> None:
        table = random_world(seed, 3 if stranger else 4, 3, emission_unit="Gg CO2")
        write_eora26(_scaled(table, 1e8), folder, year=2012 + stranger, **options)

    return write


for _name, _options in (
    ("eora26", {}), ("eora26 indices", {"indices": True, "trailing": True}),
    ("eora26 zip", {"packed": True}),
):  # fmt: skip
    add(Case(_name, _eora(**_options), reading("eora26"), 2012, 1e-2, True,
             beyond=EMISSIONS | LINES | YEAR))  # fmt: skip


def _full_eora(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_eora import mixed, write_eora

    table = _scaled(random_world(seed, 3 if stranger else 4, 3, emission_unit="Gg CO2"), 1e8)
    write_eora(mixed(table, ["r2"]), folder, year=2013 + stranger)


add(Case("eora", _full_eora, reading("eora"), 2013, 1e-2, True,
         beyond=EMISSIONS | PLACES | YEAR | ONE_FILE))  # fmt: skip


def _emerging(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_emerging import CATEGORIES, SECTORS, write_co2, write_emerging

    table = table_of(
        seed, stranger, sectors=SECTORS, categories=CATEGORIES, stock="capital formation",
        regions=("AUS", "CHN", "DEU", "ABW"),
    )  # fmt: skip
    write_emerging(table, folder)
    write_co2(table, folder)


add(Case("emerging", _emerging, reading("emerging"), tolerance=1e-2, own_use_open=True,
         beyond=EMISSIONS | OPTIONAL | PLACES | YEAR | ONE_FILE))  # fmt: skip


def _ceads_mrio(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_ceads_mrio import china, write_ceads

    provinces = ("Beijing", "Inner Mongolia", "Shaanxi", "Hebei")[: 2 if stranger else 3]
    table = china(seed, provinces, year=2017 + stranger)
    count = sum(region != "ROW" for region, _ in table.nodes)
    write_ceads(table, folder, co2=[float(k + 1) for k in range(count)])


def _imports_of_final_users(found: IOTable, truth: IOTable) -> str:
    """Whether only what final users import differs, and output of imports with it."""
    abroad = ("ROW", "imports")
    same = found.Z.equals(truth.Z) and found.Y.drop(abroad).equals(truth.Y.drop(abroad))
    return "imports of final users: no total of them is published" if same else ""


add(Case("ceads_mrio", _ceads_mrio, reading("ceads_mrio"), 2017, 2e-3,
         beyond=EMISSIONS | OPTIONAL | ONE_FILE, excuse=_imports_of_final_users))  # fmt: skip


def _exiobase(**options: Any) -> Callable[[Path, int, bool], object]:
    from sources.layout_exiobase3 import write_exiobase3

    def write(folder: Path, seed: int, stranger: bool) -> None:
        table = random_world(seed, 3 if stranger else 4, 3, emission_unit="kg CO2")
        write_exiobase3(table, folder, year=2011 + stranger, version="3.8", **options)

    return write


for _name, _options in (
    ("exiobase3 3.8", {}), ("exiobase3 3.9", {"layout": "3.9", "system": "ixi"}),
    ("exiobase3 3.4", {"layout": "3.4", "parameters": False}),
    ("exiobase3 S", {"coefficients": True}), ("exiobase3 A", {"core": "Ax"}),
    ("exiobase3 zip", {"packed": True}),
):  # fmt: skip
    add(Case(_name, _exiobase(**_options), reading("exiobase3"), 2011, 1e-2,
             beyond=EMISSIONS | YEAR))  # fmt: skip


def _pymrio(folder: Path, seed: int, stranger: bool) -> None:
    from carbonflows.sources.pymrio_write import write_pymrio

    write_pymrio(_own(seed, stranger), folder / "system")


add(Case("pymrio_folder", _pymrio, reading("pymrio_folder"), tolerance=1e-2, beyond=EMISSIONS))
add(Case("pymrio_folder zip", in_zip(_pymrio, "system.zip"),
         reading("pymrio_folder", "system.zip"), tolerance=1e-2,
         beyond=EMISSIONS))  # fmt: skip


# Inventories


def _ceads(folder: Path, seed: int, stranger: bool) -> None:
    from sources.layout_ceads_inventory import inventory, write_inventory

    provinces = ("Hebei", "InnerMongolia", "Beijing")[: 2 if stranger else 3]
    sheets = {name: inventory(seed * 10 + i) for i, name in enumerate(provinces)}
    write_inventory(sheets, folder, 2007 + stranger)


def _read_inventory(folder: Path, year: int) -> pd.DataFrame:
    from carbonflows.sources.ceads_inventory import read_ceads_inventory

    return read_ceads_inventory(folder, year)


add(Case("ceads_inventory", _ceads, _read_inventory, 2007))
