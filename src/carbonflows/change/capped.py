"""Prices that cannot rise by more than so much: what producers then bear themselves."""

import numpy as np

from carbonflows.errors import NotConverged, some
from carbonflows.labels import Array
from carbonflows.solve import Leontief


def borne(system: Leontief, passed: Array, cap: Array) -> Array:
    """Costs per unit of output that producers bear so that no price rises above its cap.

    Parameters
    ----------
    system : Leontief
    passed : array (n,)
        Costs per unit of output that would be passed on [1].
    cap : array (n,)
        Largest rise of each node's price [1]; infinite where there is none.

    Returns
    -------
    array (n,)
        What is borne, never negative: ``Δπ = min(Δπ A + passed, cap) = (passed − borne) L``.

    Raises
    ------
    NotConverged
        Negative flows, with which lower prices of inputs raise that of a product.

    Notes
    -----
    Of the nodes above their cap without it, ``a L_BB = Δπ_B − cap_B`` says what each bears; who
    would bear less than nothing, since its inputs got cheaper too, is let go, until nobody is.
    With ``A ≥ 0`` prices only fall on the way, so that nobody has to be taken back.

    References
    ----------
    Puterman 1994, Markov Decision Processes, section 6.4 (policy iteration).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> system, inf = Leontief(two_regions()), np.inf
    >>> borne(system, np.array([0.05, 0.02]), np.array([0.06, inf])).round(9).tolist()
    [0.015, 0.0]
    """
    free = system.multipliers(passed).values
    found = np.zeros_like(free)
    held = np.flatnonzero(free > cap)
    if not len(held):
        return found
    demand = np.zeros((len(free), len(held)))
    demand[held, np.arange(len(held))] = 1.0
    upstream = system.outputs(demand).values[held]  # L among those above their cap
    excess, kept = free[held] - cap[held], np.ones(len(held), dtype=bool)
    while kept.any():
        share = np.linalg.solve(upstream[np.ix_(kept, kept)].T, excess[kept])
        if (share >= 0).all():
            found[held[kept]] = share
            break
        kept[kept] = share >= 0
    risen = system.multipliers(passed - found).values
    over = risen > cap + 1e-9 * np.abs(free).max()
    if over.any():
        raise NotConverged(
            f"prices of {some(system.table.nodes[over])} stay above their cap, since the table has "
            "negative flows: cap fewer products, or book the negative flows on the other side",
            labels=list(system.table.nodes[over]),
        )
    return found
