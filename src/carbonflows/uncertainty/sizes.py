"""Errors by size: small cells are less certain than large ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import DataError, ShapeError, UnitError
from carbonflows.labels import Array


@dataclass(frozen=True)
class SizeLaw:
    """A relative standard deviation that depends on a cell's size: ``ln rsd = a + b ln|value|``.

    Parameters
    ----------
    a, b : float
        `b` is negative where small cells are less certain. `a` goes with the unit of the cells.
    most : float, optional
        Largest relative standard deviation; cells above it get just this. Without it none is cut.
    unit : str, optional
        Unit in which the law was found. If stated, cells in another unit are refused.
    fit : mapping
        How the law was fitted; see `fitted_size_law`. Empty if it was given.

    Raises
    ------
    DataError
        Parameters that are not finite, or a negative cap.

    References
    ----------
    Lenzen, Wood and Wiedmann 2010, Econ. Syst. Res. 22:43.

    Examples
    --------
    >>> law = SizeLaw(a=np.log(0.5), b=-0.25, most=0.4)
    >>> law.relative(np.array([0.0, 1.0, 16.0, -10_000.0])).round(3).tolist()  # 0.5 is cut to 0.4
    [0.0, 0.4, 0.25, 0.05]
    """

    a: float
    b: float
    most: float | None = None
    unit: str | None = None
    fit: Mapping[str, float] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            if not _finite(value := getattr(self, name)):
                raise DataError(f"{name}={value!r} of a size law is no finite number: give one")
        if self.most is not None and not (_finite(self.most) and self.most >= 0):
            raise DataError(
                f"most={self.most!r} of a size law is no cap: give a relative standard deviation "
                "of at least 0, or leave it out"
            )

    def relative(self, values: Array, unit: str | None = None) -> Array:
        """Relative standard deviations of cells; zero for cells that are zero.

        Parameters
        ----------
        values : array
            Cells, of any sign.
        unit : str, optional
            Their unit.

        Returns
        -------
        array
            Of the same shape [1].

        Raises
        ------
        UnitError
            The law was found in another unit.
        DataError
            A cell for which the law gives no finite number.
        """
        if self.unit is not None and unit is not None and unit != self.unit:
            raise UnitError(
                f"a size law in {self.unit!r} meets cells in {unit!r}: convert one of them"
            )
        size = np.abs(values)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            found = np.exp(self.a + self.b * np.log(size))
        if self.most is not None:
            found = np.minimum(found, self.most)
        found = np.where(size > 0, found, 0.0)
        if not np.isfinite(found).all():
            worst = size[~np.isfinite(found)].min()
            raise DataError(
                f"a cell of {worst:.3g} gets no finite error from the size law (a={self.a:.4g}, "
                f"b={self.b:.4g}): state a cap with most=…",
                value=float(worst),
            )
        return found

    def told(self) -> dict[str, Any]:
        """Parameters as JSON takes them."""
        return {
            "a": float(self.a), "b": float(self.b), "most": self.most, "unit": self.unit,
            "fit": dict(self.fit),
        }  # fmt: skip


def fitted_size_law(
    values: npt.ArrayLike,
    sd: npt.ArrayLike,
    *,
    most: float | None = None,
    unit: str | None = None,
    zeros: Literal["refuse", "leave_out"] = "refuse",
) -> SizeLaw:
    """Fit a size law to cells with known standard deviations, by least squares in logarithms.

    Parameters
    ----------
    values : array or frame
        Cells, of any sign. Labels, if both have them, must be in the same order.
    sd : array or frame, of the same shape
        Their standard deviations, in the unit of the cells (not relative).
    most, unit
        Cap and unit that the law is to state; see `SizeLaw`.
    zeros : {"refuse", "leave_out"}
        What to do with a cell that is zero and has a standard deviation, or the other way round: it
        has no place in logarithms. Cells where both are zero say nothing and are left out anyway.

    Returns
    -------
    SizeLaw
        ``fit`` holds ``cells`` (used), ``empty`` (both zero), ``left_out`` (just one zero), ``r2``
        and ``residual_sd`` of ``ln rsd``.

    Raises
    ------
    ShapeError, LabelError
        Cells and standard deviations that do not belong together.
    DataError
        Numbers that are not finite, negative standard deviations, fewer than three cells or cells
        of just one size.

    Examples
    --------
    >>> cells = np.array([1.0, 10, 100, 1000, 0])
    >>> law = fitted_size_law(cells, 0.3 * cells**0.8)
    >>> round(float(np.exp(law.a)), 6), round(law.b, 6), law.fit["cells"], law.fit["empty"]
    (0.3, -0.2, 4, 1)
    """
    if zeros not in ("refuse", "leave_out"):
        raise DataError(f"zeros={zeros!r} is not known: use 'refuse' or 'leave_out'")
    _require_same_labels(values, sd)
    size, spread = (_numbers(given, what) for given, what in ((values, "values"), (sd, "sd")))
    if size.shape != spread.shape:
        raise ShapeError(
            f"sd has shape {spread.shape} and values have {size.shape}: give one for each cell"
        )
    size = np.abs(size)
    if (spread < 0).any():
        raise DataError(f"sd has {int((spread < 0).sum())} negative cell(s): correct them")
    one_zero = (size > 0) != (spread > 0)
    if one_zero.any() and zeros == "refuse":
        raise DataError(
            f"{int(one_zero.sum())} cell(s) have a value or a standard deviation, but not both: "
            "correct them, or pass zeros='leave_out'",
            count=int(one_zero.sum()),
        )
    used = (size > 0) & (spread > 0)
    x, y = np.log(size[used]), np.log(spread[used]) - np.log(size[used])
    if len(x) < 3 or np.ptp(x) == 0:
        raise DataError(f"{len(x)} cell(s) of different size fix no size law: give three or more")
    b, a = np.polyfit(x, y, 1)
    residual = y - (a + b * x)
    total = float(((y - y.mean()) ** 2).sum())
    fit = {
        "cells": int(used.sum()),
        "empty": int(((size == 0) & (spread == 0)).sum()),
        "left_out": int(one_zero.sum()),
        "r2": 1 - float((residual**2).sum()) / total if total > 0 else 1.0,
        "residual_sd": float(np.sqrt((residual**2).sum() / (len(x) - 2))),
    }
    return SizeLaw(float(a), float(b), most, unit, fit)


def _require_same_labels(values: object, sd: object) -> None:
    if isinstance(values, pd.DataFrame | pd.Series) and isinstance(sd, pd.DataFrame | pd.Series):
        from carbonflows.labels import same_labels

        for mine, theirs in zip(values.axes, sd.axes, strict=False):
            same_labels(theirs, mine, "sd", "values")
            if not theirs.equals(mine):
                raise ShapeError("sd is in another order than values: reindex it to theirs")


def _numbers(given: npt.ArrayLike, what: str) -> Array:
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} are no numbers ({error}): give numbers") from None
    if not np.isfinite(found).all():
        raise DataError(
            f"{what} have {int((~np.isfinite(found)).sum())} cell(s) that are not finite: fill or "
            "drop them on purpose first"
        )
    return found.ravel()


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
