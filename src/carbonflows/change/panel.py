"""Several tables as one object: years, databases or scenarios, read one by one when asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from numbers import Integral
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, quoted, some
from carbonflows.sources import named, read
from carbonflows.store import open_table, stream_table
from carbonflows.table import IOTable

Level: TypeAlias = Literal["year", "table", "scenario"]
Label: TypeAlias = int | str
Member: TypeAlias = IOTable | str | PathLike[str] | Callable[[], IOTable]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, eq=False)
class Panel:
    """A set of tables that an account can be run over; it holds none but those it was given.

    Iterating gives pairs of label and table, in order, each read when its turn comes.

    Parameters
    ----------
    members : mapping of int or str to IOTable, path or callable
        Label → the table, the path of a saved one, or a function without arguments that reads it.
        Labels of level ``year`` are increasing integers, all others texts.
    level : {"year", "table", "scenario"}
        What the labels are; results carry it as the name of a level or column.

    Raises
    ------
    LabelError
        No member, a label that does not suit the level, or years that do not increase.
    DataError
        An unknown level, or a member that is no table, path or callable.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> pair = Panel({1: two_regions(), 2: two_regions}, "year")
    >>> pair
    <Panel of 2 years: 1, 2>
    >>> [table.regions.tolist() for _, table in pair]
    [['A', 'B'], ['A', 'B']]
    """

    members: Mapping[Label, Member]
    level: Level = "year"

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise DataError(f"level={self.level!r} is not known: use {some(map(repr, LEVELS))}")
        if not isinstance(self.members, Mapping):
            raise DataError(
                f"members are a {type(self.members).__name__}: give a mapping of label to table, "
                "path or function"
            )
        if not self.members:
            raise LabelError(f"no member: a panel needs at least one {self.level}")
        members = {self._label(label): member for label, member in self.members.items()}
        for label, member in members.items():
            if not (isinstance(member, IOTable | str | PathLike) or callable(member)):
                raise DataError(
                    f"{self.level} {label} is a {type(member).__name__}: give a table, the path "
                    "of a saved table, or a function that reads one"
                )
        if self.level == "year":
            for before, after in pairwise(members):
                if not before < after:  # type: ignore[operator]
                    raise LabelError(
                        f"year {after} comes after {before}: give years in increasing order",
                        labels=[before, after],
                    )
        object.__setattr__(self, "members", MappingProxyType(members))

    def _label(self, label: Any) -> Label:
        if self.level == "year":
            if isinstance(label, Integral) and not isinstance(label, bool):
                return int(label)
            raise LabelError(
                f"label {label!r} is no year: use integers, or level='table' or 'scenario'",
                labels=[label],
            )
        if isinstance(label, str) and label.strip():
            return label
        raise LabelError(
            f"label {label!r} is no name of a {self.level}: use a text", labels=[label]
        )

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[tuple[Label, IOTable]]:
        return ((label, self.table(label)) for label in self.members)

    def __repr__(self) -> str:
        many = f"{len(self)} {self.level}{'s' if len(self) > 1 else ''}"
        return f"<Panel of {many}: {some(self.members)}>"

    @property
    def labels(self) -> tuple[Label, ...]:
        """Labels of the members, in order."""
        return tuple(self.members)

    def table(self, label: Label) -> IOTable:
        """Read one member; it is read again whenever it is asked for.

        Parameters
        ----------
        label : int or str

        Returns
        -------
        IOTable

        Raises
        ------
        LabelError
            No such member.
        SourceError
            The member cannot be read, or is the table of another year.
        DataError
            What was read is no table.

        Examples
        --------
        >>> read_panel("example", None, [1995, 2007]).table(2007).year
        2007
        """
        if label not in self.members:
            raise LabelError(
                f"{self.level} {label} is not in the panel: there are "
                f"{some(self.members, most=20)}",
                labels=[label],
            )
        member = self.members[label]
        with naming(f"{self.level} {label}"):
            if isinstance(member, IOTable):
                table = member
            elif isinstance(member, str | PathLike):
                table = open_table(Path(member))
            else:
                table = member()
            if not isinstance(table, IOTable):
                raise DataError(
                    f"a {type(table).__name__} was read, not a table: return an IOTable"
                )
            if self.level == "year" and table.year not in (None, label):
                raise SourceError(
                    f"the table is of {table.year} ({table.label}): label it by its own year",
                    year=table.year,
                )
        return table


@contextmanager
def naming(member: str) -> Iterator[None]:
    """Put the member in front of whatever is wrong with it."""
    try:
        yield
    except CarbonflowsError as error:
        raise type(error)(f"{member}: {error}", **error.facts) from error
    except OSError as error:
        raise SourceError(f"{member}: cannot be read ({error}); check its file") from error


def panel(members: Mapping[Label, Member], *, level: Level = "year") -> Panel:
    """Make a panel of tables, paths or functions that read tables.

    Parameters
    ----------
    members : mapping of int or str to IOTable, path or callable
        Label → table, path of a saved table, or a function without arguments that returns one.
    level : {"year", "table", "scenario"}

    Returns
    -------
    Panel

    Raises
    ------
    LabelError, DataError
        As `Panel`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> panel({"as it is": two_regions()}, level="scenario").labels
    ('as it is',)
    """
    return Panel(members, level)


def read_panel(
    source: str, path: str | Path | None, years: str | Iterable[int], **options: Any
) -> Panel:
    """Make a panel of years that a reader finds in one place; each is read when it is asked for.

    Parameters
    ----------
    source : str
        One of `carbonflows.sources.NAMES`, or ``"auto"``.
    path : str, Path or None
        As in `carbonflows.read`; None for the example world only.
    years : range, sequence of int or str
        In increasing order; as text ``"1995-2009"`` or ``"1995, 2000, 2004-2009"``.
    **options
        Options of the reader.

    Returns
    -------
    Panel
        Of level ``year``.

    Raises
    ------
    SourceError
        No such source, a path that is needed or not there.
    LabelError
        No years, what is no year, or years that do not increase.

    Examples
    --------
    >>> read_panel("example", None, "1995, 2000")
    <Panel of 2 years: 1995, 2000>
    """
    if source != "auto":
        named(source)
    if path is None and source != "example":
        raise SourceError(f"source {source!r} needs a path: say which folder to read")
    if path is not None and not Path(path).exists():
        raise SourceError(f"{path}: no such file or folder; check the path", path=str(path))
    listed = asked_years(years)
    return Panel({year: partial(read, source, path, year=year, **options) for year in listed})


def asked_years(years: str | Iterable[int]) -> list[int]:
    """List years that are given as a range, a sequence or a text.

    Parameters
    ----------
    years : str or iterable of int

    Returns
    -------
    list of int

    Raises
    ------
    LabelError
        None, what is no year, one that is named twice, or an order that does not increase.

    Examples
    --------
    >>> asked_years("1995-1997, 2009")
    [1995, 1996, 1997, 2009]
    """
    if not isinstance(years, str):
        if not isinstance(years, Iterable):
            raise LabelError(f"years={years!r} are no list: write [{years}] for one year")
        found = list(years)
    else:
        found = []
        for piece in years.replace("–", "-").split(","):
            first, dash, last = (part.strip() for part in piece.partition("-"))
            ends = [first, last] if dash else [first, first]
            if not all(end.isascii() and end.isdigit() and len(end) == 4 for end in ends):
                raise LabelError(
                    f"years {quoted(years)} are not understood: write '1995-2009' or '1995, 2000'",
                    labels=[years],
                )
            start, stop = map(int, ends)
            if stop < start:
                raise LabelError(
                    f"years {quoted(years)} run backwards: write '{stop}-{start}'", labels=[years]
                )
            found += range(start, stop + 1)
    if not found:
        raise LabelError(f"years={years!r} name no year: name one, for example '1995-2009'")
    for year in found:
        if not isinstance(year, Integral) or isinstance(year, bool):
            raise LabelError(f"{year!r} is no year: give years as integers", labels=[year])
    for before, after in pairwise(found):
        if not before < after:
            raise LabelError(
                f"year {after} comes after {before}: give each year once, in increasing order",
                labels=[before, after],
            )
    return [int(year) for year in found]


def saved_panel(
    where: str | Path | Iterable[str | Path], years: str | Iterable[int] | None = None
) -> Panel:
    """Make a panel of tables that `carbonflows.save_table` wrote, by the year that each states.

    Parameters
    ----------
    where : str, Path or iterable of str or Path
        A folder that holds saved tables (folders ``*.zarr``, files ``*.zip``), or their paths.
    years : range, sequence of int or str, optional
        Years that are wanted, as in `read_panel`; all that are found unless told.

    Returns
    -------
    Panel
        Of level ``year``, in increasing order.

    Raises
    ------
    SourceError
        Nothing is there, something is no saved table, or a year that is wanted is missing.
    LabelError
        A table without a year, two of one year, or years that are not understood.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows import example, save_table
    >>> folder = tempfile.mkdtemp()
    >>> for year in (2007, 1995):
    ...     _ = save_table(example(year), Path(folder) / f"world_{year}.zip")
    >>> saved_panel(folder)
    <Panel of 2 years: 1995, 2007>
    """
    paths = _table_paths(where)
    found: dict[int, Path] = {}
    for path in paths:
        year = stream_table(path).year
        if year is None:
            raise LabelError(
                f"{path} states no year: use panel({{label: path}}) to name it", path=str(path)
            )
        if year in found:
            raise LabelError(
                f"year {year} is in {found[year]} and in {path}: give the paths of those wanted",
                labels=[year],
            )
        found[year] = path
    wanted = sorted(found) if years is None else asked_years(years)
    if missing := [year for year in wanted if year not in found]:
        raise SourceError(
            f"year {some(missing)} is missing in {paths[0].parent}: there are "
            f"{some(sorted(found), most=20)}",
            years=missing,
        )
    return Panel({year: found[year] for year in wanted})


def _table_paths(where: str | Path | Iterable[str | Path]) -> list[Path]:
    """List the saved tables of a folder, or the paths that were given."""
    if not isinstance(where, str | PathLike):
        paths = [Path(path) for path in where]
        if not paths:
            raise SourceError("no path was given: name the saved tables or their folder")
        return paths
    folder = Path(where)
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder: name the one with the saved tables")
    paths = sorted(p for p in folder.iterdir() if p.suffix in (".zarr", ".zip"))
    if not paths:
        raise SourceError(
            f"{folder} holds no *.zarr or *.zip: save tables there with carbonflows.save_table",
            path=str(folder),
        )
    return paths
