"""Weight in studies of sectors: carbon per tonne made, and where the tonnes go."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pandas as pd

from carbonflows import units
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.trace import AXES, Trace
from carbonflows.errors import CarbonflowsError, StudyError, some
from carbonflows.study.spec import SectorSpec, Study
from carbonflows.table import IOTable, block_sum

ROW = "row:"
"""What a stressor of the table begins with where it gives the tonnes."""


def tonnes_made(study: Study, one: SectorSpec, table: IOTable, trace: Trace) -> pd.Series | None:
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
    if made.isna().any() or (made < 0).any() or made.index.has_duplicates:
        raise StudyError(f"{where}: give each region once, with tonnes not below zero")
    output = block_sum(trace.output, trace.made, len(trace.regions), axis=0)
    makers = set(trace.regions[output != 0])
    if unknown := [r for r in made.index if r not in makers and made[r] != 0]:
        raise StudyError(f"{where}: {some(unknown)} makes no {one.name} in this table")
    return made[[r in makers for r in made.index]]


def _from_file(path: Path, name: str) -> pd.Series:
    try:
        return pd.read_csv(path, comment="#").set_index("region")["tonnes"].astype(float)
    except (OSError, KeyError, ValueError) as error:
        raise StudyError(
            f"{path}: tonnes of {name} cannot be read ({error}); give the columns region and tonnes"
        ) from error


def _from_row(stressor: str, name: str, table: IOTable, trace: Trace) -> pd.Series:
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
        output = block_sum(trace.output, trace.made, len(trace.regions), axis=0)
        if set(trace.regions[output != 0]) - set(tonnes.index):
            continue
        parts.append(route_table(name, trace.physical(tonnes), first="made"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def route_table(name: str, trace: Trace, *, first: str = "emitted") -> pd.DataFrame:
    """Return every step of a sector's way, from region to region, by pair of stages.

    With first use, the step from making to assembly is given in one piece too.
    """
    steps = list(pairwise(AXES))
    if trace.first_uses is not None:
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
