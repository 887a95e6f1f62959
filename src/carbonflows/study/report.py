"""The report of a study: one HTML file that needs nothing beside it and prints well."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from carbonflows.study.analysis import Results
from carbonflows.study.findings import compared, headlines
from carbonflows.study.pictures import Picture, stands_for, words
from carbonflows.study.spec import Study

MOST_ROWS = 45
"""Longest table that the report prints in full; the CSV files always hold every row."""

_HEADS = {
    "region": "Region", "production": "Production", "consumption": "Consumption",
    "direct": "of which direct", "gross_exports": "Exports", "gross_imports": "Imports",
    "net_exports": "Net exports", "teim": "Intermediate imports", "teex": "Intermediate exports",
    "feim": "Final imports", "feex": "Final exports", "exports_finished": "Exports, finished",
    "exports_intermediate": "Exports, intermediate", "imports_finished": "Imports, finished",
    "imports_intermediate": "Imports, intermediate", "footprint": "Footprint", "eebt": "EEBT",
    "throughflow": "Throughflow", "pairwise_net": "Pairwise net",
}  # fmt: skip


def report(
    study: Study,
    found: Results,
    pictures: Sequence[Picture],
    images: Mapping[str, Path],
    facts: Sequence[tuple[str, str]],
    citations: Sequence[str],
) -> str:
    """Write the report of a study.

    Parameters
    ----------
    study : Study
    found : Results
    pictures : sequence of Picture
        Figures that were drawn.
    images : mapping of str to Path
        SVG file of each figure, by stem.
    facts : sequence of (str, str)
        Provenance, name and value.
    citations : sequence of str

    Returns
    -------
    str
        HTML.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
    from markupsafe import Markup, escape

    import carbonflows

    by_stem = {picture.stem: picture for picture in pictures}

    def figure(stem: str) -> Markup:
        if stem not in by_stem:
            return Markup("")
        if by_stem[stem].figure is None:
            return Markup('<p class="note">{}</p>').format(by_stem[stem].caption)
        data = base64.b64encode(images[stem].read_bytes()).decode()
        caption = escape(by_stem[stem].caption)
        return Markup(
            f'<figure id="{stem}"><img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )

    environment = Environment(
        loader=PackageLoader("carbonflows", "study"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["figure"] = figure
    tables = {name: Markup(html) for name, html in _tables(study, found).items()}
    sections = [
        ("accounts", "Accounts"), ("flows", "Flows"), ("intensities", "Intensities"),
        ("sinks", "Sources and sinks"), ("published", "Printed and computed"),
        ("table", "The table"), ("provenance", "Provenance"),
    ]  # fmt: skip
    shown = [(a, n) for a, n in sections if a not in ("sinks", "published") or tables[a]]
    orphaned = float(found.load.orphaned.sum())
    return environment.get_template("report.html.j2").render(
        **tables,
        study=study,
        table=found.table,
        load=found.load,
        diagnosis=found.diagnosis,
        version=carbonflows.__version__,
        headlines=headlines(study, found),
        sections=shown,
        orphaned=f"{orphaned:.3g} {found.load.unit}" if orphaned else "",
        direction=_direction(study, found),
        ratio_note=_ratio_note(found),
        routes=_routes(found),
        residual=f"{found.residual:.1e}",
        stands_for=stands_for(found),
        facts=facts,
        citations=citations,
        table_files=sorted(f"{name}.csv" for name in found.tables),
    )


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
    findings = found.diagnosis.findings.rename(columns=str.capitalize)
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
        "findings": _html(findings, "", digits=None, level=True),
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


def _html(frame: pd.DataFrame, caption: str, *, digits: int | None = 1, level: bool = False) -> str:
    from markupsafe import escape

    total, cut = len(frame), len(frame) > MOST_ROWS
    frame = frame.head(MOST_ROWS) if cut else frame
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    heads = "".join(
        f"<th{'' if number else ' class=text'}>{escape(_HEADS.get(str(c), str(c)))}</th>"
        for c, number in zip(frame.columns, numeric, strict=True)
    )
    rows = []
    for record in frame.itertuples(index=False):
        cells = []
        for column, value, number in zip(frame.columns, record, numeric, strict=True):
            if number:
                cells.append(f"<td>{_number(float(value), digits)}</td>")
            elif level and column == "Level":
                cells.append(f'<td class="text level-{escape(value)}">{escape(value)}</td>')
            else:
                kind = "text" if len(str(value)) <= 28 else "text long"
                cells.append(f'<td class="{kind}">{escape(str(value))}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    more = (
        f'<p class="note">The first {MOST_ROWS} of {total} rows; the rest is in the CSV file.</p>'
    )
    short = " short" if len(rows) <= 24 else ""
    return (
        f'<div class="scroll{short}"><table>{title}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{more if cut else ''}"
    )


def _number(value: float, digits: int | None) -> str:
    if np.isnan(value):
        return "–"
    if digits is None:
        text = f"{value:,.6g}"
    else:
        text = f"{value:,.{digits}f}"
        if float(text.replace(",", "")) == 0:
            text = text.lstrip("-")
    return text.replace("-", "−")


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
