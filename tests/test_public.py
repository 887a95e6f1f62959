"""The public names are a promise: adding or dropping one is a decision, not an accident."""

import subprocess
import sys

import carbonflows as cf

PUBLIC = {
    "CarbonflowsError", "Denominator", "Extension", "Grouping", "IOTable", "Leontief", "Part",
    "aggregate", "aggregation_bias", "avoided_emissions", "betweenness", "border_stages", "bridge",
    "carriers", "denominator_ratio", "denominators", "diagnose", "disaggregate", "eebt",
    "emissions", "example", "export_steps", "flows", "footprint", "gateways", "group_means",
    "groupings",
    "hypothetical_extraction", "intensities", "intensity_direction", "ladder", "load_grouping",
    "multipliers", "net_shares", "open_table", "pairwise_net", "product_trace", "read",
    "responsibility", "run", "save_table", "scopes", "sink_shares", "strongest_links",
    "structural_paths", "throughflow", "top_consumers", "tracer", "trade_measures",
    "transfer_drivers", "world_share",
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
