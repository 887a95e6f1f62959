"""What the report of a series says: headlines and tables by year."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from carbonflows.figures.wording import shown
from carbonflows.study.html import html_table
from carbonflows.study.spec import Study
from carbonflows.study.year_words import absent_years, listed_years

MEASURES = {
    "footprint": "Footprint", "eebt": "EEBT", "throughflow": "Throughflow",
    "pairwise_net": "Pairwise net",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Series:
    """Numbers of a series, before they are drawn and written.

    Attributes
    ----------
    study : Study
    tables : mapping of str to DataFrame
    gas : str
        Unit of emissions, as it is printed.
    stressor : str
    span : str
        What the tables are called, with the first year and the last.
    years : tuple of int
    absent : tuple of int
        Years that were asked for and are not there.
    names : mapping of str to str
        Names to print for regions or groups.
    single : list of str
        Regions or groups that are more than the rest of the world.
    grouped : bool
    """

    study: Study
    tables: Mapping[str, pd.DataFrame]
    gas: str
    stressor: str
    span: str
    years: tuple[int, ...]
    absent: tuple[int, ...]
    names: Mapping[str, str]
    single: list[str]
    grouped: bool

    def at(self, name: str) -> pd.DataFrame:
        """Return a table at the level the study speaks of."""
        return self.tables.get(f"{name}_groups", self.tables[name])

    def wide(self, column: str) -> pd.DataFrame:
        """Return a column of the accounts, years × labels, labels in their own order."""
        frame = self.at("accounts")
        return by_years(frame, "region", column)

    def shares(self) -> pd.DataFrame:
        """Return the share of world emissions that is traded, years × measures [%]."""
        return 100 * by_years(self.at("world_share"), "measure", "share")

    @property
    def noun(self) -> str:
        """What labels are."""
        return "group" if self.grouped else "region"

    @property
    def ends(self) -> tuple[int, int]:
        """First and last year."""
        return self.years[0], self.years[-1]


def by_years(frame: pd.DataFrame, label: str, column: str) -> pd.DataFrame:
    """Years × labels of one column, in the order in which labels appear."""
    order = list(dict.fromkeys(frame[label]))
    wide = frame.pivot(index="year", columns=label, values=column)  # noqa: PD010 — refuses doubles
    return wide[order]


def _year(wide: pd.DataFrame, year: int) -> pd.Series:
    """One year of a table of years × labels."""
    return pd.Series(wide.loc[year], dtype=float)


def series_headlines(found: Series) -> list[str]:
    """Say what changed between the first year and the last, and what is absent.

    Parameters
    ----------
    found : Series

    Returns
    -------
    list of str
    """
    first, last = found.ends
    gas = found.gas
    made = found.wide("production")
    world = made.sum(axis=1)
    rate = ""
    if world[first] > 0 and world[last] > 0:
        rate = f", {_signed(100 * ((world[last] / world[first]) ** (1 / (last - first)) - 1), 1)}"
        rate += " % per year"
    lines = [
        f"{found.span}: emissions went from {world[first]:,.0f} to {world[last]:,.0f} {gas} "
        f"({_percent(world, first, last)}{rate}); {len(found.years)} years are computed."
    ]
    change = (_year(made, last) - _year(made, first))[found.single]
    up, down = str(change.idxmax()), str(change.idxmin())
    rose = (
        f"Emissions {'rose most' if change[up] > 0 else 'fell least'} in {found.names[up]}, by "
        f"{_signed(change[up])} {gas} ({_percent(made[up], first, last)})"
    )
    if up != down:
        rose += (
            f", and {'fell most' if change[down] < 0 else 'rose least'} in {found.names[down]}, by "
            f"{_signed(change[down])} {gas} ({_percent(made[down], first, last)})"
        )
    lines.append(f"{rose}.")
    net = found.wide("net_exports")[found.single]
    if (net.abs() > 0).any(axis=None):
        lines += [
            _leader("Largest net exporter", net.idxmax(axis=1), net, found),
            _leader("Largest net importer", net.idxmin(axis=1), -net, found),
        ]
    share = found.shares()
    high = int(share["footprint"].idxmax())
    peak = "" if high in found.ends else f", most in {high}, {share['footprint'][high]:.1f} %"
    lines.append(
        f"Traded between {found.noun}s: {share['footprint'][first]:.1f} % of emissions in {first}, "
        f"{share['footprint'][last]:.1f} % in {last} (footprint{peak}); "
        f"EEBT {share['eebt'][first]:.1f} and "
        f"{share['eebt'][last]:.1f} %, throughflow {share['throughflow'][first]:.1f} and "
        f"{share['throughflow'][last]:.1f} %."
    )
    if "sector_totals" in found.tables:
        totals = by_years(found.tables["sector_totals"], "sector", "total")
        before = _year(totals, first)
        grown = _year(totals, last)[before > 0] / before[before > 0]
        if len(grown):
            most = str(grown.idxmax())
            verb = "grew most" if grown[most] > 1 else "shrank least"
            lines.append(
                f"Of the sectors here {most.lower()} {verb} in proportion: from "
                f"{totals[most][first]:,.0f} to {totals[most][last]:,.0f} {gas} "
                f"({_percent(totals[most], first, last)})."
            )
    if found.absent:
        lines.append(
            f"{absent_years(found.absent)} The years shown are {listed_years(found.years)}."
        )
    return lines


def _signed(value: float, digits: int = 0) -> str:
    """Write a change with its sign."""
    return f"{value:+,.{digits}f}".replace("-", "−")


def _percent(values: pd.Series, first: int, last: int) -> str:
    """Change from first to last in per cent, or that there is none to speak of."""
    if not values[first] > 0:
        return "from nothing"
    return f"{_signed(100 * (values[last] / values[first] - 1))} %"


def _leader(what: str, who: pd.Series, amounts: pd.DataFrame, found: Series) -> str:
    """Say who leads in the first year and in the last."""
    first, last = found.ends
    then, now = str(who[first]), str(who[last])
    if then == now:
        return (
            f"{what} in {first} and {last}: {found.names[now]}, {amounts[now][first]:,.0f} and "
            f"{amounts[now][last]:,.0f} {found.gas}."
        )
    return (
        f"{what}: {found.names[then]} in {first} ({amounts[then][first]:,.0f} {found.gas}), "
        f"{found.names[now]} in {last} ({amounts[now][last]:,.0f} {found.gas})."
    )


def series_page(found: Series) -> dict[str, Any]:
    """Give the template of a series its tables as HTML and its sentences.

    Parameters
    ----------
    found : Series

    Returns
    -------
    dict
    """
    from markupsafe import Markup

    gas = shown(found.gas)
    made = _year(found.wide("production"), found.years[-1])
    order = list(made.sort_values(ascending=False, kind="stable").index)

    def by_year(wide: pd.DataFrame, caption: str, head: str, names: Mapping[str, str]) -> Markup:
        frame = wide.T
        frame.insert(0, head, [names.get(str(label), str(label)) for label in frame.index])
        frame.columns = pd.Index([str(column) for column in frame.columns])
        return Markup(html_table(frame, caption))

    head = found.noun.capitalize()
    by_label = [
        by_year(found.wide(column)[order], f"{caption}, {gas}", head, found.names)
        for column, caption in (
            ("production", "Production"), ("consumption", "Consumption"),
            ("net_exports", "Net exports"),
        )
    ]  # fmt: skip
    whole = [by_year(found.shares(), "Share of world emissions traded, %", "Measure", MEASURES)]
    if "ladder" in found.tables:
        ladder = found.tables["ladder"]
        steps = ladder.groupby("year")[list(ladder.columns[2:])].sum()
        steps.columns = pd.Index([MEASURES.get(str(c), str(c).capitalize()) for c in steps])
        caption = f"Gross exports of all {found.noun}s and what lies between, {gas}"
        whole.append(by_year(steps, caption, "Measure or step", {}))
    if "sector_totals" in found.tables:
        totals = by_years(found.tables["sector_totals"], "sector", "total")
        whole.append(by_year(totals, f"Carbon of each sector, {gas}", "Sector", {}))
    sections = [
        ("change", "What changed"), ("years", "Year by year"), ("trends", "Trends"),
        ("table", "The tables"), ("provenance", "Provenance"),
    ]  # fmt: skip
    return {
        "sections": sections,
        "first": found.years[0], "last": found.years[-1], "noun": found.noun,
        "absent": absent_years(found.absent),
        "by_label": by_label, "whole": whole,
        "trends": [Markup(html) for html in _trend_tables(found, order)],
        "yearly": Markup(_yearly(found)),
        "printed": found.study.published is not None,
        "stems": {
            "flows": [], "bridge": ["measures_over_time"],
            "sectors": ["sectors_over_time", "sectors_apart"],
        }[found.study.kind],
    }  # fmt: skip


def _trend_tables(found: Series, order: list[Any]) -> Iterator[str]:
    """First and last year beside each other, the quantities that a reader asks for first."""
    heads = ["First", "Last", "Change", "Change [%]", "Per year", "Per year [%]"]
    columns = ["first", "last", "change", "percent", "per_year", "percent_per_year"]
    gas = shown(found.gas)
    trend = found.tables["trend"]
    for quantity in ("production", "consumption", "net_exports"):
        rows = trend[trend["quantity"] == quantity].set_index("region").loc[order, columns]
        rows.insert(0, found.noun.capitalize(), [found.names[str(r)] for r in rows.index])
        rows.columns = pd.Index([found.noun.capitalize(), *heads])
        yield html_table(rows, f"{quantity.replace('_', ' ').capitalize()}, {gas}")
    if "trend_sectors" in found.tables:
        rows = found.tables["trend_sectors"].query("quantity == 'total'")[["sector", *columns]]
        rows.columns = pd.Index(["Sector", *heads])
        yield html_table(rows, f"Carbon of each sector, {gas}")


def _yearly(found: Series) -> str:
    """One line per table: what it is, what it emits, what was found, how well it was solved."""
    frame = found.tables["years"]
    said = pd.DataFrame(
        {
            "Year": frame["year"].astype(str),
            "Table": frame["table"],
            "Prices": frame["price_basis"].replace("", "not stated"),
            f"Emissions [{found.gas}]": frame["emissions"],
            "Worst finding": frame["worst_finding"],
            "Largest residual": [f"{value:.1e}" for value in frame["residual"]],
        }
    )
    return html_table(said, "The tables of the series")
