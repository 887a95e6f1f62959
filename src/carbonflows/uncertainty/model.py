"""What is uncertain in a table, by how much, and which errors are the same error.

An error multiplies the cells of one part of a table by lognormal factors of mean one. Cells that
share an error share one normal deviate, each with its own standard deviation; several errors of one
part multiply.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, ShapeError, quoted, some
from carbonflows.labels import DEMAND, NODE, Array, conform
from carbonflows.table import IOTable
from carbonflows.uncertainty.cells import (
    LEVELS,
    PARTS,
    Part,
    Positions,
    axes_of,
    by_label,
    coded,
    level_names,
    values_of,
)
from carbonflows.uncertainty.sizes import SizeLaw


class ErrorSource(Protocol):
    """What draws need of an error: `Error` and `FuelErrors` have it."""

    @property
    def on(self) -> Part:
        """Part of the table."""

    @property
    def stressor(self) -> str | None:
        """Stressor whose emissions it is about; None for all."""

    def factors(self, table: IOTable, generator: np.random.Generator) -> Array:
        """Draw a factor for each cell of the part."""

    def told(self) -> dict[str, Any]:
        """Say what it is, as JSON takes it."""


@dataclass(frozen=True, eq=False)
class Error:
    """One independent source of error; several of the same part multiply.

    Parameters
    ----------
    on : {"emissions", "households", "inputs", "demand"}
        Part of the table: emissions of nodes (F), of final users (F_Y), intermediate flows (Z) or
        final demand (Y).
    sd : float, Series, DataFrame or SizeLaw
        Relative standard deviation [1]. A Series is labelled by one or more of the part's labels
        (`LEVELS`), by which its levels are named. A DataFrame is labelled as Z or as Y.
    by : "cell" or tuple of str
        Labels that tell errors apart. Cells with the same labels share one normal deviate; with
        ``()`` all do. By default every cell has its own.
    stressor : str, optional
        Emissions and households: only this stressor, ``extension/stressor`` where a name occurs
        twice. By default all stressors of a node get the same factor.
    share : float
        Share of the log variance of `sd` that this error carries, from 0 to 1; `correlated` splits
        a variance in two with it.

    Raises
    ------
    DataError, LabelError
        When made: what can be said without a table. With a table: labels that are not the table's.

    Notes
    -----
    ``factor = exp(σ g − σ²/2)`` with ``g`` standard normal and ``σ² = share · ln(1 + sd²)``: the
    mean of the factor is 1, and its standard deviation `sd` if `share` is 1. Zeros stay zero and
    signs stay.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> error = Error("inputs", 0.1, by=("source_region",))
    >>> error.shared(two_regions()).tolist()
    [[0, 0], [1, 1]]
    >>> Error("emissions", pd.Series({"A": 0.1, "C": 0.2}).rename_axis("region")).relative(
    ...     two_regions()
    ... )
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: sd of emissions lacks B and has C too many: give one for each
    region of the table, 0 where there is no error
    """

    on: Part
    sd: "float | pd.Series[Any] | pd.DataFrame | SizeLaw"
    by: Literal["cell"] | tuple[str, ...] = "cell"
    stressor: str | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.on not in PARTS:
            raise DataError(
                f"on={self.on!r} is no part of a table: use {', '.join(map(repr, PARTS))}"
            )
        _check_sd(self.on, self.sd)
        _check_by(self.on, self.by)
        if not (_number(self.share) and 0 <= self.share <= 1):
            raise DataError(f"share={self.share!r} is no share of a variance: give 0 to 1")
        if self.stressor is not None and self.on in ("inputs", "demand"):
            raise DataError(
                f"stressor={self.stressor!r} goes with emissions, not with {self.on}: leave it out"
            )

    @property
    def own(self) -> bool:
        """Whether every cell has its own deviate."""
        return self.by == "cell"

    def relative(self, table: IOTable) -> Array:
        """Relative standard deviation of each cell's factor.

        Parameters
        ----------
        table : IOTable

        Returns
        -------
        array (n,), (m·q,), (n, n) or (n, m·q)
            [1]; that of this error alone if it carries a share.

        Raises
        ------
        LabelError, UnitError, DataError
            A standard deviation that does not fit the table.
        """
        return np.sqrt(np.expm1(self.log_sd(table) ** 2))

    def log_sd(self, table: IOTable) -> Array:
        """Standard deviation ``σ`` of the logarithm of each cell's factor; as `relative`."""
        shape = tuple(map(len, axes_of(table, self.on)))
        found = self._given(table)
        return np.broadcast_to(np.sqrt(self.share) * log_sd(found), shape)

    def _given(self, table: IOTable) -> Array:
        if isinstance(self.sd, SizeLaw):
            values, unit = values_of(table, self.on, self.stressor)
            return self.sd.relative(values, unit)
        if isinstance(self.sd, pd.DataFrame):
            rows, columns = axes_of(table, self.on)
            kind = NODE if self.on == "inputs" else DEMAND
            frame = conform(self.sd, rows, columns, f"sd of {self.on}", kind, copy=True)
            return frame.to_numpy()
        if isinstance(self.sd, pd.Series):
            return by_label(self.sd, axes_of(table, self.on), self.on)
        return np.array(float(self.sd))

    def shared(self, table: IOTable) -> Positions | None:
        """Which deviate each cell takes.

        Parameters
        ----------
        table : IOTable

        Returns
        -------
        array of int, as `relative`, or None
            Numbered from 0. None: each cell its own.
        """
        if self.by == "cell":
            return None
        codes, counts = [], []
        for axis in axes_of(table, self.on):
            code, labels = coded(axis, self.by)
            codes.append(code)
            counts.append(len(labels))
        if len(codes) == 1:
            return codes[0]
        return np.add.outer(codes[0] * counts[1], codes[1])

    def factors(self, table: IOTable, generator: np.random.Generator) -> Array:
        """Draw a factor for each cell.

        Parameters
        ----------
        table : IOTable
        generator : Generator

        Returns
        -------
        array, as `relative`
        """
        return Sampler(self, table).factors(generator)

    def told(self) -> dict[str, Any]:
        """Say what this error is, as JSON takes it; large frames by their hash."""
        sd = self.sd
        if isinstance(sd, SizeLaw):
            told: Any = {"size_law": sd.told()}
        elif isinstance(sd, pd.Series | pd.DataFrame):
            told = _hashed(sd)
        else:
            told = float(sd)
        by = self.by if isinstance(self.by, str) else list(self.by)
        return {
            "on": self.on, "sd": told, "by": by, "stressor": self.stressor,
            "share": float(self.share),
        }  # fmt: skip


