"""The country of a study: its statistics, its regions inside the world, and what to ask of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.accounts.intensity import Denominator
from carbonflows.build.chain import Chain, ChainOptions, regions_in_world
from carbonflows.build.country import CountryData
from carbonflows.build.synthetic.country import SyntheticCountry, synthetic_country
from carbonflows.build.synthetic.observed import observed
from carbonflows.errors import StudyError, some
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.study.analysis import Progress
from carbonflows.study.country_folder import read_country
from carbonflows.study.provinces.published import INVESTMENT
from carbonflows.study.spec import ProvincesSpec, Study
from carbonflows.table import IOTable

CATEGORIES = {
    "CONS_h": "Household consumption", "CONS_np": "Household consumption", "CONS_g": "Government",
    "GFCF": INVESTMENT, "INVEN": INVESTMENT,
}  # fmt: skip
"""Drivers of the usual categories of final demand."""


@dataclass(frozen=True, eq=False)
class Country:
    """A country whose regions stand in a solved world.

    Attributes
    ----------
    data : CountryData
    truth : SyntheticCountry or None
        Of a country that does not exist.
    chain : Chain
    load : Emissions
    system : Leontief
        Of the chain's table.
    drivers : dict of str to list of str
        Driver → categories of final demand.
    """

    data: CountryData
    truth: SyntheticCountry | None
    chain: Chain
    load: Emissions
    system: Leontief
    drivers: dict[str, list[str]]

    @property
    def regions(self) -> list[str]:
        """Labels of the country's regions."""
        return [str(region) for region in self.data.regions.index]

    @property
    def abroad(self) -> list[str]:
        """Labels of all other regions of the world."""
        own = set(self.regions)
        return [str(region) for region in self.chain.table.regions if str(region) not in own]


def country_of(
    study: Study,
    table: IOTable,
    *,
    grouping: Grouping | None,
    given: Mapping[str, Denominator] | None,
    progress: Progress,
) -> Country:
    """Put the regions of a study's country inside the world, and solve.

    Parameters
    ----------
    study : Study
    table : IOTable
        The world.
    grouping, given : optional
        Refused: macro-regions, GDP and population are columns of the country's regions.
    progress : callable
        Called with the name of each step.

    Returns
    -------
    Country
    """
    wanted = study.provinces
    _require_used(study, grouping, given)
    progress("gathering the country's statistics")
    data, truth = _statistics(study, table)
    progress("building the table of its regions")
    chain = regions_in_world(
        table, wanted.country, data, concordance=concordance_of(study),
        options=chain_options(wanted),
    )  # fmt: skip
    progress("solving")
    load = load_of(study, chain.table)
    return Country(data, truth, chain, load, Leontief(chain.table), _drivers(wanted, chain.table))


def _require_used(
    study: Study, grouping: Grouping | None, given: Mapping[str, Denominator] | None
) -> None:
    """Raise on settings that a study of provinces would not use."""
    if grouping is not None:
        raise StudyError(
            "a grouping has no use in a study of provinces: give macro-regions in the column group "
            "of regions.csv"
        )
    if given:
        raise StudyError(
            f"{some(list(given))} of countries has no use in a study of provinces: GDP and "
            "population are columns of regions.csv"
        )
    wanted = study.provinces
    if wanted.folder is not None and {"number", "seed"} & wanted.model_fields_set:
        raise StudyError(
            "provinces.number and provinces.seed are of the synthetic country: drop them, or folder"
        )


def concordance_of(study: Study) -> str | None:
    """Return the study's concordance from the inventory's sectors to the world's."""
    name = study.provinces.concordance
    return None if name is None else study.placed(name)


def _statistics(study: Study, world: IOTable) -> tuple[CountryData, SyntheticCountry | None]:
    """What is known of the country: from a folder, or of one that does not exist."""
    wanted = study.provinces
    if wanted.folder is not None:
        place = study.placed(wanted.folder + "/regions.csv").removesuffix("/regions.csv")
        found = read_country(place, unit=wanted.unit, year=world.year, fuels=wanted.fuels or None)
        return found, None
    made = synthetic_country(world, wanted.country, provinces=wanted.number, seed=wanted.seed)
    return observed(made), made


def chain_options(wanted: ProvincesSpec) -> ChainOptions:
    """Return a study's choices for the chain."""
    return ChainOptions(
        gravity=wanted.gravity, neighbours=wanted.neighbours, otherwise=wanted.otherwise,
        decay=wanted.decay, totals=wanted.totals, most=wanted.most, proxy=wanted.proxy,
        quotients=wanted.quotients, delta=wanted.delta, emissions=wanted.emissions,
    )  # fmt: skip


def load_of(study: Study, table: IOTable) -> Emissions:
    """Return the emissions that a study asks for [Mt]."""
    settings = study.emissions
    return emissions(
        table, settings.stressor, households=settings.households, orphans=settings.orphans,
        unit="Mt",
    )  # fmt: skip


def _drivers(wanted: ProvincesSpec, table: IOTable) -> dict[str, list[str]]:
    """The study's drivers, or those of the usual categories."""
    if wanted.drivers:
        return wanted.drivers
    if lost := [c for c in table.categories if c not in CATEGORIES]:
        raise StudyError(
            f"{some(lost)}: categories of final demand without a driver; name drivers in "
            "[provinces.drivers]"
        )
    found: dict[str, list[str]] = {}
    for category in table.categories:
        found.setdefault(CATEGORIES[category], []).append(str(category))
    return found
