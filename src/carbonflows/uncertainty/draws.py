"""Any account over many drawn tables: values by draw and label, and the undisturbed ones."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions
from carbonflows.change.items import keeps, told
from carbonflows.change.over import naming_columns, tidy
from carbonflows.change.panel import naming
from carbonflows.errors import DataError, LabelError, some
from carbonflows.solve import Leontief
from carbonflows.table import IOTable
from carbonflows.uncertainty.drawing import Drawing, listed_errors
from carbonflows.uncertainty.measured import production_and_consumption
from carbonflows.uncertainty.model import ErrorSource
from carbonflows.work import Work

Account: TypeAlias = Callable[..., pd.DataFrame | pd.Series]

BATCH = 10
"""Draws that are one item of work, and one part on disk."""


@dataclass(frozen=True, eq=False)
class Draws:
    """An account of many drawn tables.

    Attributes
    ----------
    values : DataFrame (draws, labels)
        Rows ``draw`` from 0; columns are the account's columns (level ``quantity`` unless they have
        a name of their own) and the levels of its rows.
    base : Series (labels,)
        The account of the undisturbed table.
    unit : str
        Unit of the account; empty if it states none.
    seed : int
    errors : tuple of dict
        What each error was; see `Error.told`.
    rebalanced : bool
    totals : float
        Relative standard deviation of the totals of rebalanced draws [1].
    table : str
        Name and year of the table.
    facts : mapping
        What the account states of its base: stressor, households, grouping and the like.
    """

    values: pd.DataFrame
    base: "pd.Series[float]"
    unit: str
    seed: int
    errors: tuple[dict[str, Any], ...]
    rebalanced: bool
    totals: float
    table: str
    facts: Mapping[Hashable, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        rebalanced = ", rebalanced" if self.rebalanced else ""
        return (
            f"<Draws of {self.table}: {len(self.values)} draws × {self.values.shape[1]} values, "
            f"{len(self.errors)} error(s), seed {self.seed}{rebalanced}>"
        )


def draws(
    table: IOTable,
    errors: ErrorSource | Sequence[ErrorSource],
    account: Account = production_and_consumption,
    *,
    number: int = 1000,
    seed: int = 0,
    rebalanced: bool = False,
    totals: float = 0.0,
    work: Work | None = None,
    warm_start: bool = False,
    batch: int = BATCH,
    **kwargs: Any,
) -> Draws:
    """Draw a table many times and run one account on each draw.

    Parameters
    ----------
    table, errors, seed, rebalanced, totals
        As in `drawn_table`.
    account : callable
        Function of a solved system that returns a DataFrame or Series whose labels are the same for
        every draw. Default: production, consumption and net exports of each region.
    number : int
        Draws to make; the first ones are the same however many there are.
    work : Work, optional
        Who does it, and where finished parts are kept. Draws do not depend on it.
    warm_start : bool
        Answer a few right-hand sides with the factors of the undisturbed system, refined on each
        draw. It takes one factorisation and some ten refinements a draw; the default, a Krylov
        method begun anew in each draw, takes 0.9 of that time or less at 1435 nodes (the command
        is benchmarks/draws.py).
    batch : int
        Draws that are one item of work.
    **kwargs
        Passed on to the account: stressor, grouping, unit and the like.

    Returns
    -------
    Draws

    Raises
    ------
    DataError, LabelError, UnitError
        As `drawn_table`; an account that returns no numbers or changes its labels; `Emissions` of
        one table.
    BalanceError, NotConverged, SingularSystem
        A draw that cannot be rebalanced or solved; the message names it.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> from carbonflows.uncertainty.model import Error
    >>> found = draws(two_regions(), [Error("emissions", 0.1)], number=500, seed=1)
    >>> found
    <Draws of two regions: 500 draws × 6 values, 1 error(s), seed 1>
    >>> found.base["consumption"].round(2).to_dict()
    {'A': 44.67, 'B': 25.33}
    >>> found.values["consumption"].std().round(2).to_dict()  # exact: 3.59 and 1.84
    {'A': 3.75, 'B': 1.9}
    """
    work = Work() if work is None else work
    listed = listed_errors(errors)
    _check_account(account, kwargs)
    for name, value in (("number", number), ("batch", batch)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise DataError(f"{name}={value!r} is no number of draws: give 1 or more")
    setting = _Setting(
        table, listed, seed, rebalanced, totals, account, dict(kwargs), bool(warm_start)
    )
    drawing = setting.drawing  # refuses at once what cannot be drawn
    key = {"draws": setting.told()} if keeps(work) else None
    starts = range(0, int(number), int(batch))
    items: list[list[int]] = [[], *([a, min(a + int(batch), int(number))] for a in starts)]
    base, *parts = work.results(_values, items, what="draws", shared=setting, key=key)
    for part in parts:
        _require_labels(part.columns, base.columns, f"draw {part.index[0]}")
    return Draws(
        values=pd.concat([_bare(part) for part in parts]),
        base=_bare(base).iloc[0].rename("base"),
        unit=str(base.attrs.get("unit", "")),
        seed=drawing.seed,
        errors=drawing.told,
        rebalanced=rebalanced,
        totals=float(totals),
        table=table.label,
        facts=dict(base.attrs),
    )


class _Setting:
    """What all draws share. Only what was given travels; each worker makes the rest once."""

    def __init__(
        self, table: IOTable, errors: list[ErrorSource], seed: int, rebalanced: bool, totals: float,
        account: Account, kwargs: dict[str, Any], warm_start: bool,
    ) -> None:  # fmt: skip
        self.table = table
        self._errors = errors
        self._how: dict[str, Any] = {"seed": seed, "rebalanced": rebalanced, "totals": totals}
        self._account = account
        self._kwargs = kwargs
        self._warm_start = warm_start

    @cached_property
    def drawing(self) -> Drawing:
        """The table ready to be drawn."""
        return Drawing(self.table, self._errors, **self._how)

    @cached_property
    def near(self) -> Leontief:
        """The undisturbed system; factorised by whoever draws, with as many threads as it has."""
        return Leontief(self.table)

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process."""
        return {k: v for k, v in self.__dict__.items() if k not in ("drawing", "near")}

    def told(self) -> Any:
        """What the results depend on, by content."""
        return told([
            self.table, [error.told() for error in self._errors], self._how, self._account,
            self._kwargs, self._warm_start,
        ])  # fmt: skip

    def base(self) -> pd.DataFrame:
        """The account of the undisturbed table, as one row."""
        result = self._account(Leontief(self.table), **self._kwargs)
        stacked = _stacked(result)
        frame = pd.DataFrame(stacked.to_numpy()[None, :], ["base"], stacked.index)
        frame.attrs = dict(result.attrs)
        return frame

    def drawn(self, number: int) -> "pd.Series[float]":
        """The account of one draw."""
        table = self.drawing.table(number)
        with naming(f"draw {number} of seed {self.drawing.seed}"):
            system = Leontief(table, near=self.near if self._warm_start else None)
            return _stacked(self._account(system, **self._kwargs))


