"""What is worth saying about a study's numbers: five lines, and printed beside computed."""

import numpy as np
import pandas as pd

from carbonflows.study.analysis import Results
from carbonflows.study.spec import Study


def compared(study: Study, found: Results) -> pd.DataFrame:
    """Put the numbers that a study printed beside the ones computed here.

    Parameters
    ----------
    study : Study
    found : Results

    Returns
    -------
    DataFrame
        ``quantity``, ``region``, ``unit``, ``published``, ``computed`` (NaN where this table does
        not show the region apart) and ``denominator`` of intensities.
    """
    tables = found.tables
    published = study.published
    if published is None:
        return pd.DataFrame()
    accounts = tables.get("accounts_groups", tables["accounts"]).set_index("region")
    rank = tables.get("net_shares_groups", tables["net_shares"]).set_index("region")
    means = tables.get("intensities_groups", tables["intensities"])
    shares = tables.get("sink_shares_groups")
    rows = []
    for printed in published.values:
        region, computed, per = printed.region, np.nan, ""
        if printed.quantity == "net exports":
            computed = accounts["net_exports"].get(region, np.nan)
        elif printed.quantity == "share of all net exports":
            computed = 100 * rank["share"].get(region, np.nan)
        elif printed.quantity == "share consumed within" and shares is not None:
            inside = found.block if region == study.highlight else [region]
            chosen = shares[(shares.source_region == region) & shares.demand_region.isin(inside)]
            computed = 100 * chosen["share"].sum() if len(chosen) else np.nan
        elif printed.quantity.endswith("intensity"):
            kind = printed.quantity.split()[0]
            per = getattr(study.intensity, kind)
            chosen = means[(means.kind == kind) & (means.denominator == per)].set_index("region")
            computed = chosen["value"].get(region, np.nan)
            if region == "world":
                computed = _world_intensity(tables, kind, per)
        rows.append((printed.quantity, region, printed.unit, printed.value, float(computed), per))
    columns = ["quantity", "region", "unit", "published", "computed", "denominator"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs = {
        **tables["accounts"].attrs, "quantity": "printed beside computed",
        "unit": "see column unit", "source": published.source,
    }  # fmt: skip
    return frame


def _world_intensity(tables: dict[str, pd.DataFrame], kind: str, per: str) -> float:
    rows = tables["intensities"].query("kind == @kind and denominator == @per").set_index("region")
    emitted = tables["accounts"].set_index("region")[kind]
    known = rows["value"].notna() & (rows["value"] > 0)
    weights = emitted[known] / rows["value"][known]
    return float(emitted[known].sum() / weights.sum())


def headlines(study: Study, found: Results) -> list[str]:
    """Five lines worth knowing.

    Parameters
    ----------
    study : Study
    found : Results

    Returns
    -------
    list of str
    """
    load, tables = found.load, found.tables
    what = load.unit if load.name in load.unit else f"{load.unit} {load.name}"
    accounts = tables[found.level("accounts")].set_index("region")
    net, emitted, consumed = (
        accounts["net_exports"],
        accounts["production"],
        accounts["consumption"],
    )
    world = tables["world_share"].set_index("measure")
    percent = 100 * world["share"]
    top, bottom = str(net.idxmax()), str(net.idxmin())
    rank = tables[found.level("net_shares")].set_index("region")["share"]
    inside = "households included" if load.households else "without households"
    if not load.has_final:
        inside = "the table gives no direct emissions of households"
    lines = [
        f"{found.table.label}: {world['world'].iloc[0]:,.0f} {what} ({inside}); "
        f"{percent['footprint']:.1f} % is caused by final demand in another of its "
        f"{len(found.table.regions)} regions (footprint; EEBT {percent['eebt']:.1f} %, throughflow "
        f"{percent['throughflow']:.1f} %).",
        f"Largest net exporter: {found.name(top)}, {net[top]:,.0f} {what}, "
        f"{100 * rank[top]:.0f} % of all net exports; it emits {emitted[top]:,.0f} and consumes "
        f"{consumed[top]:,.0f}.",
        f"Largest net importer: {found.name(bottom)}, {-net[bottom]:,.0f} {what}; it emits "
        f"{emitted[bottom]:,.0f} and consumes {consumed[bottom]:,.0f}.",
    ]
    apart = found.flows.to_numpy().copy()
    np.fill_diagonal(apart, -np.inf)
    if len(apart) > 1:
        i, j = divmod(int(apart.argmax()), len(apart))
        source, sink = found.name(found.flows.index[i]), found.name(found.flows.columns[j])
        lines.append(
            f"Largest flow: {apart[i, j]:,.0f} {what} emitted in {source} for final demand in "
            f"{sink}."
        )
    if found.block:
        rows = found.flows.loc[found.block]
        within = 100 * rows[found.block].to_numpy().sum() / rows.to_numpy().sum()
        outward = net[found.block].sum()
        verb = "net exporter" if outward >= 0 else "net importer"
        lines.append(
            f"{study.highlight} as one: {verb} of {abs(outward):,.0f} {what}; {within:.1f} % of "
            "the emissions of its producing sectors serve its own consumption."
        )
    else:
        direction = tables["intensity_direction"].set_index("measure")["value"]
        lines.append(
            f"{100 * direction['share_from_higher']:.0f} % of pairwise net flow goes from the "
            "region of higher to the region of lower production intensity."
        )
    return lines
