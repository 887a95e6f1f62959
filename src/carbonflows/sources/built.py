"""The end of every reader of a single file: its parts become a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from carbonflows.errors import CarbonflowsError
from carbonflows.labels import DEMAND, NODE
from carbonflows.sources.tidy_emissions import Emissions, tidy_emissions
from carbonflows.table import Extension, IOTable


def labels_of(parts: Mapping[str, Any]) -> tuple[pd.MultiIndex, pd.MultiIndex]:
    """Return the labels of nodes and of final demand.

    Parameters
    ----------
    parts : mapping
        With ``nodes`` and ``demand``, pairs of texts.

    Returns
    -------
    nodes, demand : MultiIndex

    Examples
    --------
    >>> labels_of({"nodes": [("AUS", "farms")], "demand": [("AUS", "HFCE")]})[0].names
    FrozenList(['region', 'sector'])
    """
    return (
        pd.MultiIndex.from_tuples(parts["nodes"], names=NODE),
        pd.MultiIndex.from_tuples(parts["demand"], names=DEMAND),
    )


def listed_emissions(
    emissions: Emissions | None,
    parts: Mapping[str, Any],
    year: int,
    households: str | None,
    steps: list[dict[str, Any]],
) -> list[Extension]:
    """Read the emissions of a database that publishes none, if the user gave a list of them.

    Parameters
    ----------
    emissions : path, DataFrame or None
    parts : mapping
        As for `labels_of`.
    year : int
    households : str or None
        As in `tidy_emissions`.
    steps : list of dict
        Gets what provenance says.

    Returns
    -------
    list of Extension
        One, or none.

    Raises
    ------
    SourceError, LabelError, DataError, UnitError
        As `tidy_emissions`.
    """
    if emissions is None:
        steps.append({"step": "emissions", "note": "none: the database has none inside"})
        return []
    extension, step = tidy_emissions(emissions, *labels_of(parts), year=year, households=households)
    steps.append(step)
    return [extension]


def built(
    parts: Mapping[str, Any],
    where: str,
    provenance: Mapping[str, Any],
    *,
    extensions: Sequence[Extension],
    **about: Any,
) -> IOTable:
    """Build a table from what a reader took out of a file, without copying the numbers.

    Parameters
    ----------
    parts : mapping
        ``nodes``, ``demand``, ``Z``, ``Y``, ``value_added`` and, where it is published, ``x``.
    where : str
        File, with which messages begin.
    provenance : mapping
    extensions : sequence of Extension
    **about
        Unit, year, name and so on, as in `IOTable`.

    Returns
    -------
    IOTable
        Each region has itself as its member, ``ROW`` all others.

    Raises
    ------
    LabelError, ShapeError, DataError, UnitError
        As `IOTable`.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones((1, 1))
    >>> parts = {"nodes": [("ROW", "farms")], "demand": [("ROW", "C")], "Z": one, "Y": one,
    ...          "value_added": np.ones(1)}
    >>> built(parts, "T.csv", {}, extensions=[], unit="M USD").members["ROW"]
    ('*',)
    """
    nodes, demand = labels_of(parts)
    regions = nodes.get_level_values("region").unique()
    try:
        return IOTable(
            pd.DataFrame(parts["Z"], nodes, nodes, copy=False),
            pd.DataFrame(parts["Y"], nodes, demand, copy=False),
            extensions=extensions,
            x=pd.Series(parts["x"], nodes) if "x" in parts else None,
            value_added=pd.Series(parts["value_added"], nodes),
            members={r: ["*"] if r == "ROW" else [r] for r in regions},
            provenance=provenance,
            copy=False,
            **about,
        )
    except CarbonflowsError as error:
        raise type(error)(f"{where}: {error}", **error.facts) from error
