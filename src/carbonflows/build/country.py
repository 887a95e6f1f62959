"""What is known of a country's regions before a table of them exists."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.build.regional import RegionalTable
from carbonflows.errors import DataError, LabelError, quoted, some
from carbonflows.inventory import EnergyBalance, combined, sectoral_emissions
from carbonflows.inventory.places import named_regions
from carbonflows.labels import repeated
from carbonflows.sources.ceads_provinces import PROVINCES, province

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

SIZE = ("area_km2", "population", "gdp")
PLACE = ("longitude", "latitude", *SIZE)
"""Columns that the regions of a country need."""
Wanted: TypeAlias = Literal["finite number", "number from zero", "number above zero"]


@dataclass(frozen=True, eq=False)
class CountryData:
    """Statistics of a country's regions.

    Parameters
    ----------
    regions : DataFrame
        Index region; ``longitude``, ``latitude`` [degrees], ``area_km2``, ``population``
        [persons], ``gdp`` [its own unit]; optional ``code`` and ``group``.
    tables : mapping of str to RegionalTable
        Published regional tables; none where trade and technology have to be estimated.
    samples : mapping of str to DataFrame
        Sector → known flows of a commodity between regions, origin × destination.
    inventory : DataFrame, optional
        ``province``, ``sector``, ``fuel``, ``value`` [Mt CO2].
    energy : EnergyBalance, optional
        Energy statistics that the inventory was made from, see `inventoried`.
    factors : DataFrame, optional
        Emission factors it was made with.
    output, final : DataFrame, optional
        Proxies of output, region × sector, and of final use, region × category.
    exports : Series, optional
        Share of each region in the country's exports.
    shapes : GeoDataFrame, optional
        Outlines, index region.
    source : str
        Where all this comes from.

    Raises
    ------
    LabelError
        Fewer than two regions, regions that are there twice or are not the same everywhere, a
        column that is missing, a code of another region, an empty group, or tables of different
        sectors.
    DataError
        Coordinates that are no numbers, or area, population or GDP that is not above zero.

    Examples
    --------
    >>> columns = ["longitude", "latitude", "area_km2", "population", "gdp"]
    >>> places = pd.DataFrame([[0, 50, 1e4, 1e6, 10], [1, 51, 2e4, 2e6, 30]], ["A", "B"], columns)
    >>> CountryData(places).regions.index.tolist()
    ['A', 'B']
    """

    regions: pd.DataFrame
    tables: Mapping[str, RegionalTable] = field(default_factory=dict)
    samples: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    inventory: pd.DataFrame | None = None
    energy: EnergyBalance | None = None
    factors: pd.DataFrame | None = None
    output: pd.DataFrame | None = None
    final: pd.DataFrame | None = None
    exports: pd.Series | None = None
    shapes: "GeoDataFrame | None" = None
    source: str = ""

    def __post_init__(self) -> None:
        require_places(self.regions, "regions")
        parts = {
            "tables": self.tables or None,
            "inventory": None if self.inventory is None else self.inventory["province"].unique(),
            "output": None if self.output is None else self.output.index,
            "final": None if self.final is None else self.final.index,
            "exports": None if self.exports is None else self.exports.index,
            "shapes": None if self.shapes is None else self.shapes.index,
            **{f"sample of {key}": sample.index for key, sample in self.samples.items()},
            **{
                f"sample of {key}, destinations": sample.columns
                for key, sample in self.samples.items()
            },
        }
        for what, given in parts.items():
            if given is not None:
                require_regions(given, self.regions, what)
        for what in ("sectors", "categories"):
            _same_labels(self.tables, what)


def inventoried(
    energy: EnergyBalance, factors: pd.DataFrame, process: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the inventory of energy statistics, with that of processes where there is one.

    Parameters
    ----------
    energy : EnergyBalance
    factors : DataFrame
        See `carbonflows.inventory.emission_factors`.
    process : DataFrame, optional
        See `carbonflows.inventory.process_emissions`.

    Returns
    -------
    DataFrame
        ``province``, ``sector``, ``fuel``, ``value`` [Mt CO2]: what is burned, in final use and for
        power and heat; losses and non-energy use left out.

    Examples
    --------
    >>> from carbonflows.inventory import emission_factors, energy_balance
    >>> line = ["A", "Construction", "Other bituminous coal", 100.0, "10^4 t"]
    >>> lines = pd.DataFrame([line], columns=["region", "row", "fuel", "value", "unit"])
    >>> found = inventoried(energy_balance(lines), emission_factors("ipcc2006"))
    >>> float(found["value"].sum().round(5))  # 1 Mt of 25.8 TJ/Gg and 25.8 kg C/GJ
    2.44068
    """
    burned = sectoral_emissions(energy, factors)
    return burned if process is None else combined(burned, process)


