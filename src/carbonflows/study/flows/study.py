"""A study of flows: who emits for whom, by region and by group (Belt and Road)."""

from collections.abc import Mapping

from carbonflows.accounts.intensity import Denominator
from carbonflows.regions import Grouping
from carbonflows.study.analysis import Progress, analyse, with_year
from carbonflows.study.flows.findings import compared, headlines
from carbonflows.study.flows.page import flows_page
from carbonflows.study.flows.pictures import pictures
from carbonflows.study.outcome import Outcome
from carbonflows.study.spec import Study
from carbonflows.table import IOTable


def outcome(
    study: Study,
    table: IOTable,
    *,
    grouping: Grouping | None = None,
    given: Mapping[str, Denominator] | None = None,
    progress: Progress = lambda step: None,
) -> Outcome:
    """Compute a study of flows.

    Parameters
    ----------
    study : Study
    table : IOTable
    grouping : Grouping, optional
        The study's groups, loaded.
    given : mapping of str to Denominator, optional
        Denominators from outside the table.
    progress : callable, optional
        Called with the name of each step.

    Returns
    -------
    Outcome
    """
    found = analyse(study, table, grouping=grouping, given=given, progress=progress)
    if study.published is not None:
        found.tables["published"] = with_year(compared(study, found), table)
    return Outcome(
        table=table, load=found.load, diagnosis=found.diagnosis, tables=found.tables,
        residual=found.residual, headlines=headlines(study, found),
        pictures=lambda: pictures(study, found), template="flows/report.html.j2",
        page=lambda: flows_page(study, found), grouping=found.grouping,
    )  # fmt: skip
