"""Long work: many items spread over workers, finished parts kept, progress told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Work:
    """How long work is done: here, in this process, and nothing kept."""

    def results(
        self,
        function: Callable[[Any, Any], Any],
        items: Sequence[Any],
        *,
        what: str,
        shared: Any = None,
        key: Mapping[str, Any] | None = None,
    ) -> list[Any]:
        """Return ``function(shared, item)`` for each item, in the order of the items."""
        return [function(shared, item) for item in items]
