"""Each region's own system by itself: what its output requires at home."""

import numpy as np

from carbonflows.accounts.emissions import Partition
from carbonflows.errors import SingularSystem
from carbonflows.labels import Array
from carbonflows.solve import Leontief


def domestic_multipliers(system: Leontief, k: Array, part: Partition) -> Array:
    """Intensities of each node counting its own region's supply chain only.

    Parameters
    ----------
    system : Leontief
    k : array (n,)
        Direct intensities.
    part : Partition
        Regions, or groups of regions, each of which is one system.

    Returns
    -------
    array (n,)
        ``k_r (I − A_rr)⁻¹``.

    Raises
    ------
    SingularSystem
        A region's domestic system cannot be solved.

    Examples
    --------
    >>> from carbonflows.accounts.emissions import partition
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> domestic_multipliers(Leontief(table), np.array([0.5, 0.2]), partition(table)).round(4)
    array([0.625 , 0.3333])
    """
    from scipy.linalg import LinAlgError, solve

    system.require_productive()
    Z = system.table.Z.to_numpy()
    found = np.zeros(len(k))
    for r, label in enumerate(part.labels):
        rows = np.flatnonzero(part.node == r)
        A = Z[np.ix_(rows, rows)] * system.per_output[rows]
        try:
            found[rows] = solve(np.eye(len(rows)) - A, k[rows], transposed=True)
        except LinAlgError as error:
            raise SingularSystem(
                f"the domestic system of {label} is singular: look at diagnose(table)"
            ) from error
    return found
