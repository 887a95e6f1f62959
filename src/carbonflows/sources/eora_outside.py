"""The region ROW of Eora, which holds its statistical discrepancies: what leaving it out takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carbonflows.labels import Array
from carbonflows.sources.tabbed import Label

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Outside:
    """What the discrepancies have beside flows between nodes.

    Attributes
    ----------
    node_in : array of bool (n,)
        Nodes that are not theirs.
    final : array (n,)
        Sales of all nodes to their final demand.
    sold, added, emitted : float
        Their sales to final demand elsewhere, their primary inputs, and their emissions.
    """

    node_in: Mask
    final: Array
    sold: float
    added: float
    emitted: float

    def sums(self, to_it: Array, bought: Array) -> dict[str, float]:
        """Return the sums that are lost without them.

        Parameters
        ----------
        to_it, bought : array (n,)
            Of each node, sales to their nodes and purchases from these.
        """
        to_it = to_it + self.final
        return {
            "sales to it": float(to_it[self.node_in].sum()),
            "purchases from it": float(bought[self.node_in].sum()),
            "its sales to final demand": self.sold,
            "within it": float(to_it[~self.node_in].sum()),
            "its primary inputs": self.added,
            "its emissions": self.emitted,
        }


def outside_of(
    Y: Array, primary: Array, Q: Array, QY: Array, node_in: Mask, demand_in: Mask
) -> Outside:
    """Sum what the discrepancies have.

    Parameters
    ----------
    Y : array (n, m·q)
    primary : array (n,)
    Q : array (s, n)
    QY : array (s, m·q)
    node_in, demand_in : array of bool (n,), (m·q,)
        Rows and columns that are not theirs.

    Returns
    -------
    Outside

    Examples
    --------
    >>> inside = np.array([True, False])
    >>> Y = np.array([[5.0, 1], [2, 0]])
    >>> found = outside_of(Y, np.array([3.0, 4]), Y[:1], Y[:1], inside, inside)
    >>> found.sums(np.array([7.0, 0]), np.array([9.0, 0]))["sales to it"]
    8.0
    """
    return Outside(
        node_in=node_in,
        final=Y[:, ~demand_in].sum(axis=1),
        sold=float(Y[~node_in][:, demand_in].sum()),
        added=float(primary[~node_in].sum()),
        emitted=float(Q[:, ~node_in].sum() + QY[:, ~demand_in].sum()),
    )


def with_discrepancy(
    Y: Array, QY: Array, buyers: Sequence[Label], nodes: Sequence[Label], to_it: Array
) -> tuple[Array, Array, list[Label]]:
    """Add a category of final demand, ``discrepancy``, to every region.

    Parameters
    ----------
    Y : array (n, m·q)
    QY : array (s, m·q)
    buyers, nodes : sequence of (str, str)
    to_it : array (n,)
        What each node sells to the discrepancies; its own region gets it.

    Returns
    -------
    Y, QY : array
        With one column more per region.
    buyers : list of (str, str)

    Examples
    --------
    >>> none, Y = np.zeros((0, 1)), np.array([[5.0]])
    >>> with_discrepancy(Y, none, [("A", "C")], [("A", "s")], np.array([2.0]))[0]
    array([[5., 2.]])
    """
    regions = list(dict.fromkeys(code for code, _ in nodes))
    place = {code: i for i, code in enumerate(regions)}
    extra = np.zeros((len(nodes), len(regions)))
    extra[np.arange(len(nodes)), [place[code] for code, _ in nodes]] = to_it
    return (
        np.hstack([Y, extra]),
        np.hstack([QY, np.zeros((len(QY), len(regions)))]),
        [*buyers, *((code, "discrepancy") for code in regions)],
    )
