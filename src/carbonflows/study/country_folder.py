"""A country's statistics as a folder of plain files, and back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from carbonflows.build.country import (
    CountryData,
    codes_of,
    inventoried,
    numbers,
    plain_code,
    require_codes,
    require_places,
    require_regions,
)  # fmt: skip
from carbonflows.build.proxies import require_shares
from carbonflows.build.regional import FLOWS, RegionalTable
from carbonflows.errors import DataError, LabelError, SourceError, quoted, some, suggested
from carbonflows.inventory import CHINA_ROWS, Row, emission_factors, energy_balance
from carbonflows.inventory.roles import ROLES
from carbonflows.labels import repeated
from carbonflows.placing import placing
from carbonflows.sources.ceads_inventory import FUELS, PROCESS
from carbonflows.sources.ceads_provinces import province

UNIT_OF_CO2 = "Mt"
FACTORS = ["fuel", "ncv", "ncv_unit", "carbon", "carbon_unit", "oxidation", "source"]
"""Columns of a file of emission factors."""
LABELS = ("region", "code", "group", "origin", "row", "role", "sector", "fuel")
"""Columns of names: 01 is no number there, and NA is not missing."""
KEYS = ["region", "sector", "fuel"]
"""What a line of an inventory is of."""


def read_country(
    folder: str | Path,
    *,
    unit: str = "",
    year: int | None = None,
    fuels: Mapping[str, str] | None = None,
) -> CountryData:
    """Read what a folder tells of a country's regions.

    Parameters
    ----------
    folder : str or Path
        See the guide on provinces for its files. Only ``regions.csv`` is always needed.
    unit : str
        Unit of the regional tables.
    year : int, optional
    fuels : mapping of str to str, optional
        Fuel of the energy balances → fuel of the emission factors, where names differ.

    Returns
    -------
    CountryData

    Raises
    ------
    SourceError
        A file that is missing or cannot be read, or a column that is not there.
    LabelError
        A region that is missing in one of the files, unknown or with another's code; a line twice.
    DataError
        A cell that is no number, or not one that its column can have.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "country"
    >>> columns = ["longitude", "latitude", "area_km2", "population", "gdp"]
    >>> places = pd.DataFrame([[0, 50, 1e4, 1e6, 10], [1, 51, 2e4, 2e6, 30]], ["A", "B"], columns)
    >>> write_country(CountryData(places), folder)
    >>> int(read_country(folder).regions.loc["B", "gdp"])
    30
    """
    place = Path(folder)
    if not place.is_dir():
        raise SourceError(f"{place} is no folder: give the one with regions.csv", path=place)
    regions = _frame(place / "regions.csv", index="region")
    assert regions is not None
    require_places(regions, str(place / "regions.csv"))
    return CountryData(
        regions=regions,
        tables=_tables(place / "tables", unit, year),
        samples={path.stem: _sample(path, regions) for path in _csv_files(place / "trade")},
        **_emitted(place, regions, fuels),
        output=_proxy(place / "output.csv", regions),
        final=_proxy(place / "final.csv", regions),
        exports=_exports(place / "exports.csv", regions),
        shapes=_shapes(place / "shapes.geojson"),
        source=str(place),
    )


def write_country(
    data: CountryData, folder: str | Path, *, texts: Mapping[str, str] | None = None,
    more: Callable[[Path], None] = lambda place: None,
) -> None:  # fmt: skip
    """Write a country's statistics as the files that `read_country` reads.

    Parameters
    ----------
    data : CountryData
    folder : str or Path
        Made; it must not be there yet.
    texts : mapping of str to str, optional
        File name → text of further files.
    more : callable, optional
        Called with the folder before it is in its place, to write what is no text.

    Raises
    ------
    PlaceError
        The folder is there already, or cannot be written.
    """
    named = [*data.samples, *data.tables]
    if odd := [str(name) for name in named if "/" in str(name) or str(name).startswith(".")]:
        raise LabelError(f"{some(odd)}: no file can have this name; rename it")
    with placing(Path(folder)) as place:
        place.mkdir(parents=True)
        data.regions.rename_axis("region").to_csv(place / "regions.csv")
        for name, frame in (("output", data.output), ("final", data.final)):
            if frame is not None:
                frame.rename_axis("region").to_csv(place / f"{name}.csv")
        if data.exports is not None:
            data.exports.rename("share").rename_axis("region").to_csv(place / "exports.csv")
        _write_emitted(data, place)
        for part, files in (("trade", data.samples), ("tables", data.tables)):
            if files:
                (place / part).mkdir()
        for sector, sample in data.samples.items():
            sample.rename_axis("origin").to_csv(place / "trade" / f"{sector}.csv")
        for name, table in data.tables.items():
            _regional_frame(table).to_csv(place / "tables" / f"{name}.csv")
        for name, text in (texts or {}).items():
            (place / name).write_text(text, encoding="utf-8")
        if data.shapes is not None:
            outlines = data.shapes[["geometry"]].rename_axis("region").reset_index()
            outlines.to_file(place / "shapes.geojson", driver="GeoJSON")
        more(place)


def _regional_frame(table: RegionalTable) -> pd.DataFrame:
    parts = [table.Z.add_prefix("Z:"), table.Y.add_prefix("Y:")]
    flows = pd.DataFrame({key: getattr(table, key) for key in FLOWS})
    return pd.concat([*parts, flows], axis=1).rename_axis("sector")


def _tables(folder: Path, unit: str, year: int | None) -> dict[str, RegionalTable]:
    found = {}
    for path in _csv_files(folder):
        frame = _frame(path, index="sector")
        assert frame is not None
        names = [str(column) for column in frame.columns]
        if lost := [key for key in FLOWS if key not in names]:
            raise SourceError(
                f"{path}: no column {some(lost)}; see the layout of tables", path=path
            )
        used = [name for name in names if name.startswith(("Z:", "Y:")) or name in FLOWS]
        frame = numbers(frame[used], str(path))
        found[path.stem] = RegionalTable(
            path.stem,
            Z=_part(frame, "Z:"), Y=_part(frame, "Y:"),
            **{key: frame[key] for key in FLOWS},
            unit=unit, year=year, facts={"source": str(path)},
        )  # fmt: skip
    return found


def _part(frame: pd.DataFrame, prefix: str) -> pd.DataFrame:
    part = frame[[column for column in frame.columns if str(column).startswith(prefix)]]
    return part.rename(columns=lambda column: str(column).removeprefix(prefix))


def _emitted(place: Path, regions: pd.DataFrame, fuels: Mapping[str, str] | None) -> dict[str, Any]:
    """The inventory as it is given, or made from energy statistics."""
    energy, given, process = (place / f"{n}.csv" for n in ("energy", "inventory", "process"))
    if not energy.exists():
        if process.exists():
            raise SourceError(
                f"{process} has no use without energy.csv; put its lines into inventory.csv",
                path=process,
            )
        return {"inventory": _inventory(given, regions, "give every region")}
    if given.exists():
        raise SourceError(
            f"{place} has inventory.csv and energy.csv; keep the one that counts", path=place
        )
    own = place / "factors.csv"
    for path in (energy, own):
        if path.exists():
            _require_utf8(path)
    factors = emission_factors(own if own.exists() else "ipcc2006", fuels=fuels)
    names = [str(region) for region in regions.index]
    known = None
    if own.exists():
        known = [*emission_factors("ipcc2006").index, *FUELS, *factors.index]
    balance = energy_balance(energy, roles=_roles(place / "rows.csv"), regions=names, fuels=known)
    processes = _inventory(process, regions, "give 0 for none")
    inventory = inventoried(balance, factors, processes)
    return {"inventory": inventory, "energy": balance, "factors": factors}


def _roles(path: Path) -> Mapping[str, Row]:
    frame = _frame(path, index="row", optional=True)
    if frame is None:
        return CHINA_ROWS
    if twice := repeated(frame.index):
        raise LabelError(f"{path}: row {some(twice)} is there twice; keep one line")
    roles = _column(frame, "role", path)
    for row, role in roles.items():
        if role not in ROLES:
            way_out = suggested([role], ROLES, f"use one of {some(ROLES, 20)}")
            raise LabelError(f"{path}: role {quoted(role)} of {row} is unknown; {way_out}")
    sectors = _column(frame, "sector", path)
    return {row: Row(roles[row], sectors[row]) for row in frame.index}


def _write_emitted(data: CountryData, place: Path) -> None:
    """Write energy statistics, factors and processes where there are any, else the inventory."""
    if data.energy is None:
        if data.inventory is not None:
            _emissions_of(data.inventory).to_csv(place / "inventory.csv", index=False)
        return
    process = None
    if data.inventory is not None:
        process = data.inventory[data.inventory["fuel"] == PROCESS]
        _require_made_from_energy(data, process)
    data.energy.lines.to_csv(place / "energy.csv", index=False)
    rows = [(row, of.role, of.sector) for row, of in data.energy.roles.items()]
    pd.DataFrame(rows, columns=["row", "role", "sector"]).to_csv(place / "rows.csv", index=False)
    if data.factors is not None and not data.factors.equals(emission_factors("ipcc2006")):
        data.factors.reset_index()[FACTORS].to_csv(place / "factors.csv", index=False)
    if process is not None and len(process):
        _with_all_regions(process, data.regions).to_csv(place / "process.csv", index=False)


def _emissions_of(inventory: pd.DataFrame) -> pd.DataFrame:
    return inventory.rename(columns={"province": "region"}).assign(unit=UNIT_OF_CO2)


def _with_all_regions(process: pd.DataFrame, regions: pd.DataFrame) -> pd.DataFrame:
    """Lines of processes, with a zero for each region that has none."""
    lines = _emissions_of(process)
    sector = process["sector"].iloc[0]
    none = [
        {"region": region, "sector": sector, "fuel": PROCESS, "value": 0.0, "unit": UNIT_OF_CO2}
        for region in regions.index
        if region not in set(lines["region"])
    ]
    return pd.concat([lines, pd.DataFrame(none)]) if none else lines


def _require_made_from_energy(data: CountryData, process: pd.DataFrame) -> None:
    """Raise if an inventory is not what its energy statistics and factors give."""
    assert data.energy is not None
    assert data.inventory is not None
    factors = emission_factors("ipcc2006") if data.factors is None else data.factors
    burned = float(inventoried(data.energy, factors)["value"].sum())
    given = float(data.inventory["value"].sum() - process["value"].sum())
    if abs(burned - given) > 1e-6 * max(abs(burned), abs(given)):
        raise DataError(
            f"inventory: {given:,.6g} Mt of fuels where its energy statistics give {burned:,.6g}; "
            "leave energy out to write the inventory as it is"
        )


def _inventory(path: Path, regions: pd.DataFrame, way_out: str) -> pd.DataFrame | None:
    frame = _frame(path, optional=True)
    if frame is None:
        return None
    for column in (*KEYS, "value", "unit"):
        _column(frame, column, path)
    if units := set(frame["unit"]) - {UNIT_OF_CO2}:
        raise SourceError(
            f"{path}: unit {some(units)}; give CO2 in {UNIT_OF_CO2} throughout", path=path
        )
    if "code" in frame:
        frame["region"] = frame["region"].map(_by_code(frame, regions, path))
    require_regions(frame["region"].unique(), regions, str(path), way_out=way_out)
    lines = list(frame[KEYS].itertuples(index=False, name=None))
    if twice := repeated(lines):
        raise LabelError(f"{path}: {some(twice)} is there twice; keep one line", labels=twice)
    values = frame[["value"]].set_axis(pd.Index(lines, tupleize_cols=False))
    frame["value"] = numbers(values, str(path)).to_numpy()
    tidy = frame.rename(columns={"region": "province"})[["province", "sector", "fuel", "value"]]
    tidy.attrs = {"unit": f"{UNIT_OF_CO2} CO2", "source": str(path)}
    return tidy


def _by_code(frame: pd.DataFrame, regions: pd.DataFrame, path: Path) -> dict[str, str]:
    """Region of each name; the code decides where the name is none of the country's."""
    stated: dict[str, str] = {}
    for line in frame[["region", "code"]].drop_duplicates().itertuples():
        name, code = str(line.region), plain_code(line.code)
        if code and (other := stated.get(name)) and other != code:
            raise LabelError(
                f"{path}: region {quoted(name)} has the codes {other} and {code}; keep one"
            )
        stated[name] = code or stated.get(name, "")
    require_codes(stated, str(path))
    own = codes_of(regions)
    for name, code in stated.items():
        expected = own.get(name, "")
        if code and expected and _plain(code) != _plain(expected):
            raise LabelError(
                f"{path}: region {quoted(name)} has the code {code}, in regions.csv it is "
                f"{expected}; correct one of the two",
                labels=[name],
            )
    of = {_plain(text): name for name, code in own.items() for text in (name, code) if text}
    return {
        name: name if name in own or not code else of.get(_plain(code), name)
        for name, code in stated.items()
    }


