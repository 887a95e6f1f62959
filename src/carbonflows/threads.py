"""One thread in BLAS and OpenMP: sums split over threads differ in their last digits."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class _OneThread:
    """Counts who is inside: the number of threads belongs to the process, not to the caller."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        import scipy.linalg  # noqa: F401  # its BLAS must be loaded to be limited
        from threadpoolctl import threadpool_limits

        with self._lock:
            limits = threadpool_limits(1)
            if not self._inside:
                self._before = limits
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._before.restore_original_limits()


_INSIDE = _OneThread()


def one_thread() -> AbstractContextManager[None]:
    """Compute with one thread in BLAS and OpenMP; the last one out puts back what was before.

    Returns
    -------
    context manager

    Examples
    --------
    >>> import numpy as np
    >>> with one_thread():
    ...     product = np.ones((2, 2)) @ np.ones(2)
    >>> product
    array([2., 2.])
    """
    return _INSIDE()
