"""A study of the bridge: every measure of trade in carbon reconciled, region by region."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from carbonflows.accounts.bridge import TERMS, bridge, ladder
from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.intensity import Denominator
from carbonflows.accounts.responsibility import avoided_emissions, responsibility
from carbonflows.accounts.trade import trade_measures, world_share
from carbonflows.diagnosis import diagnose
from carbonflows.figures.wording import shown
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.study.analysis import Progress, largest_residual, with_year
from carbonflows.study.html import MOST_ROWS, html_table
from carbonflows.study.named import display_names, single_regions, whichever
from carbonflows.study.outcome import Outcome, Picture, drawn, file_stem
from carbonflows.study.spec import Study
from carbonflows.table import IOTable

MEASURES = {
    "footprint": "Footprint", "eebt": "EEBT", "throughflow": "Throughflow",
    "pairwise_net": "Pairwise net",
}  # fmt: skip
STEPS = {
    "absorbed abroad": "own emissions, in final use abroad",
    "returned": "own emissions that come home in the end",
    "domestic, counted again": "own emissions that leave a second time",
    "foreign": "other regions' emissions, in imports used for exports",
    "foreign, counted again": "the same, in what is shipped on once more",
}
SCHEMES = {
    "production": "Production", "consumption": "Consumption", "income": "Income",
    "final_production": "Final production", "shared": "Shared",
    "production_consumption": "Half production, half consumption",
    "consumption_income": "Half consumption, half income",
    "technology_adjusted": "Technology-adjusted", "extraction": "Extraction",
}  # fmt: skip

HALVES = ("production_consumption", "consumption_income")
"""Schemes midway between two others: in the tables, not in the figure."""
BEYOND = (
    "Up to EEBT these are parts of it; what follows is not, since it counts others' emissions, "
    "and a tonne at every border, so that throughflow may exceed 100 %."
)


def outcome(
    study: Study,
    table: IOTable,
    *,
    grouping: Grouping | None = None,
    given: Mapping[str, Denominator] | None = None,
    progress: Progress = lambda step: None,
) -> Outcome:
    """Compute a study of the bridge between measures.

    Parameters
    ----------
    study : Study
    table : IOTable
    grouping : Grouping, optional
        Groups instead of regions.
    given : mapping of str to Denominator, optional
        Not used here.
    progress : callable, optional
        Called with the name of each step.

    Returns
    -------
    Outcome
    """
    progress("looking the table over")
    found = diagnose(table)
    settings = study.emissions
    load = emissions(
        table, settings.stressor, households=settings.households, orphans=settings.orphans
    )
    progress("solving")
    system = Leontief(table)
    residual = largest_residual(system, load)
    account = footprint(system, load, grouping=grouping)
    progress("taking exports apart")
    terms = bridge(system, load, by="partner", grouping=grouping)
    by_region = terms.groupby(level="region", sort=False).sum()
    by_region = by_region.reindex(account.index, fill_value=0.0)  # one region has no partners
    by_region.attrs = terms.attrs
    steps = ladder(by_region)
    progress("sharing out responsibility")
    shares = responsibility(
        system, load, grouping=grouping,
        extraction=whichever(table, study.bridge.extraction, "bridge.extraction"),
        processing=whichever(table, study.bridge.processing, "bridge.processing"),
    )  # fmt: skip
    tables = {
        "bridge": by_region.reset_index(),
        "bridge_partners": terms.reset_index(),
        "ladder": steps.reset_index(),
        "trade_measures": trade_measures(system, load, grouping=grouping).reset_index(),
        "world_share": world_share(system, load, grouping=grouping).reset_index(),
        "accounts": account.reset_index(),
        "responsibility": shares.reset_index(),
        "avoided": avoided_emissions(system, load, grouping=grouping).reset_index(),
        "terms": pd.DataFrame(TERMS).assign(number=range(1, len(TERMS) + 1)),
    }
    tables["terms"].attrs = {"quantity": "terms of the bridge", "unit": "none"}
    tables["diagnosis"] = found.findings
    tables["diagnosis"].attrs = {"quantity": "findings about the table", "unit": "see column unit"}
    tables = {name: with_year(frame, table) for name, frame in tables.items()}
    names = display_names(list(steps.index), grouping)
    return Outcome(
        table=table, load=load, diagnosis=found, tables=tables, residual=residual,
        headlines=_headlines(tables, load, names, table, grouping),
        pictures=lambda: _pictures(tables, load, names, table, study.figures.regions),
        template="bridge.html.j2", page=lambda: _page(tables, load, names, table.unit),
        grouping=grouping,
    )  # fmt: skip


def _indexed(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    return tables[name].drop(columns="year").set_index("region")


def _headlines(
    tables: Mapping[str, pd.DataFrame], load: Emissions, names: Mapping[str, str], table: IOTable,
    grouping: Grouping | None,
) -> list[str]:  # fmt: skip
    gas = load.gas
    steps, account = _indexed(tables, "ladder"), _indexed(tables, "accounts")
    shares = _indexed(tables, "responsibility")
    world = account["production"].sum()
    producers = world - account["direct"].sum()
    summed = steps.sum()
    if not summed["throughflow"]:
        what = "groups" if grouping else "regions"
        return [
            f"{table.label}: no carbon is traded between {what}, so that every measure is zero; "
            f"they emit {world:,.0f} {gas}."
        ]
    nets = account["net_exports"].clip(lower=0).sum()
    single = single_regions(account.index, table, grouping)
    if not account.loc[single, "exports"].any():
        single = list(account.index)
    most = str(account.loc[single, "exports"].idxmax())
    foreign = (steps["throughflow"] - steps["eebt"]) / steps["throughflow"]
    home, over = str(steps.loc[single, "returned"].idxmax()), str(foreign.idxmax())
    spread = shares.loc[most]
    lowest, highest = str(spread.idxmin()), str(spread.idxmax())
    per = ", ".join(
        f"{MEASURES[m]} {100 * summed[m] / world:.1f} %"
        for m in ("footprint", "eebt", "throughflow")
    )
    twice = []
    if f"{steps['returned'][home]:,.0f}" != "0":
        twice.append(
            f"{names[home]} gets back more of its own emissions in imports than any other: "
            f"{steps['returned'][home]:,.0f} {gas}."
        )
    if f"{100 * foreign[over]:.0f}" != "0":
        twice.append(
            f"Counting at every border adds most in proportion to {names[over]}: "
            f"{100 * foreign[over]:.0f} % of its throughflow exports."
        )
    return [
        f"{table.label}: of {world:,.0f} {gas} the measures call traded: {per}; net exports "
        f"{100 * nets / world:.1f} %.",
        f"Without households' direct emissions in the whole ({producers:,.0f} {gas}) the same are "
        + ", ".join(
            f"{100 * summed[m] / producers:.1f}" for m in ("footprint", "eebt", "throughflow")
        )
        + f" and {100 * nets / producers:.1f} %: a printed share means little without its measure "
        "and its whole.",
        f"{names[most]} exports {steps['footprint'][most]:,.0f}, {steps['eebt'][most]:,.0f} or "
        f"{steps['throughflow'][most]:,.0f} {gas} (footprint, EEBT, throughflow); "
        f"{100 * steps['footprint'][most] / account['production'][most]:.1f} % of its production "
        f"gross, {100 * account['net_exports'][most] / account['production'][most]:.1f} % net.",
        *([" ".join(twice)] if twice else []),
        f"{names[most]} answers for {spread[lowest]:,.0f} {gas} ({SCHEMES[lowest].lower()}) to "
        f"{spread[highest]:,.0f} ({SCHEMES[highest].lower()}), depending on the scheme.",
    ]


def _pictures(
    tables: Mapping[str, pd.DataFrame], load: Emissions, names: Mapping[str, str], table: IOTable,
    most: int,
) -> Iterator[Picture]:  # fmt: skip
    """Draw the world's bridge, all schemes, and the bridges of the `most` largest traders."""
    from carbonflows.figures.dots import dots

    gas, source = load.gas, f"Source: {table.label}, carbonflows"
    steps, account = _indexed(tables, "ladder"), _indexed(tables, "accounts")
    total = account["production"].sum()
    whole = "production" if load.households else "production without households"
    yield _ladder(
        steps.sum(), "bridge_world", gas, total, f"world {whole}",
        "The bridge: all exports of carbon", source,
        "All regions together: from footprint to EEBT to throughflow.",
    )  # fmt: skip
    shares = _indexed(tables, "responsibility").drop(columns=list(HALVES))
    yield drawn(
        "responsibility", ("responsibility",),
        "Every scheme shares out the same world total; only where it lands differs. Schemes of "
        "half and half lie midway between two others and are in the table alone.",
        lambda: dots(
            shares, base="production", unit=gas, labels=names, column_names=SCHEMES, source=source,
            apart=[column for column in shares if column == "extraction"],
            title="Who answers for emissions, by scheme",
            subtitle="Schemes that add up to the same world total",
        ),
    )  # fmt: skip
    for region in _traders(tables)[:most]:
        label = names[region]
        yield _ladder(
            steps.loc[region], f"bridge_{file_stem(region)}", gas, account["production"][region],
            f"its {whole}", f"{label}: exports of carbon", source,
            f"{label}: what lies between footprint, EEBT and throughflow.",
        )  # fmt: skip


