"""Flows scaled until groups of them have the sums they must have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from carbonflows.labels import Array

_PATIENCE = 250  # sweeps in which the worst gap must shrink by a tenth, or no solution is near


@dataclass(frozen=True)
class Control:
    """Sums that groups of flows must have.

    Attributes
    ----------
    group : array of int
        Group of each flow, −1 where the control leaves it free.
    totals : array
        Sum of each group.
    """

    group: npt.NDArray[np.int64]
    totals: Array


@dataclass(frozen=True)
class Scaled:
    """Flows that meet their controls, or come as near as the sweeps allowed.

    Attributes
    ----------
    flows : array
    sweeps : int
    gaps : list of array
        Sum less total by group, relative to the total (or to a millionth of the control's largest,
        if that is more); one array per control.
    converged : bool
    """

    flows: Array
    sweeps: int
    gaps: list[Array]
    converged: bool


def scaled_to(
    flows: Array, controls: Sequence[Control], *, tolerance: float = 1e-9, sweeps: int = 5000
) -> Scaled:
    """Scale flows until every control holds, the first one exactly.

    Parameters
    ----------
    flows : array
        Seeds of either sign; signs and zeros are kept.
    controls : sequence of Control
        Each flow is in one group of each control at most.
    tolerance : float
        Gap allowed, relative to the total (or to a millionth of the largest, if that is more).
    sweeps : int
        Most rounds over all controls.

    Returns
    -------
    Scaled

    Notes
    -----
    One step multiplies the positive flows of a group by s and divides its negative ones by s, with
    ``s P − N / s = total``: generalised RAS (Junius and Oosterhaven 2003) for any grouping.

    Examples
    --------
    >>> rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> done = scaled_to(
    ...     np.array([10.0, 20, 30, 40]),
    ...     [Control(rows, np.array([40.0, 80])), Control(columns, np.array([50.0, 70]))],
    ... )
    >>> done.flows.round(6).tolist(), done.converged
    ([14.080515, 25.919485, 35.919485, 44.080515], True)
    """
    together, seeds = _together(flows, controls)
    groups = [np.empty(len(seeds), dtype=np.int64) for _ in controls]
    for group, control in zip(groups, controls, strict=True):
        group[together] = control.group
    plus, minus = np.maximum(seeds, 0.0), np.maximum(-seeds, 0.0)
    mixed = bool(minus.any())
    scales = [np.maximum(np.abs(c.totals), 1e-6 * np.abs(c.totals).max(initial=0.0))
              for c in controls]  # fmt: skip

    def sums(k: int, values: Array) -> Array:
        """Sum over the groups of a control; the last place takes what it leaves free."""
        size = len(controls[k].totals)
        at = np.where(groups[k] < 0, size, groups[k])
        return np.asarray(np.bincount(at, values, size + 1)[:size], dtype=float)

    def gaps() -> list[Array]:
        return [
            (sums(k, plus - minus) - c.totals) / np.where(scales[k] > 0, scales[k], 1.0)
            for k, c in enumerate(controls)
        ]

    def scale(k: int) -> None:
        up, down = _factors(
            sums(k, plus),
            sums(k, minus) if mixed else np.zeros(len(scales[k])),
            controls[k].totals,
        )
        plus[:] *= np.append(up, 1.0)[groups[k]]
        if mixed:
            minus[:] *= np.append(down, 1.0)[groups[k]]

    order = [*range(1, len(controls)), 0]
    scale(0)
    found, done, last = gaps(), 0, np.inf
    while done < sweeps and (worst := _worst(found)) > tolerance:
        if done % _PATIENCE == 0:
            if worst > 0.9 * last:
                break
            last = worst
        for k in order:
            scale(k)
        done += 1
        found = gaps()
    ratio = np.divide(plus - minus, seeds, out=np.zeros_like(seeds), where=seeds != 0)
    return Scaled(flows * ratio[together], done, found, _worst(found) <= tolerance)


def _worst(gaps: list[Array]) -> float:
    return max(float(np.abs(gap).max(initial=0.0)) for gap in gaps)


def _together(flows: Array, controls: Sequence[Control]) -> tuple[npt.NDArray[np.intp], Array]:
    """Sum flows of one sign that are in the same groups: they are scaled alike."""
    key = (flows < 0).astype(np.int64)
    for control in controls:
        key = key * (len(control.totals) + 1) + control.group + 1
    unique, together = np.unique(key, return_inverse=True)
    return together, np.asarray(np.bincount(together, flows, len(unique)), dtype=float)


def _factors(plus: Array, minus: Array, total: Array) -> tuple[Array, Array]:
    """Factors of the positive and of the negative flows that give a group its total."""
    root = np.sqrt(total**2 + 4 * plus * minus)
    up = np.divide(total + root, 2 * plus, out=np.ones_like(total), where=plus > 0)
    low = (plus > 0) & (total < 0)  # the same root without cancellation
    up = np.where(low, np.divide(2 * minus, root - total, out=np.ones_like(up), where=low), up)
    alone = (plus <= 0) & (minus > 0)
    down = np.divide(1.0, up, out=np.ones_like(up), where=up > 0)
    down = np.where(
        alone, np.divide(np.maximum(-total, 0.0), minus, out=np.ones_like(up), where=alone), down
    )
    return up, down
