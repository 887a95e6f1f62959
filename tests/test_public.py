"""The public names are a promise: adding or dropping one is a decision, not an accident."""

import subprocess
import sys

import carbonflows as cf

PUBLIC = {
    "BlockedLeontief", "CarbonflowsError", "CountryData", "Coverage", "Denominator",
    "Extension", "FuelErrors", "Grid", "GriddedFlows", "Grouping", "IOTable", "Interregional",
    "Leontief", "Panel", "Part", "PointLayer", "RasterLayer", "RegionalTable", "SizeLaw",
    "UniformLayer", "Weights", "Work", "aggregate", "aggregation_bias", "avoided_emissions",
    "betweenness", "blocked_footprint", "blocked_multipliers", "border_adjustment",
    "border_stages", "bridge", "burden", "by_driver", "by_resolution", "by_sector", "carriers",
    "chained", "city_flows", "compare", "conservation", "correlated", "coverage", "decompose",
    "deflated", "denominator_ratio", "denominators", "diagnose", "disaggregate", "drawn_table",
    "draws", "eebt", "emission_factors", "emissions", "energy_balance", "ensemble",
    "ensemble_variance", "estimate_trade", "example", "exit_shares", "export_steps",
    "first_order", "fitted_size_law", "flows", "footprint", "gateways", "getis_ord", "gras",
    "gravity", "gridded_flows", "group_means", "groupings", "hotspot_mask", "hubs",
    "hypothetical_extraction", "intensities", "intensity_direction", "interregional",
    "intervals", "inventory_gap", "kras", "ladder", "layer_from_grids", "lmdi", "load_grouping",
    "local_moran", "location_quotients", "lorenz", "multipliers", "nest", "net_shares",
    "node_emissions", "open_table", "outside_share", "over", "over_all", "pairwise_net",
    "panel", "price_change", "process_emissions", "product_trace", "province_balance",
    "rank_as_country", "rank_probability", "ranked_cities", "rankings", "ras", "read",
    "read_cdiac", "read_outlines", "read_panel", "read_points", "read_raster", "reconcile",
    "reference_emissions", "regionalise", "regions_in_world", "regrid", "responsibility", "run",
    "save_table", "saved_panel", "scopes", "sectoral_emissions", "sign_probability",
    "sink_shares", "spending", "strongest_links", "structural_paths", "synthetic_country",
    "target_track", "throughflow", "top_consumers", "tracer", "trade_intensities",
    "trade_measures", "transfer_drivers", "trend", "unit_prices", "weights", "with_demand",
    "with_intensity", "with_sourcing", "with_technology", "without", "working", "world_share",
    "write_maps", "write_raster", "zonal_sums",
}  # fmt: skip


def test_public_names_are_frozen():
    assert set(cf.__all__) == PUBLIC
    assert len(cf.__all__) == len(PUBLIC)


def test_every_public_name_is_there_and_documented():
    for name in cf.__all__:
        thing = getattr(cf, name)
        assert thing.__doc__, name
        if name != "CarbonflowsError":
            assert ">>>" in thing.__doc__, f"{name} has no example"


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, carbonflows, carbonflows.cli;"
        "print([m for m in ('numpy', 'pandas', 'scipy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