def log_sd(sd: Array) -> Array:
    """Standard deviation of the logarithm of a lognormal factor of mean 1, ``√ln(1 + sd²)``.

    Examples
    --------
    >>> log_sd(np.array([0.0, 0.1, 1e200])).round(4)  # neither underflow nor overflow
    array([ 0.    ,  0.0998, 30.3485])
    """
    with np.errstate(divide="ignore"):
        return np.sqrt(np.logaddexp(0, 2 * np.log(sd)))


class Sampler:
    """An error made ready to be drawn from one table many times.

    Parameters
    ----------
    error : Error
    table : IOTable

    Raises
    ------
    LabelError, UnitError, DataError
        An error that does not fit the table.
    """

    def __init__(self, error: Error, table: IOTable) -> None:
        sigma = error.log_sd(table)
        self._shape = sigma.shape
        self._ids = error.shared(table)
        self._count = 0 if self._ids is None else int(self._ids.max(initial=-1)) + 1
        alike = isinstance(error.sd, int | float)
        self._sigma: Array = np.array(sigma.flat[0]) if alike and sigma.size else sigma
        self._half: Array = self._sigma**2 / 2

    def factors(self, generator: np.random.Generator) -> Array:
        """Draw a factor for each cell."""
        if self._ids is None:
            return self._exponential(generator.standard_normal(self._shape))
        deviates = generator.standard_normal(self._count)
        if self._sigma.ndim == 0:  # one exponential per deviate is enough
            return self._exponential(deviates)[self._ids]
        return self._exponential(deviates[self._ids])

    def _exponential(self, deviates: Array) -> Array:
        deviates *= self._sigma
        deviates -= self._half
        return np.exp(deviates, out=deviates)


