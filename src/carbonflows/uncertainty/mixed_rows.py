"""Rows with negative cells: what a draw leaves to them.

Withdrawals from stocks and other negative sales are, as tables are made, what balances the other
cells of a row. They are not drawn: they follow them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carbonflows.labels import Array
from carbonflows.table import IOTable


@dataclass(frozen=True, eq=False)
class MixedRows:
    """Rows of a table with negative cells, and what they are in the table itself.

    Attributes
    ----------
    rows : array of int (r,)
        Nodes with a negative cell.
    Z, Y : array (r, n), (r, m·q)
        Their sales [money/yr].
    positive : array (r,)
        Sums of their positive cells [money/yr].
    still : array of bool (r,)
        Rows that are not drawn, because they add up to nothing or have no positive cell.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> len(MixedRows.of(two_regions()).rows)
    0
    """

    rows: npt.NDArray[np.intp]
    Z: Array
    Y: Array
    positive: Array
    still: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, table: IOTable) -> "MixedRows":
        """Find them in a table."""
        flows, demand = table.Z.to_numpy(), table.Y.to_numpy()
        rows = np.flatnonzero((flows < 0).any(axis=1) | (demand < 0).any(axis=1))
        Z, Y = flows[rows], demand[rows]
        positive = _positive(Z, Y)
        still = (positive == 0) | (table.x.to_numpy()[rows] == 0)
        return cls(rows, Z, Y, positive, still)

    def settled(self, Z: Array, Y: Array) -> tuple[Array, Array]:
        """Put the negative cells of drawn flows right.

        Parameters
        ----------
        Z, Y : array (n, n), (n, m·q)
            Drawn flows; written to, if they may be.

        Returns
        -------
        Z, Y : array
        """
        if not len(self.rows):
            return Z, Y
        Z, Y = (flows if flows.flags.writeable else flows.copy() for flows in (Z, Y))
        times = np.divide(
            _positive(Z[self.rows], Y[self.rows]), self.positive,
            out=np.ones(len(self.rows)), where=~self.still,
        )  # fmt: skip
        for drawn, own in ((Z, self.Z), (Y, self.Y)):
            kept = np.where(own < 0, own * times[:, None], drawn[self.rows])
            drawn[self.rows] = np.where(self.still[:, None], own, kept)
        return Z, Y

    def drawn(self, shape: tuple[int, int], of: Array) -> npt.NDArray[np.bool_]:
        """Say which cells of flows have errors of their own.

        Parameters
        ----------
        shape : tuple of int
            Of the flows.
        of : array
            These rows of the flows: `Z` or `Y`.

        Returns
        -------
        array of bool
        """
        found = np.ones(shape, dtype=bool)
        found[self.rows] = (of > 0) & ~self.still[:, None]
        return found

    def following(self, used_Z: Array, used_Y: Array, ends: Array) -> Array:
        """Say what the negative cells add to the gradient of their row's positive cells.

        Parameters
        ----------
        used_Z, used_Y : array (n,), (m·q,)
            Share of what a buyer takes that ends in a region's final use.
        ends : array (n,)
            The same of what the seller makes.

        Returns
        -------
        array (n,)
            ``Σ_c (used_c − ends_i) c / P_i`` over the negative cells c of row i, of positive sum P.
        """
        Z, Y = np.minimum(self.Z, 0.0), np.minimum(self.Y, 0.0)
        own = ends[self.rows]
        moved = Z @ used_Z + Y @ used_Y - own * (Z.sum(axis=1) + Y.sum(axis=1))
        found = np.zeros(len(ends))
        found[self.rows] = np.divide(
            moved, self.positive, out=np.zeros(len(own)), where=~self.still
        )
        return found


def _positive(Z: Array, Y: Array) -> Array:
    """Sums of the positive cells of rows."""
    return np.maximum(Z, 0.0).sum(axis=1) + np.maximum(Y, 0.0).sum(axis=1)
