"""Poisson pseudo maximum likelihood: flows themselves, zeros included."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import null_space, qr
from scipy.optimize import linprog

from carbonflows.build.gravity.sample import Estimate, Sample, Zeros, check_rank, named
from carbonflows.build.gravity.sandwich import StandardErrors, sandwich
from carbonflows.errors import DataError, NotConverged
from carbonflows.labels import Array


def pseudo_likelihood(data: Sample, zeros: Zeros, standard_errors: StandardErrors) -> Estimate:
    """Estimate E[t] = exp(X b) for the pairs in use.

    Zero flows that a combination of terms predicts for certain have no finite estimate. They are
    refused, or left out if zeros='drop'; predictions are then zero wherever that combination says
    so.
    """
    directions = np.empty((len(data.terms), 0))
    while (direction := separating(data.columns, data.flows[data.used])) is not None:
        sure = data.used & (np.tensordot(direction, data.X, 1) > 1e-7)
        if zeros != "drop":
            raise DataError(
                f"flows {named(data.regions, sure)} are zero and the terms predict them for "
                "certain; pass zeros='drop', or leave the term out"
            )
        directions = np.column_stack([directions, direction])
        data = data.only(data.used & ~sure, separated=directions.shape[1])
    kept = _independent(data.columns) if directions.size else np.arange(len(data.terms))
    X = data.columns[:, kept]
    terms = [data.terms[i] for i in kept]
    check_rank(X, terms)
    b = np.zeros(len(data.terms))
    b[kept], mean, rounds = _reweighted(X, data.flows[data.used])
    half = np.linalg.inv(np.linalg.qr(X * np.sqrt(mean)[:, None], mode="r"))
    scores = X * (data.flows[data.used] - mean)[:, None]
    covariance = np.full((len(b), len(b)), np.nan)
    covariance[np.ix_(kept, kept)] = sandwich(
        half @ half.T, scores, np.argwhere(data.used), standard_errors, terms
    )
    fitted = np.exp(np.tensordot(b, data.X, 1))
    facts: dict[str, Any] = {"standard_errors": standard_errors, "iterations": rounds}
    if directions.size:
        b[np.setdiff1d(np.arange(len(b)), kept)] = np.nan
        facts["separating"] = directions
    return Estimate(
        names=data.terms,
        values=b,
        covariance=covariance,
        fitted=fitted,
        sigma=float("nan"),
        log_likelihood=float((data.flows[data.used] * np.log(mean) - mean).sum()),
        sample=data,
        facts=facts,
    )


def _reweighted(X: Array, t: Array) -> tuple[Array, Array, int]:
    """Coefficients, means and rounds of iteratively reweighted least squares.

    A step that makes the fit worse is halved; the last is one that moves no mean by more than 1e-8.
    """
    mean = (t + t.mean()) / 2
    linear = np.log(mean)
    b, at, loss = np.zeros(X.shape[1]), np.zeros(len(t)), np.inf
    for rounds in range(1, 201):
        root = np.sqrt(mean)
        Q, R = np.linalg.qr(X * root[:, None])
        step = np.linalg.solve(R, Q.T @ ((linear + (t - mean) / mean) * root)) - b
        moved = X @ step
        for halvings in range(60):
            linear = at + moved * 0.5**halvings
            if linear.max() < 600:
                mean = np.exp(linear)
                found = float((mean - t * linear).sum())
                if found <= loss + 1e-9 * abs(loss):
                    break
        else:
            break
        b, at, loss = b + step * 0.5**halvings, linear, found
        if np.abs(moved).max() < 1e-8:
            return b, mean, rounds
    raise NotConverged("ppml has no solution in 200 steps; look for a term without variation")


def separating(X: Array, flows: Array) -> npt.NDArray[np.float64] | None:
    """Weights of terms whose sum is zero where flows are positive and above zero at zeros only.

    None if there are none: then the estimates are finite.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    >>> separating(X, np.array([3.0, 0.0, 0.0])).round(6)
    array([0., 1.])
    >>> separating(X, np.array([3.0, 0.0, 1.0])) is None
    True
    """
    if (flows > 0).all():
        return None
    free = null_space(np.linalg.qr(X[flows > 0], mode="r"), rcond=1e-9)
    if not free.shape[1]:
        return None
    at_zeros = X[flows == 0] @ free
    found = linprog(
        -at_zeros.sum(axis=0),
        A_ub=np.vstack([at_zeros, -at_zeros]),
        b_ub=np.r_[np.ones(len(at_zeros)), np.zeros(len(at_zeros))],
        bounds=(None, None),
    )
    if found.status != 0:
        raise NotConverged(f"ppml: the test for separation failed ({found.message}); rescale terms")
    if -found.fun < 1e-7:
        return None
    direction: Array = free @ found.x
    return direction


def _independent(columns: Array) -> npt.NDArray[np.intp]:
    """Columns that no others make up, the first ones kept."""
    kept: list[int] = []
    for i in range(columns.shape[1]):
        trial = columns[:, [*kept, i]]
        length = np.linalg.norm(trial, axis=0)
        if (
            length.min() > 0
            and np.abs(qr(trial / length, mode="r", pivoting=True)[0].diagonal()).min() > 1e-9
        ):
            kept.append(i)
    return np.array(kept, dtype=np.intp)
