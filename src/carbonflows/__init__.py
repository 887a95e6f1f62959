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
    from carbonflows.accounts.blocked_footprint import blocked_footprint, blocked_multipliers
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
    from carbonflows.accounts.province import outside_share
    from carbonflows.accounts.province_driver import by_driver
    from carbonflows.accounts.province_rank import rankings
    from carbonflows.accounts.province_structure import spending
    from carbonflows.accounts.province_target import target_track
    from carbonflows.accounts.province_trade import exit_shares, province_balance, trade_intensities
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
    from carbonflows.blocked import BlockedLeontief
    from carbonflows.build.balancing.gras import gras
    from carbonflows.build.balancing.kras import kras
    from carbonflows.build.balancing.ras import ras
    from carbonflows.build.balancing.totals import reconcile
    from carbonflows.build.chain import regions_in_world
    from carbonflows.build.country import CountryData
    from carbonflows.build.gravity.fit import gravity
    from carbonflows.build.interregional import interregional
    from carbonflows.build.nest import nest
    from carbonflows.build.quotients import location_quotients
    from carbonflows.build.regional import Interregional, RegionalTable
    from carbonflows.build.regionalise import regionalise
    from carbonflows.build.synthetic.country import synthetic_country
    from carbonflows.build.trade import estimate_trade
    from carbonflows.change.border_adjustment import border_adjustment
    from carbonflows.change.comparable import deflated
    from carbonflows.change.decomposition import chained, decompose
    from carbonflows.change.deltas import compare
    from carbonflows.change.lmdi import lmdi
    from carbonflows.change.over import over, over_all
    from carbonflows.change.panel import Panel, panel, read_panel, saved_panel
    from carbonflows.change.prices import burden, price_change, unit_prices
    from carbonflows.change.scenario import with_demand, with_intensity, with_technology
    from carbonflows.change.sourcing import with_sourcing, without
    from carbonflows.change.trend import trend
    from carbonflows.diagnosis import diagnose
    from carbonflows.errors import CarbonflowsError
    from carbonflows.grid.cities import city_flows, ranked_cities
    from carbonflows.grid.clusters import getis_ord, local_moran
    from carbonflows.grid.coverage import Coverage, coverage
    from carbonflows.grid.gridded import GriddedFlows, conservation, gridded_flows
    from carbonflows.grid.hotspots import hotspot_mask
    from carbonflows.grid.hubs import hubs
    from carbonflows.grid.layers import PointLayer, RasterLayer, UniformLayer, layer_from_grids
    from carbonflows.grid.lorenz import lorenz
    from carbonflows.grid.nodes import node_emissions
    from carbonflows.grid.ranks import by_resolution, rank_as_country
    from carbonflows.grid.regrid import regrid
    from carbonflows.grid.weights import Weights, weights
    from carbonflows.grid.written import write_maps
    from carbonflows.grid.zones import zonal_sums
    from carbonflows.inventory.balance import energy_balance
    from carbonflows.inventory.concordance import by_sector
    from carbonflows.inventory.factors import emission_factors
    from carbonflows.inventory.gaps import inventory_gap
    from carbonflows.inventory.process import process_emissions
    from carbonflows.inventory.reference import reference_emissions
    from carbonflows.inventory.sectoral import sectoral_emissions
    from carbonflows.raster import Grid
    from carbonflows.regions import Grouping, aggregate, groupings, load_grouping
    from carbonflows.solve import Leontief
    from carbonflows.sources import read
    from carbonflows.sources.cdiac import read_cdiac
    from carbonflows.sources.example import example
    from carbonflows.sources.outlines import read_outlines
    from carbonflows.sources.points import read_points
    from carbonflows.sources.raster_write import write_raster
    from carbonflows.sources.rasters import read_raster
    from carbonflows.splitting import Part, disaggregate
    from carbonflows.store import open_table, save_table
    from carbonflows.study import run
    from carbonflows.table import Extension, IOTable
    from carbonflows.uncertainty.drawing import drawn_table
    from carbonflows.uncertainty.draws import draws
    from carbonflows.uncertainty.ensemble import ensemble, ensemble_variance
    from carbonflows.uncertainty.first_order import first_order
    from carbonflows.uncertainty.fuels import FuelErrors
    from carbonflows.uncertainty.model import correlated
    from carbonflows.uncertainty.sizes import SizeLaw, fitted_size_law
    from carbonflows.uncertainty.summaries import intervals, rank_probability, sign_probability
    from carbonflows.work import Work, working

