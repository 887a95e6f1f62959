"""What a reader can be told: its keywords, what fits them, and what they were in the end.

The signature of a reader says it all. In Python its keywords take what they take; values of the
command line and of study files are `Given` and become what the signature asks for once it is known
which reader takes them.
"""

import csv
import difflib
import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from carbonflows.errors import CarbonflowsError, SourceError

_APART = {"source": "--source", "path": "--path", "year": "--year"}
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", Path: "a path",
          str: "a text"}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """A value given before it is known which reader takes it.

    Attributes
    ----------
    value : str, bool, int, float or list of str
    folder : Path
        Where a relative path starts.
    text : bool
        Whether it was typed as a text, of which a number, a list and so on are still to be made.
    """

    value: Any
    folder: Path = Path()
    text: bool = False


@dataclass(frozen=True)
class Option:
    """One keyword of a reader.

    Attributes
    ----------
    default : object
    choices : tuple
        Values that are named in the signature.
    kinds : frozenset of type
        What a single value may be: bool, int, float, str, Path.
    many : frozenset of type
        What the items of a list may be; empty if it takes no list.
    """

    default: Any
    choices: tuple[Any, ...]
    kinds: frozenset[type]
    many: frozenset[type]

    @property
    def expected(self) -> str:
        """What fits, for messages."""
        shown = [str(c).lower() if isinstance(c, bool) else repr(c) for c in self.choices]
        shown += [what for kind, what in _KINDS.items() if kind in self.kinds]
        return " or ".join([*shown, *(["a list"] if self.many else [])])