def _plain(text: str) -> str:
    """A province of China by its name, whatever it is called by; other texts as they are."""
    return province(text) or text


def _shapes(path: Path):  # type: ignore[no-untyped-def]
    if not path.exists():
        return None
    _require_utf8(path)
    import geopandas as gpd

    try:
        outlines = gpd.read_file(path)
    except Exception as error:
        raise SourceError(f"{path} cannot be read ({error}): give GeoJSON", path=path) from error
    if "region" not in outlines:
        raise SourceError(f"{path}: outlines have no property region; add it", path=path)
    return outlines.set_index("region")


def _csv_files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.csv"))
    if folder.is_dir() and not found:
        raise SourceError(f"{folder} has no CSV file; save them as CSV, or remove it", path=folder)
    return found


def _sample(path: Path, regions: pd.DataFrame) -> pd.DataFrame:
    frame = _frame(path, index="origin")
    assert frame is not None
    require_regions(frame.index, regions, f"{path}, origins")
    require_regions(frame.columns, regions, f"{path}, destinations")
    return numbers(frame, str(path), "number from zero")


def _proxy(path: Path, regions: pd.DataFrame) -> pd.DataFrame | None:
    frame = _frame(path, index="region", optional=True)
    if frame is None:
        return None
    require_regions(frame.index, regions, str(path))
    return numbers(frame, str(path))


