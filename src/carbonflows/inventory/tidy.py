"""The layout of inventories: a line per province, sector and fuel."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some

TIDY = ("province", "sector", "fuel", "value")


def require_tidy(inventory: pd.DataFrame, columns: Sequence[str] = TIDY) -> None:
    """Refuse what is no inventory.

    Parameters
    ----------
    inventory : DataFrame
    columns : sequence of str
        Columns that must be there.

    Raises
    ------
    LabelError
        A column that lacks, or no lines.
    DataError
        A value that is no finite number.

    Examples
    --------
    >>> require_tidy(pd.DataFrame({"province": ["P"], "value": [1.0]}))
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: inventory lacks the column sector, fuel; it needs province,
    sector, fuel, value
    """
    missing = [c for c in columns if c not in inventory]
    if missing:
        raise LabelError(
            f"inventory lacks the column {some(missing)}; it needs {some(columns)}", labels=missing
        )
    if inventory.empty:
        raise LabelError("inventory has no lines; give one with emissions")
    values = pd.to_numeric(inventory["value"], errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(values).all():
        line = inventory.iloc[int(np.argmin(np.isfinite(values)))]
        where = some([tuple(line[c] for c in columns if c != "value")])
        raise DataError(f"inventory: value of {where} is no finite number; correct it")
