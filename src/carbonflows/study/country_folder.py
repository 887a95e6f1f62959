"""A country's statistics as a folder of plain files, and back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from carbonflows.build.country import CountryData, inventoried
from carbonflows.build.regional import FLOWS, RegionalTable
from carbonflows.errors import SourceError, some, suggested
from carbonflows.inventory import CHINA_ROWS, Row, emission_factors, energy_balance
from carbonflows.placing import placing
from carbonflows.sources.ceads_inventory import PROCESS

UNIT_OF_CO2 = "Mt"
LABELS = ("region", "origin", "row", "sector", "fuel")
"""Columns of names: 01 is no number there, and NA is not missing."""


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
        A region that is missing in one of the files, or unknown.

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
    exports = _frame(place / "exports.csv", index="region", optional=True)
    return CountryData(
        regions=regions,
        tables=_tables(place / "tables", unit, year),
        samples={
            path.stem: _matrix(path, "origin") for path in sorted((place / "trade").glob("*.csv"))
        },
        **_emitted(place, [str(r) for r in regions.index], fuels),
        output=_optional_matrix(place / "output.csv"),
        final=_optional_matrix(place / "final.csv"),
        exports=None if exports is None else _column(exports, "share", place / "exports.csv"),
        shapes=_shapes(place / "shapes.geojson"),
        source=str(place),
    )


def write_country(
    data: CountryData, folder: str | Path, *, texts: Mapping[str, str] | None = None
) -> None:
    """Write a country's statistics as the files that `read_country` reads.

    Parameters
    ----------
    data : CountryData
    folder : str or Path
        Made; it must not be there yet.
    texts : mapping of str to str, optional
        File name → text of further files.

    Raises
    ------
    PlaceError
        The folder is there already, or cannot be written.
    """
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


def _regional_frame(table: RegionalTable) -> pd.DataFrame:
    parts = [table.Z.add_prefix("Z:"), table.Y.add_prefix("Y:")]
    flows = pd.DataFrame({key: getattr(table, key) for key in FLOWS})
    return pd.concat([*parts, flows], axis=1).rename_axis("sector")


def _tables(folder: Path, unit: str, year: int | None) -> dict[str, RegionalTable]:
    found = {}
    for path in sorted(folder.glob("*.csv")):
        frame = _frame(path, index="sector")
        assert frame is not None
        names = [str(column) for column in frame.columns]
        if lost := [key for key in FLOWS if key not in names]:
            raise SourceError(
                f"{path}: no column {some(lost)}; see the layout of tables", path=path
            )
        found[path.stem] = RegionalTable(
            path.stem,
            Z=_part(frame, "Z:"), Y=_part(frame, "Y:"),
            **{key: _column(frame, key, path) for key in FLOWS},
            unit=unit, year=year, facts={"source": str(path)},
        )  # fmt: skip
    return found


def _part(frame: pd.DataFrame, prefix: str) -> pd.DataFrame:
    part = frame[[column for column in frame.columns if str(column).startswith(prefix)]]
    return part.rename(columns=lambda column: str(column).removeprefix(prefix))


def _emitted(
    place: Path, regions: Sequence[str], fuels: Mapping[str, str] | None
) -> dict[str, Any]:
    """The inventory as it is given, or made from energy statistics."""
    energy, given = place / "energy.csv", place / "inventory.csv"
    if not energy.exists():
        return {"inventory": _inventory(given)}
    if given.exists():
        raise SourceError(
            f"{place} has inventory.csv and energy.csv; keep the one that counts", path=place
        )
    roles: Mapping[str, Row] = CHINA_ROWS
    listed = _frame(place / "rows.csv", index="row", optional=True)
    if listed is not None:
        roles = {
            str(row): Row(role, "" if pd.isna(sector) else str(sector))
            for row, role, sector in listed[["role", "sector"]].itertuples()
        }
    own = place / "factors.csv"
    factors = emission_factors(own if own.exists() else "ipcc2006", fuels=fuels)
    balance = energy_balance(energy, roles=roles, regions=regions)
    inventory = inventoried(balance, factors, _inventory(place / "process.csv"))
    return {"inventory": inventory, "energy": balance, "factors": factors}


def _write_emitted(data: CountryData, place: Path) -> None:
    """Write energy statistics and processes where there are any, else the inventory."""
    if data.inventory is None:
        return
    inventory = data.inventory.rename(columns={"province": "region"}).assign(unit=UNIT_OF_CO2)
    if data.energy is None:
        inventory.to_csv(place / "inventory.csv", index=False)
        return
    data.energy.lines.to_csv(place / "energy.csv", index=False)
    rows = [(row, of.role, of.sector) for row, of in data.energy.roles.items()]
    pd.DataFrame(rows, columns=["row", "role", "sector"]).to_csv(place / "rows.csv", index=False)
    process = inventory[inventory["fuel"] == PROCESS]
    if len(process):
        process.to_csv(place / "process.csv", index=False)


def _inventory(path: Path) -> pd.DataFrame | None:
    frame = _frame(path, optional=True)
    if frame is None:
        return None
    for column in ("region", "sector", "fuel", "value", "unit"):
        _column(frame, column, path)
    if units := set(frame["unit"]) - {UNIT_OF_CO2}:
        raise SourceError(
            f"{path}: unit {some(units)}; give CO2 in {UNIT_OF_CO2} throughout", path=path
        )
    tidy = frame.rename(columns={"region": "province"})[["province", "sector", "fuel", "value"]]
    tidy.attrs = {"unit": f"{UNIT_OF_CO2} CO2", "source": str(path)}
    return tidy


def _shapes(path: Path):  # type: ignore[no-untyped-def]
    if not path.exists():
        return None
    import geopandas as gpd

    try:
        outlines = gpd.read_file(path)
    except Exception as error:
        raise SourceError(f"{path} cannot be read ({error}): give GeoJSON", path=path) from error
    if "region" not in outlines:
        raise SourceError(f"{path}: outlines have no property region; add it", path=path)
    return outlines.set_index("region")


def _optional_matrix(path: Path) -> pd.DataFrame | None:
    return _matrix(path, "region") if path.exists() else None


def _matrix(path: Path, index: str) -> pd.DataFrame:
    frame = _frame(path, index=index)
    assert frame is not None
    try:
        return frame.astype(float)
    except (TypeError, ValueError) as error:
        raise SourceError(f"{path} has a cell that is no number ({error}); mend it") from error


def _frame(path: Path, *, index: str = "", optional: bool = False) -> pd.DataFrame | None:
    if optional and not path.exists():
        return None
    try:
        frame = pd.read_csv(
            path, comment="#", encoding="utf-8", float_precision="round_trip",
            converters=dict.fromkeys(LABELS, str),
        )  # fmt: skip
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
