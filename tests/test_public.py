"""The public names are a promise: adding or dropping one is a decision, not an accident."""

import subprocess
import sys

import carbonflows as cf

PUBLIC = {
    "CarbonflowsError", "CountryData", "Denominator", "Extension", "Grouping", "IOTable",
    "Interregional", "Leontief", "Part", "RegionalTable", "aggregate", "aggregation_bias",
    "avoided_emissions", "betweenness", "border_stages", "bridge", "by_driver", "by_sector",
    "carriers", "denominator_ratio", "denominators", "diagnose", "disaggregate", "eebt",
    "emission_factors", "emissions", "energy_balance", "estimate_trade", "example",
    "exit_shares", "export_steps", "flows", "footprint", "gateways", "gras", "gravity",
    "group_means", "groupings", "hypothetical_extraction", "intensities", "intensity_direction",
    "interregional", "inventory_gap", "kras", "ladder", "load_grouping", "location_quotients",
    "multipliers", "nest", "net_shares", "open_table", "outside_share", "pairwise_net",
    "process_emissions", "product_trace", "province_balance", "rankings", "ras", "read",
    "reconcile", "reference_emissions", "regionalise", "regions_in_world", "responsibility",
    "run", "save_table", "scopes", "sectoral_emissions", "sink_shares", "spending",
    "strongest_links",
    "structural_paths", "synthetic_country", "target_track", "throughflow", "top_consumers",
    "tracer", "trade_intensities", "trade_measures", "transfer_drivers", "world_share",
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
