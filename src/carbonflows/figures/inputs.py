"""What every figure asks of the frames it is given."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, ShapeError, some

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


def finite(values: pd.DataFrame | pd.Series, what: str) -> np.ndarray:
    """Return the numbers of a frame or series, refusing what cannot be drawn.

    Parameters
    ----------
    values : DataFrame or Series
        Any numbers.
    what : str
        How a message should call them, for example ``"net exports"``.

    Returns
    -------
    ndarray of float

    Raises
    ------
    DataError
        Nothing to draw, a NaN or an infinite number.
    LabelError
        A label occurs twice.

    Examples
    --------
    >>> finite(pd.Series([1, 2], index=["CHN", "USA"]), "net exports")
    array([1., 2.])
    """
    if values.size == 0:
        raise DataError(f"{what}: empty; a figure needs at least one number", what=what)
    axes = [values.index, values.columns] if isinstance(values, pd.DataFrame) else [values.index]
    for axis in axes:
        if not axis.is_unique:
            twice = list(axis[axis.duplicated()].unique())
            raise LabelError(f"{some(twice)} occurs twice in {what}: make labels unique",
                             labels=twice)  # fmt: skip
    try:
        numbers = values.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: not numbers ({error}); pass a numeric frame") from error
    bad = ~np.isfinite(numbers)
    if bad.any():
        rows = bad.any(axis=1) if bad.ndim == 2 else bad
        labels = list(values.index[rows])
        raise DataError(
            f"{some(labels)}: NaN or infinite in {what}; drop these rows or fill them on purpose",
            labels=labels,
        )
    return numbers


def with_shapes(labels: Iterable[Any], shapes: "GeoDataFrame") -> None:
    """Refuse regions that have no shape.

    Raises
    ------
    LabelError
        Naming the regions without a shape.

    Examples
    --------
    >>> from carbonflows.figures.shapes import country_shapes
    >>> with_shapes(["CHN", "ROW"], country_shapes())
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: ROW: no shape; give its members to region_shapes
    """
    missing = [label for label in labels if label not in shapes.index]
    if missing:
        raise LabelError(
            f"{some(missing)}: no shape; give its members to region_shapes", labels=missing
        )


def square(flows: pd.DataFrame, what: str = "flows") -> np.ndarray:
    """Return a square frame's numbers, same labels on both sides in the same order.

    Raises
    ------
    LabelError
        Rows and columns differ.

    Examples
    --------
    >>> square(pd.DataFrame([[1, 2], [3, 4]], index=["A", "B"], columns=["A", "B"]))
    array([[1., 2.],
           [3., 4.]])
    """
    numbers = finite(flows, what)
    if len(flows.index) != len(flows.columns):
        raise ShapeError(
            f"{what}: {len(flows.index)} rows and {len(flows.columns)} columns; "
            "the same regions must be on both sides"
        )
    if not flows.index.equals(flows.columns):
        odd = list(flows.index.symmetric_difference(flows.columns))
        order = "in another order" if not odd else f"not on both sides: {some(odd)}"
        raise LabelError(
            f"{what}: labels of rows and columns {order}; reindex the frame", labels=odd
        )
    return numbers
