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
    from carbonflows.accounts.bridge import bridge, ladder
    from carbonflows.accounts.driver import transfer_drivers
    from carbonflows.accounts.emissions import emissions
    from carbonflows.accounts.flows import flows, multipliers
    from carbonflows.accounts.footprint import footprint
    from carbonflows.accounts.gateway import gateways
    from carbonflows.accounts.intensity import (
        Denominator,
        denominator_ratio,
        denominators,
        group_means,
        intensities,
    )
    from carbonflows.accounts.network import (
        betweenness,
        hypothetical_extraction,
        strongest_links,
    )
    from carbonflows.accounts.paths import structural_paths
    from carbonflows.accounts.responsibility import avoided_emissions, responsibility
    from carbonflows.accounts.scopes import scopes
    from carbonflows.accounts.sector import product_trace, tracer
    from carbonflows.accounts.sinks import intensity_direction, sink_shares, top_consumers
    from carbonflows.accounts.stages import border_stages
    from carbonflows.accounts.trade import (
        eebt,
        net_shares,
        pairwise_net,
        throughflow,
        trade_measures,
        world_share,
    )
    from carbonflows.accounts.vertical import export_steps
    from carbonflows.diagnosis import diagnose
    from carbonflows.errors import CarbonflowsError
    from carbonflows.regions import Grouping, aggregate, groupings, load_grouping
    from carbonflows.solve import Leontief
    from carbonflows.sources import read
    from carbonflows.sources.example import example
    from carbonflows.splitting import Part, disaggregate
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
    "Part": "splitting",
    "aggregate": "regions",
    "aggregation_bias": "accounts.aggregation",
    "avoided_emissions": "accounts.responsibility",
    "betweenness": "accounts.network",
    "border_stages": "accounts.stages",
    "bridge": "accounts.bridge",
    "carriers": "accounts.carrier",
    "denominator_ratio": "accounts.intensity",
    "denominators": "accounts.intensity",
    "diagnose": "diagnosis",
    "disaggregate": "splitting",
    "eebt": "accounts.trade",
    "emissions": "accounts.emissions",
    "example": "sources.example",
    "flows": "accounts.flows",
    "export_steps": "accounts.vertical",
    "footprint": "accounts.footprint",
    "gateways": "accounts.gateway",
    "group_means": "accounts.intensity",
    "groupings": "regions",
    "hypothetical_extraction": "accounts.network",
    "intensities": "accounts.intensity",
    "intensity_direction": "accounts.sinks",
    "ladder": "accounts.bridge",
    "load_grouping": "regions",
    "multipliers": "accounts.flows",
    "net_shares": "accounts.trade",
    "open_table": "store",
    "pairwise_net": "accounts.trade",
    "product_trace": "accounts.sector",
    "read": "sources",
    "responsibility": "accounts.responsibility",
    "run": "study",
    "save_table": "store",
    "scopes": "accounts.scopes",
    "sink_shares": "accounts.sinks",
    "strongest_links": "accounts.network",
    "structural_paths": "accounts.paths",
    "throughflow": "accounts.trade",
    "top_consumers": "accounts.sinks",
    "tracer": "accounts.sector",
    "transfer_drivers": "accounts.driver",
    "trade_measures": "accounts.trade",
    "world_share": "accounts.trade",
}

__all__ = [  # noqa: RUF022 — in the order of the work: table, regions, solve, accounts, study
    "IOTable", "Extension", "read", "example", "save_table", "open_table", "diagnose",
    "Grouping", "load_grouping", "groupings", "aggregate", "aggregation_bias",
    "disaggregate", "Part", "Leontief", "emissions", "multipliers", "flows", "footprint",
    "throughflow", "eebt", "pairwise_net", "trade_measures", "world_share", "net_shares",
    "carriers", "transfer_drivers", "bridge", "ladder", "export_steps", "gateways",
    "border_stages", "tracer", "product_trace", "responsibility", "avoided_emissions",
    "structural_paths", "scopes", "betweenness",
    "strongest_links", "hypothetical_extraction", "Denominator", "denominators", "intensities",
    "denominator_ratio", "group_means",
    "sink_shares", "top_consumers", "intensity_direction", "run", "CarbonflowsError",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'carbonflows' has no attribute {name!r}")
    return getattr(import_module(f"carbonflows.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
