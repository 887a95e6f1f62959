"""The cells of each part of a table, by their labels."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import LabelError, some
from carbonflows.labels import Array
from carbonflows.table import IOTable

Part: TypeAlias = Literal["emissions", "households", "inputs", "demand"]
Positions: TypeAlias = npt.NDArray[np.intp]

PARTS: tuple[Part, ...] = get_args(Part)

LEVELS: Mapping[str, tuple[str, ...]] = {
    "emissions": ("region", "sector"),
    "households": ("region", "category"),
    "inputs": ("source_region", "source_sector", "user_region", "user_sector"),
    "demand": ("source_region", "source_sector", "demand_region", "category"),
}
"""Labels of the cells of each part: what errors can be told apart by."""


def axes_of(table: IOTable, on: Part) -> list[pd.MultiIndex]:
    """Return the labels of a part's cells, one index per axis."""
    indices = {
        "emissions": [table.nodes],
        "households": [table.demand],
        "inputs": [table.nodes, table.nodes],
        "demand": [table.nodes, table.demand],
    }[on]
    names = LEVELS[on]
    return [axis.set_names(names[2 * i : 2 * i + 2]) for i, axis in enumerate(indices)]


def coded(axis: pd.MultiIndex, levels: Sequence[str]) -> tuple[Positions, list[tuple[str, ...]]]:
    """Number the labels of some levels of an axis; one number for all if it has none of them."""
    mine = [axis.get_level_values(str(name)) for name in axis.names if name in levels]
    if not mine:
        return np.zeros(len(axis), dtype=np.intp), [()]
    codes, unique = pd.MultiIndex.from_arrays(mine).factorize()
    return codes.astype(np.intp), list(unique)


def by_label(sd: "pd.Series[Any]", axes: list[pd.MultiIndex], on: Part) -> Array:
    """Spread standard deviations by label over the cells that have these labels."""
    levels = level_names(sd, on)
    codes, parts = zip(*(coded(axis, levels) for axis in axes), strict=True)
    wanted = reduce(lambda left, right: [a + b for a in left for b in right], parts)
    ordered = [name for name in LEVELS[on] if name in levels]
    arrays = [sd.index.get_level_values(levels.index(name)).astype(str) for name in ordered]
    keys = pd.MultiIndex.from_tuples(wanted)
    there = pd.MultiIndex.from_arrays(arrays)
    lacking, extra = keys.difference(there, sort=False), there.difference(keys, sort=False)
    if len(lacking) or len(extra):
        told = [f"lacks {some(lacking)}"] * bool(len(lacking))
        told += [f"has {some(extra)} too many"] * bool(len(extra))
        raise LabelError(
            f"sd of {on} {' and '.join(told)}: give one for each {' × '.join(ordered)} of the "
            "table, 0 where there is no error",
            missing=list(lacking), extra=list(extra), labels=[*lacking, *extra],
        )  # fmt: skip
    values = sd.to_numpy(dtype=float)[there.get_indexer(keys)]
    return values.reshape([len(p) for p in parts])[np.ix_(*codes)]


def level_names(sd: "pd.Series[Any]", on: Part) -> list[str]:
    """Return the names of a Series' levels; without names those of a part with one axis."""
    names, known = list(sd.index.names), LEVELS[on]
    if names == [None, None] and len(known) == 2:
        return list(known)
    if wrong := [name for name in names if name not in known or names.count(name) > 1]:
        raise LabelError(
            f"sd of {on} is labelled by {some(wrong) if any(wrong) else 'an unnamed level'}: name "
            f"its levels after one or more of {some(known)}",
            labels=wrong,
        )
    return [str(name) for name in names]


def values_of(table: IOTable, on: Part, stressor: str | None) -> tuple[Array, str]:
    """Return the cells of a part with their unit; emissions of just one stressor."""
    if on == "inputs":
        return table.Z.to_numpy(), table.unit
    if on == "demand":
        return table.Y.to_numpy(), table.unit
    chosen = chosen_stressors(table, stressor, on)
    if len(chosen) > 1:
        raise LabelError(
            f"a size law needs one stressor of {table.label}: choose stressor= from "
            f"{some(f'{e}/{s}' for e, s in chosen)}"
        )
    ((name, stressor),) = chosen
    extension = table.extensions[name]
    frame = extension.F if on == "emissions" else extension.F_Y
    assert frame is not None  # every extension of a table has both
    return frame.to_numpy()[extension.stressors.index(stressor)], str(extension.unit[stressor])


def chosen_stressors(
    table: IOTable, stressor: str | None, on: Part = "emissions"
) -> list[tuple[str, str]]:
    """List the stressors that an error is about, with their extensions.

    Parameters
    ----------
    table : IOTable
    stressor : str or None
        None for all.
    on : {"emissions", "households"}
        With households only extensions that know emissions of final users.

    Returns
    -------
    list of (extension, stressor)

    Raises
    ------
    LabelError
        None such, or a name that occurs twice.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> chosen_stressors(two_regions(), None)
    [('emissions', 'CO2')]
    """
    known = [
        (e.name, s)
        for e in table.extensions.values()
        for s in e.stressors
        if on == "emissions" or e.has_final
    ]
    if not known:
        raise LabelError(f"{table.label} has no {on} that could be in error: give it an Extension")
    if stressor is None:
        return known
    found = [(e, s) for e, s in known if stressor in (s, f"{e}/{s}")]
    if len(found) != 1:
        problem = "occurs more than once in" if found else f"has no {on} in"
        raise LabelError(
            f"stressor {stressor!r} {problem} {table.label}: choose from "
            f"{some(f'{e}/{s}' for e, s in known)}",
            labels=[stressor],
        )
    return found
