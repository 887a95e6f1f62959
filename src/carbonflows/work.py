"""Long work: many items spread over workers, finished parts kept, progress told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from carbonflows.parts import Parts, part_name
from carbonflows.workers import Workers

if TYPE_CHECKING:
    from distributed import Client

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many items are done, and how many there are."""


@dataclass(frozen=True, eq=False)
class Work:
    """How long work is done; ``Work()`` does it in this process and keeps nothing.

    Parameters
    ----------
    workers : Workers
        Who does it.
    parts : Parts, optional
        Where finished parts are kept, and looked for first.
    progress : callable, optional
        Told what is being done, how many items are done (those found finished among them) and how
        many there are: at the beginning and after each item.

    Examples
    --------
    >>> Work().results(pow, [0, 1, 2], what="powers of two", shared=2)
    [1, 2, 4]
    """

    workers: Workers = field(default_factory=Workers)
    parts: Parts | None = None
    progress: Progress | None = None

    def results(
        self,
        function: Callable[[Any, Any], Any],
        items: Sequence[Any],
        *,
        what: str,
        shared: Any = None,
        key: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """Return ``function(shared, item)`` for each item, in the order of the items.

        Whoever does an item does it with one thread in BLAS, so its digits do not depend on the
        number of workers. What was finished before an error or an interrupt stays kept.

        Parameters
        ----------
        function : callable
            Function of a module, of `shared` and an item; it changes neither.
        items : sequence
            Small things that say which part; with a key, as JSON allows.
        what : str
            Name of the work, for progress.
        shared : object, optional
            Data all items need; goes to each worker once.
        key : mapping, optional
            All inputs by content (hashes of tables, settings), as JSON allows: with the function,
            the item and the version of carbonflows it names a part. Without it nothing is kept.

        Returns
        -------
        list
            One result per item.

        Raises
        ------
        DataError
            The key or an item is not JSON, or a result is of a type that no part can keep.
        StoreError
            A part cannot be written.
        WorkersError
            Workers died, or cannot be sent the function or its data.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, working(parts=folder) as work:
        ...     first = work.results(pow, [0, 1], what="powers", shared=2, key={"base": 2})
        ...     again = work.results(pow, [0, 1, 2], what="powers", shared=2, key={"base": 2})
        >>> again
        [1, 2, 4]
        """
        items = list(items)
        results: list[Any] = [None] * len(items)
        parts = self.parts if key is not None else None
        names = [] if parts is None else [part_name(function, key or {}, item) for item in items]
        missing = list(range(len(items)))
        if parts is not None:
            missing = []
            for place, name in enumerate(names):
                there, results[place] = parts.found(name)
                if not there:
                    missing.append(place)
        done = len(items) - len(missing)
        self._tell(what, done, len(items))
        made = self.workers.each(function, shared, [items[place] for place in missing])
        with closing(made):
            for position, result in made:
                place = missing[position]
                if parts is not None:
                    parts.keep(names[place], result)
                results[place] = result
                done += 1
                self._tell(what, done, len(items))
        return results

    def _tell(self, what: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(what, done, total)


@contextmanager
def working(
    *,
    scheduler: "str | Client | None" = None,
    processes: int | Literal["auto"] = 1,
    parts: str | Path | None = None,
    progress: Progress | None = None,
    memory_limit: int | None = None,
) -> Iterator[Work]:
    """Say who does long work and where its finished parts are kept.

    Parameters
    ----------
    scheduler : str or distributed.Client, optional
        An existing Dask cluster, by the address of its scheduler (``tcp://host:8786``) or by a
        client of it; it runs the same versions and is never closed from here.
    processes : int or "auto"
        Without a scheduler: 1 works in this process, more in so many local processes, started when
        they are first needed and closed at the end. "auto" begins in this process and goes on in
        one process per core if the rest would take more than 20 s.
    parts : path, optional
        Folder where finished parts are kept; a second run with the same inputs finds them.
    progress : callable, optional
        Called with what is being done, how many items are done, and how many there are.
    memory_limit : int, optional
        Bytes each local process may take; one that takes more is ended and started again, and
        after the third time the work ends with a message. Without it the machine's memory is the
        limit of each.

    Yields
    ------
    Work

    Raises
    ------
    WorkersError
        The scheduler is not there, has no workers, or runs other versions.
    StoreError
        The folder of parts cannot be made.

    Examples
    --------
    >>> with working(processes=1) as work:
    ...     work.results(divmod, [3, 4], what="remainders", shared=7)
    [(2, 1), (1, 3)]
    """
    kept = None if parts is None else Parts(parts)
    with Workers(scheduler=scheduler, processes=processes, memory_limit=memory_limit) as workers:
        yield Work(workers, kept, progress)