def correlated(
    on: Part,
    sd: "float | pd.Series[Any] | pd.DataFrame | SizeLaw",
    rho: float,
    by: tuple[str, ...] = (),
    *,
    stressor: str | None = None,
) -> list[Error]:
    """Make errors that are correlated within groups of cells: a shared part and one of their own.

    Parameters
    ----------
    on, sd, stressor
        As in `Error`; `sd` is that of both parts together.
    rho : float
        Correlation of the logarithms of two cells of a group, from 0 to 1.
    by : tuple of str
        Labels that tell groups apart; cells of different groups are independent. By default all
        cells are one group.

    Returns
    -------
    list of Error
        The shared one and the cells' own.

    Raises
    ------
    DataError, LabelError
        As `Error`, or a correlation outside 0 to 1.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> parts = correlated("emissions", 0.1, 0.5, by=("region",))
    >>> [float(error.relative(two_regions())[0].round(4)) for error in parts]
    [0.0706, 0.0706]
    """
    if not (_number(rho) and 0 <= rho <= 1):
        raise DataError(f"rho={rho!r} is no correlation of a shared error: give 0 to 1")
    if by == "cell":
        raise DataError("by='cell' leaves nothing to share: name the labels of a group, () for all")
    return [
        Error(on, sd, by, stressor, share=float(rho)),
        Error(on, sd, "cell", stressor, share=1 - float(rho)),
    ]


def _check_sd(on: Part, sd: object) -> None:
    """Raise unless standard deviations are finite and not negative."""
    if isinstance(sd, SizeLaw):
        return
    if isinstance(sd, pd.Series | pd.DataFrame):
        if isinstance(sd, pd.DataFrame) and on in ("emissions", "households"):
            raise ShapeError(
                f"sd of {on} is a DataFrame, but its cells lie along one axis: give a Series by "
                f"{' and '.join(LEVELS[on])}"
            )
        if not sd.index.is_unique:
            twice = list(sd.index[sd.index.duplicated()].unique())
            raise LabelError(f"sd of {on}: {some(twice)} is there twice; name each once")
        if isinstance(sd, pd.Series):
            level_names(sd, on)
        try:
            values = sd.to_numpy(dtype=float)
        except (TypeError, ValueError) as error:
            raise DataError(f"sd of {on} is no number somewhere ({error}): give numbers") from None
        if (bad := ~(np.isfinite(values) & (values >= 0))).any():
            at = np.argwhere(bad)[0]
            label = [sd.index[at[0]]] + ([sd.columns[at[1]]] if sd.ndim == 2 else [])
            raise DataError(
                f"sd of {on} is {values[tuple(at)]:g} at {some(label)}: give relative standard "
                "deviations that are finite and not negative",
                labels=label, count=int(bad.sum()),
            )  # fmt: skip
    elif not (_number(sd) and np.isfinite(sd) and sd >= 0):  # type: ignore[operator, call-overload]
        raise DataError(
            f"sd={quoted(sd)} of {on} is no relative standard deviation: give a finite number of "
            "at least 0, a Series, a DataFrame or a SizeLaw"
        )


def _check_by(on: Part, by: object) -> None:
    if by == "cell":
        return
    if not isinstance(by, tuple):
        raise DataError(
            f"by={by!r} is no tuple of labels: use 'cell', or a tuple of {some(LEVELS[on])}; "
            "() for one error of all cells"
        )
    if wrong := [level for level in by if level not in LEVELS[on]]:
        raise LabelError(
            f"by: cells of {on} have no {some(wrong)}: choose from {some(LEVELS[on])}", labels=wrong
        )


def _number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _hashed(given: "pd.Series[Any] | pd.DataFrame") -> dict[str, Any]:
    digest = hashlib.sha256()
    for axis in given.axes:
        digest.update(repr([list(axis.names), axis.tolist()]).encode())
    digest.update(np.ascontiguousarray(given.to_numpy(dtype=float)).tobytes())
    return {"shape": list(given.shape), "sha256": digest.hexdigest()}
