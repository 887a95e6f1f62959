"""The blocked Leontief system: the answers of `Leontief`, certified, from a table on the disk."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows import blocked, rows_on_disk
from carbonflows.accounts.blocked_footprint import blocked_footprint, blocked_multipliers
from carbonflows.accounts.flows import multipliers
from carbonflows.accounts.footprint import footprint
from carbonflows.blocked import BlockedLeontief
from carbonflows.errors import (
    DataError,
    HashMismatch,
    NotConverged,
    ShapeError,
    SingularSystem,
    SourceError,
)
from carbonflows.rows_on_disk import partial_product, row_ranges
from carbonflows.solve import Leontief
from carbonflows.store import save_table
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, halves, random_world, world

WORLD = pytest.mark.parametrize("table", WORLDS.values(), ids=WORLDS)
COLUMNS = ["production", "consumption", "direct", "net_exports"]


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row per chunk, read and range: as many blocks as a table has rows."""
    monkeypatch.setattr("carbonflows.zarr_files.BLOCK", 8)
    monkeypatch.setattr("carbonflows.zarr_files._FLUSH", 8)
    monkeypatch.setattr(rows_on_disk, "HELD", 8)
    monkeypatch.setattr(rows_on_disk, "RANGE", 8)
    monkeypatch.setattr(rows_on_disk, "RANGES", 10**6)


def saved(table: IOTable, folder: Path) -> Path:
    place = folder / "table.zarr"
    shutil.rmtree(place, ignore_errors=True)
    return save_table(table, place)


def agree(table: IOTable, place: Path, rtol: float = 1e-9) -> BlockedLeontief:
    """Compare everything with the system in memory; intensities on the scale of the table's own."""
    whole, system = Leontief(table, method="lu"), BlockedLeontief(place)
    n, rng = len(table.nodes), np.random.default_rng(0)
    np.testing.assert_array_equal(system.idle, whole.idle)
    np.testing.assert_allclose(system.per_output, whole.per_output, rtol=1e-14)
    np.testing.assert_allclose(system.final_use, whole.final_use, rtol=1e-12, atol=1e-9)
    demands, intensities = rng.normal(0, 9, (n, 3)), rng.uniform(0, 9, (2, n))
    for given_, found, expected in (
        (demands, system.outputs(demands), whole.outputs(demands)),
        (demands[:, 0], system.outputs(demands[:, 0]), whole.outputs(demands[:, 0])),
        (intensities, system.multipliers(intensities), whole.multipliers(intensities)),
        (intensities[0], system.multipliers(intensities[0]), whole.multipliers(intensities[0])),
    ):
        assert found.values.shape == given_.shape
        assert found.method == "krylov, in blocks"
        assert found.residual <= 1e-12
        scale = np.abs(expected.values).max()
        np.testing.assert_allclose(found.values, expected.values, rtol=rtol, atol=rtol * scale)
    account, expected = footprint(whole, "CO2"), blocked_footprint(system, "CO2")
    np.testing.assert_allclose(expected[COLUMNS], account[COLUMNS], rtol=1e-9, atol=1e-9)
    assert expected.attrs["residual"] <= 1e-12
    assert {**expected.attrs} | account.attrs == dict(expected.attrs)
    return system


# Against the system in memory.


@WORLD
def test_every_world(table: IOTable, tmp_path: Path) -> None:
    agree(table, saved(table, tmp_path))


@pytest.mark.parametrize("name", ["ragged", "idle, shuffled", "given"])
@pytest.mark.usefixtures("small_ranges")
def test_row_by_row(name: str, tmp_path: Path) -> None:
    table = WORLDS[name]
    place = saved(table, tmp_path)
    assert row_ranges(place, len(table.nodes)) == [[i, i + 1] for i in range(len(table.nodes))]
    agree(table, place)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=6).filter(lambda s: max(s) > 1),
    inventories=st.booleans(),
    idle=st.booleans(),
    shuffled=st.booleans(),
    output=st.sampled_from(["rows", "columns", "given"]),
)
def test_random_worlds(tmp_path: Path, seed: int, sizes: list[int], **options: Any) -> None:
    if options["idle"]:
        sizes = [size + 1 for size in sizes]
    table = random_world(seed, len(sizes), sizes, **options)
    try:
        Leontief(table).require_productive()
    except SingularSystem:
        with pytest.raises(SingularSystem):
            BlockedLeontief(saved(table, tmp_path)).require_productive()
        return
    agree(table, saved(table, tmp_path))


