"""What is known of a country's regions before a table of them exists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from carbonflows.build.regional import RegionalTable
from carbonflows.errors import LabelError, some
from carbonflows.inventory import EnergyBalance, combined, sectoral_emissions
from carbonflows.labels import repeated

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

PLACE = ("longitude", "latitude", "area_km2", "population", "gdp")
"""Columns that the regions of a country need."""


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
        Regions that are there twice or are not the same everywhere, or a column that is missing.

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
        names = self.regions.index
        if twice := repeated(names):
            raise LabelError(f"region {some(twice)} is there twice; name each once")
        if lost := [column for column in PLACE if column not in self.regions]:
            raise LabelError(f"regions: no column {some(lost)}; give {', '.join(PLACE)}")
        if "code" in self.regions and (twice := repeated(self.regions["code"])):
            raise LabelError(f"regions: code {some(twice)} is there twice; each has its own")
        parts = {
            "tables": self.tables or None,
            "inventory": None if self.inventory is None else self.inventory["province"].unique(),
            "output": None if self.output is None else self.output.index,
            "final": None if self.final is None else self.final.index,
            "exports": None if self.exports is None else self.exports.index,
            "shapes": None if self.shapes is None else self.shapes.index,
            **{f"sample of {key}": sample.index for key, sample in self.samples.items()},
        }
        for what, given in parts.items():
            if given is not None:
                _same_regions(names, list(given), what)


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


def _same_regions(names: pd.Index, given: list[object], what: str) -> None:
    """Raise unless something is given for all regions of the country and no others."""
    if lost := [name for name in names if name not in given]:
        raise LabelError(f"{what}: {some(lost)} is missing; give every region", labels=lost)
    if more := [name for name in given if name not in names]:
        raise LabelError(
            f"{what}: {some(more)} is no region of the country, which has {some(names, 12)}",
            labels=more,
        )