def require_places(regions: pd.DataFrame, where: str) -> None:
    """Refuse regions that cannot be told apart or lack a number that every region needs.

    Parameters
    ----------
    regions : DataFrame
        As in `CountryData`.
    where : str
        File or frame, for messages.

    Raises
    ------
    LabelError, DataError
        See `CountryData`.

    Examples
    --------
    >>> require_places(pd.DataFrame({"gdp": [1.0]}, ["A"]), "regions.csv")
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: regions.csv: only A; a country needs two regions at least
    """
    names = regions.index
    if any(pd.isna(name) or not str(name).strip() for name in names):
        raise LabelError(f"{where}: a line has no region; name it or leave the line out")
    if twice := repeated(names):
        raise LabelError(f"{where}: region {some(twice)} is there twice; name each once")
    if len(names) < 2:
        found = f"only {names[0]}" if len(names) else "no region"
        raise LabelError(f"{where}: {found}; a country needs two regions at least")
    if lost := [column for column in PLACE if column not in regions]:
        raise LabelError(f"{where}: no column {some(lost)}; give {', '.join(PLACE)}")
    numbers(regions[["longitude", "latitude"]], where)
    numbers(regions[list(SIZE)], where, "number above zero")
    codes = codes_of(regions)
    if twice := repeated(code for code in codes.values() if code):
        raise LabelError(f"{where}: code {some(twice)} is there twice; each has its own")
    require_codes(codes, where)
    if "group" in regions:
        _require_groups(regions["group"], where)


def require_regions(
    given: Iterable[Any], regions: pd.DataFrame, where: str, *, way_out: str = "give every region"
) -> None:
    """Refuse anything but each region of the country once.

    Parameters
    ----------
    given : iterable of str
        Regions that something is given for.
    regions : DataFrame
        As in `CountryData`.
    where : str
        File or part, for messages.
    way_out : str
        What to do where one is missing.

    Raises
    ------
    LabelError
        A region that is unknown, there twice or missing; unknown ones first.

    Examples
    --------
    >>> require_regions(["Shannxi", "Shanxi"], pd.DataFrame(index=["Shanxi", "Shaanxi"]), "exports")
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: exports: Shannxi is no region of the country; did you mean
    Shanxi (140000) or Shaanxi (610000)?
    """
    names, found = regions.index, list(given)
    if more := [name for name in dict.fromkeys(found) if name not in names]:
        raise LabelError(
            f"{where}: {some(more)} is no region of the country; {_meant(more, regions)}",
            labels=more,
        )
    if twice := repeated(found):
        raise LabelError(f"{where}: {some(twice)} is there twice; keep one", labels=twice)
    if lost := [name for name in names if name not in set(found)]:
        raise LabelError(f"{where}: {some(lost)} is missing; {way_out}", labels=lost)


def codes_of(regions: pd.DataFrame) -> dict[str, str]:
    """Code of each region as text, empty where there is none.

    Examples
    --------
    >>> codes_of(pd.DataFrame({"code": [140000.0, None]}, ["Shanxi", "Shaanxi"]))
    {'Shanxi': '140000', 'Shaanxi': ''}
    """
    cells = regions["code"] if "code" in regions else [""] * len(regions)
    return {str(name): plain_code(cell) for name, cell in zip(regions.index, cells, strict=True)}


def plain_code(cell: Any) -> str:
    """Code in a cell as text, also where a column with gaps made a number of it.

    Examples
    --------
    >>> plain_code(140000.0), plain_code(" CN-SX"), plain_code(None)
    ('140000', 'CN-SX', '')
    """
    return "" if pd.isna(cell) else str(cell).strip().removesuffix(".0")


