"""Least squares on the logs of flows."""

import numpy as np

from carbonflows.build.gravity.sample import Estimate, Sample, check_rank
from carbonflows.build.gravity.sandwich import StandardErrors, sandwich
from carbonflows.labels import Array


def least_squares(data: Sample, logs: Array, standard_errors: StandardErrors) -> Estimate:
    """Estimate ln t = X b + u for the pairs in use."""
    X, y = data.columns, logs[data.used]
    check_rank(X, data.terms)
    Q, R = np.linalg.qr(X)
    b = np.linalg.solve(R, Q.T @ y)
    errors = y - X @ b
    squares = float(errors @ errors)
    count, k = X.shape
    half = np.linalg.inv(R)
    return Estimate(
        names=data.terms,
        values=b,
        covariance=sandwich(
            half @ half.T, X * errors[:, None], np.argwhere(data.used), standard_errors, data.terms
        ),
        fitted=np.exp(np.tensordot(b, data.X, 1)),
        sigma=float(np.sqrt(squares / (count - k))),
        log_likelihood=-count / 2 * (np.log(2 * np.pi * squares / count) + 1),
        sample=data,
        facts={"standard_errors": standard_errors},
    )
