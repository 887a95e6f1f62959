"""What a study of hotspots printed, beside what is computed here."""

from collections.abc import Iterable, Mapping

import pandas as pd

from carbonflows.countries import iso3
from carbonflows.errors import StudyError, some, suggested
from carbonflows.study.hotspots.mapped import ABROAD, ALL, Mapped
from carbonflows.study.spec import PublishedValue

SEPARATOR = ", "
"""Between a destination and a driver."""


def beside_printed(found: Mapped, frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return printed numbers beside computed ones.

    Parameters
    ----------
    found : Mapped
        Of a study with a section ``[published]``.
    frames : mapping of str to DataFrame
        The study's tables.

    Returns
    -------
    DataFrame
        ``quantity``, ``region``, ``basis`` (what the number counts), ``unit``, ``published``,
        ``computed`` (empty where this table cannot say it, and `basis` tells why).

    Raises
    ------
    StudyError
        A quantity that such a study does not compute, or a region, driver or family that it does
        not have.
    """
    printed = found.study.published
    assert printed is not None
    rows = []
    for value in printed.values:
        for basis, number in _computed(found, frames, value).items():
            rows.append(
                (value.quantity, value.region, basis, value.unit, value.value, number)
            )  # fmt: skip
    columns = ["quantity", "region", "basis", "unit", "published", "computed"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs = {"source": printed.source}
    return frame


def _computed(
    found: Mapped, frames: Mapping[str, pd.DataFrame], value: PublishedValue
) -> dict[str, float]:
    """Basis → number, for one printed value."""
    totals = frames["totals"].drop_duplicates("what").set_index("what")["value"]
    destinations = frames["destinations"].set_index("destination")
    driven = float(totals["driven by final demand abroad"])
    if value.quantity == "driven from abroad":
        return {"": driven}
    if value.quantity == "share of industrial emissions":
        everything = float(totals["all emissions on the grid"])
        return {
            "of all sectors, with transport": 100 * driven / found.industrial,
            "of all emissions, with households' own": 100 * driven / everything,
        }
    if value.quantity == "share of what is driven from abroad":
        if value.region not in destinations.index:
            return {_absent(found, value.region): float("nan")}
        return {"": 100 * float(destinations["share"][value.region])}
    if value.quantity == "share of category":
        place, _, driver = value.region.partition(SEPARATOR)
        table = frames["categories"].set_index(["destination", "driver"])["share"]
        if (place, driver) not in table.index:
            raise _unknown(value.region, [SEPARATOR.join(map(str, key)) for key in table.index])
        return {"": 100 * float(table[place, driver])}
    if value.quantity == "share of emitting sectors":
        table = frames["families"].set_index("family")["share_of_driven"]
        if value.region not in table.index:
            raise _unknown(value.region, table.index)
        return {"": 100 * float(table[value.region])}
    if value.quantity == "land with share of emissions":
        return _land(found, frames["concentration"], value)
    if value.quantity == "rank as a country":
        ranks = frames["ranks"].set_index(["numerator", "own_country"])["rank"]
        return {
            f"{numerator} of the hubs, {how}": float(ranks[numerator, how])
            for numerator in (ALL, ABROAD) for how in ("as listed", "less the value")
        }  # fmt: skip
    raise StudyError(f"published.values: {value.quantity!r} is not computed by a study of hotspots")


def _land(found: Mapped, table: pd.DataFrame, value: PublishedValue) -> dict[str, float]:
    """Land that holds a share of what is driven from abroad."""
    driven = table[table["map"] == ABROAD]
    try:
        share = float(value.region.removesuffix("%")) / 100
    except ValueError as error:
        raise StudyError(
            f"published.values: region {value.region!r} of {value.quantity!r}: write the share of "
            "emissions in per cent, for example '75'"
        ) from error
    at = driven[(driven["share"] - share).abs() < 1e-9]
    if not len(at):
        known = [f"{100 * s:g}" for s in driven["share"]]
        raise _unknown(value.region, known)
    row = at.iloc[0]
    cells = f"cells of {row['resolution']}"
    made = {
        f"{cells}, interpolated": 100 * float(row["area_share"]),
        f"whole {cells}": 100 * float(row["area_share_whole"]),
    }
    own = float(found.places.in_regions.total_area.sum())
    if own < 0.99 * found.land:
        made[f"{cells}, of land in regions with emissions"] = (
            100 * float(row["area_share"]) * found.land / own
        )
    return made


def _absent(found: Mapped, region: str) -> str:
    """Why a destination is not in the table: it is one of the countries in a residual region."""
    table = found.country.chain.table
    residual = [str(name) for name, members in table.members.items() if "*" in members]
    if residual and iso3([region])[0] == region:
        return f"inside {some(residual)} in this table"
    raise _unknown(region, found.country.abroad)


def _unknown(region: str, known: Iterable[object]) -> StudyError:
    listed = [str(name) for name in known]
    way_out = suggested([region], listed, f"choose from {some(listed, 60)}")
    return StudyError(f"published.values: {region!r} is not there; {way_out}")