def options_of(reader: Callable[..., Any]) -> dict[str, Option]:
    """Return the keywords of a reader.

    Parameters
    ----------
    reader : callable
        Its keyword-only parameters are its options.

    Returns
    -------
    dict of str to Option

    Examples
    --------
    >>> def reader(path, *, split: Literal["merge", "keep"] = "merge", co2: str | bool = True): ...
    >>> {name: option.expected for name, option in options_of(reader).items()}
    {'split': "'merge' or 'keep'", 'co2': 'true or false or a text'}
    """
    hints = get_type_hints(reader)
    return {
        name: _option(parameter.default, hints.get(name, str))
        for name, parameter in inspect.signature(reader).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _option(default: Any, annotation: Any) -> Option:
    choices: list[Any] = []
    kinds: set[type] = set()
    many: set[type] = set()
    waiting = [(annotation, kinds)]
    while waiting:
        one, into = waiting.pop(0)
        origin = get_origin(one)
        if origin in (Union, types.UnionType):
            waiting += [(part, into) for part in get_args(one)]
        elif origin is Literal:
            choices += get_args(one)
        elif inspect.isclass(origin) and issubclass(origin, Sequence):
            waiting += [(part, many) for part in get_args(one)]
        elif one in _KINDS:
            into.add(one)
    return Option(default, tuple(choices), frozenset(kinds), frozenset(many))


def given_words(words: Sequence[str] | None) -> dict[str, Given]:
    """Read options off the words of a command.

    Parameters
    ----------
    words : sequence of str, optional
        Each ``KEY=VALUE``. Relative paths start in the working folder.

    Returns
    -------
    dict of str to Given

    Raises
    ------
    SourceError
        A word without key or value, or a key given twice.

    Examples
    --------
    >>> given_words(["co2=false"])["co2"].value
    'false'
    >>> given_words(["co2"])
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: --set co2 has no key or no value: write --set KEY=VALUE
    """
    values: dict[str, str] = {}
    for word in words or ():
        key, _, value = word.partition("=")
        if not key.strip() or not value.strip():
            raise SourceError(f"--set {word} has no key or no value: write --set KEY=VALUE")
        if key.strip() in values:
            raise SourceError(
                f"--set {key.strip()} is given twice: give it once, several values as a,b"
            )
        values[key.strip()] = value.strip()
    return given_values(values, text=True)


def given_values(
    values: Mapping[str, Any], folder: Path = Path(), *, text: bool = False
) -> dict[str, Given]:
    """Wrap options until it is known which reader takes them; those that are stay.

    Parameters
    ----------
    values : mapping
    folder : Path
        Where relative paths start.
    text : bool
        Whether the values are texts still to be converted.

    Returns
    -------
    dict of str to Given

    Raises
    ------
    SourceError
        A source, path or year among them: these are no options of a reader.

    Examples
    --------
    >>> given_values({"year": 2007})
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: 'year' is no option of a reader: give it as --year, or ...
    """
    for key in values:
        if key in _APART:
            raise SourceError(
                f"{key!r} is no option of a reader: give it as {_APART[key]}, or beside the "
                "options in a study file"
            )
    return {
        key: value if isinstance(value, Given) else Given(value, folder, text)
        for key, value in values.items()
    }


def resolved(source: str, reader: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as a reader takes them.

    Parameters
    ----------
    source : str
        Name of the source, for messages.
    reader : callable
    options : mapping
        `Given` values are converted, all others left as they are.

    Returns
    -------
    dict

    Raises
    ------
    SourceError
        A keyword that the reader does not have, or a given value that does not fit it.

    Examples
    --------
    >>> def reader(path, *, economies: int | None = None, co2: str | Path | bool = True): ...
    >>> resolved("adb", reader, given_words(["economies=62", "co2=false"]))
    {'economies': 62, 'co2': False}
    >>> resolved("adb", reader, {"economy": 62})
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: source 'adb' has no option 'economy', did you mean ...
    """
    known = options_of(reader)
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            meant = f", did you mean {close[0]!r}?" if close else ":"
            way_out = f"{meant} it knows {', '.join(known)}" if known else ": it takes none"
            raise SourceError(
                f"source {source!r} has no option {name!r}{way_out}",
                source=source, known=list(known),
            )  # fmt: skip
    return {
        name: _fitted(source, name, value, known[name]) if isinstance(value, Given) else value
        for name, value in options.items()
    }


def _fitted(source: str, name: str, given: Given, option: Option) -> Any:
    """Make what the signature asks for of a value."""
    value = _typed(given.value, option) if given.text else given.value
    if any(value == choice and type(value) is type(choice) for choice in option.choices):
        return value
    if isinstance(value, str):
        if Path in option.kinds:
            return _placed(value, given)
        if str in option.kinds:
            return value
        value = [value]
    if isinstance(value, list) and option.many and all(isinstance(v, str) for v in value):
        return [_placed(v, given) for v in value] if Path in option.many else value
    if type(value) in option.kinds:
        return value
    if type(value) is int and float in option.kinds:
        return float(value)
    raise SourceError(
        f"{name}={given.value!r} does not fit source {source!r}: use {option.expected}",
        source=source,
    )


def _placed(name: str, given: Given) -> Path:
    return given.folder / Path(name).expanduser()


def _typed(text: str, option: Option) -> Any:
    """Turn a typed text into the value that it spells, if the option takes such a value."""
    if text in option.choices:
        return text
    takes = {*option.kinds, *map(type, option.choices)}
    if bool in takes and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        if number in takes:
            try:
                return number(text)
            except ValueError:
                continue
    if option.many:
        parts = [part.strip() for part in next(csv.reader([text], skipinitialspace=True))]
        return parts[0] if len(parts) == 1 else parts
    return text


def effective(reader: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options of a reader with the values they have, for provenance.

    Parameters
    ----------
    reader : callable
    options : mapping
        Those that were given, as `resolved` returns them.

    Returns
    -------
    dict
        Of files the names only: their records, with hashes, are elsewhere in provenance.

    Examples
    --------
    >>> def reader(path, *, split: str = "merge", emissions: str | Path | None = None): ...
    >>> effective(reader, {"emissions": "data/emissions.csv"})
    {'split': 'merge', 'emissions': 'emissions.csv'}
    """
    return {
        name: _noted(options.get(name, option.default), Path in option.kinds | option.many)
        for name, option in options_of(reader).items()
    }


def _noted(value: Any, is_path: bool) -> Any:
    if isinstance(value, str | Path) and (is_path or isinstance(value, Path)):
        return Path(value).name
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_noted(one, is_path) for one in value]
    return f"a {type(value).__name__}"


@contextmanager
def offering(reader: Callable[..., Any]) -> Iterator[None]:
    """Add to an error which options its reader has (``options``), for who prints it.

    Examples
    --------
    >>> def reader(path, *, co2: str = "fossil"): ...
    >>> try:
    ...     with offering(reader):
    ...         raise SourceError("no row of CO2: choose one with co2=")
    ... except SourceError as error:
    ...     error.options
    ['co2']
    """
    try:
        yield
    except CarbonflowsError as error:
        error.facts.setdefault("options", list(options_of(reader)))
        raise
