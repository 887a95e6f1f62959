"""One thread while anyone is inside, as many as before afterwards."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import scipy.linalg  # noqa: F401  # a library to be limited
from threadpoolctl import threadpool_limits

from carbonflows.threads import one_thread
from work_tasks import threads


def test_one_thread_inside_and_as_many_as_before_afterwards():
    with threadpool_limits(2):
        before = threads(None, None)
        assert max(before) == 2
        with one_thread():
            assert set(threads(None, None)) == {1}
            with one_thread():
                pass
            assert set(threads(None, None)) == {1}
        assert threads(None, None) == before


def test_threads_are_put_back_after_an_error():
    with threadpool_limits(2):
        before = threads(None, None)
        with pytest.raises(ZeroDivisionError), one_thread():
            1 / 0  # noqa: B018
        assert threads(None, None) == before


def test_who_leaves_first_does_not_give_threads_to_who_is_still_inside():
    both, left = Barrier(2), Barrier(2)

    def first() -> None:
        with one_thread():
            both.wait(10)
        left.wait(10)

    def second() -> list[int]:
        with one_thread():
            both.wait(10)
            left.wait(10)
            return threads(None, None)

    with threadpool_limits(2), ThreadPoolExecutor(2) as pool:
        pool.submit(first)
        assert set(pool.submit(second).result(20)) == {1}
        assert max(threads(None, None)) == 2
