"""Any account over a panel: one call, one frame, one table in memory at a time."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd

from carbonflows.accounts.emissions import Emissions
from carbonflows.change.agreement import (
    Border,
    Labels,
    agreed,
    partial_labels,
    require_alike,
    require_labels_choice,
)
from carbonflows.change.items import items, keeps, told
from carbonflows.change.panel import Label, Panel, naming
from carbonflows.errors import DataError, LabelError, some
from carbonflows.solve import Leontief
from carbonflows.work import Work

Account: TypeAlias = Callable[..., pd.DataFrame | pd.Series]


def over(
    panel: Panel,
    account: Account,
    *args: Any,
    solve: bool = True,
    labels: Labels = "same",
    work: Work | None = None,
    **kwargs: Any,
) -> pd.DataFrame:
    """Run one account over all tables of a panel.

    Parameters
    ----------
    panel : Panel
    account : callable
        Any account of carbonflows, or a function like one: it takes a solved system first and
        returns a DataFrame or Series.
    *args, **kwargs
        Passed on to the account, the same for every member. What is to vary from member to member
        goes into a function: ``lambda system: intensities(system, given=of[system.table.year])``.
    solve : bool
        Give the account ``Leontief(table)`` (default) or the table itself.
    labels : {"same", "common"}
        ``same`` (default) refuses tables whose regions, sectors or categories differ. ``common``
        computes every account on its whole table and then keeps the rows and columns that all
        members have; what was left out is listed in ``attrs["left_out"]``.
    work : Work, optional
        Where the members are worked on, and whether their results are kept; here, one after the
        other, unless told. Agreement is looked at when all are done. Work takes one thread for
        linear algebra: last digits are the same wherever it is done, not those of several threads.

    Returns
    -------
    DataFrame
        The rows of all members in the panel's order. Where the account has labelled rows, the
        panel's labels are the outer level, named as the panel's level; a tidy frame (rows just
        numbered) gets them as its first column. Values are those of the single calls, bit for bit.
        ``attrs`` are the account's where all members agree; where not, a mapping of label to value;
        ``level``, ``labels`` (the argument) and ``left_out`` are added.

    Raises
    ------
    LabelError
        Labels or stressors that change from one member to another, a member without the stressor,
        or, with ``labels="common"``, nothing that all members have.
    UnitError
        Money, price bases or units of results that differ between members.
    SourceError
        A member that cannot be read.
    DataError
        Emissions chosen from one table, an account that returns no frame, or one that has no name
        although parts are kept.

    Examples
    --------
    >>> from carbonflows import footprint
    >>> from carbonflows.change.panel import read_panel
    >>> both = over(read_panel("example", None, [1995, 2009]), footprint)
    >>> both.loc[(slice(None), "CHN"), ["production", "consumption"]].round(0)
                 production  consumption
    year region
    1995 CHN         3074.0       2566.0
    2009 CHN         6696.0       5645.0
    """
    found = over_all(panel, {"": account}, *args, solve=solve, labels=labels, work=work, **kwargs)
    return found[""]


def over_all(
    panel: Panel,
    accounts: Mapping[str, Account],
    *args: Any,
    solve: bool = True,
    labels: Labels = "same",
    work: Work | None = None,
    **kwargs: Any,
) -> dict[str, pd.DataFrame]:
    """Run several accounts over a panel; each table is read and factorised just once.

    Parameters
    ----------
    panel : Panel
    accounts : mapping of str to callable
        Name → account, as in `over`.
    *args, **kwargs
        Passed on to every account.
    solve, labels, work
        As in `over`. What is kept is known by the tables' content, the accounts' names and the
        arguments: accounts that are lambdas cannot be kept.

    Returns
    -------
    dict of str to DataFrame
        Name → what `over` returns for that account.

    Raises
    ------
    LabelError, UnitError, SourceError, DataError
        As `over`.

    Examples
    --------
    >>> from carbonflows import flows, footprint
    >>> from carbonflows.change.panel import read_panel
    >>> years = read_panel("example", None, [1995, 2009])
    >>> found = over_all(years, {"accounts": footprint, "flows": flows})
    >>> {name: frame.shape for name, frame in found.items()}
    {'accounts': (44, 8), 'flows': (44, 22)}
    """
    if not isinstance(panel, Panel):
        raise DataError(f"a {type(panel).__name__} is no panel: make one with panel(members)")
    require_labels_choice(labels)
    for given in (*args, *kwargs.values()):
        if isinstance(given, Emissions):
            raise DataError(
                f"these emissions of {given.name} were chosen from one table: give the name of "
                "the stressor, so that every member's own are taken"
            )
    sweep = _Sweep(panel, dict(accounts), args, kwargs, solve)
    found: dict[str, dict[Label, pd.DataFrame]] = {name: {} for name in accounts}
    borders: dict[Label, Border] = {}

    def look(label: Label, border: Border) -> None:
        borders[label] = border
        require_alike(borders, panel.level, labels)

    for label, frames in sweep.here(look) if work is None else sweep.spread(work, look):
        for name, frame in frames.items():
            found[name][label] = frame
    return {name: _joined(parts, panel, labels, borders) for name, parts in found.items()}


Look: TypeAlias = Callable[[Label, Border], None]
Results: TypeAlias = Iterator[tuple[Label, dict[str, pd.DataFrame]]]


@dataclass(frozen=True, eq=False)
class _Sweep:
    """What is asked of every member."""

    panel: Panel
    accounts: dict[str, Account]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    solve: bool

    def here(self, look: Look) -> Results:
        """Work on one member after the other; each is looked at before it is worked on."""
        return ((label, self.frames(label, look)) for label in self.panel.labels)

    def spread(self, work: Work, look: Look) -> Results:
        """Have the members worked on; each is looked at when its result is back."""
        key = None
        if keeps(work):
            key = {"over": told([self.accounts, self.args, self.kwargs, self.solve])}
        listed = items(self.panel, work)
        what = f"{self.panel.level}s"
        for item, result in zip(
            listed, work.results(_member, listed, what=what, shared=self, key=key), strict=True
        ):
            look(item["member"], Border.told(result["border"]))
            yield item["member"], result["frames"]

    def frames(self, label: Label, look: Look) -> dict[str, pd.DataFrame]:
        """Read one member and run all accounts on it; nothing of the table is kept."""
        table = self.panel.table(label)
        look(label, Border.of(table))
        with naming(f"{self.panel.level} {label}"):
            subject = Leontief(table) if self.solve else table
            return {
                name: _framed(account(subject, *self.args, **self.kwargs))
                for name, account in self.accounts.items()
            }


def _member(sweep: _Sweep, item: Mapping[str, Any]) -> dict[str, Any]:
    """Work on one member wherever this runs: its frames, and what has to agree."""
    borders: list[Border] = []
    frames = sweep.frames(item["member"], lambda _, border: borders.append(border))
    return {"border": borders[0].facts(), "frames": frames}


def _framed(result: Any) -> pd.DataFrame:
    """Take what an account returned as a frame of its own."""
    if isinstance(result, pd.Series):
        frame = result.to_frame("value" if result.name is None else result.name)
        frame.attrs = dict(result.attrs)
        return frame
    if not isinstance(result, pd.DataFrame):
        raise DataError(
            f"the account returned a {type(result).__name__}: wrap it in a function that returns "
            "a DataFrame or Series"
        )
    return result


def tidy(frame: pd.DataFrame) -> bool:
    """Say whether the rows of a frame are just numbered, so that its columns name them."""
    index = frame.index
    return index.nlevels == 1 and index.name is None and pd.api.types.is_integer_dtype(index.dtype)


def naming_columns(frame: pd.DataFrame) -> list[Hashable]:
    """List the columns that hold no numbers."""
    numeric = pd.api.types.is_numeric_dtype
    words = [not numeric(kind) or pd.api.types.is_bool_dtype(kind) for kind in frame.dtypes]
    return list(frame.columns[words])


def _joined(
    parts: dict[Label, pd.DataFrame], panel: Panel, labels: Labels, borders: dict[Label, Border]
) -> pd.DataFrame:
    """Put the frames of one account under each other."""
    level = panel.level
    facts = agreed({label: frame.attrs for label, frame in parts.items()}, level)
    left_out: dict[Label, list[str]] = {label: [] for label in parts}
    if labels == "common":
        parts, left_out = _in_common(parts, borders)
    first_label, first = next(iter(parts.items()))
    names = [*first.index.names, *(first.columns if tidy(first) else [])]
    if level in names:
        raise LabelError(
            f"{level!r} is a level or column of the account already: take a panel of another level",
            labels=[level],
        )
    for label, frame in parts.items():
        apart = first.columns.symmetric_difference(frame.columns)
        if len(apart):
            raise LabelError(
                f"{level} {label}: the account's columns are not those of {level} {first_label} "
                f"({some(apart)}): pass labels='common' to keep what all have",
                labels=list(apart),
            )
    bare = {label: _without_attrs(frame) for label, frame in parts.items()}
    if tidy(first):
        for label, frame in bare.items():
            frame.insert(0, level, label)
        joined = pd.concat(list(bare.values()), ignore_index=True)
    else:
        joined = pd.concat(bare, names=[level, *first.index.names])
    joined.attrs = facts | {"level": level, "labels": labels}
    joined.attrs["left_out"] = {label: gone for label, gone in left_out.items() if gone}
    return joined


def _without_attrs(frame: pd.DataFrame) -> pd.DataFrame:
    """Copy a frame without its attributes, which are joined apart."""
    frame = frame.copy()
    frame.attrs = {}
    return frame


def _in_common(
    parts: dict[Label, pd.DataFrame], borders: Mapping[Label, Border]
) -> tuple[dict[Label, pd.DataFrame], dict[Label, list[str]]]:
    """Keep rows and columns that all members have; say which were left out of each."""
    frames = list(parts.values())
    columns = [c for c in frames[0].columns if all(c in frame.columns for frame in frames)]
    kept: dict[Label, pd.DataFrame] = {}
    left_out: dict[Label, list[str]] = {}
    partial = partial_labels(borders.values())
    for label, frame in parts.items():
        gone = [column for column in frame.columns if column not in columns]
        if tidy(frame):
            rows = pd.Series(True, frame.index)
            for column in naming_columns(frame[columns]):
                everywhere = set.intersection(*(set(other[column]) for other in frames))
                lost = frame[column].isin(partial - everywhere)
                gone += list(frame[column][lost & rows])
                rows &= ~lost
            chosen = frame.loc[rows, columns].reset_index(drop=True)
        else:
            there = pd.Series(True, frame.index).to_numpy()
            for other in frames:
                there &= frame.index.isin(other.index)
            gone += list(frame.index[~there])
            chosen = frame.loc[there, columns]
        if chosen.empty:
            raise LabelError(
                "nothing is in the results of all members: aggregate the tables to the same labels"
            )
        kept[label] = chosen
        left_out[label] = [some([name]) for name in dict.fromkeys(gone)]
    return kept, left_out