def test_groups_units_and_households(tmp_path: Path) -> None:
    table = WORLDS["idle, shuffled"]
    whole, system = Leontief(table), BlockedLeontief(saved(table, tmp_path))
    options = {"grouping": halves(table), "households": False, "unit": "kt"}
    expected, found = (
        footprint(whole, "CO2", **options),  # type: ignore[arg-type]
        blocked_footprint(system, "CO2", **options),  # type: ignore[arg-type]
    )
    np.testing.assert_allclose(found, expected[COLUMNS], rtol=1e-9, atol=1e-9)
    assert found.index.equals(expected.index)
    assert found.attrs["grouping"] == "halves"
    assert found["net_exports"].sum() == pytest.approx(0, abs=1e-6)


def test_intensities(tmp_path: Path) -> None:
    table = WORLDS["idle"]
    found = blocked_multipliers(BlockedLeontief(saved(table, tmp_path)))
    expected = multipliers(Leontief(table))
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12)
    assert found.attrs["unit"] == expected.attrs["unit"]


def test_a_zip_file_is_read_as_well(tmp_path: Path) -> None:
    table = WORLDS["ragged"]
    agree(table, save_table(table, tmp_path / "table.zip"))


def test_the_example_world(tmp_path: Path) -> None:
    table = cf.example(2009)
    agree(table, saved(table, tmp_path), 1e-11)


def test_wiod(shared: Path, tmp_path: Path) -> None:
    """1435 nodes, idle ones among them: intensities to eleven digits of each."""
    table = cf.read("wiod2013", shared / "wiod2013", year=2009)
    whole, system = Leontief(table, method="lu"), BlockedLeontief(saved(table, tmp_path))
    expected, found = multipliers(whole, "CO2"), blocked_multipliers(system, "CO2")
    assert found.attrs["residual"] < 1e-13
    np.testing.assert_allclose(found["total"], expected["total"], rtol=1e-10)
    account = footprint(whole, "CO2")[COLUMNS]
    np.testing.assert_allclose(blocked_footprint(system, "CO2"), account, rtol=1e-9, atol=1e-9)


def test_tiny_outputs_and_bad_scales(tmp_path: Path) -> None:
    """Outputs over ten orders of magnitude; each intensity to nine digits of its own."""
    rng = np.random.default_rng(0)
    n = 400
    size = 10 ** rng.uniform(-4, 6, n)
    Z = rng.uniform(0, 1, (n, n)) * (rng.random((n, n)) < 0.05) * np.outer(size, size) / size.sum()
    Y = np.zeros((n, 10))
    Y[np.arange(n), rng.integers(0, 10, n)] = 0.5 * size + Z.sum(axis=1)
    nodes = [(f"r{10 * i // n}", f"s{i}") for i in range(n)]
    table = world(Z, Y, rng.uniform(0, 9, n), nodes, [(f"r{i}", "C") for i in range(10)])
    k = 10 ** rng.uniform(-3, 2, n) / table.x.to_numpy()
    found = BlockedLeontief(saved(table, tmp_path)).multipliers(k)
    expected = Leontief(table, method="lu").multipliers(k)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-9)


# What costs reads.


def test_right_hand_sides_share_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = random_world(3, 6, 5)
    place = saved(table, tmp_path)
    many = np.random.default_rng(0).uniform(0, 9, (7, 30))

    def reads(rows: np.ndarray) -> tuple[int, np.ndarray]:
        system = BlockedLeontief(place)
        system.require_productive()
        before = system.reads
        values = system.multipliers(rows).values
        return system.reads - before, values

    one, _ = reads(many[:1])
    all_of_them, together = reads(many)
    assert all_of_them <= one + 2
    monkeypatch.setattr(BlockedLeontief, "together", 3)
    in_turns, apart = reads(many)
    assert in_turns > 2 * all_of_them
    np.testing.assert_allclose(apart, together, rtol=1e-12)


