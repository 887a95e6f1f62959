"""A study of uncertainty: how sure production, consumption and traded carbon are, and why."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions, emissions, partition
from carbonflows.accounts.intensity import Denominator
from carbonflows.diagnosis import diagnose
from carbonflows.errors import DataError, StudyError, some
from carbonflows.figures.wording import counted, decimals, number, percent
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.study.analysis import Progress, largest_residual, with_year
from carbonflows.study.named import display_names
from carbonflows.study.outcome import Outcome
from carbonflows.study.spec import Study
from carbonflows.study.uncertainty.drawn import caused, drawn_at
from carbonflows.study.uncertainty.ensemble import ensemble_tables
from carbonflows.study.uncertainty.errors import named_errors
from carbonflows.study.uncertainty.page import Told, page, pictures
from carbonflows.study.uncertainty.tables import (
    SLACK,
    convergence_table,
    error_table,
    flow_table,
    interval_table,
    rank_table,
    share_table,
    sign_table,
)
from carbonflows.table import IOTable
from carbonflows.uncertainty.draws import draws
from carbonflows.uncertainty.first_order import first_order

if TYPE_CHECKING:
    from carbonflows.work import Work

NOTABLE = 0.01
"""Share of a part of the table in skewed cells from which on headlines warn."""
FAR, MANY = 0.1, 0.25
"""How far off standard deviations to first order are, and what share of them, for a warning."""


def outcome(
    study: Study,
    table: IOTable,
    *,
    grouping: Grouping | None = None,
    given: Mapping[str, Denominator] | None = None,
    progress: Progress = lambda step: None,
    work: "Work | None" = None,
) -> Outcome:
    """Compute a study of uncertainty.

    Parameters
    ----------
    study : Study
    table : IOTable
    grouping : Grouping, optional
        Groups, reported beside regions.
    given : mapping of str to Denominator, optional
        Not used here.
    progress : callable, optional
        Called with the name of each step.
    work : Work, optional
        How draws are spread out.

    Returns
    -------
    Outcome

    Raises
    ------
    CarbonflowsError
        Errors that do not fit the table, or whatever keeps draws from being made.
    """
    if study.grouping is not None and study.grouping.route != "compute_first":
        raise StudyError(
            "grouping.route = 'aggregate_first' would draw another table than the one named: leave "
            "it out; draws are summed to groups"
        )
    if table.output != "rows":
        raise StudyError(
            f"{table.label} has output “{table.output}”, but that of a draw is what its rows sum "
            'to: in [table.options] set output = "rows" where the reader knows it, or save '
            'table.replace(output="rows")'
        )
    spec, settings = study.uncertainty, study.emissions
    progress("looking the table over")
    found = diagnose(table)
    chosen: dict[str, Any] = {
        "stressor": settings.stressor, "households": settings.households,
        "orphans": settings.orphans,
    }  # fmt: skip
    load = emissions(table, **chosen)
    errors = named_errors(study, table)
    progress("solving")
    residual = largest_residual(Leontief(table), load)
    progress(f"drawing {spec.draws:,} tables")
    parts = [error for one in errors for error in one.errors]
    made = draws(
        table, parts, caused, number=spec.draws, seed=spec.seed, rebalanced=spec.rebalanced,
        totals=spec.totals, work=work, **chosen,
    )  # fmt: skip
    progress("standard deviations to first order")
    unfit = _not_first_order(study, table, load)
    tables: dict[str, pd.DataFrame] = {"errors": error_table(errors, table)}
    for ending, groups in (("", None), ("_groups", grouping)):
        if ending and groups is None:
            continue
        drawn = drawn_at(made, len(table.regions), partition(table, groups))
        account = drawn.accounts()
        first = None
        if not unfit:
            try:
                first = first_order(
                    table, parts, stressor=settings.stressor, grouping=groups,
                    households=settings.households,
                )  # fmt: skip
            except DataError as error:  # what can be drawn may be beyond the formula
                unfit = str(error)
        if first is not None:
            tables[f"variance_shares{ending}"] = share_table(first, errors)
        tables |= {
            f"intervals{ending}": interval_table(account, spec.level, first),
            f"net_exporters{ending}": sign_table(account, spec.level),
            f"ranks{ending}": rank_table(account),
            f"flow_intervals{ending}": flow_table(drawn, spec.level),
            f"convergence{ending}": convergence_table(account),
        }
    if spec.table:
        progress("asking other tables")
        tables |= ensemble_tables(study, table, grouping)
    tables["diagnosis"] = found.findings
    tables["diagnosis"].attrs = {"quantity": "findings about the table", "unit": "see column unit"}
    tables = {name: with_year(frame, table) for name, frame in tables.items()}

    def told_of(groups: Grouping | None) -> Told:
        labels = list(table.regions) if groups is None else list(groups.groups)
        names = display_names(labels, groups)
        return Told(spec, tables, load.gas, names, groups is not None, table.label, unfit)

    told = told_of(grouping)
    regions = told_of(None) if grouping is not None else None
    return Outcome(
        table=table, load=load, diagnosis=found, tables=tables, residual=residual,
        headlines=headlines(told),
        pictures=lambda: pictures(told),
        template="uncertainty/report.html.j2", page=lambda: page(told, regions), grouping=grouping,
    )  # fmt: skip


def _not_first_order(study: Study, table: IOTable, load: Emissions) -> str:
    """Why the first-order formula does not hold here; empty if it does."""
    if study.uncertainty.rebalanced:
        return "draws were rebalanced to margins, which the first-order formula does not know"
    idle = table.x.to_numpy() == 0
    stranded = any(e.F.to_numpy()[:, idle].any() for e in table.extensions.values())
    if load.orphans != "direct" and stranded:
        return (
            "emissions of nodes without output are not counted as direct, as the first-order "
            "formula does"
        )
    return ""


def headlines(told: Told) -> list[str]:
    """The lines worth knowing, warnings first."""
    return [
        *([f"{told.few}."] if told.few else []),
        *_skewed(told),
        *([] if told.few else _unlike(told)),
        _largest(told),
        *([told.spec.note] if told.spec.note else []),
        *([_signs(told), _ranks(told)] if len(told.own_ranks()) > 1 and not told.few else []),
        *([_shares(told)] if not told.unfit else [
            f"No standard deviations to first order, and no shares of errors: {told.unfit}."
        ]),
        *([] if told.unfit or told.few else [_against(told)]),
        *([_others(told)] if "ensemble" in told.tables else []),
    ]  # fmt: skip


def _skewed(told: Told) -> list[str]:
    """Warn of errors that lognormal factors and first order cannot be trusted with."""
    rows = told.tables["errors"]
    rows = rows[rows["skewed"] >= NOTABLE]
    if rows.empty:
        return []
    said = [
        f"“{name}” (up to {100 * largest:,.3g} %)"
        for name, largest in zip(rows["error"], rows["largest"], strict=True)
    ]
    return [
        f"Mind the errors: relative standard deviations of {some(said)} are 100 % or more. Such "
        "lognormal factors are so skewed that most draws lie far below the mean and means and "
        "intervals hang on a few draws far above it; first order does not hold."
    ]


def _unlike(told: Told) -> list[str]:
    """Warn where standard deviations to first order are not those drawn."""
    rows = _compared(told)
    off = (rows["ratio"] - 1).abs()
    many = int(((off > FAR) & (off > 3 * rows["ratio_error"])).sum())
    if not len(rows) or many < MANY * len(rows):
        return []
    return [
        f"Mind the first order: {many} of {len(rows)} drawn standard deviations of consumption and "
        f"net exports are more than {100 * FAR:g} % off those to first order. Trust the draws, not "
        "the shares of errors."
    ]


def _compared(told: Told) -> pd.DataFrame:
    """Intervals of what trade reaches, where there is a standard deviation to first order."""
    rows = told.table("intervals")
    if "ratio" not in rows:
        return rows.iloc[:0].assign(ratio=0.0, ratio_error=0.0)
    return rows[rows["quantity"] != "production"].dropna(subset=["ratio"])


def _largest(told: Told) -> str:
    """Consumption of the largest consumer with its interval."""
    rows = told.of("intervals", "consumption")
    name = str(rows["base"].idxmax())
    sd, base, low, high, cv = rows.loc[[name], ["sd", "base", "low", "high", "cv"]].to_numpy()[0]
    places = decimals([sd])
    return (
        f"{told.label}: {told.names[name]} is the largest consumer with {number(base, places)} "
        f"{told.gas}, between {number(low, places)} and {number(high, places)} in "
        f"{100 * told.spec.level:g} % of {told.spec.draws:,} draws (relative standard deviation "
        f"{100 * cv:.1f} %), if the errors are as stated."
    )


def _signs(told: Told) -> str:
    """Whose net trade has a sure sign."""
    rows = told.table("net_exporters").set_index("region")
    unsure = rows[~rows["sure"]]
    what = told.what
    rule = f"one of both in at least {100 * told.spec.level:g} % of draws"
    if unsure.empty:
        return (
            f"All {counted(len(rows), *what)} are surely net exporters or surely net importers "
            f"({rule})."
        )
    said = [
        f"{told.names[str(label)]} ({'' if i else 'net exporter in '}{percent(chance)}"
        f"{'' if i else ' of draws'})"
        for i, (label, chance) in enumerate(
            unsure["probability"].sort_values(ascending=False).items()
        )
    ]
    return (
        f"{len(rows) - len(unsure)} of {counted(len(rows), *what)} are surely net exporters or "
        f"surely net importers ({rule}); unsure: {some(said, 12)}."
    )


def _ranks(told: Told) -> str:
    """How many ranks by consumption are sure."""
    own = told.own_ranks()
    sure = (own >= told.spec.level - SLACK).to_numpy()
    said = (
        f"{int(sure.sum())} of {counted(len(own), 'rank')} by consumption are sure (the same in at "
        f"least {100 * told.spec.level:g} % of draws)"
    )
    if sure.all():
        return f"{said}."
    top = [told.names[str(label)] for label in own.index[: int(sure.argmin())]]
    if top:
        said += f", among them the first{f' {len(top)}' if len(top) > 1 else ''} ({some(top)})"
    least = str(own.idxmin())
    return f"{said}; least sure is that of {told.names[least]} ({percent(float(own.min()))})."


def _shares(told: Told) -> str:
    """Which error matters most to consumption."""
    wide = told.shares("consumption").dropna()
    if wide.empty:
        return "The errors do not reach consumption at all: it does not vary."
    leading = wide.idxmax(axis=1)
    most = str(leading.value_counts(sort=False).idxmax())
    cases, all_of_them = int((leading == most).sum()), counted(len(wide), *told.what)
    others = [f"“{name}”" for name in leading[leading != most].unique()]
    return (
        f"The error that matters most to consumption is “{most}”: the largest part of the variance "
        f"of {f'{cases} of ' if others else ''}{all_of_them}, {percent(wide[most].median())} in "
        f"the median{f'; elsewhere it is {some(others, 4)}' if others else ''}."
    )


def _against(told: Told) -> str:
    """How standard deviations to first order compare with drawn ones."""
    rows = _compared(told)
    if rows.empty:
        return "Nothing varies, neither drawn nor to first order."
    ratio, error = rows["ratio"], float(rows["ratio_error"].median())
    far = int((np.abs(ratio - 1) > 3 * rows["ratio_error"]).sum())
    return (
        f"Drawn standard deviations of consumption and net exports are {ratio.min():.2f} to "
        f"{ratio.max():.2f} of those to first order (median {ratio.median():.3f}, each with a "
        f"standard error of about {error:.3f}); {far or 'none'} of {len(rows)} "
        f"{'is' if far < 2 else 'are'} further off than three standard errors."
    )


def _others(told: Told) -> str:
    """What other tables say of consumption, and why."""
    rows = told.tables["ensemble_variance"]
    rows = rows[rows["quantity"] == "consumption"].set_index("region")
    own = told.of("intervals", "consumption")
    sums = rows[["table", "inventory", "interaction", "variance"]].sum()
    name = str(own["base"].reindex(rows.index).idxmax())
    low, high = rows.loc[[name], ["low", "high"]].to_numpy()[0]
    places = decimals([float(own["sd"].loc[name])])
    said = (
        f"Other tables and their inventories put the consumption of {told.names[name]} between "
        f"{number(low, places)} and {number(high, places)} {told.gas}"
    )
    if not sums["variance"]:
        return said + "; they agree."
    of_tables, of_inventories = (
        percent(float(sums[part] / sums["variance"])) for part in ("table", "inventory")
    )
    return (
        f"{said}; of the variance over all {told.what[1]}, {of_tables} is due to tables, "
        f"{of_inventories} to inventories."
    )
