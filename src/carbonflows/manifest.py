"""What a saved table says about itself: labels, units and everything else that is not an array.

It carries a SHA-256 of each array, of the labels and units with the arrays (the hash of the table)
and of itself.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import StoreError
from carbonflows.labels import Array
from carbonflows.streamed import StreamedTable

FORMAT = 1
KEPT = ("output", "unit", "year", "currency", "price_basis", "name", "source", "members")
"""Facts that are stored under their own name."""


class Digest:
    """SHA-256 of an array's shape and little-endian numbers, row by row.

    Examples
    --------
    >>> whole, pieces = Digest((2, 2)), Digest((2, 2))
    >>> whole.add(np.ones((2, 2)))
    >>> for row in np.ones((2, 1, 2)):
    ...     pieces.add(row)
    >>> whole.text == pieces.text
    True
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._sha = hashlib.sha256(repr(tuple(shape)).encode())

    def add(self, rows: Array) -> None:
        """Take in the next rows."""
        if rows.size:
            self._sha.update(np.ascontiguousarray(rows, dtype="<f8").data.cast("B"))

    def passing(self, blocks: Iterator[Array]) -> Iterator[Array]:
        """Take in rows while they pass by."""
        for block in blocks:
            self.add(block)
            yield block

    @property
    def text(self) -> str:
        """64 hexadecimal digits, of all rows so far."""
        return self._sha.hexdigest()


def digest(values: Array) -> str:
    """Return the SHA-256 of a whole array."""
    found = Digest(values.shape)
    found.add(values)
    return found.text


def manifest(
    table: StreamedTable, digests: Mapping[str, str], provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Collect what a table knows besides its numbers, as JSON, with the checksums.

    Parameters
    ----------
    table : StreamedTable
    digests : mapping of str to str
        SHA-256 of each array.
    provenance : mapping

    Returns
    -------
    dict

    Raises
    ------
    StoreError
        Provenance that is no JSON.
    """
    contents = _contents(table)
    meta: dict[str, Any] = {
        "format": FORMAT,
        **contents,
        "extension_sources": [e.source for e in table.extensions],
        **{key: getattr(table, key) for key in KEPT},
        "provenance": dict(provenance),
        "sha256": {"arrays": dict(digests), "table": _table_hash(contents, digests)},
    }
    try:
        meta = json.loads(json.dumps(meta, default=_plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"provenance of {table.label} cannot be stored ({error}): keep to text, whole and "
            "finite numbers, lists and mappings",
        ) from error
    meta["sha256"]["metadata"] = _json_hash(meta)
    return meta


def content_hash(table: StreamedTable, digests: Mapping[str, str]) -> str:
    """Return the SHA-256 of labels and units together with the arrays."""
    return _table_hash(_contents(table), digests)


def unchanged(meta: Mapping[str, Any]) -> bool:
    """Say whether a manifest is the one that was made: it and what it says of the table."""
    sums = {key: value for key, value in meta["sha256"].items() if key != "metadata"}
    return _json_hash({**meta, "sha256": sums}) == meta["sha256"].get("metadata")


def _contents(table: StreamedTable) -> dict[str, Any]:
    """Labels and units: what is hashed with the numbers."""
    return {
        "nodes": _levels(table.nodes),
        "demand": _levels(table.demand),
        "output": table.output,
        "unit": table.unit,
        "extensions": [
            {"name": e.name, "stressors": list(e.stressors), "unit": [str(u) for u in e.unit]}
            for e in table.extensions
        ],
    }


def _levels(labels: pd.MultiIndex) -> dict[str, list[str]]:
    return {str(name): labels.get_level_values(str(name)).tolist() for name in labels.names}


def _table_hash(contents: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    return _json_hash({"contents": contents, "arrays": dict(digests)})


def _json_hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Turn what provenance often holds into JSON; raise TypeError for the rest."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}")
