"""Whether numbers that are published twice agree: what finds lost decimal points.

What a node sells and what it costs or is stated to make; coefficients and the emissions that they
came from.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from carbonflows.errors import DataError, some
from carbonflows.labels import Array
from carbonflows.sources.tabbed import Label
from carbonflows.table import IOTable

_NOTED, _NOTED_WEIGHT = 0.01, 1e-9


def balance(
    first: Array,
    second: Array,
    nodes: Sequence[Label],
    what: tuple[str, str],
    *,
    refuse: float | None,
    weight: float,
    files: Sequence[str] = (),
    kept: npt.NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """Compare two totals of each node.

    Parameters
    ----------
    first, second : array (n,)
        For example what nodes sell, and what they buy and pay.
    nodes : sequence of (str, str)
    what : (str, str)
        What the totals are, for messages: ``("sells", "costs")``.
    refuse : float or None
        Relative gap that is refused, in a node whose gap also exceeds `weight` of the world's
        total; None refuses nothing.
    weight : float
    files : sequence of str
        Where the numbers come from, for messages.
    kept : array of bool (n,), optional
        Nodes that stay in the table; what is noted, not refused, is about them alone.

    Returns
    -------
    dict
        ``gap``: sum of all gaps, as a share of the total of `first`; ``worst``: up to five nodes
        with both totals; ``warnings``: a sentence, if any node is off by more than 1 %.

    Raises
    ------
    DataError
        A gap that is refused.

    Examples
    --------
    >>> sold, cost = np.array([100.0, 50]), np.array([100.0, 51])
    >>> found = balance(
    ...     sold, cost, [("A", "s"), ("B", "s")], ("sells", "costs"), refuse=0.5, weight=1e-4
    ... )
    >>> round(found["gap"], 4), found["worst"]
    (0.0067, [{'node': 'B/s', 'sells': 50.0, 'costs': 51.0}])
    """
    gap = np.abs(first - second)
    size = np.maximum(np.abs(first), np.abs(second))
    compared = f" (compared: {', '.join(files)})" if files else ""
    world = float(np.abs(first).sum()) or 1.0
    if refuse is not None:
        off = np.flatnonzero((gap > refuse * size) & (gap > weight * world)).tolist()
        if off:
            i = max(off, key=lambda place: float(gap[place]))
            others = f", and {len(off) - 1} more node(s) are off" if len(off) > 1 else ""
            raise DataError(
                f"{some([nodes[i]])} {what[0]} {first[i]:.8g} but {what[1]} {second[i]:.8g}"
                f"{others}{compared}: get the files again, or accept it with unbalanced='keep'",
                labels=[nodes[j] for j in off],
                worst=_worst(first, second, nodes, what, gap),
            )
    gap = gap if kept is None else np.where(kept, gap, 0.0)
    worst = _worst(first, second, nodes, what, gap)
    noted = (gap > _NOTED * size) & (gap > _NOTED_WEIGHT * world)
    warnings = []
    if noted.any():
        warnings.append(
            f"{int(noted.sum())} node(s) are off by more than 1%: most of all {worst[0]['node']}, "
            f"which {what[0]} {worst[0][what[0]]:.6g} but {what[1]} {worst[0][what[1]]:.6g}; "
            f"all gaps together are {gap.sum() / world:.2%} of the world's output{compared}"
        )
    return {"gap": float(gap.sum() / world), "worst": worst, "warnings": warnings}


def _worst(
    first: Array, second: Array, nodes: Sequence[Label], what: tuple[str, str], gap: Array
) -> list[dict[str, Any]]:
    return [
        {"node": some([nodes[i]]), what[0]: float(first[i]), what[1]: float(second[i])}
        for i in np.argsort(-gap, kind="stable")[:5].tolist()
        if gap[i] > 0
    ]


def own_use(Z: Array, x: Array, nodes: Sequence[Label], *, weight: float = 1e-6) -> list[str]:
    """Warn of nodes that use nearly all of their output themselves.

    A wrong number on the diagonal raises what a node sells and what it buys alike, so that no
    balance shows it; this may.

    Parameters
    ----------
    Z : array (n, n)
    x : array (n,)
    nodes : sequence of (str, str)
    weight : float
        Own use below this share of the world's output is passed over.

    Returns
    -------
    list of str
        A sentence, or nothing.

    Examples
    --------
    >>> Z, x = np.array([[99.0, 0], [0, 10]]), np.array([100.0, 50])
    >>> own_use(Z, x, [("A", "s"), ("B", "s")])
    ['1 node(s) use more than 90% of their output themselves: A/s']
    """
    own = np.diagonal(Z)
    found = np.flatnonzero((own > 0.9 * x) & (own > weight * np.abs(x).sum())).tolist()
    if not found:
        return []
    listed = some([nodes[i] for i in found])
    return [f"{len(found)} node(s) use more than 90% of their output themselves: {listed}"]


def stated(table: IOTable) -> list[str]:
    """Warn of nodes that miss the output or the value added that is stated beside their flows.

    Parameters
    ----------
    table : IOTable

    Returns
    -------
    list of str
        A sentence for each of the two that some node misses by more than 1 %.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> stated(table), stated(table.replace(x=2 * table.x))[0][:34]
    ([], '2 node(s) are off by more than 1%:')
    """
    Z, x = table.Z.to_numpy(), table.x_given
    sold = Z.sum(axis=1) + table.Y.to_numpy().sum(axis=1)
    nodes = table.nodes.tolist()
    rules: dict[str, Any] = {"refuse": None, "weight": 0.0}
    warnings = []
    if x is not None:
        found = balance(sold, x.to_numpy(), nodes, ("sells", "has the output"), **rules)
        warnings += found["warnings"]
    if table.value_added is not None:
        made = sold if x is None else x.to_numpy()
        costs = Z.sum(axis=0) + table.value_added.to_numpy()
        warnings += balance(costs, made, nodes, ("costs", "has the output"), **rules)["warnings"]
    return warnings


def coefficients(
    F: Array, S: Array, x: Array, rows: Sequence[str], nodes: Sequence[Label], where: str
) -> list[str]:
    """Warn of emissions that are not the output times the coefficients published beside them.

    Parameters
    ----------
    F, S : array (k, n)
        Emissions, and emissions per unit of output.
    x : array (n,)
    rows : sequence of str
        Names of the stressors.
    nodes : sequence of (str, str)
    where : str
        File of the coefficients, for the message.

    Returns
    -------
    list of str
        A sentence, or nothing.

    Examples
    --------
    >>> F, S = np.array([[5.0, 60]]), np.array([[0.5, 0.6]])
    >>> coefficients(F, S, np.array([10.0, 10]), ["CO2"], [("A", "s"), ("B", "s")], "S.txt")
    ['1 emission(s) differ by more than 1% from output times S.txt: CO2 of B/s is 60, not 6']
    """
    expected = S * x
    size = np.maximum(np.abs(F), np.abs(expected))
    gap = np.where(np.isfinite(expected), np.abs(F - expected), 0.0)
    odd = gap > _NOTED * size
    if not odd.any():
        return []
    i, j = divmod(int(np.where(odd, gap, 0.0).argmax()), odd.shape[1])
    return [
        f"{int(odd.sum())} emission(s) differ by more than 1% from output times {where}: {rows[i]} "
        f"of {some([nodes[j]])} is {F[i, j]:.6g}, not {expected[i, j]:.6g}"
    ]
