"""From first to last: how the numbers of a panel change, in all, per cent and per year."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.change.over import naming_columns, tidy
from carbonflows.change.panel import LEVELS, Label
from carbonflows.errors import DataError, LabelError, some


def trend(
    frame: pd.DataFrame,
    *,
    values: str | Sequence[str] | None = None,
    first: Label | None = None,
    last: Label | None = None,
) -> pd.DataFrame:
    """Compare the last member of a panel with the first, number by number.

    Parameters
    ----------
    frame : DataFrame
        What `over` returned, or some of its rows and columns.
    values : str or sequence of str, optional
        Columns to follow: all numeric ones unless told. Name them where a tidy frame has numbers
        that name its rows, such as ranks.
    first, last : int or str, optional
        Members to compare: the frame's first and last unless told.

    Returns
    -------
    DataFrame
        One row per number: what names it (the row's labels, then the column's as ``quantity`` or by
        the columns' own name); ``first`` and ``last`` [unit of the frame]; ``change``, their
        difference; ``percent``, the change in per cent of the first value's size, NaN where that is
        zero. For years also ``per_year``, the change divided by the years between, and
        ``percent_per_year``, the compound rate ``100·((last/first)^(1/years) − 1)``, NaN unless
        both values are positive.

    Raises
    ------
    LabelError
        A frame without a panel's level, a member that is not there, rows that only one member has,
        or rows that are not told apart by their labels.
    DataError
        Fewer than two members, or columns that are no numbers.

    Examples
    --------
    >>> from carbonflows import footprint
    >>> from carbonflows.change.over import over
    >>> from carbonflows.change.panel import read_panel
    >>> both = over(read_panel("example", None, [1995, 2009]), footprint)
    >>> change = trend(both, values="consumption").set_index("region").round(1)
    >>> change.loc["CHN", "first":].to_dict()
    {'first': 2565.8, 'last': 5645.2, 'change': 3079.3, 'percent': 120.0, 'per_year': 220.0,
    'percent_per_year': 5.8}
    """
    level, members = _members(frame)
    ends: list[Any] = [members[0] if first is None else first]
    ends.append(members[-1] if last is None else last)
    for end in ends:
        if end not in members:
            raise LabelError(
                f"{level} {end} is not in the frame: there are {some(members, most=20)}",
                labels=[end],
            )
    if ends[0] == ends[1]:
        raise DataError(f"{level} {ends[0]} is both first and last: a trend needs two members")
    before, after = (_numbers(frame, level, end, values) for end in ends)
    apart = before.index.symmetric_difference(after.index)
    if len(apart):
        raise LabelError(
            f"rows {some(apart)} are not in both {level} {ends[0]} and {level} {ends[1]}: choose "
            "rows that both have",
            labels=list(apart),
        )
    names = list(before.index.names)
    found = pd.DataFrame({"first": before, "last": after.reindex(before.index)})
    found["change"] = found["last"] - found["first"]
    size = found["first"].abs()
    found["percent"] = 100 * found["change"] / size.where(size > 0)
    if level == "year":
        years = ends[1] - ends[0]
        found["per_year"] = found["change"] / years
        both = (found["first"] > 0) & (found["last"] > 0)
        ratio = (found["last"] / found["first"].where(both)).where(both)
        found["percent_per_year"] = 100 * (ratio ** (1 / years) - 1)
    found = found.reset_index(names=names)
    found.attrs = frame.attrs | {"first": ends[0], "last": ends[1], "level": level}
    return found


def _members(frame: pd.DataFrame) -> tuple[str, list[Label]]:
    """Find a panel's level in a frame, and its labels in order."""
    numbered = tidy(frame)
    place = frame.columns[0] if numbered and len(frame.columns) else frame.index.names[0]
    if place not in LEVELS:
        raise LabelError(
            f"the frame's first level or column is {place!r}, not {some(LEVELS)}: give what "
            "over(…) returned"
        )
    labels = frame[place] if numbered else frame.index.get_level_values(0)
    members = list(dict.fromkeys(labels))
    if len(members) < 2:
        raise DataError(f"the frame has {some(members) or 'no member'}: a trend needs two members")
    return str(place), members


def _numbers(
    frame: pd.DataFrame, level: str, member: Label, values: str | Sequence[str] | None
) -> pd.Series:
    """List the numbers of one member by the labels of their rows and columns."""
    if tidy(frame):
        part = frame[frame[level] == member].drop(columns=level)
    else:
        part = frame[frame.index.get_level_values(0) == member].droplevel(0)
    wanted = [values] if isinstance(values, str) else values
    if wanted is None:
        wanted = [c for c in part.columns if c not in set(naming_columns(part))]
    if missing := [c for c in wanted if c not in part.columns]:
        raise LabelError(f"column {some(missing)} is not in the frame: choose from its columns")
    words = [c for c in wanted if c in set(naming_columns(part))]
    if words or not len(wanted):
        raise DataError(
            f"{f'column {some(words)} holds no' if words else 'no column holds'} numbers: choose "
            "columns that do"
        )
    if tidy(frame):
        keys = [c for c in part.columns if c not in wanted]
        part = part.set_index(keys) if keys else part.reset_index(drop=True)
    part = part[list(wanted)].astype(np.float64)
    names = part.index.names
    part.index.names = [f"row{i or ''}" if n is None else n for i, n in enumerate(names)]
    taken = set(part.index.names)
    part.columns = part.columns.set_names(
        [
            name if name is not None and name not in taken else f"quantity{i or ''}"
            for i, name in enumerate(part.columns.names)
        ]
    )
    if not part.index.is_unique:
        twice = part.index[part.index.duplicated()].unique()
        raise LabelError(
            f"rows {some(twice)} of {level} {member} are there more than once: name in values= "
            "the columns to follow, the others tell rows apart",
            labels=list(twice),
        )
    depth = list(range(part.columns.nlevels))
    return pd.Series(part.stack(depth, future_stack=True))  # noqa: PD013 — melt loses the order
