"""One thread in BLAS and OpenMP: sums split over threads differ in their last digits."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from carbonflows.errors import WorkersError


class _OneThread:
    """Counts who is inside: the number of threads belongs to the process, not to the caller."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: Any = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        import scipy.linalg  # noqa: F401  # its BLAS must be loaded to be limited

        with self._lock:
            limits = _limited()
            if not self._inside:
                self._before = limits
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    _give_control()
                    self._before.restore_original_limits()
                    _give_control()


def _limited() -> Any:
    """Set one thread and return what puts back the number before; raise if it cannot be set."""
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()  # looks for libraries, so once
    limits = controller.limit(limits=1)
    if any(library["num_threads"] > 1 for library in controller.info()):
        _give_control()
        controller.limit(limits=1)
    more = [library for library in controller.info() if library["num_threads"] > 1]
    if more:
        raise WorkersError(
            f"{more[0]['filepath']} cannot be set to one thread, so digits would depend on the "
            "machine: set OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1 before Python starts",
            libraries=more,
        )
    return limits


def _give_control() -> None:
    """Let this thread set the number, whoever did last; threadpoolctl ignores all but one."""
    import threadpoolctl

    controller: Any = getattr(threadpoolctl, "OpenBLASController", None)
    if hasattr(controller, "clear_controlling_thread"):
        controller.clear_controlling_thread(force=True)


_INSIDE = _OneThread()


def one_thread() -> AbstractContextManager[None]:
    """Compute with one thread in BLAS and OpenMP; the last one out puts back what was before.

    Returns
    -------
    context manager

    Raises
    ------
    WorkersError
        On entering: some library stays at more.

    Examples
    --------
    >>> import numpy as np
    >>> with one_thread():
    ...     product = np.ones((2, 2)) @ np.ones(2)
    >>> product
    array([2., 2.])
    """
    return _INSIDE()