def _traders(tables: Mapping[str, pd.DataFrame]) -> pd.Index:
    """Regions by what they export and import (footprint), the largest first."""
    account = _indexed(tables, "accounts")
    traded = account["exports"] + account["imports"]
    return traded.sort_values(ascending=False, kind="stable").index


def _ladder(
    steps: pd.Series, stem: str, gas: str, whole: float, whole_name: str, title: str, source: str,
    caption: str,
) -> Picture:  # fmt: skip
    from carbonflows.figures.waterfall import Step, waterfall

    rows = [
        Step(MEASURES[str(name)], 0.0, True) if name in MEASURES
        else Step(str(name).capitalize(), float(value), False, STEPS[str(name)])
        for name, value in steps.items()
    ]  # fmt: skip
    return drawn(
        stem, ("ladder", "accounts"), caption,
        lambda: waterfall(
            rows, unit=gas, heading="Gross exports", reference=float(whole) or None,
            reference_name=whole_name, note=BEYOND, title=title, source=source,
            subtitle="Three measures of the same trade, and what lies between them",
        ),
    )  # fmt: skip


def _page(
    tables: Mapping[str, pd.DataFrame], load: Emissions, names: Mapping[str, str], money: str
) -> dict[str, Any]:
    from markupsafe import Markup

    gas = shown(load.gas)

    def named(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(region=[names[r] for r in frame["region"]]).rename(
            columns={"region": "Region", **MEASURES, **SCHEMES}
        )

    order = _traders(tables)
    cut = len(order) > MOST_ROWS

    def table(frame: pd.DataFrame, caption: str) -> Markup:
        frame = frame.drop(columns="year")
        if cut:
            frame = frame.set_index("region").loc[order].reset_index()
        frame = named(frame)
        frame.columns = pd.Index([c[:1].upper() + c[1:] for c in frame.columns])
        return Markup(html_table(frame, caption + (", largest traders first" if cut else "")))

    shares = _indexed(tables, "responsibility")
    measures = tables["trade_measures"].drop(columns="year")
    account = _indexed(tables, "accounts")
    regions = []
    for region in account.index:
        rows = measures[measures["region"] == region].drop(columns="region")
        rows = rows.assign(measure=[MEASURES[m] for m in rows["measure"]])
        rows.columns = pd.Index([c.capitalize() for c in rows.columns])
        regions.append(
            {
                "name": names[region],
                "anchor": f"region-{file_stem(region)}",
                "stem": f"bridge_{file_stem(region)}",
                "production": f"{account['production'][region]:,.1f} {gas}",
                "consumption": f"{account['consumption'][region]:,.1f} {gas}",
                "table": Markup(html_table(rows, f"Every measure, {gas}")),
                "terms": Markup(
                    html_table(_term_rows(tables, region), f"Terms of gross exports, {gas}")
                ),
                "schemes": Markup(
                    html_table(_scheme_rows(shares.loc[region]), f"By scheme, {gas}")
                ),
            }
        )
    world = tables["world_share"].drop(columns="year")
    world = world.assign(measure=[MEASURES[m] for m in world["measure"]])
    world["share"] *= 100
    world.columns = pd.Index(["Measure", f"Traded [{gas}]", f"World [{gas}]", "Share [%]"])
    words = tables["terms"].drop(columns="year")[["number", "code", "step", "what"]]
    words.columns = pd.Index(["Term", "Code", "Step", "Own emissions, or those of others"])
    avoided = tables["avoided"].rename(columns={
        "imports": "As made", "imports_at_home": "As the importer would have made them",
        "avoided": "Avoided", "not_valued": f"Imports not valued [{money}]",
    })  # fmt: skip
    return {
        "sections": [
            ("bridge", "The bridge"), ("answers", "Responsibility"),
            ("regions", "Region by region"), ("table", "The table"), ("provenance", "Provenance"),
        ],
        "world": Markup(html_table(world, "World emissions traded between regions")),
        "ladder": table(tables["ladder"], f"Gross exports and what lies between them, {gas}"),
        "terms": Markup(html_table(words, "", digits=0)),
        "schemes": table(tables["responsibility"], f"Emissions by scheme, {gas}"),
        "avoided": table(avoided, f"Emissions in imports, {gas}"),
        "regions": regions,
    }  # fmt: skip


def _term_rows(tables: Mapping[str, pd.DataFrame], region: object) -> pd.DataFrame:
    """The terms of one region, with their share of its throughflow exports."""
    values = _indexed(tables, "bridge").loc[[region]].iloc[0]
    total = float(values.sum())
    return pd.DataFrame(
        {
            "Term": [f"{number}. {term.what}" for number, term in enumerate(TERMS, 1)],
            "Step": [term.step for term in TERMS],
            "Exports": values.to_numpy(),
            "Share [%]": 100 * values.to_numpy() / total if total else float("nan"),
        }
    )


def _scheme_rows(shares: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(
        {"Scheme": [SCHEMES[str(name)] for name in shares.index], "Emissions": shares.to_numpy()}
    )
