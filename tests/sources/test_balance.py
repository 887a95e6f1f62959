"""Totals that are compared: what messages name, and of which nodes."""

import numpy as np
import pytest

from carbonflows.errors import DataError
from carbonflows.sources.balance import balance

NODES = [("A", "s"), ("B", "s"), ("ROW", "TOTAL")]
SOLD, COST = np.array([100.0, 50, 10]), np.array([100.0, 52, 90])
KEPT = np.array([True, True, False])


def test_the_files_compared_are_named():
    with pytest.raises(DataError, match=r"ROW/TOTAL sells 10 but costs 90 \(compared: T\.txt, FD"):
        balance(SOLD, COST, NODES, ("sells", "costs"), refuse=0.5, weight=0.0,
                files=["T.txt", "FD.txt"])  # fmt: skip


def test_dropped_nodes_are_not_noted():
    found = balance(
        SOLD, COST, NODES, ("sells", "costs"), refuse=None, weight=0.0, files=["T.txt"], kept=KEPT
    )
    assert [entry["node"] for entry in found["worst"]] == ["B/s"]
    (warning,) = found["warnings"]
    assert warning.startswith("1 node(s) are off by more than 1%: most of all B/s")
    assert warning.endswith("(compared: T.txt)")
