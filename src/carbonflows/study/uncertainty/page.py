"""Figures and report of a study of uncertainty."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.figures.wording import decimals, percent, shown
from carbonflows.study.html import html_table
from carbonflows.study.outcome import Picture, drawn
from carbonflows.study.uncertainty.spec import UncertaintySpec
from carbonflows.study.uncertainty.tables import FEWEST

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

HEADS = {
    "production": "Production", "consumption": "Consumption", "net_exports": "Net exports",
}  # fmt: skip


UNSURE = ("consumption", "net_exports")
"""Quantities that all errors reach; production knows no trade."""

WAYS = {
    "node": "the other's, node by node",
    "region": "its own, scaled to the other's total of each region",
    "group": "its own, scaled to the other's total of each group",
}
"""How emissions of one table are put onto another; see `carbonflows.ensemble`."""


@dataclass(frozen=True, eq=False)
class Told:
    """A study's tables with what is needed to speak of them.

    Attributes
    ----------
    spec : UncertaintySpec
    tables : mapping of str to DataFrame
    gas : str
        Unit with what it measures.
    names : mapping of str to str
        What regions or groups are called.
    grouped : bool
        Whether the study speaks of groups.
    label : str
        Of the table.
    unfit : str
        Why there is nothing to first order; empty if there is.
    """

    spec: UncertaintySpec
    tables: Mapping[str, pd.DataFrame]
    gas: str
    names: Mapping[str, str]
    grouped: bool
    label: str
    unfit: str

    @property
    def what(self) -> tuple[str, str]:
        """What the study speaks of: one and many."""
        return ("group", "groups") if self.grouped else ("region", "regions")

    @property
    def few(self) -> str:
        """Why nothing is said of signs and ranks; empty if there are draws enough."""
        if self.spec.draws >= FEWEST:
            return ""
        return (
            f"{self.spec.draws} draws are too few to say anything of signs and ranks, and "
            f"intervals are rough: make {FEWEST} draws or more, better 1,000"
        )

    def table(self, name: str) -> pd.DataFrame:
        """Table at the level that the study speaks of."""
        return self.tables[f"{name}_groups" if self.grouped else name].drop(columns="year")

    def of(self, name: str, quantity: str) -> pd.DataFrame:
        """Rows of one quantity, by region or group."""
        rows = self.table(name)
        return rows[rows["quantity"] == quantity].drop(columns="quantity").set_index("region")

    def ranks(self) -> pd.DataFrame:
        """Probability of ranks by consumption: region × rank, the largest first."""
        rows = self.table("ranks")
        wide = rows.pivot_table(index="region", columns="rank", values="probability", sort=False)
        return wide.loc[rows["region"].unique()]

    def own_ranks(self) -> "pd.Series[float]":
        """Probability that each region has the rank by consumption that it has without errors."""
        ranks = self.ranks()
        return pd.Series(np.diag(ranks.to_numpy()), ranks.index)

    def shares(self, quantity: str) -> pd.DataFrame:
        """Shares of errors in the variance of a quantity: region × error."""
        rows = self.of("variance_shares", quantity).reset_index()
        order = list(dict.fromkeys(rows["error"]))
        wide = rows.set_index(["region", "error"])["share"].unstack("error")  # noqa: PD010
        return wide.loc[rows["region"].unique(), order]


def page(told: Told, regions: Told | None = None) -> dict[str, Any]:
    """What the report's template needs.

    Parameters
    ----------
    told : Told
        At the level that the study speaks of.
    regions : Told, optional
        The same by region, where the study speaks of groups.

    Returns
    -------
    dict
    """
    spec = told.spec
    sections = [
        ("accounts", "Accounts"), ("signs", "Exporters and importers"), ("ranks", "Ranks"),
        *([("between", "Flows")] if spec.flows else []), ("sources", "What matters"),
        ("model", "The error model"), ("draws", "The draws"),
    ]  # fmt: skip
    if "ensemble" in told.tables:
        sections.append(("ensemble", "Other tables"))
    if regions is not None:
        sections.append(("regions", "By region"))
    return {
        "sections": [*sections, ("table", "The table"), ("provenance", "Provenance")],
        "spec": spec,
        "what": told.what,
        "percent": f"{100 * spec.level:g} %",
        "unfit": told.unfit,
        "few": told.few,
        "accounts": [_accounts(told, quantity) for quantity in HEADS],
        "signs": _signs(told),
        "regions": [
            *[_accounts(regions, quantity) for quantity in HEADS],
            *([] if told.few else [_signs(regions)]),
        ] if regions is not None else [],
        "ranks": _ranks(told),
        "flows": _flows(told),
        "compared": [] if told.unfit else [_compared(told, q) for q in UNSURE],
        "shares": [] if told.unfit else [_shares(told, q) for q in UNSURE],
        "convergence": _convergence(told),
        "errors": _errors(told),
        **_ensemble(told),
    }  # fmt: skip


def _table(frame: pd.DataFrame, caption: str, **options: Any) -> "Markup":
    from markupsafe import Markup

    return Markup(html_table(frame, caption, **options))


def _rounded(frame: pd.DataFrame, spread: "pd.Series[float]") -> tuple[pd.DataFrame, int]:
    """Amounts as precise as their spread; whole ones as integers."""
    places = decimals(spread.dropna())
    if places == 0 and np.isfinite(frame.to_numpy()).all():
        return frame.round().astype("int64"), 1
    return frame, max(places, 1)


def _amounts(told: Told, rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Columns of amounts with their heads."""
    low, high = ((1 - told.spec.level) / 2, (1 + told.spec.level) / 2)
    amounts, digits = _rounded(rows[["base", "mean", "sd", "low", "median", "high"]], rows["sd"])
    amounts.columns = pd.Index([
        "Table", "Mean", "SD", f"{100 * low:.3g} %", "Median", f"{100 * high:.3g} %",
    ])  # fmt: skip
    return amounts, digits