def test_idle_use_takes_one_more_read_where_there_is_any(tmp_path: Path) -> None:
    for name, more in (("ragged", 0), ("idle, shuffled", 1)):
        system = BlockedLeontief(saved(WORLDS[name], tmp_path))
        bought = system.idle_use
        assert system.reads == 1 + more
        assert bought.any() == bool(more)
        np.testing.assert_allclose(bought, Leontief(WORLDS[name]).idle_use, rtol=1e-13)


def test_a_zero_right_hand_side_is_not_worked_for(tmp_path: Path) -> None:
    system = BlockedLeontief(saved(two_regions(), tmp_path))
    assert system.reads == 0
    assert system.outputs(np.zeros((2, 2))).values.tolist() == [[0, 0], [0, 0]]
    assert system.multipliers(np.zeros(2)).residual == 0.0
    assert system.reads == 1
    values = system.outputs(np.array([[0.0, 70.0], [0.0, 30.0]])).values
    np.testing.assert_allclose(values, [[0, 100], [0, 100]], rtol=1e-12)


def test_a_large_region_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked, "OWN_MOST", 3)
    table = random_world(4, 2, 8)
    system = agree(table, saved(table, tmp_path))
    assert [at.stop - at.start for at, _ in system._own_inverses] == [3, 3, 2] * 2


# What is refused.


def test_an_unattainable_tolerance_is_refused(tmp_path: Path) -> None:
    system = BlockedLeontief(saved(random_world(1, 5, 6), tmp_path), tolerance=1e-19)
    with pytest.raises(NotConverged, match=r"residual .* is above 1e-19: allow") as caught:
        system.multipliers(np.random.default_rng(0).uniform(1, 2, 30))
    assert 1e-19 < caught.value.residual < 1e-13


def given_output(Z: list, x: list) -> IOTable:
    n = len(x)
    labels = [(region, "s") for region in "ABC"[:n]]
    return world(
        Z, np.ones((n, n)), np.ones(n), labels, [(r, "C") for r in "ABC"[:n]], x=x, output="given"
    )


@pytest.mark.parametrize(
    ("Z", "x"),
    [
        ([[11, 0], [0, 1]], [10, 10]),
        ([[10, 0], [0, 1]], [10, 10]),
        ([[0, 20], [20, 0]], [10, 10]),
        ([[11, 1, 1], [1, 1, 1], [1, 1, 1]], [10, 100, 100]),
        ([[2, -13], [14, 1]], [10, 10]),
    ],
)
@pytest.mark.usefixtures("small_ranges")
def test_unproductive_systems_are_refused(Z: list, x: list, tmp_path: Path) -> None:
    table = given_output(Z, x)
    with pytest.raises(SingularSystem):
        Leontief(table).require_productive()
    with pytest.raises(SingularSystem) as caught:
        BlockedLeontief(saved(table, tmp_path)).outputs(np.ones(len(x)))
    assert caught.value.labels
    assert "A/s" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("Z", "x"),
    [
        ([[2, 1], [10, 1]], [10, 100]),  # an input sum of 1.2
        ([[2, -3], [4, 1]], [10, 10]),
        ([[0, -9], [9, 9]], [10, 10]),  # the radius of |A| is above one, that of A below
        ([[2, 1], [1, -1]], [10, -20]),
        ([[9.9, 0], [0, 9.5]], [10, 10]),
        ([[0, 500], [0.1, 0]], [10, 10]),
    ],
)
def test_productive_whatever_the_column_sums(Z: list, x: list, tmp_path: Path) -> None:
    table = given_output(Z, x)
    found = BlockedLeontief(saved(table, tmp_path)).multipliers(np.ones(2))
    np.testing.assert_allclose(found.values, Leontief(table).multipliers(np.ones(2)).values)