def _exports(path: Path, regions: pd.DataFrame) -> pd.Series | None:
    frame = _frame(path, index="region", optional=True)
    if frame is None:
        return None
    shares = _column(frame, "share", path)
    require_regions(frame.index, regions, str(path))
    require_shares(shares, str(path))
    return shares


def _require_utf8(path: Path) -> None:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no text in UTF-8; save it as UTF-8", path=path) from error


def _frame(path: Path, *, index: str = "", optional: bool = False) -> pd.DataFrame | None:
    if optional and not path.exists():
        return None
    try:
        _require_utf8(path)
        frame = pd.read_csv(
            path, comment="#", encoding="utf-8", float_precision="round_trip",
            converters=dict.fromkeys(LABELS, str),
        )  # fmt: skip
    except SourceError:
        raise
    except (OSError, ValueError, pd.errors.ParserError) as error:
        told = str(error).strip()
        raise SourceError(f"{path} cannot be read ({told}); give a CSV file", path=path) from error
    if not index:
        return frame
    _column(frame, index, path)
    return frame.set_index(index)


def _column(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    if column not in frame:
        near = suggested([column], frame.columns, f"it has {some(frame.columns, 12)}")
        raise SourceError(f"{path}: no column {column!r}; {near}", path=path)
    return frame[column]
