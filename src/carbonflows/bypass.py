"""Taking nodes out of a table without changing what flows between the others.

Some nodes only pass goods on: the re-export sector of Eora26, for one. They are eliminated by the
Schur complement, so that their suppliers sell directly to their customers.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, SingularSystem, some
from carbonflows.labels import NODE, Array
from carbonflows.table import Extension, IOTable


def bypass(table: IOTable, nodes: Iterable[tuple[str, str]]) -> IOTable:
    """Eliminate nodes, handing what they bought to those who bought from them.

    Parameters
    ----------
    table : IOTable
        With output from rows.
    nodes : iterable of (str, str)
        Nodes ``(region, sector)`` to take out; every region must keep at least one other.

    Returns
    -------
    IOTable
        The table of the other nodes. Their outputs are unchanged, and where the nodes taken out
        emit nothing, so are all emissions embodied in flows between the others. Emissions and value
        added of the nodes taken out move to their customers: emissions to producing customers count
        as these producers' own, emissions to final demand as direct emissions of the final user.
        The step in the provenance says how much moved (``emissions moved``, by stressor).

    Raises
    ------
    LabelError
        A node that is not in the table, or a region that would lose its last node.
    DataError
        Output not from rows, or a node that buys inputs but sells nothing.
    SingularSystem
        The nodes cannot be eliminated: one uses up all that it sells.

    Notes
    -----
    With S the nodes taken out, R the others and ``P = (x̂_S − Z_SS)⁻¹``::

        Z' = Z_RR + Z_RS P Z_SR,    Y' = Y_R + Z_RS P Y_S,
        F' = F_R + F_S P Z_SR,      F_Y' = F_Y + F_S P Y_S.

    Examples
    --------
    >>> nodes = pd.MultiIndex.from_tuples([("A", "steel"), ("A", "re-export"), ("B", "cars")])
    >>> demand = pd.MultiIndex.from_tuples([("A", "final"), ("B", "final")])
    >>> Z = pd.DataFrame([[0.0, 10, 0], [0, 0, 8], [0, 0, 0]], nodes, nodes)
    >>> Y = pd.DataFrame([[5.0, 0], [0, 2], [0, 20]], nodes, demand)
    >>> direct = bypass(IOTable(Z, Y, unit="M USD"), [("A", "re-export")])
    >>> direct.Z.to_numpy().tolist(), direct.Y.to_numpy().tolist(), direct.x.tolist()
    ([[0.0, 8.0], [0.0, 0.0]], [[5.0, 2.0], [0.0, 20.0]], [15.0, 20.0])
    """
    if table.output != "rows":
        raise DataError(
            f"output of {table.label} comes from {table.output!r}: only a table with output='rows' "
            "can be bypassed, make one with replace(output='rows')",
            output=table.output,
        )
    out = _positions(table, nodes)
    stay = np.setdiff1d(np.arange(len(table.nodes)), out)
    gone = set(table.regions) - set(table.nodes[stay].get_level_values("region"))
    if gone:
        raise LabelError(
            f"{some(sorted(gone))} would be left without any sector: keep one", labels=sorted(gone)
        )
    Z, Y, x = table.Z.to_numpy(), table.Y.to_numpy(), table.x.to_numpy()
    passing = _shares(table, out)  # P with rows of idle nodes left out
    to_nodes = passing @ Z[np.ix_(out, stay)]
    to_final = passing @ Y[out]
    through = Z[np.ix_(stay, out)]

    new_nodes = table.nodes[stay]
    new_Z = Z[np.ix_(stay, stay)]
    new_Z += through @ to_nodes
    extensions, moved = [], {}
    for extension in table.extensions.values():
        F = extension.F.to_numpy()
        own = F[:, out]
        F_Y = np.zeros((len(F), len(table.demand)))
        if extension.has_final and extension.F_Y is not None:
            F_Y += extension.F_Y.to_numpy()
        served = (x[out] != 0) & own.any(axis=0)
        idle = _of_idle(table, out, own * (x[out] == 0))
        F_Y += own @ to_final + idle
        has_final = extension.has_final or bool(served.any()) or bool(idle.any())
        extensions.append(
            Extension(
                pd.DataFrame(F[:, stay] + own @ to_nodes, extension.F.index, new_nodes),
                pd.DataFrame(F_Y, extension.F.index, table.demand) if has_final else None,
                unit={str(s): str(u) for s, u in extension.unit.items()},
                name=extension.name,
                source=extension.source,
            )
        )
        for stressor, amount in zip(extension.stressors, own.sum(axis=1), strict=True):
            if amount:
                moved[stressor] = float(amount)
    added = table.value_added
    if added is not None:
        values = added.to_numpy()
        added = pd.Series(values[stay] + values[out] @ to_nodes, new_nodes)
    step = {
        "step": "bypass",
        "nodes": [list(node) for node in table.nodes[out]],
        "output of them": float(x[out].sum()),
        "emissions moved": moved,
    }
    given = table.x_given
    return table.replace(
        Z=pd.DataFrame(new_Z, new_nodes, new_nodes, copy=False),
        Y=pd.DataFrame(Y[stay] + through @ to_final, new_nodes, table.demand, copy=False),
        extensions=extensions,
        x=None if given is None else given.iloc[stay],
        value_added=added,
        provenance={
            **table.provenance,
            "steps": [*table.provenance.get("steps", []), step],
        },
    )


def _positions(table: IOTable, nodes: Iterable[tuple[str, str]]) -> np.ndarray:
    asked = pd.MultiIndex.from_tuples([(str(r), str(s)) for r, s in nodes], names=NODE)
    places = np.asarray(table.nodes.get_indexer(asked))
    if (places < 0).any():
        missing = list(asked[places < 0])
        raise LabelError(
            f"{some(missing)} is not in {table.label}: check region and sector", labels=missing
        )
    return np.unique(places)


def _shares(table: IOTable, out: np.ndarray) -> Array:
    """Return P: what each node taken out must buy per unit that the others take from it."""
    Z, x = table.Z.to_numpy(), table.x.to_numpy()
    rest, idle = out[x[out] != 0], out[x[out] == 0]
    stuck = [i for i in idle if Z[:, i].any() or Z[i].any() or table.Y.to_numpy()[i].any()]
    if stuck:
        raise DataError(
            f"{some(table.nodes[stuck])} trades but has no output, so it cannot be bypassed: keep "
            "it",
            labels=list(table.nodes[stuck]),
        )
    active = np.diag(x[rest]) - Z[np.ix_(rest, rest)]
    passing = np.zeros((len(out), len(out)))
    try:
        inverse = np.linalg.inv(active)
    except np.linalg.LinAlgError:
        inverse = np.full_like(active, np.nan)
    if len(rest) and not np.abs(inverse * x[rest]).max() < 1e12:
        raise SingularSystem(
            f"{some(table.nodes[rest])} cannot be bypassed: among themselves they use up all they "
            "sell; keep them",
            labels=list(table.nodes[rest]),
        )
    places = np.searchsorted(out, rest)
    passing[np.ix_(places, places)] = inverse
    return passing


def _of_idle(table: IOTable, out: np.ndarray, own: Array) -> Array:
    """Emissions of nodes without output, on the first final demand column of their region."""
    moved = np.zeros((len(own), len(table.demand)))
    for place, region in enumerate(table.node_region[out]):
        moved[:, int(np.argmax(table.demand_region == region))] += own[:, place]
    return moved
