"""Members of a panel as items of work, and what names results of them by content."""

import dataclasses
import functools
import hashlib
import inspect
import json
import math
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.change.panel import Label, Panel
from carbonflows.errors import DataError
from carbonflows.manifest import KEPT
from carbonflows.regions import Grouping
from carbonflows.store import stream_table, table_hash
from carbonflows.table import IOTable
from carbonflows.work import Work
from carbonflows.zarr_files import group_at


def items(panel: Panel, work: Work) -> list[dict[str, Any]]:
    """List the members of a panel for work: each by its label and, if parts are kept, by content.

    Parameters
    ----------
    panel : Panel
    work : Work
        Where parts are kept a member has to be known by its numbers: a table in memory is hashed,
        a saved one states its hash, any other is read for it, where the work is done.

    Returns
    -------
    list of dict
        ``member`` and, if parts are kept, ``sha256`` of the table and of what it ``states``.

    Raises
    ------
    SourceError
        A member that cannot be read.

    Examples
    --------
    >>> from carbonflows.change.panel import panel
    >>> from carbonflows.table import two_regions
    >>> items(panel({2001: two_regions()}), Work())
    [{'member': 2001}]
    """
    if not keeps(work):
        return [{"member": label} for label in panel.labels]
    return work.results(known_by, list(panel.labels), what="tables known", shared=panel)


def keeps(work: Work) -> bool:
    """Say whether work keeps its parts on disk."""
    return work.parts is not None


def known_by(panel: Panel, label: Label) -> dict[str, Any]:
    """Name a member by its content.

    Parameters
    ----------
    panel : Panel
    label : int or str

    Returns
    -------
    dict
        ``member``; ``sha256``, see `carbonflows.store.table_hash`; ``states``, the hash of what
        results quote and the table's own hash leaves out: name, year, money, members of regions.

    Examples
    --------
    >>> from carbonflows.change.panel import panel
    >>> from carbonflows.table import two_regions
    >>> known_by(panel({2001: two_regions()}), 2001)["sha256"][:8]
    '4244e54c'
    """
    member = panel.members[label]
    if isinstance(member, str | PathLike):
        facts, content = _saved(Path(member))
    else:
        table = panel.table(label)
        facts, content = {key: getattr(table, key) for key in KEPT}, table_hash(table)
    return {"member": label, "sha256": content, "states": sha256(facts)}


def _saved(path: Path) -> tuple[dict[str, Any], str]:
    """What a saved table states: its facts and its hash. Its flows are not read."""
    stream = stream_table(path)  # refuses what is no table and metadata that were touched
    with group_at(path) as group:
        content = dict(group.attrs)["carbonflows"]["sha256"]["table"]
    return {key: getattr(stream, key) for key in KEPT}, str(content)


def sha256(value: Any) -> str:
    """Return the SHA-256 of what `told` says of a value."""
    return hashlib.sha256(json.dumps(told(value)).encode()).hexdigest()


def told(value: Any) -> Any:
    """Say by content, as JSON, what an argument is.

    Parameters
    ----------
    value : object
        None, a number, text, path, array, Series, DataFrame, table, grouping, dataclass, named
        function, or a list or mapping of those.

    Returns
    -------
    object
        Small things as they are, large ones as a SHA-256. The order of mappings counts.

    Raises
    ------
    DataError
        Something that has no content to be known by, such as a lambda.

    Examples
    --------
    >>> told(("CO2", 1.5, None))
    ['CO2', 1.5, None]
    >>> told(pd.Series([1.0])) == told(pd.Series([1.0])) != told(pd.Series([2.0]))
    True
    >>> told(lambda system: system)
    Traceback (most recent call last):
    ...
    carbonflows.errors.DataError: function '<lambda>' cannot be named in the key of a kept part: use
    a function of a module, or work without parts
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, PathLike):
        return str(value)
    if isinstance(value, Mapping):
        return {"mapping": [[told(key), told(one)] for key, one in value.items()]}
    if isinstance(value, list | tuple):
        return [told(one) for one in value]
    if isinstance(value, IOTable):
        return {"table": table_hash(value), "states": sha256([getattr(value, k) for k in KEPT])}
    if isinstance(value, Grouping):
        whole = [value.name, value.source, value.members, value.notes]
        return {"grouping": value.name, "sha256": sha256(whole)}
    if isinstance(value, np.ndarray | pd.Index | pd.Series | pd.DataFrame):
        return {type(value).__name__.lower(): _numbers_hash(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"of": _qualified(type(value)), "with": told(parts)}
    if isinstance(value, functools.partial):
        return {"partial": told(value.func), "args": told(value.args), "with": told(value.keywords)}
    if callable(value):
        return _named(value)
    raise DataError(
        f"a {type(value).__name__} cannot be named in the key of a kept part: give numbers, texts, "
        "arrays or frames, or work without parts"
    )


def _numbers_hash(value: Any) -> str:
    """SHA-256 of an array or frame with its labels, types and attributes."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufc":
            data = np.ascontiguousarray(value).tobytes()
            return hashlib.sha256(f"{value.dtype.str}{value.shape}".encode() + data).hexdigest()
        return sha256([list(value.shape), value.ravel().tolist()])
    if isinstance(value, pd.Index):
        return sha256([list(value.names), value.tolist()])
    if isinstance(value, pd.Series):
        return sha256([value.name, value.index, value.to_numpy(), dict(value.attrs)])
    columns = [value.iloc[:, place].to_numpy() for place in range(value.shape[1])]
    return sha256([value.columns, value.index, columns, dict(value.attrs)])


def _named(function: Callable[..., Any]) -> dict[str, str]:
    """Name a function of a module; one outside this package also by its text."""
    name = getattr(function, "__qualname__", f"a {type(function).__name__}")
    module = getattr(function, "__module__", None)
    if module is None or "<" in name or not inspect.isroutine(function):
        raise DataError(
            f"function {name.rpartition('.')[2]!r} cannot be named in the key of a kept part: use "
            "a function of a module, or work without parts"
        )
    found = {"function": _qualified(function)}
    if module.partition(".")[0] == "carbonflows":
        return found  # the version is in the name of every part
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):  # compiled, or typed into a console
        return found
    return found | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def _qualified(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