def test_radius_of_a_table_too_large_for_all_eigenvalues(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 150
    Z = rng.normal(0, 1, (n, n))
    nodes = [(f"r{i // 10}", f"s{i}") for i in range(n)]
    demand = [(f"r{i}", "C") for i in range(15)]
    radius = np.abs(np.linalg.eigvals(Z)).max()
    for size, refused in ((0.9, False), (1.1, True)):
        table = world(
            Z * size / radius, np.ones((n, 15)), np.ones(n), nodes, demand, x=np.ones(n),
            output="given",
        )  # fmt: skip
        system = BlockedLeontief(saved(table, tmp_path))
        if refused:
            with pytest.raises(SingularSystem, match=r"spectral radius of A is 1\.1"):
                system.require_productive()
        else:
            system.require_productive()


def test_right_hand_sides_that_do_not_fit(tmp_path: Path) -> None:
    system = BlockedLeontief(saved(two_regions(), tmp_path))
    with pytest.raises(ShapeError, match="axis of nodes must have length 2"):
        system.multipliers(np.ones((2, 3)))
    with pytest.raises(DataError, match="not finite"):
        system.outputs(np.array([1.0, np.nan]))


def test_what_is_no_saved_table(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        BlockedLeontief(tmp_path / "nothing.zarr")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match="is not a table saved by carbonflows"):
        BlockedLeontief(tmp_path / "notes.txt")
    with pytest.raises(SourceError, match="is not a table saved by carbonflows"):
        BlockedLeontief(tmp_path)


def chunk(place: Path, row: int = 0) -> Path:
    return place / f"Z/c/{row}/0"


@pytest.mark.usefixtures("small_ranges")
def test_damage_before_the_first_read(tmp_path: Path) -> None:
    place = saved(random_world(1), tmp_path)
    shutil.copy(chunk(place, 1), chunk(place, 0))
    with pytest.raises(HashMismatch, match="array Z"):
        BlockedLeontief(place).multipliers(np.ones(20))


@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("what", ["touched", "another chunk", "a chunk lost", "another table"])
def test_a_table_that_changes_while_it_is_used(what: str, tmp_path: Path) -> None:
    place = saved(random_world(1), tmp_path)
    system = BlockedLeontief(place)
    system.multipliers(np.ones(20))
    if what == "touched":
        os.utime(chunk(place), ns=(1, 1))
    elif what == "another chunk":
        shutil.copy(chunk(place, 1), chunk(place, 0))
    elif what == "a chunk lost":
        chunk(place).unlink()
    else:
        save_table(random_world(2), place, overwrite=True)
    with pytest.raises(HashMismatch, match="was changed while it was used") as caught:
        system.multipliers(np.ones(20))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("side", ["left", "right", "left of magnitudes"])
def test_a_worker_that_reads_another_table_is_found_out(
    side: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere the same path may hold something else; the sums of the product tell."""
    place = saved(random_world(1), tmp_path)
    system = BlockedLeontief(place)
    system.require_productive()
    flows = system._read.flows
    right = flows.times(np.ones((1, 20)), side)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = saved(random_world(2), tmp_path / "elsewhere")

    def strayed(shared: Any, item: list[int]) -> Any:
        path = str(elsewhere) if item[0] == 7 else shared[0]
        return partial_product((path, *shared[1:]), item)

    monkeypatch.setattr(rows_on_disk, "partial_product", strayed)
    with pytest.raises(HashMismatch, match="another table where workers read it"):
        flows.times(np.ones((1, 20)), side)
    monkeypatch.undo()
    assert right.shape == (1, 20)


def test_a_place_that_a_worker_does_not_see() -> None:
    with pytest.raises(SourceError, match="rows 0 to 2 of its flows cannot be read where"):
        partial_product(("/nowhere.zarr", np.ones((1, 2)), "left"), [0, 2])


# The same digits, however the rows are read.


def test_products_by_hand(tmp_path: Path) -> None:
    table = random_world(5, inventories=True)
    flows = BlockedLeontief(saved(table, tmp_path))._read.flows
    Z, v = table.Z.to_numpy(), np.random.default_rng(0).normal(size=(3, 20))
    np.testing.assert_allclose(flows.times(v, "left"), v @ Z, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(flows.times(v, "right"), v @ Z.T, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(
        flows.times(v, "left of magnitudes"), v @ np.abs(Z), rtol=1e-12, atol=1e-10
    )
