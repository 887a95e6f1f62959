"""What may be wrong with points: no place, no value, the wrong place, twice."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, GridError, some

_SHOWN = 3


@dataclass(frozen=True)
class Rows:
    """Points on their way from a file.

    Attributes
    ----------
    where : str
        File, for messages.
    frame : DataFrame
        Indexed by line or feature.
    treated : list of str
        What was left out or changed so far.
    """

    where: str
    frame: pd.DataFrame
    treated: list[str]

    def named(self, which: Any) -> str:
        """List some of the points for a message: ``line 3, line 9 (Ertan) and 2 more``."""
        found = self.frame.index[np.asarray(which, dtype=bool)]
        word = self.frame.index.name
        if "name" not in self.frame:
            return some((f"{word} {row}" for row in found), _SHOWN)
        names = self.frame["name"].reindex(found).fillna("")
        return some(
            (f"{word} {row} ({one})" if one else f"{word} {row}" for row, one in names.items()),
            _SHOWN,
        )

    def without(self, which: Any, words: str) -> "Rows":
        """Return the other points, and say which were left out."""
        which = np.asarray(which, dtype=bool)
        note = f"{which.sum()} {words} left out ({self.named(which)})"
        return Rows(self.where, self.frame[~which], [*self.treated, note])


def without_missing(rows: Rows, policy: str) -> Rows:
    """Refuse or leave out points without coordinates or value.

    Parameters
    ----------
    rows : Rows
    policy : {"refuse", "drop"}

    Returns
    -------
    Rows

    Raises
    ------
    DataError
        There are some and the policy is to refuse, or the policy is unknown.
    """
    _check_policy("missing", policy, ("refuse", "drop"))
    columns = {"coordinates": ["longitude", "latitude"], "value": ["value"]}
    for word, needed in columns.items():
        if not set(needed) <= set(rows.frame):
            continue
        gone = rows.frame[needed].isna().any(axis=1)
        if gone.any() and policy == "refuse":
            raise DataError(
                f"{rows.where}: {gone.sum()} point(s) without {word} ({rows.named(gone)}): fill "
                "them in, or leave the points out (missing='drop')"
            )
        rows = rows.without(gone, f"point(s) without {word}") if gone.any() else rows
    return rows


def check_degrees(rows: Rows, *, wrap: bool) -> Rows:
    """Refuse coordinates that are no longitudes and latitudes, or turn longitudes when asked.

    Parameters
    ----------
    rows : Rows
    wrap : bool
        Turn longitudes from 180 to 360.

    Returns
    -------
    Rows

    Raises
    ------
    GridError
        Metres, swapped coordinates, longitudes beyond 180.
    """
    x, y = rows.frame["longitude"].to_numpy(), rows.frame["latitude"].to_numpy()
    known = np.isfinite(x) & np.isfinite(y)
    if not known.all():
        raise GridError(
            f"{rows.where}: {rows.named(~known)} is not on the earth in the stated reference "
            "system: name the right one (crs=)"
        )
    far = (np.abs(y) > 360) | (np.abs(x) > 360)
    if far.any():
        raise GridError(
            f"{rows.where}: coordinates up to {np.abs([x, y]).max():,.0f} ({rows.named(far)}) are "
            "no degrees: name the reference system that they are in (crs=)"
        )
    beyond = np.abs(y) > 90
    if beyond.any():
        swapped = bool((np.abs(x) <= 90).all())
        way = (
            "they are longitudes: exchange the two columns, or ask for it (swap=True)"
            if swapped
            else "correct them, or name the reference system that they are in (crs=)"
        )
        culprit = y[np.abs(y).argmax()]
        raise GridError(
            f"{rows.where}: {beyond.sum()} latitude(s) beyond 90°, up to {culprit:g} "
            f"({rows.named(beyond)}): {way}"
        )
    if (x < -180).any():
        raise GridError(
            f"{rows.where}: {rows.named(x < -180)} has a longitude below −180: correct it"
        )
    east = x > 180
    if not east.any():
        return rows
    if not wrap:
        raise GridError(
            f"{rows.where}: {east.sum()} longitude(s) beyond 180°, up to {x.max():g} "
            f"({rows.named(east)}): turn them to −180…180, or ask for it (wrap=True)"
        )
    frame = rows.frame.assign(longitude=np.where(east, x - 360, x))
    return Rows(rows.where, frame, [*rows.treated, f"{east.sum()} longitude(s) turned by −360°"])


def without_null_island(rows: Rows, policy: str) -> Rows:
    """Refuse, leave out or keep points at longitude 0 and latitude 0.

    Parameters
    ----------
    rows : Rows
    policy : {"refuse", "drop", "keep"}

    Returns
    -------
    Rows

    Raises
    ------
    GridError
        There are some and the policy is to refuse.
    """
    there = (rows.frame["longitude"] == 0) & (rows.frame["latitude"] == 0)
    message = (
        f"{rows.where}: {there.sum()} point(s) at longitude 0, latitude 0 ({rows.named(there)}): "
    )
    message += "give their places, or null_island='drop' or 'keep'"
    return _handled(rows, there, "null_island", policy, "point(s) at (0, 0)", GridError(message))


def without_negative(rows: Rows, policy: str) -> Rows:
    """Refuse, leave out or keep points with a negative value.

    Parameters
    ----------
    rows : Rows
    policy : {"refuse", "drop", "keep"}

    Returns
    -------
    Rows

    Raises
    ------
    DataError
        There are some and the policy is to refuse.
    """
    below = rows.frame["value"] < 0 if "value" in rows.frame else rows.frame["longitude"].isna()
    total = rows.frame["value"][below].sum() if "value" in rows.frame else 0
    message = f"{rows.where}: {below.sum()} negative value(s), together {total:g} "
    message += f"({rows.named(below)}): correct them, or negative='drop' or 'keep'"
    return _handled(rows, below, "negative", policy, "negative value(s)", DataError(message))


def without_duplicates(rows: Rows, policy: str) -> Rows:
    """Refuse, leave out or keep points that have all but the name in common with one before.

    Parameters
    ----------
    rows : Rows
    policy : {"refuse", "drop", "keep"}

    Returns
    -------
    Rows

    Raises
    ------
    GridError
        There are some and the policy is to refuse.
    """
    again = rows.frame.duplicated([column for column in rows.frame if column != "name"])
    message = f"{rows.where}: {again.sum()} point(s) repeat one before in all but the name "
    message += f"({rows.named(again)}): remove them, or duplicates='drop' or 'keep'"
    return _handled(rows, again, "duplicates", policy, "repeated point(s)", GridError(message))


def _handled(
    rows: Rows, which: "pd.Series[bool]", argument: str, policy: str, words: str, error: Exception
) -> Rows:
    """Do with some points what is asked for."""
    _check_policy(argument, policy, ("refuse", "drop", "keep"))
    if not which.any():
        return rows
    if policy == "refuse":
        raise error
    if policy == "drop":
        return rows.without(which, words)
    note = f"{which.sum()} {words} kept ({rows.named(which)})"
    return Rows(rows.where, rows.frame, [*rows.treated, note])


def _check_policy(argument: str, policy: str, known: tuple[str, ...]) -> None:
    if policy not in known:
        raise DataError(f"{argument}={policy!r} is not known: choose from {some(known)}")
