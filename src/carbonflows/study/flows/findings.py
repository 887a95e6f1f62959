"""What is worth saying about a study's numbers: five lines, and printed beside computed."""

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import StudyError, some
from carbonflows.study.analysis import Results
from carbonflows.study.spec import PublishedValue, Study


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
        not show the region apart, or where money is in another currency) and ``denominator`` of
        intensities.
    """
    tables = found.tables
    published = study.published
    if published is None:
        return pd.DataFrame()
    accounts = tables.get("accounts_groups", tables["accounts"]).set_index("region")
    rank = tables.get("net_shares_groups", tables["net_shares"]).set_index("region")
    means = tables.get("intensities_groups", tables["intensities"])
    shares = tables.get("sink_shares_groups")
    unit = tables["accounts"].attrs["unit"]
    rows = []
    for printed in published.values:
        region, computed, per, have = printed.region, np.nan, "", unit
        _require_region(study, found, region)
        if printed.quantity == "net exports":
            computed = accounts["net_exports"].get(region, np.nan)
        elif printed.quantity == "share of all net exports":
            computed, have = 100 * rank["share"].get(region, np.nan), "%"
        elif printed.quantity == "share consumed within" and shares is not None:
            inside = found.block if region == study.highlight else [region]
            chosen = shares[(shares.source_region == region) & shares.demand_region.isin(inside)]
            computed, have = 100 * chosen["share"].sum() if len(chosen) else np.nan, "%"
        elif printed.quantity.endswith("intensity"):
            kind = printed.quantity.split()[0]
            per = getattr(study.intensity, kind)
            chosen = means[(means.kind == kind) & (means.denominator == per)].set_index("region")
            have = str(chosen["unit"].iloc[0]) if len(chosen) else printed.unit
            computed = chosen["value"].get(region, np.nan)
            if region == "world":
                computed = _world_intensity(tables, kind, per)
        if _another_currency(have, printed.unit):
            computed, per = np.nan, f"{per} in another currency, {have}"
        else:
            computed = float(computed) * _scale(have, printed)
        rows.append((printed.quantity, region, printed.unit, printed.value, computed, per))
    columns = ["quantity", "region", "unit", "published", "computed", "denominator"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs = {
        **tables["accounts"].attrs, "quantity": "printed beside computed",
        "unit": "see column unit", "source": published.source,
    }  # fmt: skip
    return frame


def _require_region(study: Study, found: Results, region: str) -> None:
    known = {*found.table.regions, "world", study.highlight}
    if found.grouping is not None:
        known |= set(found.grouping.groups)
    if region not in known:
        raise StudyError(
            f"published.values names the region {region!r}, which is neither a group nor a region "
            f"here: there are {some(sorted(known - set(found.table.regions)), 20)}",
            region=region,
        )


def _another_currency(have: str, printed: str) -> bool:
    """Whether two intensities differ in what they are per: money of two currencies."""
    two = [unit.rpartition("/")[2] for unit in (have, printed) if "/" in unit]
    return len(two) == 2 and len({units.currency(unit) for unit in two} - {None}) == 2


def _scale(have: str, printed: PublishedValue) -> float:
    if "%" in (have, printed.unit):
        if have == printed.unit:
            return 1.0
    elif units.convertible(have, printed.unit):
        return units.factor(have, printed.unit)
    raise StudyError(
        f"published.values gives {printed.quantity} of {printed.region} in {printed.unit!r}, which "
        f"is computed in {have!r}: write it in a unit that this converts into"
    )


def _amount(value: float) -> str:
    """Show an amount with at least two significant digits."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == 0 else f"{value:.2g}"


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
    what = load.gas
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
        f"{found.table.label}: {_amount(world['world'].iloc[0])} {what} ({inside}); "
        f"{percent['footprint']:.1f} % is caused by final demand in another of its "
        f"{len(found.table.regions)} regions (footprint; EEBT {percent['eebt']:.1f} %, throughflow "
        f"{percent['throughflow']:.1f} %)."
    ]
    if net[top] > 0:
        lines += [
            f"Largest net exporter: {found.name(top)}, {_amount(net[top])} {what}, "
            f"{100 * rank[top]:.0f} % of all net exports; it emits {_amount(emitted[top])} and "
            f"consumes {_amount(consumed[top])}.",
            f"Largest net importer: {found.name(bottom)}, {_amount(-net[bottom])} {what}; it emits "
            f"{_amount(emitted[bottom])} and consumes {_amount(consumed[bottom])}.",
        ]
    apart = found.flows.to_numpy().copy()
    np.fill_diagonal(apart, -np.inf)
    if apart.max(initial=0.0) > 0:
        i, j = divmod(int(apart.argmax()), len(apart))
        source, sink = found.name(found.flows.index[i]), found.name(found.flows.columns[j])
        lines.append(
            f"Largest flow: {_amount(apart[i, j])} {what} emitted in {source} for final demand in "
            f"{sink}."
        )
    direction = tables["intensity_direction"].set_index("measure")["value"]
    if found.block:
        rows = found.flows.loc[found.block]
        within = 100 * rows[found.block].to_numpy().sum() / rows.to_numpy().sum()
        outward = net[found.block].sum()
        verb = "net exporter" if outward >= 0 else "net importer"
        seen = ", as far as this table shows it apart" if found.partly else ""
        lines.append(
            f"{study.highlight} as one{seen}: {verb} of {_amount(abs(outward))} {what}; "
            f"{within:.1f} % of the emissions of its producing sectors serve its own consumption."
        )
    elif direction["net_flow"] > 0:
        lines.append(
            f"{100 * direction['share_from_higher']:.0f} % of pairwise net flow goes from the "
            "region of higher to the region of lower production intensity."
        )
    return lines
