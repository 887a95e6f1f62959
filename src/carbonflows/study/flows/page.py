"""What the report of a study of flows needs: its tables and sentences."""

from typing import Any

import pandas as pd

from carbonflows.study.analysis import Results
from carbonflows.study.flows.findings import compared
from carbonflows.study.flows.pictures import stands_for, words
from carbonflows.study.html import html_table
from carbonflows.study.spec import Study

_HEADS = {
    "region": "Region", "production": "Production", "consumption": "Consumption",
    "direct": "of which direct", "gross_exports": "Exports", "gross_imports": "Imports",
    "net_exports": "Net exports", "teim": "Intermediate imports", "teex": "Intermediate exports",
    "feim": "Final imports", "feex": "Final exports", "exports_finished": "Exports, finished",
    "exports_intermediate": "Exports, intermediate", "imports_finished": "Imports, finished",
    "imports_intermediate": "Imports, intermediate", "footprint": "Footprint", "eebt": "EEBT",
    "throughflow": "Throughflow", "pairwise_net": "Pairwise net",
}  # fmt: skip


def flows_page(study: Study, found: Results) -> dict[str, Any]:
    """Give the template of flows its tables as HTML and its sentences.

    Parameters
    ----------
    study : Study
    found : Results

    Returns
    -------
    dict
    """
    from markupsafe import Markup

    tables = {name: Markup(html) for name, html in _tables(study, found).items()}
    sections = [
        ("accounts", "Accounts"), ("flows", "Flows"), ("intensities", "Intensities"),
        ("sinks", "Sources and sinks"), ("published", "Printed and computed"),
        ("table", "The table"), ("provenance", "Provenance"),
    ]  # fmt: skip
    orphaned = float(found.load.orphaned.sum())
    return {
        **tables,
        "sections": [(a, n) for a, n in sections if a not in ("sinks", "published") or tables[a]],
        "orphaned": f"{orphaned:.3g} {found.load.unit}" if orphaned else "",
        "direction": _direction(study, found),
        "ratio_note": _ratio_note(found),
        "routes": _routes(found),
        "stands_for": stands_for(found),
    }


def _html(frame: pd.DataFrame, caption: str, **options: Any) -> str:
    return html_table(frame, caption, heads=_HEADS, **options)


def _tables(study: Study, found: Results) -> dict[str, str]:
    unit = found.load.unit
    at, tables = found.level, found.tables

    ranked = tables[at("accounts")].sort_values("net_exports", ascending=False)
    order = {region: place for place, region in enumerate(ranked["region"])}

    def named(name: str) -> pd.DataFrame:
        """Drop the year, put regions in the order of net exports, and name them."""
        frame = tables[name].drop(columns="year")
        if "region" in frame:
            frame = frame.sort_values("region", key=lambda r: r.map(order), kind="stable")
            frame = frame.assign(region=[found.name(r) for r in frame["region"]])
        return frame

    accounts = named(at("accounts"))
    main = ["region", "production", "consumption", "direct", "gross_exports", "gross_imports",
            "net_exports"]  # fmt: skip
    measures = named(at("trade_measures"))
    wide = measures.pivot_table(index="region", columns="measure", values="exports", sort=False)
    wide = wide[["footprint", "eebt", "throughflow", "pairwise_net"]].reset_index()
    world = named(at("world_share"))
    world["measure"] = [_HEADS[m] for m in world["measure"]]
    world["share"] = 100 * world["share"]
    world.columns = pd.Index(["Measure", f"Traded [{unit}]", f"World [{unit}]", "Share [%]"])
    level = "groups" if found.grouping is not None else "regions"
    tidy = named(at("intensities"))
    tidy["column"] = [
        f"{kind.capitalize()} per {words(per)} [{of}]"
        for kind, per, of in tidy[["kind", "denominator", "unit"]].itertuples(index=False)
    ]
    per = tidy.pivot_table(index="region", columns="column", values="value", sort=False)
    html = {
        "accounts": _html(accounts[main], f"Accounts, {unit}"),
        "measures": _html(wide, f"Gross exports by measure, {unit}"),
        "world": _html(world, f"World emissions traded between {level}"),
        "throughflow": _html(
            accounts[["region", "teex", "teim", "feex", "feim"]],
            f"Throughflow account (each border crossing counts), {unit}",
        ),
        "carriers": _html(named(at("carriers")), f"Footprint trade by carrier, {unit}"),
        "intensities": _html(per.reset_index(), "Intensities", digits=3),
        "sinks": "", "published": "", "bias": "", "groups": "",
    }  # fmt: skip
    if found.grouping is not None:
        shares = 100 * tables["sink_shares_groups"].pivot_table(
            index="source_region", columns="demand_region", values="share", sort=False
        )
        shares.columns = pd.Index([str(c) for c in shares.columns])
        shares = shares.rename_axis("Emitted in").reset_index()
        html["sinks"] = _html(shares, "Share of emissions by consuming group, %")
        groups = tables["groups"].drop(columns="year").rename(columns=str.capitalize)
        html["groups"] = _html(groups, "")
    if "aggregation_bias_groups" in tables:
        html["bias"] = _html(named("aggregation_bias_groups"), f"Consumption, {unit}")
    if study.published is not None:
        beside = compared(study, found).rename(columns=str.capitalize)
        html["published"] = _html(beside, "", digits=2)
    return html


def _direction(study: Study, found: Results) -> str:
    values = found.tables["intensity_direction"].set_index("measure")["value"]
    per = words(study.intensity.production)
    if not float(values["net_flow"]):
        return "No two regions of known production intensity have a net flow between them."
    share = 100 * float(values["share_from_higher"])
    pairs = f"{values['pairs_from_higher']:.0f} of {values['pairs']:.0f} pairs"
    text = (
        f"Of {float(values['net_flow']):,.0f} {found.load.unit} pairwise net flow between regions, "
        f"{share:.1f} % goes from the region with the higher to the region with the lower "
        f"production intensity per {per} ({pairs})."
    )
    if float(values["left_out"]):
        left = float(values["left_out"])
        text += f" Pairs with an unknown intensity, {left:,.0f} {found.load.unit}, are left out."
    return text


def _ratio_note(found: Results) -> str:
    from carbonflows.accounts.intensity import denominator_ratio, denominators
    from carbonflows.solve import Leontief

    own = denominators(Leontief(found.table), grouping=found.grouping)
    ratio = denominator_ratio(own["value_added"], own["final_demand"])
    far = [f"{found.name(r)} {v:.2f}" for r, v in ratio["ratio"][ratio["far_apart"]].items()]
    if not far:
        return (
            "Final demand is within 0.8 to 1.25 times value added everywhere, so the two "
            "intensities can be compared."
        )
    return (
        "Final demand is far from value added in "
        f"{', '.join(far)} (final demand over value added): there the two intensities differ by "
        "their denominators too."
    )


def _routes(found: Results) -> str:
    routes = found.tables["routes"]
    gap = float((routes["consumption"] - routes["consumption_balance"]).abs().max())
    lost = float(routes["imbalance"].sum())
    unit = found.load.unit
    if abs(lost) <= 1e-9 * found.load.production.sum():
        return f"they differ by at most {gap:.1e} {unit}."
    return (
        f"they differ by the emissions embodied in the table's row residual, {lost:.4g} {unit} in "
        f"all, {gap:.4g} {unit} at most for a region."
    )
