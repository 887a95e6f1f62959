"""No reader takes damaged files for a table: it refuses, reads them right, or is found out.

`scripts/count_mutations.py` tries many more and writes the counts into the documentation.
"""

from pathlib import Path

import numpy as np
import pytest

from carbonflows.errors import SourceError
from carbonflows.sources import NAMES
from carbonflows.sources.plain import read_plain, write_plain
from carbonflows.table import IOTable
from sources.mutations import MUTATIONS
from sources.outcome import GOOD, differing, outcome_of, release_of, several, tried, truth_of
from sources.reader_cases import CASES, Case, table_of

EACH = 20


@pytest.mark.parametrize(("number", "name"), list(enumerate(CASES)))
def test_nothing_wrong_is_read_silently(number: int, name: str) -> None:
    found = list(several(CASES[name], EACH, seed=11 * number))
    bad = [f"{mutation}: {outcome}" for mutation, outcome in found if outcome.kind not in GOOD]
    assert not bad, "\n".join(bad)
    assert sum(outcome.kind == "refused" for _, outcome in found) >= EACH / 3


def test_every_reader_is_tried() -> None:
    assert {case.reader for case in CASES.values()} >= {*NAMES, "ceads_inventory"}


def test_every_mutation_is_tried() -> None:
    steps = {
        (11 * number + k) % len(MUTATIONS) for number in range(len(CASES)) for k in range(EACH)
    }
    assert steps == set(range(len(MUTATIONS)))


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_applies_somewhere(name: str) -> None:
    assert any(tried(case, name, seed) for case in CASES.values() for seed in range(3))


# The judge must be able to condemn


def _raising(message: str):  # type: ignore[no-untyped-def]
    def broken(folder: Path, table: IOTable) -> IOTable:
        raise SourceError(message.replace("FOLDER", str(folder)))

    return broken


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        ("unharmed", lambda folder, table: table),
        ("wrong", lambda folder, table: table.replace(Y=table.Y * 1.0001, x=None)),
        ("wrong", lambda folder, table: table.replace(year=2011)),
        ("wrong", lambda folder, table: table.replace(extensions=[])),
        ("wrong", lambda folder, table: table.replace(price_basis="constant prices")),
        (
            "flagged",
            lambda folder, table: table.replace(
                year=2011, provenance={"warnings": ["the year may be wrong"]}
            ),
        ),
        ("flagged", lambda folder, table: table.replace(Z=-table.Z)),
        ("traceback", lambda folder, table: table.nowhere),
        ("refused", _raising("FOLDER/Z.csv is cut off: get it again")),
        ("unclear", _raising("FOLDER/Z.csv is cut off")),
        ("unclear", _raising("FOLDER/Z.csv is cut off:\nget it again")),
        ("unclear", _raising("a file is cut off: get it again")),
    ],
)
def test_the_judge(monkeypatch, request, kind, broken):  # type: ignore[no-untyped-def]
    def write(folder: Path, seed: int, stranger: bool) -> None:
        table = table_of(seed, stranger, sectors=("a", "b"), categories=("C",))
        write_plain(table, folder / "t")

    def read(folder: Path, year: int) -> IOTable:
        table = read_plain(folder / "t", year)
        return broken(folder, table) if damaged else table

    damaged, name = False, request.node.name
    monkeypatch.setitem(CASES, name, Case(name, write, read))
    truth_of(name)
    damaged = True
    assert outcome_of(CASES[name], release_of(name, 0), 2010, "number", "").kind == kind


def test_what_differs() -> None:
    table = table_of(0, False, sectors=("a", "b"), categories=("C", "I"))
    order = list(np.random.default_rng(0).permutation(len(table.nodes)))
    nodes = table.nodes[order]
    e = table.extensions["emissions"]
    turned = table.replace(
        Z=table.Z.loc[nodes, nodes], Y=table.Y.loc[nodes], x=None, value_added=None,
        extensions=type(e)(e.F[nodes], e.F_Y, unit={"CO2": "kt CO2"}),
    )  # fmt: skip
    assert differing(turned, table, 2010) == {"value added", "x given"}
    swapped = table.replace(extensions=type(e)(2 * e.F, e.F_Y, unit={"CO2": "kt CO2"}))
    assert differing(swapped, table, 2010) == {"emissions"}
    other = table_of(0, True, sectors=("a", "b"), categories=("C", "I"))
    assert differing(other, table, 2010) == {"labels"}


def test_the_release_itself_stays_as_it_is() -> None:
    before = {p: p.read_bytes() for p in release_of("plain csv", 0).rglob("*") if p.is_file()}
    for number, name in enumerate(MUTATIONS):
        tried(CASES["plain csv"], name, number)
    assert {
        p: p.read_bytes() for p in release_of("plain csv", 0).rglob("*") if p.is_file()
    } == before