def _accounts(told: Told, quantity: str) -> "Markup":
    rows = told.of("intervals", quantity).sort_values("base", ascending=False, kind="stable")
    amounts, digits = _amounts(told, rows)
    shown_rows = amounts.assign(**{"CV [%]": 100 * rows["cv"]})
    shown_rows.insert(0, told.what[0].capitalize(), [told.names[str(r)] for r in rows.index])
    return _table(shown_rows, f"{HEADS[quantity]}, {shown(told.gas)}", digits=digits)


def _signs(told: Told) -> "Markup":
    rows = told.table("net_exporters").sort_values(
        "net_exports", ascending=False, kind="stable", ignore_index=True
    )
    amounts, digits = _rounded(rows[["net_exports"]], rows["net_exports"])
    frame = pd.DataFrame({
        told.what[0].capitalize(): [told.names[str(r)] for r in rows["region"]],
        f"Net exports [{told.gas}]": amounts["net_exports"],
        "Probability of net exporter [%]": 100 * rows["probability"],
        "Sure": ["yes" if sure else "no" for sure in rows["sure"]],
    })  # fmt: skip
    return _table(frame, "", digits=digits)


def _ranks(told: Told) -> "Markup":
    ranks, own = told.ranks(), told.own_ranks()
    likely = [
        ", ".join(f"{at} ({percent(p)})" for at, p in row.items() if p >= 0.05)
        for _, row in ranks.iterrows()
    ]
    frame = pd.DataFrame({
        "Rank": range(1, len(ranks) + 1),
        told.what[0].capitalize(): [told.names[str(r)] for r in ranks.index],
        "Probability of this rank [%]": 100 * own.to_numpy(),
        "Ranks with at least 5 %": likely,
    })  # fmt: skip
    return _table(frame, "Ranks by consumption, the largest first")


def _flows(told: Told) -> "Markup":
    rows = told.table("flow_intervals").head(told.spec.flows)
    if rows.empty:
        return _table(rows, "")
    amounts, digits = _amounts(told, rows)
    frame = amounts.assign(**{"CV [%]": 100 * rows["cv"]})
    frame.insert(0, "For final demand of", [told.names[str(r)] for r in rows["demand_region"]])
    frame.insert(0, "Emitted in", [told.names[str(r)] for r in rows["source_region"]])
    return _table(frame, f"The largest flows, {shown(told.gas)}", digits=digits)


def _compared(told: Told, quantity: str) -> "Markup":
    rows = told.of("intervals", quantity).sort_values("base", ascending=False, kind="stable")
    amounts, _ = _rounded(rows[["first_order", "sd"]], rows["sd"])
    frame = pd.DataFrame({
        told.what[0].capitalize(): [told.names[str(r)] for r in rows.index],
        "First order": amounts["first_order"], "Drawn": amounts["sd"], "Ratio": rows["ratio"],
        "Standard error": rows["ratio_error"],
    })  # fmt: skip
    caption = f"{HEADS[quantity]}: standard deviations, {shown(told.gas)}, and their ratio"
    return _table(frame, caption, digits=3)


def _shares(told: Told, quantity: str) -> "Markup":
    shares = 100 * told.shares(quantity)
    order = told.of("intervals", "consumption")["base"].sort_values(ascending=False).index
    shares = shares.loc[order]
    shares.insert(0, told.what[0].capitalize(), [told.names[str(r)] for r in shares.index])
    return _table(shares, f"{HEADS[quantity]}: shares of the variance, %")


def _convergence(told: Told) -> "Markup":
    rows = told.of("convergence", "consumption")
    order = told.of("intervals", "consumption")["base"].sort_values(ascending=False).index
    columns: dict[str, Any] = {
        told.what[0].capitalize(): [told.names[str(r)] for r in order],
    }
    for count, found in rows.groupby("draws"):
        at = found.loc[order]
        columns |= {
            f"SD, {count:,} draws": at["sd"].to_numpy(),
            f"Its error, {count:,}": at["sd_error"].to_numpy(),
        }
    return _table(
        pd.DataFrame(columns), f"Consumption: SD and its standard error, {shown(told.gas)}"
    )


