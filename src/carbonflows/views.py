"""Objects that nobody can change: attributes set once, numbers shown through views."""

from typing import Any

import pandas as pd


def set_once(target: object, **values: Any) -> None:
    """Give a read-only object its attributes."""
    for key, value in values.items():
        object.__setattr__(target, key, value)


def view(frame: pd.DataFrame) -> pd.DataFrame:
    """Wrap the same locked numbers anew, so that nothing done to the result reaches the original.

    Examples
    --------
    >>> frame = pd.DataFrame([[1.0]])
    >>> other = view(frame)
    >>> other.columns = ["a"]
    >>> list(frame.columns)
    [0]
    """
    return pd.DataFrame(frame.to_numpy(), frame.index.copy(), frame.columns.copy(), copy=False)


def series_view(series: pd.Series) -> pd.Series:
    """Do the same for a series."""
    return pd.Series(series.to_numpy(), series.index.copy(), name=series.name, copy=False)
