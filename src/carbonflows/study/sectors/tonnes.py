"""Weight in studies of sectors: carbon per tonne made, and where the tonnes go."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.trace import AXES, Trace
from carbonflows.errors import CarbonflowsError, StudyError, some
from carbonflows.labels import repeated
from carbonflows.regions import Grouping
from carbonflows.study.spec import SectorSpec, Study
from carbonflows.table import IOTable, block_sum

ROW = "row:"
"""What a stressor of the table begins with where it gives the tonnes."""


def tonnes_made(
    study: Study, one: SectorSpec, table: IOTable, trace: Trace, grouping: Grouping | None = None
) -> pd.Series | None:
    """Return tonnes that each region makes, from a file or a row of the table; None if not given.

    Parameters
    ----------
    study : Study
    one : SectorSpec
        Sector with ``tonnes``: a CSV file with the columns region and tonnes, or ``row:NAME`` with
        the name of a stressor measured by weight.
    table : IOTable
    trace : Trace
        The sector's.
    grouping : Grouping, optional
        Tonnes given by region are summed to its groups.

    Returns
    -------
    Series, index region, or None

    Raises
    ------
    StudyError
        A file that cannot be read, a row that the table does not have, a weight that is negative,
        not a number or of a region without output of the sector.
    """
    if one.tonnes is None:
        return None
    if one.tonnes.startswith(ROW):
        made = _from_row(one.tonnes.removeprefix(ROW).strip(), one.name, table, trace)
        where = f"{one.tonnes} of {one.name}"
    else:
        path = Path(study.placed(one.tonnes))
        made, where = _from_file(path, one.name), str(path)
    if twice := repeated(made.index):
        raise StudyError(f"{where}: {some(twice)} given twice; give each region once")
    if len(bad := made.index[~np.isfinite(made) | (made < 0)]):
        raise StudyError(f"{where}: {some(bad)}: tonnes must be numbers not below zero")
    if grouping is not None:
        made = _grouped(made, trace, grouping)
    output = block_sum(trace.output, trace.made, len(trace.regions), axis=0)
    makers = set(trace.regions[output != 0])
    if unknown := [r for r in made.index if r not in makers and made[r] != 0]:
        raise StudyError(f"{where}: {some(unknown)} makes no {one.name} in this table")
    return made[[r in makers for r in made.index]]


def _grouped(made: pd.Series, trace: Trace, grouping: Grouping) -> pd.Series:
    """Sum tonnes given by region to groups all of whose makers are given."""
    of = dict(grouping.members)
    makers = trace.nodes.get_level_values("region")[trace.output != 0].unique()
    incomplete = {of[r] for r in makers if r in of and r not in made.index}
    summed = made[[r in of for r in made.index]].rename(index=of).groupby(level=0, sort=False).sum()
    by_group = made[[r not in of for r in made.index]]
    return pd.concat([by_group, summed[[g not in incomplete for g in summed.index]]])


def _from_file(path: Path, name: str) -> pd.Series:
    try:
        return pd.read_csv(path, comment="#").set_index("region")["tonnes"].astype(float)
    except (OSError, KeyError, ValueError) as error:
        raise StudyError(
            f"{path}: tonnes of {name} cannot be read ({error}); give the columns region and tonnes"
        ) from error


def _from_row(stressor: str, name: str, table: IOTable, trace: Trace) -> pd.Series:
    if stressor == trace.facts["stressor"]:
        raise StudyError(f"tonnes of {name}: {stressor!r} is what is followed, not a weight made")
    try:
        load = emissions(table, stressor, households=False, unit="t")
    except CarbonflowsError as error:
        raise StudyError(f"tonnes of {name}: {error}") from error
    made = load.production[table.nodes.get_indexer(trace.nodes)]
    return pd.Series(
        block_sum(made, trace.made, len(trace.regions), axis=0), trace.regions, name="tonnes"
    )


def per_tonne(study: Study, traces: Mapping[str, Trace], made: Mapping[str, pd.Series]) -> (
    pd.DataFrame
):  # fmt: skip
    """Return carbon per tonne made, beside the study's range from the bottom up [t CO2/t]."""
    parts = []
    for one in study.sector:
        if one.name not in made:
            continue
        trace, tonnes = traces[one.name], made[one.name][made[one.name] > 0]
        content = pd.Series(
            block_sum(
                trace.per_delivery.sum(axis=0) * trace.output, trace.made, len(trace.regions),
                axis=0,
            ),
            trace.regions,
        )  # fmt: skip
        rate = units.factor(trace.unit, "t") * content.reindex(tonnes.index) / tonnes
        low, high = one.per_tonne if len(one.per_tonne) == 2 else (float("nan"), float("nan"))
        parts.append(
            pd.DataFrame(
                {
                    "sector": one.name, "region": tonnes.index, "tonnes": tonnes.to_numpy(),
                    "carbon_per_tonne": rate.to_numpy(), "range_low": low, "range_high": high,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def tonnes_routes(traces: Mapping[str, Trace], made: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return tonnes from region to region, of sectors whose makers are all given [t]."""
    parts = []
    for name, tonnes in made.items():
        trace = traces[name]
        if missing_makers(trace, tonnes):
            continue
        parts.append(route_table(name, trace.physical(tonnes), first="made"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def missing_makers(trace: Trace, tonnes: pd.Series) -> list[str]:
    """Return the regions that make the commodity without given tonnes."""
    output = block_sum(trace.output, trace.made, len(trace.regions), axis=0)
    return [str(region) for region in trace.regions[output != 0] if region not in tonnes.index]


def route_table(name: str, trace: Trace, *, first: str = "emitted") -> pd.DataFrame:
    """Return every step of a sector's way, from region to region, by pair of stages.

    With first use, the step from making to assembly is given in one piece too.
    """
    steps = list(pairwise(AXES))
    if trace.uses is not None:
        steps[2:2] = [("made", "used"), ("used", "assembled")]
    parts = []
    for begin, end in steps:
        if first == "made" and begin == "emitted":
            continue
        values = trace.along(begin, end)
        parts.append(
            pd.DataFrame(
                {
                    "sector": name, "from_stage": begin, "to_stage": end,
                    "from_region": values.index.get_level_values(0),
                    "to_region": values.index.get_level_values(1), "value": values.to_numpy(),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
