"""What a study of provinces printed, beside what is computed here."""

from collections.abc import Mapping

import pandas as pd

from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.province import outside_share
from carbonflows.build.country import CountryData
from carbonflows.errors import StudyError, some, suggested
from carbonflows.solve import Leontief
from carbonflows.study.provinces.accounts import COUNTRY
from carbonflows.study.spec import Study

INVESTMENT = "Capital formation"
"""Driver that "caused by investment" speaks of."""
ARROW = " > "
"""Between the two ends of a flux, which a comma and its driver follow."""


def beside_published(
    study: Study, frames: Mapping[str, pd.DataFrame], data: CountryData, system: Leontief
) -> pd.DataFrame:
    """Return printed numbers beside computed ones.

    Parameters
    ----------
    study : Study
        With a section ``[published]``.
    frames : mapping of str to DataFrame
        The study's tables.
    data : CountryData
    system : Leontief

    Returns
    -------
    DataFrame
        ``quantity``, ``region``, ``basis`` (what the number counts, or that it was put in),
        ``unit``, ``published``, ``computed``.

    Raises
    ------
    StudyError
        A quantity that such a study does not compute, or a region that it does not have.
    """
    assert study.published is not None
    sources = _computed(frames)
    producers = emissions(
        system.table, study.emissions.stressor, households=False, orphans=study.emissions.orphans
    )
    regions = [str(region) for region in data.regions.index]
    without = outside_share(system, regions, producers, total=COUNTRY)["outside_share"]
    rows = []
    for printed in study.published.values:
        if printed.quantity not in sources:
            raise StudyError(
                f"published.values: {printed.quantity!r} is not computed by a study of provinces"
            )
        values = sources[printed.quantity]
        if values.empty:
            raise StudyError(
                f"published.values: {printed.quantity!r} needs a driver called {INVESTMENT!r}"
            )
        region = COUNTRY if printed.region == "country" else printed.region
        if region not in values.index:
            way_out = suggested([region], values.index, f"use one of {some(values.index, 45)}")
            raise StudyError(f"published.values: {printed.region!r} is not there; {way_out}")
        bases = {"": float(values[region])}
        if printed.quantity == "outside share":
            bases = {"with households' own": float(values[region])}
            if region in without.index:  # macro-regions are not
                bases["producers only"] = 100 * float(without[region])
        elif printed.quantity == "exports originating" and data.exports is not None:
            bases = {"put in, not found": float(values[region])}
        rows += [
            (printed.quantity, printed.region, basis, printed.unit, printed.value, value)
            for basis, value in bases.items()
        ]
    columns = ["quantity", "region", "basis", "unit", "published", "computed"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs = {"source": study.published.source}
    return frame


def _computed(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.Series]:
    """Every quantity by region: shares in %, per GDP in g, per head in t, fluxes in Mt."""
    outside = frames["outside"].drop_duplicates("region").set_index("region")
    exits = frames["exits"].query("exports == 'gross'").set_index("exit_region")
    shares = frames["driver_shares"].set_index("driver")["of_emissions"]
    ranks = frames["rankings"].drop_duplicates(["region", "quantity", "per"])
    ranked = ranks.set_index(["quantity", "per", "region"])["value"].sort_index()
    moved = frames["drivers"]
    ends = moved["source_region"].astype(str) + ARROW + moved["destination_region"].astype(str)
    fluxes = pd.Series(moved["value"].to_numpy(), ends + ", " + moved["driver"].astype(str))
    investment = {COUNTRY: 100 * shares[INVESTMENT]} if INVESTMENT in shares.index else {}
    return {
        "outside share": 100 * outside["outside_share"],
        "imported share of consumption": 100 * outside["imported_share"],
        "share for abroad": 100 * outside["abroad"] / outside["emissions"],
        "exports originating": 100 * exits["of_value"],
        "exports emitted elsewhere": 100 * exits["outside_own_share"],
        "caused by investment": pd.Series(investment, dtype=float),
        "consumption per GDP": 1000 * ranked["consumption", "gdp"],
        "consumption per head": ranked["consumption", "population"],
        "net domestic exports per GDP": 1000 * ranked["net_domestic_exports", "gdp"],
        "flux": fluxes[~fluxes.index.duplicated()],
    }