def _errors(told: Told) -> "Markup":
    frame = told.tables["errors"][["error", "on", "relative_sd", "shared", "note"]]
    frame.columns = pd.Index(
        ["Error", "On", "Relative standard deviation", "Shared", "Where it comes from"]
    )
    return _table(frame, "")


def _ensemble(told: Told) -> dict[str, Any]:
    if "ensemble" not in told.tables:
        return {"ensemble": "", "effects": "", "moved": ""}
    rows = told.tables["ensemble"].drop(columns="year")
    wide = rows.pivot_table(
        index="region", columns=["table", "inventory"], values="consumption", sort=False
    )
    names = [told.names.get(str(r), str(r)) for r in wide.index]
    wide.columns = pd.Index([f"{pair[0]}, emissions of {pair[1]}" for pair in wide.columns])
    wide.insert(0, told.what[0].capitalize(), names)
    effects = told.tables["ensemble_variance"]
    effects = effects[effects["quantity"] == "consumption"]
    share = effects[["table", "inventory", "interaction"]].div(effects["variance"], axis=0)
    frame = pd.DataFrame({
        told.what[0].capitalize(): names, "Mean": effects["mean"], "Least": effects["low"],
        "Most": effects["high"], "SD": np.sqrt(effects["variance"]),
        "Table [%]": 100 * share["table"], "Inventory [%]": 100 * share["inventory"],
        "Both together [%]": 100 * share["interaction"],
    })  # fmt: skip
    moved = [
        f"{table} with the emissions of {of}: {WAYS[how]}"
        for table, each in told.tables["ensemble"].attrs["moved"].items()
        for of, how in each.items() if how != "own"
    ]  # fmt: skip
    return {
        "ensemble": _table(wide, f"Consumption, {shown(told.gas)}"),
        "effects": _table(frame, f"Consumption over all tables and inventories, {shown(told.gas)}, "
                                 "and what its variance comes from"),
        "moved": moved,
    }  # fmt: skip


def pictures(told: Told) -> Iterator[Picture]:
    """Draw intervals of consumption, net exports and flows, and probabilities of ranks."""
    from carbonflows.figures.intervals import intervals
    from carbonflows.figures.rank_heat import rank_heat

    ending = "_groups" if told.grouped else ""
    source = f"Source: {told.label}, carbonflows"
    subtitle = f"{told.spec.draws:,} draws, errors as the study states them"
    shared: dict[str, Any] = {
        "unit": told.gas, "labels": told.names, "source": source,
        "subtitle": subtitle,
    }  # fmt: skip

    def lines(rows: pd.DataFrame, **options: Any) -> "Figure":
        half = rows[["lower_quartile", "upper_quartile"]].set_axis(["low", "high"], axis=1)
        half.attrs = {"level": 0.5}
        first = None if told.unfit or "first_order" not in rows else rows[["first_order"]]
        if first is not None:
            first = first.set_axis(["sd"], axis=1)
        return intervals(
            rows[["base", "low", "high"]], inner=half, first_order=first, **(shared | options)
        )

    consumption, net = (told.of("intervals", q) for q in ("consumption", "net_exports"))
    yield drawn(
        "consumption", (f"intervals{ending}",),
        "Consumption: the table's own value is 100 %; the lines hold "
        f"{100 * told.spec.level:g} % and 50 % of the draws.",
        lambda: lines(consumption, relative=True, title="How sure consumption is",
                      heading="Consumption"),
    )  # fmt: skip
    if told.few:
        yield drawn(
            "net_exports", (f"intervals{ending}",), "Net exports; below zero are net imports.",
            lambda: lines(net, title="How sure net exports are", heading="Net exports"),
        )  # fmt: skip
    else:
        chance = told.table("net_exporters").set_index("region")["probability"]
        yield drawn(
            "net_exports", (f"intervals{ending}", f"net_exporters{ending}"),
            "Net exports, and the share of draws in which each is the net exporter or net importer "
            "that the table says it is.",
            lambda: lines(net, positive=chance, sides=("exporter", "importer"),
                          title="Who is a net exporter for sure", heading="Net exports"),
        )  # fmt: skip
        yield drawn(
            "rank_probability", (f"ranks{ending}",), "Probability of each rank by consumption.",
            lambda: rank_heat(told.ranks(), labels=told.names, title="How sure ranks are",
                              subtitle=subtitle, source=source),
        )  # fmt: skip
    if not told.spec.flows:
        return
    rows = told.table("flow_intervals").head(told.spec.flows)
    pairs = [
        f"{told.names[str(a)]} → {told.names[str(b)]}"
        for a, b in zip(rows["source_region"], rows["demand_region"], strict=True)
    ]
    yield drawn(
        "flows", (f"flow_intervals{ending}",),
        "The largest flows: emitted in the first for final demand in the second.",
        lambda: lines(rows.set_axis(pairs), labels=None, title="How sure the largest flows are",
                      heading="Emissions"),
    )  # fmt: skip
