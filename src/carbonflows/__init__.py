"""Whose consumption causes whose emissions, through which trade, and where on the map.

The names below are the public ones; each is imported from its module when first used, so that
importing the package costs nothing.

Examples
--------
>>> import carbonflows as cf
>>> table = cf.example(2007)
>>> system = cf.Leontief(table)
>>> account = cf.footprint(system)
>>> bool(account.loc["CHN", "production"] > account.loc["CHN", "consumption"])
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carbonflows.accounts.aggregation import aggregation_bias
    from carbonflows.accounts.emissions import emissions
    from carbonflows.accounts.flows import flows, multipliers
    from carbonflows.accounts.footprint import footprint
    from carbonflows.accounts.intensity import (
        Denominator,
        denominator_ratio,
        denominators,
        group_means,
        intensities,
    )
    from carbonflows.accounts.sinks import intensity_direction, sink_shares, top_consumers
    from carbonflows.accounts.trade import (
        carriers,
        eebt,
        net_shares,
        pairwise_net,
        throughflow,
        trade_measures,
        world_share,
    )
    from carbonflows.diagnosis import diagnose
    from carbonflows.errors import CarbonflowsError
    from carbonflows.regions import Grouping, aggregate, groupings, load_grouping
    from carbonflows.solve import Leontief
    from carbonflows.sources import read
    from carbonflows.sources.example import example
    from carbonflows.store import open_table, save_table
    from carbonflows.study import run
    from carbonflows.table import Extension, IOTable

__version__ = "0.1.0"

_HOME = {
    "CarbonflowsError": "errors",
    "Denominator": "accounts.intensity",
    "Extension": "table",
    "Grouping": "regions",
    "IOTable": "table",
    "Leontief": "solve",
    "aggregate": "regions",
    "aggregation_bias": "accounts.aggregation",
    "carriers": "accounts.trade",
    "denominator_ratio": "accounts.intensity",
    "denominators": "accounts.intensity",
    "diagnose": "diagnosis",
    "eebt": "accounts.trade",
    "emissions": "accounts.emissions",
    "example": "sources.example",
    "flows": "accounts.flows",
    "footprint": "accounts.footprint",
    "group_means": "accounts.intensity",
    "groupings": "regions",
    "intensities": "accounts.intensity",
    "intensity_direction": "accounts.sinks",
    "load_grouping": "regions",
    "multipliers": "accounts.flows",
    "net_shares": "accounts.trade",
    "open_table": "store",
    "pairwise_net": "accounts.trade",
    "read": "sources",
    "run": "study",
    "save_table": "store",
    "sink_shares": "accounts.sinks",
    "throughflow": "accounts.trade",
    "top_consumers": "accounts.sinks",
    "trade_measures": "accounts.trade",
    "world_share": "accounts.trade",
}

__all__ = [  # noqa: RUF022 — in the order of the work: table, regions, solve, accounts, study
    "IOTable", "Extension", "read", "example", "save_table", "open_table", "diagnose",
    "Grouping", "load_grouping", "groupings", "aggregate", "aggregation_bias",
    "Leontief", "emissions", "multipliers", "flows", "footprint",
    "throughflow", "eebt", "pairwise_net", "trade_measures", "world_share", "net_shares",
    "carriers", "Denominator", "denominators", "intensities", "denominator_ratio", "group_means",
    "sink_shares", "top_consumers", "intensity_direction", "run", "CarbonflowsError",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'carbonflows' has no attribute {name!r}")
    return getattr(import_module(f"carbonflows.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
