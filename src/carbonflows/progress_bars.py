"""Bars on a terminal while something runs; where there is no terminal, silence."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STEPS = {"running": 15, "looking": 2, "checking": 2}
"""Steps of a task, about: how far the bar has come."""


@contextmanager
def steps_bar(what: str) -> Iterator[Callable[[str], None]]:
    """Show a bar on a terminal while something runs; elsewhere stay silent."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=STEPS.get(what))

        def step(name: str) -> None:
            progress.update(task, description=name, advance=1)

        yield step


@contextmanager
def study_bars() -> Iterator[tuple[Callable[[str], None], Callable[[str, int, int], None]]]:
    """Show a bar for the steps of a study and one, with the time left, for the parts of a step."""
    if not sys.stderr.isatty():
        yield lambda step: None, lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        study = progress.add_task("running", total=STEPS["running"])
        parts = {}

        def step(name: str) -> None:
            progress.update(study, description=name, advance=1)

        def passed(what: str, done: int, total: int) -> None:
            if what not in parts:
                parts[what] = progress.add_task(what, total=total)
            progress.update(parts[what], completed=done, total=total)

        yield step, passed


@contextmanager
def rows_bar(before: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many rows of a table have passed, on a terminal; elsewhere stay silent."""
    if not sys.stderr.isatty():
        yield lambda done, rows: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(before, total=None)

        def passed(done: int, rows: int) -> None:
            progress.update(
                task, completed=done, total=rows, description=f"row {done:,} of {rows:,}"
            )

        yield passed


@contextmanager
def transfer_bars() -> Iterator[Callable[[str, int, int | None], None] | None]:
    """Show a bar for each file on its way, on a terminal; elsewhere stay silent."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None)
            progress.update(tasks[what], completed=done, total=total)

        yield show