__version__ = "0.1.0"

_HOME = {
    "BlockedLeontief": "blocked",
    "CarbonflowsError": "errors",
    "CountryData": "build.country",
    "Coverage": "grid.coverage",
    "Denominator": "accounts.intensity",
    "Extension": "table",
    "FuelErrors": "uncertainty.fuels",
    "Grid": "raster",
    "GriddedFlows": "grid.gridded",
    "Grouping": "regions",
    "IOTable": "table",
    "Interregional": "build.regional",
    "Leontief": "solve",
    "Panel": "change.panel",
    "Part": "splitting",
    "PointLayer": "grid.layers",
    "RasterLayer": "grid.layers",
    "RegionalTable": "build.regional",
    "SizeLaw": "uncertainty.sizes",
    "UniformLayer": "grid.layers",
    "Weights": "grid.weights",
    "Work": "work",
    "aggregate": "regions",
    "aggregation_bias": "accounts.aggregation",
    "avoided_emissions": "accounts.responsibility",
    "betweenness": "accounts.network",
    "blocked_footprint": "accounts.blocked_footprint",
    "blocked_multipliers": "accounts.blocked_footprint",
    "border_adjustment": "change.border_adjustment",
    "border_stages": "accounts.stages",
    "bridge": "accounts.bridge",
    "burden": "change.prices",
    "by_driver": "accounts.province_driver",
    "by_resolution": "grid.ranks",
    "by_sector": "inventory.concordance",
    "carriers": "accounts.carrier",
    "chained": "change.decomposition",
    "city_flows": "grid.cities",
    "compare": "change.deltas",
    "conservation": "grid.gridded",
    "correlated": "uncertainty.model",
    "coverage": "grid.coverage",
    "decompose": "change.decomposition",
    "deflated": "change.comparable",
    "denominator_ratio": "accounts.intensity",
    "denominators": "accounts.intensity",
    "diagnose": "diagnosis",
    "disaggregate": "splitting",
    "drawn_table": "uncertainty.drawing",
    "draws": "uncertainty.draws",
    "eebt": "accounts.trade",
    "emission_factors": "inventory.factors",
    "emissions": "accounts.emissions",
    "energy_balance": "inventory.balance",
    "ensemble": "uncertainty.ensemble",
    "ensemble_variance": "uncertainty.ensemble",
    "estimate_trade": "build.trade",
    "example": "sources.example",
    "exit_shares": "accounts.province_trade",
    "export_steps": "accounts.vertical",
    "first_order": "uncertainty.first_order",
    "fitted_size_law": "uncertainty.sizes",
    "flows": "accounts.flows",
    "footprint": "accounts.footprint",
    "gateways": "accounts.gateway",
    "getis_ord": "grid.clusters",
    "gras": "build.balancing.gras",
    "gravity": "build.gravity.fit",
    "gridded_flows": "grid.gridded",
    "group_means": "accounts.intensity",
    "groupings": "regions",
    "hotspot_mask": "grid.hotspots",
    "hubs": "grid.hubs",
    "hypothetical_extraction": "accounts.network",
    "intensities": "accounts.intensity",
    "intensity_direction": "accounts.sinks",
    "interregional": "build.interregional",
    "intervals": "uncertainty.summaries",
    "inventory_gap": "inventory.gaps",
    "kras": "build.balancing.kras",
    "ladder": "accounts.bridge",
    "layer_from_grids": "grid.layers",
    "lmdi": "change.lmdi",
    "load_grouping": "regions",
    "local_moran": "grid.clusters",
    "location_quotients": "build.quotients",
    "lorenz": "grid.lorenz",
    "multipliers": "accounts.flows",
    "nest": "build.nest",
    "net_shares": "accounts.trade",
    "node_emissions": "grid.nodes",
    "open_table": "store",
    "outside_share": "accounts.province",
    "over": "change.over",
    "over_all": "change.over",
    "pairwise_net": "accounts.trade",
    "panel": "change.panel",
    "price_change": "change.prices",
    "process_emissions": "inventory.process",
    "product_trace": "accounts.sector",
    "province_balance": "accounts.province_trade",
    "rank_as_country": "grid.ranks",
    "rank_probability": "uncertainty.summaries",
    "ranked_cities": "grid.cities",
    "rankings": "accounts.province_rank",
    "ras": "build.balancing.ras",
    "read": "sources",
    "read_cdiac": "sources.cdiac",
    "read_outlines": "sources.outlines",
    "read_panel": "change.panel",
    "read_points": "sources.points",
    "read_raster": "sources.rasters",
    "reconcile": "build.balancing.totals",
    "reference_emissions": "inventory.reference",
    "regionalise": "build.regionalise",
    "regions_in_world": "build.chain",
    "regrid": "grid.regrid",
    "responsibility": "accounts.responsibility",
    "run": "study",
    "save_table": "store",
    "saved_panel": "change.panel",
    "scopes": "accounts.scopes",
    "sectoral_emissions": "inventory.sectoral",
    "sign_probability": "uncertainty.summaries",
    "sink_shares": "accounts.sinks",
    "spending": "accounts.province_structure",
    "strongest_links": "accounts.network",
    "structural_paths": "accounts.paths",
    "synthetic_country": "build.synthetic.country",
    "target_track": "accounts.province_target",
    "throughflow": "accounts.trade",
    "top_consumers": "accounts.sinks",
    "tracer": "accounts.sector",
    "trade_intensities": "accounts.province_trade",
    "trade_measures": "accounts.trade",
    "transfer_drivers": "accounts.driver",
    "trend": "change.trend",
    "unit_prices": "change.prices",
    "weights": "grid.weights",
    "with_demand": "change.scenario",
    "with_intensity": "change.scenario",
    "with_sourcing": "change.sourcing",
    "with_technology": "change.scenario",
    "without": "change.sourcing",
    "working": "work",
    "world_share": "accounts.trade",
    "write_maps": "grid.written",
    "write_raster": "sources.raster_write",
    "zonal_sums": "grid.zones",
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
    "sink_shares", "top_consumers", "intensity_direction", "energy_balance",
    "emission_factors", "sectoral_emissions", "reference_emissions", "process_emissions",
    "inventory_gap", "by_sector", "CountryData", "RegionalTable", "Interregional", "ras", "gras",
    "kras", "reconcile", "gravity", "estimate_trade", "location_quotients", "regionalise",
    "interregional", "nest", "regions_in_world", "synthetic_country", "outside_share", "by_driver",
    "exit_shares", "province_balance", "rankings", "spending",
    "trade_intensities", "target_track", "Grid", "read_raster", "read_cdiac", "write_raster",
    "read_points", "read_outlines", "Coverage", "coverage", "regrid", "zonal_sums", "PointLayer",
    "RasterLayer", "UniformLayer", "layer_from_grids", "Weights", "weights", "node_emissions",
    "GriddedFlows", "gridded_flows", "conservation", "write_maps", "city_flows", "ranked_cities",
    "lorenz", "hotspot_mask", "getis_ord", "local_moran", "hubs", "rank_as_country",
    "by_resolution", "Panel", "panel", "read_panel", "saved_panel", "over", "over_all", "trend",
    "decompose", "chained", "deflated", "lmdi", "with_intensity", "with_demand",
    "with_technology", "with_sourcing", "without", "compare", "unit_prices", "price_change",
    "burden", "border_adjustment", "correlated", "SizeLaw", "fitted_size_law", "FuelErrors",
    "drawn_table", "draws", "intervals", "sign_probability", "rank_probability", "first_order",
    "ensemble", "ensemble_variance", "Work", "working", "BlockedLeontief", "blocked_footprint",
    "blocked_multipliers", "run", "CarbonflowsError",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'carbonflows' has no attribute {name!r}")
    return getattr(import_module(f"carbonflows.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
