"""What must be at an end when a reader or writer of blocks is broken off."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from zarr.core import sync

from carbonflows.store import save_table
from carbonflows.zarr_files import ahead, settled
from worlds import random_world


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_tasks_of_zarr_end_before_what_broke_them_off_goes_on(error: type[BaseException]) -> None:
    done = []

    async def slow() -> None:
        await asyncio.sleep(0.1)
        done.append(True)

    def broken_off() -> None:
        with settled():
            asyncio.run_coroutine_threadsafe(slow(), sync._get_loop())
            raise error

    with pytest.raises(error):
        broken_off()
    assert done


def test_damage_is_not_followed_by_complaints_about_tasks(tmp_path: Path) -> None:
    table = random_world(np.random.default_rng(0), 30, 30)
    path = save_table(table, tmp_path / "t.zarr")
    for chunk in [file for file in (path / "Z" / "c").rglob("*") if file.is_file()]:
        chunk.write_bytes(b"?")
    code = "import sys; from carbonflows import open_table; open_table(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert "HashMismatch" in done.stderr
    assert "pending" not in done.stderr
    assert "never" not in done.stderr


def numbers(closed: list[bool], until: int = 5) -> Iterator[int]:
    try:
        yield from range(until)
        raise ValueError("five")
    finally:
        closed.append(True)


def test_ahead_keeps_the_order_and_passes_on_what_is_raised() -> None:
    closed: list[bool] = []
    found: list[int] = []
    with pytest.raises(ValueError, match="five"):
        found.extend(ahead(numbers(closed)))
    assert found == [0, 1, 2, 3, 4]
    assert closed == [True]


def test_ahead_leaves_nothing_behind_when_the_consumer_stops() -> None:
    closed: list[bool] = []
    before = threading.active_count()
    items = ahead(numbers(closed))
    assert next(items) == 0
    assert threading.active_count() == before + 1
    items.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert threading.active_count() == before


def test_ahead_makes_the_next_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for k, event in enumerate(made):
            event.set()
            yield k

    for k in ahead(items()):
        assert made[min(k + 1, 2)].wait(5)