def require_codes(codes: Mapping[str, str], where: str) -> None:
    """Refuse a province of China with the code of another.

    Parameters
    ----------
    codes : mapping of str to str
        Region → code. Codes of which none is of a province are a scheme of their own.
    where : str
        File or frame, for messages.

    Raises
    ------
    LabelError
        See `carbonflows.inventory.places.named_regions`.

    Examples
    --------
    >>> require_codes({"Shanxi": "610000", "Shaanxi": "140000"}, "regions.csv")
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: regions.csv: region 'Shanxi' has the code of Shaanxi (610000);
    Shanxi is 140000, correct one of the two
    """
    if any(map(province, codes.values())):
        known = {name: code for name, code in codes.items() if province(name) or province(code)}
        named_regions(list(known), where, codes=list(known.values()))


def numbers(frame: pd.DataFrame, where: str, wanted: Wanted = "finite number") -> pd.DataFrame:
    """Return cells as floats, or say which is none.

    Parameters
    ----------
    frame : DataFrame
    where : str
        File or frame, for messages.
    wanted : {"finite number", "number from zero", "number above zero"}

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        A cell that is not what is wanted, with all rows of the first such column.

    Examples
    --------
    >>> numbers(pd.DataFrame({"gdp": ["533,848", "1"]}, ["A", "B"]), "regions.csv")
    Traceback (most recent call last):
    ...
    carbonflows.errors.DataError: regions.csv: A in column gdp: '533,848' is no finite number;
    write one without commas and units
    """
    floats = frame.apply(pd.to_numeric, errors="coerce").astype(float)
    values = floats.to_numpy()
    good = np.isfinite(values)
    if wanted != "finite number":
        good &= values >= 0 if wanted == "number from zero" else values > 0
    if not good.all():
        j = int(np.argmin(good.all(axis=0)))
        rows = frame.index[~good[:, j]]
        cell = frame.iloc[int(np.argmin(good[:, j])), j]
        told, way_out = quoted(cell), "correct it"
        if pd.isna(cell):
            told, way_out = "an empty cell", "fill it in"
        elif isinstance(cell, str):
            way_out = "write one without commas and units"
        raise DataError(
            f"{where}: {some(rows)} in column {frame.columns[j]}: {told} is no {wanted}; {way_out}"
        )
    return floats


def _require_groups(groups: pd.Series, where: str) -> None:
    """Refuse regions without a group, and groups that are spelt in two ways."""
    spelt = {str(name): "" if pd.isna(group) else str(group) for name, group in groups.items()}
    if lost := [name for name, group in spelt.items() if not group.strip()]:
        raise LabelError(
            f"{where}: {some(lost)} has no group; name one, or drop the column", labels=lost
        )
    first: dict[str, str] = {}
    for group in spelt.values():
        if (other := first.setdefault("".join(group.split()), group)) != group:
            raise LabelError(
                f"{where}: groups {quoted(other)} and {quoted(group)} differ in blanks only; "
                "spell them one way"
            )


def _meant(unknown: Sequence[Any], regions: pd.DataFrame) -> str:
    """Say which regions may have been meant, with their codes."""
    codes = codes_of(regions)
    plain = {name.casefold(): name for name in codes}
    near: list[str] = []
    for text in map(str, unknown[:3]):
        alike = get_close_matches(text.casefold().strip(), plain, 3, 0.75)
        near += [plain[key] for key in alike]
        near += [name for name in codes if province(text) and province(name) == province(text)]
    if not near:
        return f"it has {some(codes, 12)}"
    told = []
    for name in dict.fromkeys(near):
        known = province(name)
        code = codes[name] or (PROVINCES[known][1] if known else "")
        told.append(f"{name} ({code})" if code else name)
    return f"did you mean {' or '.join(told)}?"


def _same_labels(tables: Mapping[str, RegionalTable], what: str) -> None:
    """Refuse a table whose sectors or categories are not those of most tables."""
    labels = {
        name: list(map(str, table.sectors if what == "sectors" else table.Y.columns))
        for name, table in tables.items()
    }
    usual = Counter(frozenset(own) for own in labels.values()).most_common(1)
    for name, own in labels.items():
        if odd := sorted(usual[0][0] ^ set(own)):
            lost = [label for label in odd if label not in own]
            told = f"lacks {some(lost)}" if lost else f"has {some(odd)} besides"
            raise LabelError(
                f"table of {name}: {told}; give the same {what} in all tables", labels=odd
            )
