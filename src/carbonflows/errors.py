"""What can go wrong, one class per kind.

Every error derives from `CarbonflowsError` and from the builtin that a caller would expect. Its
message says what was expected, what was found, which labels are concerned and what to do next; the
same facts are attributes of the exception.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class CarbonflowsError(Exception):
    """Base of every error that carbonflows raises on purpose.

    Parameters
    ----------
    message : str
        One line: culprit first, way out last.
    **facts
        Facts a program may want to read; they become attributes.

    Examples
    --------
    >>> from carbonflows.errors import LabelError
    >>> try:
    ...     raise LabelError("region 'CHM' is not in the table", labels=["CHM"])
    ... except ValueError as error:
    ...     print(error, error.labels)
    region 'CHM' is not in the table ['CHM']
    """

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts

    def __getattr__(self, name: str) -> Any:
        facts = self.__dict__.get("facts", {})
        if name in facts:
            return facts[name]
        raise AttributeError(f"{type(self).__name__} has no fact {name!r}")


class LabelError(CarbonflowsError, ValueError):
    """A label is wrong, missing, duplicated or one too many."""


class ShapeError(CarbonflowsError, ValueError):
    """Arrays that belong together have different sizes."""


class DataError(CarbonflowsError, ValueError):
    """A number that cannot be used: NaN, infinite, or of the wrong kind."""


class UnsolvedTable(CarbonflowsError, AttributeError):
    """A table stands where a solved system is needed."""


class BalanceError(CarbonflowsError, ValueError):
    """Totals that should agree and do not, or that no table can meet."""


class UnitError(CarbonflowsError, ValueError):
    """A unit that is unknown or cannot be converted into the one asked for."""


class GroupingError(LabelError):
    """A grouping that does not fit the table: a label in no group, or in two."""


class SourceError(CarbonflowsError, OSError):
    """A source file, folder, year or table that is not there or not what it says it is."""


class HashMismatch(SourceError):
    """Stored bytes differ from their checksum."""


class StoreError(CarbonflowsError, OSError):
    """A table or result that could not be written; nothing half-written is left behind."""


class GridError(CarbonflowsError, ValueError):
    """A grid, raster, outline or place that is not where, or what, it says it is."""


class WorkersError(CarbonflowsError, ConnectionError):
    """Workers that are not there, run other versions, died, or cannot be sent what they need."""


class StudyError(CarbonflowsError, ValueError):
    """A study file that cannot be run; the message names the line."""


class SingularSystem(CarbonflowsError, ArithmeticError):
    """I − A is singular, ill-conditioned or not productive: no meaningful inverse exists."""


class NotConverged(CarbonflowsError, RuntimeError):
    """An iteration ended before its residual was small enough."""


_LONGEST = 200


def quoted(cell: Any, most: int = 40) -> str:
    """Quote what a cell holds for a message: short, in one line, nothing invisible.

    Parameters
    ----------
    cell : object
    most : int
        Characters to show at most.

    Returns
    -------
    str

    Examples
    --------
    >>> print(quoted("1,5"), quoted("\\x00" * 5000))
    '1,5' '\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00…'
    """
    return f"'{_plain(str(cell), most)}'"


def _plain(text: str, most: int) -> str:
    """Escape what cannot be seen or would break a line, and cut what is too long."""
    pieces = [c if c.isprintable() else repr(c)[1:-1] for c in text[: most + 1]]
    if len("".join(pieces)) <= most:
        return "".join(pieces)
    while len("".join(pieces)) >= most:
        pieces.pop()
    return "".join(pieces) + "…"


def some(labels: Iterable[Any], most: int = 5) -> str:
    """List the first few labels for a message.

    Parameters
    ----------
    labels : iterable
        Labels; tuples are shown as ``region/sector``.
    most : int
        How many to show before “and n more”.

    Returns
    -------
    str

    Examples
    --------
    >>> some([("CHN", "steel"), ("IND", "steel")])
    'CHN/steel, IND/steel'
    >>> some(range(9), most=3)
    '0, 1, 2 and 6 more'
    """
    names = ["/".join(map(str, x)) if isinstance(x, tuple) else str(x) for x in labels]
    names = [_plain(name, _LONGEST) for name in names[:most]] + names[most:]
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def suggested(unknown: Iterable[Any], known: Iterable[Any], otherwise: str) -> str:
    """Say which names may have been meant; the way out of a message about unknown ones.

    Parameters
    ----------
    unknown : iterable
        Names that were asked for; the first three are compared.
    known : iterable
        Names that there are. Near are those spelt alike, whatever the case, and those that contain
        what was asked for.
    otherwise : str
        What to say if none is near.

    Returns
    -------
    str

    Examples
    --------
    >>> suggested(["electricity"], ["Basic metals", "Electricity, gas and water"], "name another")
    "did you mean 'Electricity, gas and water'?"
    >>> suggested(["zinc"], ["Basic metals"], "choose from Basic metals")
    'choose from Basic metals'
    """
    by_plain = {str(label).casefold(): str(label) for label in known}
    near: list[str] = []
    for name in list(unknown)[:3]:
        plain = str(name).casefold().strip()
        within = [key for key in by_plain if len(plain) > 2 and plain in key]
        alike = 0.6 if len(plain) > 4 else 0.7  # GER is not meant for GRC
        near += (get_close_matches(plain, by_plain, 3, alike) + within)[:3]
    if not near:
        return otherwise
    return f"did you mean {' or '.join(quoted(by_plain[key], 80) for key in dict.fromkeys(near))}?"
