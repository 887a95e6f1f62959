"""Other tables in a study of uncertainty: what they say of the same regions or groups."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from carbonflows.change.panel import Member, panel
from carbonflows.errors import StudyError
from carbonflows.regions import Grouping
from carbonflows.sources import read
from carbonflows.study.spec import Study
from carbonflows.table import IOTable
from carbonflows.uncertainty.ensemble import ensemble, ensemble_variance


def ensemble_tables(
    study: Study, table: IOTable, grouping: Grouping | None
) -> dict[str, pd.DataFrame]:
    """Run every table of a study with every inventory.

    Parameters
    ----------
    study : Study
        With ``[[uncertainty.table]]``.
    table : IOTable
        The study's own.
    grouping : Grouping, optional

    Returns
    -------
    dict of str to DataFrame
        ``ensemble``: accounts by table, inventory and region or group; ``ensemble_variance``: what
        their variance consists of.

    Raises
    ------
    StudyError
        Two tables of one name.
    CarbonflowsError
        A table that cannot be read, or that cannot be compared with the study's own.
    """
    own = study.table.source
    stressors: dict[str, Any] = {own: study.emissions.stressor}
    named: dict[str | int, Member] = {own: table}
    for one in study.uncertainty.table:
        name = one.name or one.source
        if name in named:
            raise StudyError(
                f"uncertainty.table: two tables are called {name!r} (the study's own is {own!r}): "
                'give each its own name = "…"'
            )
        path = None if one.path is None else Path(study.folder) / one.path
        named[name] = partial(read, one.source, path, year=one.year, **one.options)
        stressors[name] = one.stressor or study.emissions.stressor
    found = ensemble(
        panel(named, level="table"), stressor=stressors, grouping=grouping,
        households=study.emissions.households,
    )  # fmt: skip
    effects = ensemble_variance(found)
    tidy = effects.reset_index()
    tidy.attrs = effects.attrs
    return {"ensemble": found, "ensemble_variance": tidy}
