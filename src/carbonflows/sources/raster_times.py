"""Steps in time of a raster: when they are, whether they last a year, which ones make up a year."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np

from carbonflows.errors import GridError, some
from carbonflows.labels import Array

if TYPE_CHECKING:
    import pandas as pd
    from xarray import Dataset

Length: TypeAlias = Literal["year", "unknown", "doubtful", "other"]

SINCE = ("years since", "months since", "days since", "hours since")
_SINCE = re.compile(r"(year|month|day|hour|hr|h|minute|min|second|sec|s|d)s? since ")
_DAYS = {
    "year": 365.25, "month": 30.4375, "day": 1.0, "d": 1.0, "hour": 1 / 24, "hr": 1 / 24,
    "h": 1 / 24, "minute": 1 / 1440, "min": 1 / 1440, "second": 1 / 86400, "sec": 1 / 86400,
    "s": 1 / 86400,
}  # fmt: skip
_YEAR = 359.0, 367.0
"""Days that a year has in any calendar, with one to spare."""
_SAYING = ("frequency", "time_frequency", "temporal_resolution", "time_coverage_resolution")
_YEARLY = re.compile(r"(yr|year|annual)(ly)?(mean)?|p1y|p12m", re.IGNORECASE)
_TURNS = {(1, 1), (12, 31)}
"""Days of the year that usually stand for all of it."""
_WORST: tuple[Length, ...] = ("year", "unknown", "doubtful", "other")


class Step(NamedTuple):
    """One step in time.

    Attributes
    ----------
    year, month : int or None
        Where known.
    told : str
        When it is, for messages.
    length : {"year", "unknown", "doubtful", "other"}
        Whether it lasts a year: it does, nothing speaks against it, something does, it does not.
    """

    year: int | None = None
    month: int | None = None
    told: str = "of no known date"
    length: Length = "unknown"


def timeless(said: Mapping[Any, Any]) -> Step:
    """Return the one step of a raster without time: a year, unless an attribute names a month.

    Parameters
    ----------
    said : mapping
        Attributes of file and raster.

    Returns
    -------
    Step

    Examples
    --------
    >>> timeless({}).length, timeless({"month": "7"}).told
    ('year', 'month 7')
    """
    month = str(said.get("month", ""))
    if month.isdecimal() and 1 <= int(month) <= 12:
        return Step(None, int(month), f"month {int(month)}", "doubtful")
    return Step(length="year")


def steps_in_time(file: "Dataset", names: Sequence[str], said: Mapping[Any, Any]) -> list[Step]:
    """Return the steps of a raster along its dimension of time, or the one that it was cut from.

    Parameters
    ----------
    file : Dataset
        Not decoded.
    names : sequence of str
        The dimension, or coordinates of one value, of time; all are heard, what is shortest counts.
    said : mapping
        Attributes of file and raster; their frequency counts where time does not tell.

    Returns
    -------
    list of Step

    Examples
    --------
    >>> from xarray import Dataset
    >>> days = ("time", [0, 31], {"units": "days since 2007-01-01"})
    >>> [step.told for step in steps_in_time(Dataset(coords={"time": days}), ["time"], {})]
    ['dated 2007-01-01, 31 days from the next', 'dated 2007-02-01, 31 days from the next']
    """
    heard = [_steps(file, name, said) for name in names]
    made = []
    for several in zip(*heard, strict=True):
        worst = max(several, key=lambda step: _WORST.index(step.length))
        years = [step.year for step in several if step.year is not None]
        months = [step.month for step in several if step.month is not None]
        made.append(worst._replace(year=(years or [None])[0], month=(months or [None])[0]))
    return made


def _steps(file: "Dataset", time: str, said: Mapping[Any, Any]) -> list[Step]:
    """Return the steps that one coordinate has."""
    if time not in file.variables:
        return [_doubted(Step(), said)] * file.sizes[time]
    values = np.atleast_1d(file[time].to_numpy())
    unit = str(file[time].attrs.get("units", "")).lower()
    since = _SINCE.match(unit)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        return [_doubted(Step(), said)] * len(values)
    if since is None:
        whole = (values == np.round(values)).all()
        if whole and ((values >= 1700) & (values <= 2200)).all():
            return [Step(int(v), None, f"of {int(v)}", "year") for v in values]
        calendar = time.lower() == "month" or values.tolist() == [*range(1, 13)]
        if whole and calendar and ((values >= 1) & (values <= 12)).all():
            return [Step(None, int(v), f"month {int(v)}", "other") for v in values]
        return [_doubted(Step(), said)] * len(values)
    steps = _dated(file, time, unit, since[1], values, said)
    days = values * _DAYS[since[1]]
    return [
        _measured(step, span, gap)
        for step, span, gap in zip(steps, _spans(file, time, len(values)), _gaps(days), strict=True)
    ]


def _dated(
    file: "Dataset", time: str, unit: str, base: str, values: Array, said: Mapping[Any, Any]
) -> list[Step]:
    """Return steps that count from a date."""
    start = re.match(r"(year|month)s? since (\d{4})-(\d{1,2})", unit)
    if start:
        months = np.floor(values * (12 if base == "year" else 1)).astype(int)
        months += int(start[2]) * 12 + int(start[3]) - 1
        lasting: Length = "year" if base == "year" and (values % 1 == 0).all() else "doubtful"
        return [
            Step(int(m // 12), int(m % 12 + 1), f"dated {m // 12}-{m % 12 + 1:02}", lasting)
            for m in months
        ]
    dates = _decoded(file, time)
    if dates is None:
        return [_doubted(Step(), said)] * len(values)
    return [
        _doubted(
            Step(
                date.year, date.month, f"dated {date.date()}",
                "unknown" if (date.month, date.day) in _TURNS else "doubtful",
            ),
            said,
        )
        for date in dates
    ]  # fmt: skip


def _decoded(file: "Dataset", time: str) -> "pd.DatetimeIndex | None":
    """Return dates, or nothing where they cannot be made out."""
    import pandas as pd
    import xarray

    try:
        attrs = {k: v for k, v in file[time].attrs.items() if k in ("units", "calendar")}
        bare = xarray.Dataset({"dates": ("n", np.atleast_1d(file[time]), attrs)})
        return pd.DatetimeIndex(xarray.decode_cf(bare)["dates"].to_numpy())
    except (ValueError, TypeError, ImportError, OverflowError):
        return None


def _doubted(step: Step, said: Mapping[Any, Any]) -> Step:
    """Return a step with what attributes say of its length."""
    for key in _SAYING:
        if word := str(said.get(key, "")).strip():
            if _YEARLY.fullmatch(word):
                return step._replace(length="year")
            return step._replace(told=f"{step.told} ({key} {word})", length="doubtful")
    return step


def _spans(file: "Dataset", time: str, count: int) -> list[float]:
    """Return how long steps last by their bounds [days], 0 where that is not said."""
    name = str(file[time].attrs.get("bounds", ""))
    if name not in file.variables:
        return [0.0] * count
    bounds = file[name].to_numpy().reshape(-1, 2)
    since = _SINCE.match(str(file[name].attrs.get("units", file[time].attrs["units"])).lower())
    if since is None or len(bounds) != count or bounds.dtype.kind not in "iuf":
        return [0.0] * count
    spans = np.nan_to_num(np.abs(bounds[:, 1] - bounds[:, 0]) * _DAYS[since[1]])
    return [float(span) for span in spans]


def _gaps(days: Array) -> list[float]:
    """Return how far each step is from the next one [days], 0 for one alone."""
    if len(days) < 2:
        return [0.0] * len(days)
    order = np.argsort(days)
    steps = np.diff(days[order])
    nearest = np.empty(len(days))
    nearest[order] = np.minimum(np.append(steps, np.inf), np.append(np.inf, steps))
    return [float(gap) for gap in nearest]


def _measured(step: Step, span: float, gap: float) -> Step:
    """Return a step with what its bounds, or its distance from the next one, say of its length."""
    if span > 0:
        lasts = _YEAR[0] <= span <= _YEAR[1]
        words = f"{step.told}, lasting {span:.4g} days"
        return step._replace(told=words, length="year" if lasts else "other")
    if 0 < gap < _YEAR[0]:
        return step._replace(told=f"{step.told}, {gap:.3g} days from the next", length="other")
    return step


def chosen_steps(
    steps: Sequence[Step], year: int | None, over: str | None, where: str
) -> tuple[list[int], int | None]:
    """Return which steps in time to read, and the year that they are of.

    Parameters
    ----------
    steps : sequence of Step
    year : int or None
        Which one.
    over : {"sum"} or None
        Whether twelve months are added up.
    where : str
        What is read, for messages.

    Returns
    -------
    list of int
    int or None

    Raises
    ------
    GridError
        No such year, or several; several steps in a year; no twelve months to be added up.

    Examples
    --------
    >>> chosen_steps([Step(2006), Step(2007)], 2007, None, "a.nc")
    ([1], 2007)
    """
    there = sorted({step.year for step in steps if step.year is not None})
    listed = some(there, 8)
    if year is None and len(there) > 1:
        raise GridError(f"{where} has the years {listed}: say which one, for example year=2007")
    if year is not None and there and year not in there:
        raise GridError(f"{where} has no year {year}: there is {listed}")
    year = there[0] if year is None and there else year
    chosen = [i for i, step in enumerate(steps) if step.year is None or step.year == year]
    months = [steps[i].month for i in chosen]
    if over is None:
        if len(chosen) > 1:
            raise GridError(
                f"{where} has {len(chosen)} steps in time{f' in {year}' if year else ''}: add up "
                "twelve months with over='sum', or cut out the one that is meant"
            )
    elif sorted(m or 0 for m in months) != [*range(1, 13)]:
        raise GridError(
            f"{where}: over='sum' adds up the twelve months of a year, and here are {len(chosen)} "
            f"steps{'' if all(months) else ' of no known month'}; leave over= out, or get them all"
        )
    return chosen, year


def taken_for_year(step: Step, year: int | None, where: str) -> list[str]:
    """Return what was assumed where one step stands for the emissions of a year.

    Parameters
    ----------
    step : Step
    year : int or None
        Stated by the caller, whose word counts where the file leaves doubt.
    where : str
        What is read, for messages.

    Returns
    -------
    list of str
        Nothing, where the step is known to last a year.

    Raises
    ------
    GridError
        A step that does not last a year, or looks so, such as a month.

    Examples
    --------
    >>> taken_for_year(Step(2007, 1, "dated 2007-01-01"), None, "a.nc")
    ['step dated 2007-01-01: taken for the whole year']
    >>> taken_for_year(Step(2007, 7, "dated 2007-07-01", "doubtful"), None, "a.nc")
    Traceback (most recent call last):
    ...
    carbonflows.errors.GridError: a.nc has one step in time, dated 2007-07-01, which looks shorter
    than a year: get all twelve months and read them with over='sum', or, if it is of the whole
    year, say year=2007
    """
    if step.length == "year":
        return []
    alone = f"{where} has one step in time, {step.told}, which "
    way = "get all twelve months and read them with over='sum', or "
    if step.length == "other":
        raise GridError(f"{alone}is not a year: {way}a file of the year")
    if step.length == "doubtful" and year is None:
        raise GridError(
            f"{alone}looks shorter than a year: {way[:-1]}, if it is of the whole year, say "
            f"year={step.year or 2007}"
        )
    stated = "" if year is None else f" {year}, as stated"
    return [f"step {step.told}: taken for the whole {'of' if stated else 'year'}{stated}"]
