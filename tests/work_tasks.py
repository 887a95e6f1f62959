"""Items of work for tests, in a module so that worker processes can import them."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import BalanceError, LabelError


def solved(shared: np.ndarray, item: int) -> pd.DataFrame:
    """Digits that depend on the order of sums, so on the number of threads."""
    import scipy.linalg

    matrix = shared + item * np.eye(len(shared))
    values = np.column_stack([scipy.linalg.solve(matrix, np.ones(len(shared))), matrix.sum(0)])
    labels = pd.MultiIndex.from_product([["CHN", "IND"], range(len(shared) // 2)], names=["r", "s"])
    frame = pd.DataFrame(values, index=labels, columns=["solution", "sum"])
    frame.attrs["item"] = item
    return frame


def process(shared: Any, item: float) -> int:
    time.sleep(item)
    return os.getpid()


def threads(shared: Any, item: Any) -> list[int]:
    """How many threads each library uses while an item is done."""
    from threadpoolctl import threadpool_info

    return [library["num_threads"] for library in threadpool_info()]


def slow(shared: Path, item: int) -> int:
    """Note that it was begun, by whom, and take a moment."""
    with open(shared / "begun", "a") as file:
        file.write(f"{item} {os.getpid()}\n")
    time.sleep(0.2)
    return item * item


def dying_once(shared: tuple[Path, np.ndarray], item: int) -> float:
    """Kill the own process the first time that item 3 is done."""
    folder, values = shared
    if item == 3 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return float(values[item] @ values[item])


def dying(shared: Any, item: int) -> int:
    """Kill the own process whenever item 3 is done."""
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def hungry(shared: Any, item: int) -> int:
    """Take as many MB as the item says, and hold them long enough to be seen."""
    held = np.ones(item << 17)
    time.sleep(1.5)
    return int(held.sum()) >> 17


def failing(shared: Any, item: int) -> int:
    if item == 2:
        raise BalanceError("row 2 has no column: give it one", row=2, labels=("CHN", "IND"))
    return item


def failing_with_a_lock(shared: Any, item: int) -> None:
    raise LabelError("one: two", lock=threading.Lock())


def dividing(shared: Any, item: int) -> None:
    raise ZeroDivisionError(f"item {item}")


def twice(shared: Any, item: Any) -> tuple[Any, Any]:
    return shared, item


def lock(shared: Any, item: Any) -> Any:
    """A result that cannot be sent."""
    return threading.Lock()