def _values(setting: _Setting, item: Sequence[int]) -> pd.DataFrame:
    """Values of the draws from one number to before another; of the base for an empty item."""
    if not item:
        return setting.base()
    start, stop = item
    first = setting.drawn(start)
    values = np.empty((stop - start, len(first)))
    values[0] = first.to_numpy()
    for number in range(start + 1, stop):
        one = setting.drawn(number)
        _require_labels(one.index, first.index, f"draw {number}")
        values[number - start] = one.to_numpy()
    return pd.DataFrame(values, pd.RangeIndex(start, stop, name="draw"), first.index, copy=False)


def _stacked(result: object) -> "pd.Series[float]":
    """Put the numbers of an account under each other: its columns outside, its rows inside."""
    if isinstance(result, pd.Series):
        result = result.to_frame("value" if result.name is None else result.name)
    if not isinstance(result, pd.DataFrame):
        raise DataError(
            f"the account returned a {type(result).__name__}: wrap it in a function that returns "
            "a DataFrame or Series"
        )
    words = naming_columns(result)
    if words and tidy(result):
        result = result.set_index(words)
    elif words:
        raise DataError(
            f"the account's column(s) {some(words)} hold no numbers: wrap it in a function that "
            "returns numbers only"
        )
    columns, rows = result.columns, result.index
    outer = ["quantity"] if columns.names == [None] else _names(columns)
    labels = [(*_parts(column), *_parts(row)) for column in columns for row in rows]
    index = pd.MultiIndex.from_tuples(labels, names=[*outer, *_names(rows)])
    if not index.is_unique:
        twice = list(index[index.duplicated()].unique())
        raise LabelError(
            f"the account's {some(twice)} is there twice: wrap it in a function that tells them "
            "apart",
            labels=twice,
        )
    return pd.Series(result.to_numpy(dtype=float).T.ravel(), index)


def _names(index: pd.Index) -> list[Hashable]:
    return [f"level_{i}" if name is None else name for i, name in enumerate(index.names)]


def _parts(label: object) -> tuple[object, ...]:
    return label if isinstance(label, tuple) else (label,)


def _require_labels(found: pd.Index, expected: pd.Index, what: str) -> None:
    if found.equals(expected):
        return
    apart = list(found.symmetric_difference(expected, sort=False))
    told_apart = some(apart) if apart else "their order"
    raise LabelError(
        f"{what}: the account's labels are not those of the other draws ({told_apart}): give an "
        "account with the same rows and columns for every table",
        labels=apart,
    )


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    """Take a frame without its attributes."""
    frame = frame.copy(deep=False)
    frame.attrs = {}
    return frame


def _check_account(account: object, kwargs: Mapping[str, Any]) -> None:
    if not callable(account):
        raise DataError(f"account={account!r} is no function: give an account such as footprint")
    for given in kwargs.values():
        if isinstance(given, Emissions):
            raise DataError(
                f"these emissions of {given.name} were chosen from one table: give the name of the "
                "stressor, so that those of every draw are taken"
            )
