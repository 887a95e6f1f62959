"""What a study of drivers found, and how its parts are called."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from carbonflows.accounts.emissions import Emissions
from carbonflows.change.vertices import By
from carbonflows.study.drivers.steps import VIEWS
from carbonflows.study.drivers.years import WORLD
from carbonflows.table import IOTable

FACTORS = {
    "intensity": ("Emission intensity", "emissions per unit of output of each sector"),
    "inputs": ("Input structure", "what and from where each sector buys per unit of output"),
    "technology": ("Input technology", "inputs per unit of output, from wherever they come"),
    "sourcing": ("Sourcing of inputs", "which regions inputs come from"),
    "demand": ("Final demand", "what, from where and how much final users buy"),
    "mix": ("Mix of final demand", "shares of products and origins in final demand"),
    "level": ("Level of final demand", "how much final users buy in all"),
    "population": ("Population", "how many people there are"),
    "direct": ("Direct emissions", "of final users, and of nodes without output"),
    "imbalance": ("Imbalance of the table", "emissions of output that the rows do not account for"),
    "revaluation": ("Revaluation", "the account in previous year's prices and in its own"),
    "structure": ("Structure", "shares of sectors in each region's output"),
    "activity": ("Activity", "output of each region"),
}
"""Factor → what it is called, and what it is."""
LMDI = ("structure", "activity")
"""Factors of the index decomposition alone."""
PER_HEAD = {
    "level": ("Demand per head", "how much final users buy per head"),
    "activity": ("Activity per head", "output of each region per head"),
}
"""The same where population is a factor."""
VIEW_NAMES: dict[By, str] = {"demand": "consumption-based", "source": "production-based"}


@dataclass(frozen=True, eq=False)
class Drivers:
    """What a study of drivers found, before it is drawn or written.

    Attributes
    ----------
    table : IOTable
        Of the last year.
    load : Emissions
    label : str
        Name of the tables with the years that they span.
    years : tuple of int
    tables : dict of str to DataFrame
    names : dict of str to str
        Display names of regions or groups, and of the world.
    single : list of str
        Regions or groups that are more than the rest of the world.
    caveats : tuple of str
        What prices do to the steps.
    caveat_whole : str
        What they do to the one step from the first year to the last.
    lacking : str
        Why there is no index decomposition; empty where there is one.
    absent : tuple of int
        Years that were asked for and are not there.
    per_head, previous : bool
        Whether population is a factor, and whether steps are in previous year's prices.
    method : str
    """

    table: IOTable
    load: Emissions
    label: str
    years: tuple[int, ...]
    tables: Mapping[str, pd.DataFrame]
    names: Mapping[str, str]
    single: list[str]
    caveats: tuple[str, ...]
    caveat_whole: str
    lacking: str
    absent: tuple[int, ...]
    per_head: bool
    previous: bool
    method: str

    @property
    def gas(self) -> str:
        """Unit with what it measures."""
        return self.load.gas

    @property
    def span(self) -> str:
        """First and last year."""
        return f"{self.years[0]}–{self.years[-1]}"

    @property
    def caveat(self) -> str:
        """What prices do to the steps, in a sentence; empty where they do nothing."""
        return "; ".join(self.caveats)

    @property
    def regions(self) -> list[str]:
        """Regions or groups, without the world; the world alone where there is nothing else."""
        return [name for name in self.names if name != WORLD] or [WORLD]

    @property
    def gap(self) -> float:
        """Largest distance of a sum of effects from the change, relative to the world."""
        return float(self.tables["checks"]["gap"].max())

    def factor(self, name: str) -> tuple[str, str]:
        """What a factor is called here, and what it is."""
        return (PER_HEAD if self.per_head else {}).get(name) or FACTORS[name]

    def effects(self, table: str, view: str, region: str, year: int | None = None) -> pd.DataFrame:
        """Effects on a region by factor: ``effect``, ``least``, ``most`` and more."""
        rows = self.tables[table]
        rows = rows[(rows["view"] == view) & (rows["region"] == region)]
        return rows[rows["year"] == (year or self.years[-1])].set_index("factor")

    def account(self, view: By) -> pd.DataFrame:
        """Emissions by year (rows) and region (columns)."""
        return self.tables["accounts"].pivot_table(
            index="year", columns="region", values=VIEWS[view], sort=False
        )

    def changed(self, view: By) -> pd.Series:
        """Change of each region from the first year to the last, the largest first in size."""
        account = self.account(view)[self.regions]
        change = pd.Series(account.loc[self.years[-1]] - account.loc[self.years[0]])
        return change.sort_values(key=lambda c: -c.abs(), kind="stable")
