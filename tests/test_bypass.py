"""Eliminating nodes: outputs and embodied emissions of the others stay as they are."""

import numpy as np
import pytest

from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.bypass import bypass
from carbonflows.errors import DataError, LabelError, SingularSystem
from carbonflows.solve import Leontief
from carbonflows.table import Extension, IOTable
from worlds import random_world, three_by_two, world


def silent(table: IOTable, nodes: list[tuple[str, str]]) -> IOTable:
    """The same world with no emissions from these nodes."""
    ext = table.extensions["emissions"]
    F = ext.F * [node not in nodes for node in table.nodes]
    return table.replace(extensions=[Extension(F, ext.F_Y if ext.has_final else None, unit="Mt")])


CASES = [
    (three_by_two(), [("R1", "s2")]),
    (three_by_two(), [("R1", "s2"), ("R2", "s2"), ("R3", "s2")]),
    (random_world(2, 5, 4, inventories=True), [(f"r{i}", "s4") for i in range(1, 6)]),
    (random_world(3, 3, (2, 3, 4), shuffled=True), [("r3", "s1"), ("r1", "s2"), ("r3", "s4")]),
    (random_world(4, 3, 3), []),
]


@pytest.mark.parametrize(("table", "nodes"), CASES)
def test_flows_between_the_others_are_unchanged(
    table: IOTable, nodes: list[tuple[str, str]]
) -> None:
    table = silent(table, nodes)
    short = bypass(table, nodes)
    stay = [node for node in table.nodes if node not in nodes]
    assert list(short.nodes) == stay
    np.testing.assert_allclose(short.x, table.x[stay], rtol=1e-12)
    before, after = flows(Leontief(table)), flows(Leontief(short))
    np.testing.assert_allclose(after, before, rtol=1e-11, atol=1e-12)
    assert short.provenance["steps"][-1]["emissions moved"] == {}
    ext = short.extensions["emissions"]
    np.testing.assert_array_equal(ext.F, table.extensions["emissions"].F[stay])
    assert ext.F_Y.equals(table.extensions["emissions"].F_Y)


@pytest.mark.parametrize(("table", "nodes"), CASES)
def test_emitting_nodes_move_their_emissions_to_customers(
    table: IOTable, nodes: list[tuple[str, str]]
) -> None:
    short = bypass(table, nodes)
    ours, own = short.extensions["emissions"], table.extensions["emissions"]
    total = own.F.to_numpy().sum() + own.F_Y.to_numpy().sum()
    assert ours.F.to_numpy().sum() + ours.F_Y.to_numpy().sum() == pytest.approx(total, rel=1e-12)
    moved = short.provenance["steps"][-1]["emissions moved"]
    assert moved == ({"CO2": pytest.approx(own.F[nodes].to_numpy().sum())} if nodes else {})
    # What final users cause is the same, wherever it is booked now.
    before = footprint(Leontief(table))["consumption"]
    after = footprint(Leontief(short))["consumption"]
    np.testing.assert_allclose(after, before, rtol=1e-11)


def test_value_added_moves_too() -> None:
    table = three_by_two()
    table = table.replace(value_added=table.x - table.Z.sum())
    short = bypass(table, [("R2", "s1")])
    np.testing.assert_allclose(short.value_added, short.x - short.Z.sum(), rtol=1e-12)


def test_published_output_is_kept_for_the_others() -> None:
    table = three_by_two()
    short = bypass(table.replace(x=table.x * 1.5), [("R2", "s1")])
    np.testing.assert_allclose(short.x_given, 1.5 * short.x, rtol=1e-12)


def test_idle_nodes_just_go() -> None:
    nodes = [("A", "goods"), ("A", "idle"), ("B", "goods")]
    demand = [("A", "C"), ("B", "C")]
    table = world(
        [[1, 0, 2], [0, 0, 0], [3, 0, 4]], [[5, 6], [0, 0], [7, 8]], [1, 2, 3], nodes, demand
    )
    short = bypass(table, [("A", "idle")])
    np.testing.assert_array_equal(short.Z, [[1, 2], [3, 4]])
    ext = short.extensions["emissions"]
    np.testing.assert_array_equal(ext.F, [[1, 3]])
    np.testing.assert_array_equal(ext.F_Y, [[2, 0]])  # what it emitted stays in its region


def test_refusals() -> None:
    table = three_by_two()
    with pytest.raises(LabelError, match="R9/s1 is not in"):
        bypass(table, [("R9", "s1")])
    with pytest.raises(LabelError, match="R2 would be left without any sector"):
        bypass(table, [("R2", "s1"), ("R2", "s2")])
    given = table.replace(output="given", x=table.x)
    with pytest.raises(DataError, match="only a table with output='rows'"):
        bypass(given, [("R1", "s1")])
    nodes = [("A", "goods"), ("A", "loop"), ("B", "goods")]
    demand = [("A", "C"), ("B", "C")]
    with pytest.raises(SingularSystem, match="A/loop cannot be bypassed"):
        bypass(
            world([[1, 2, 2], [0, 5, 0], [3, 0, 4]], [[5, 6], [0, 0], [7, 8]], [1, 2, 3],
                  nodes, demand),
            [("A", "loop")],
        )  # fmt: skip
    with pytest.raises(DataError, match="A/loop trades but has no output"):
        bypass(
            world([[1, 2, 2], [0, 0, 0], [3, 0, 4]], [[5, 6], [0, 0], [7, 8]], [1, 2, 3],
                  nodes, demand),
            [("A", "loop")],
        )  # fmt: skip
