"""What becomes of damaged files: refused, read unharmed, flagged, or silently wrong."""

import re
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.diagnosis import diagnose
from carbonflows.errors import CarbonflowsError
from carbonflows.table import IOTable
from sources.mutations import MUTATIONS, Place, mutate
from sources.reader_cases import CASES, OWN_USE, Case

WAY_OUT = re.compile(
    r"\b(add|ask|check|choose|convert|correct|do not trust|download|expected|fetch|fill|get|give|"
    r"keep|leave|make|must|name|pass|put|read it|remove|rename|replace|save|say|see|state|"
    r"there are|unpack|use|write|import|delete|did you mean)\b"
)
GOOD = ("refused", "unharmed", "flagged", "beyond")
KINDS = (*GOOD, "wrong", "unclear", "traceback")


@dataclass(frozen=True)
class Outcome:
    """What came of one mutation.

    Attributes
    ----------
    kind : str
        ``refused``: a typed error in one line that names the file and the way out; ``unharmed``:
        the right table; ``flagged``: another table, and `diagnose` or the reader warns; ``beyond``:
        another table where nothing in the files can tell; ``wrong``: another table, silently;
        ``unclear``: an error without these; ``traceback``: any other exception.
    said : str
        Message, warning, or what differs.
    done : str
        What the mutation did.
    """

    kind: str
    said: str
    done: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.said} [{self.done}]"


def tried(case: Case, mutation: str, seed: int) -> Outcome | None:
    """Damage a copy of a release and read it; None where the mutation does not apply."""
    rng = np.random.default_rng([seed, *mutation.encode()])
    original, twin, stranger = (release_of(case.name, which) for which in range(3))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "release"
        shutil.copytree(original, folder)
        place = Place(folder, twin, stranger, rng, case.year)
        done = mutate(mutation, place)
        if done is None:
            return None
        return outcome_of(case, folder, place.year, MUTATIONS[mutation][1], done)


def several(case: Case, count: int, seed: int = 0) -> Iterator[tuple[str, Outcome]]:
    """Try mutations in turn, from one on that the seed says, until as many have applied."""
    names, given = list(MUTATIONS), 0
    while given < count:
        name = names[seed % len(names)]
        found = tried(case, name, seed)
        seed += 1
        if found is not None:
            given += 1
            yield name, found


@cache
def _root() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory()


@cache
def release_of(name: str, which: int) -> Path:
    """Lay out the release itself, its twin or a stranger."""
    folder = Path(tempfile.mkdtemp(dir=_root().name))
    CASES[name].write(folder, which, which == 2)
    return folder


@cache
def truth_of(name: str) -> tuple[Any, frozenset[str]]:
    """Read the undamaged release; return what it gives and what is warned of even so."""
    case = CASES[name]
    folder = release_of(name, 0)
    found = case.read(folder, case.year)
    return found, frozenset(_warnings(found, folder))


def outcome_of(case: Case, folder: Path, year: int, group: str, done: str) -> Outcome:
    """Read a folder and judge what comes of it."""
    truth, usual = truth_of(case.name)
    places = [*folder.rglob("*"), *release_of(case.name, 0).rglob("*")]
    names = {str(folder), *(p.name for p in places if p.is_file())}
    try:
        found = case.read(folder, year)
    except CarbonflowsError as error:
        return Outcome(*_judged(str(error), names), done)
    except Exception:
        return Outcome("traceback", traceback.format_exc(limit=-3), done)
    parts = differing(found, truth, year)
    if not parts:
        return Outcome("unharmed", "", done)
    what = ", ".join(sorted(parts))
    try:
        new = [w for w in _warnings(found, folder) if w not in usual]
    except CarbonflowsError as error:
        new = [str(error)]
    if new:
        return Outcome("flagged", f"{what}: {new[0]}", done)
    reasons = {part: case.beyond.get((group, part)) for part in parts}
    money = parts & _MONEY
    if group != "mixed" and money:
        if _slight(found, truth, case.tolerance, parts):
            reasons |= dict.fromkeys(money, "less than the database's own imbalances")
        elif case.own_use_open and money == {"Z"} and _only_own_use(found, truth):
            reasons["Z"] = OWN_USE
    if excuse := money and case.excuse(found, truth):
        reasons |= dict.fromkeys(money, excuse)
    if all(reasons.values()):
        return Outcome(
            "beyond", f"{what}: {'; '.join(sorted(set(map(str, reasons.values()))))}", done
        )
    return Outcome("wrong", what, done)


def _judged(message: str, names: set[str]) -> tuple[str, str]:
    """Say whether a message is one line with a file and a way out."""
    place = any(name in message for name in names)
    told = place and "\n" not in message and WAY_OUT.search(message)
    return ("refused" if told else "unclear"), message


def _warnings(found: Any, folder: Path) -> list[str]:
    """Warnings and errors of `diagnose`; of those of the reader, which it repeats, the texts."""
    if not isinstance(found, IOTable):
        return []
    seen = diagnose(found).findings
    serious = seen[seen["level"].isin(["warning", "error"])]
    own = serious["check"].str.endswith("of the reader")
    texts = serious["check"].where(~own, serious["detail"])
    return [text.replace(str(folder), "") for text in texts]


_MONEY = {"Z", "Y", "value added", "x given"}


def differing(found: Any, truth: Any, year: int) -> set[str]:
    """Parts of a table that are not the truth; the order of labels is of no matter."""
    if isinstance(truth, pd.DataFrame):
        keys = [c for c in truth.columns if c != "value"]
        one, other = (f.set_index(keys)["value"] for f in (found, truth))
        if set(one.index) != set(other.index):
            return {"labels"}
        parts = set() if _close(one.loc[other.index], other) else {"emissions"}
        return parts if found.attrs["year"] == truth.attrs["year"] else parts | {"year"}
    if set(found.nodes) != set(truth.nodes) or set(found.demand) != set(truth.demand):
        return {"labels"}
    n, q = truth.nodes, truth.demand
    parts = set()
    if not _close(found.Z.loc[n, n], truth.Z):
        parts.add("Z")
    if not _close(found.Y.loc[n, q], truth.Y):
        parts.add("Y")
    for name, mine, theirs in (
        ("value added", found.value_added, truth.value_added),
        ("x given", found.x_given, truth.x_given),
    ):
        if (mine is None) != (theirs is None) or (mine is not None and not _close(mine[n], theirs)):
            parts.add(name)
    if (found.unit, found.price_basis) != (truth.unit, truth.price_basis):
        parts.add("unit")
    if found.year != truth.year:
        parts.add("year")
    if set(found.extensions) != set(truth.extensions):
        return parts | {"no emissions"}
    for key, theirs in truth.extensions.items():
        mine = found.extensions[key]
        if set(mine.stressors) != set(theirs.stressors):
            parts.add("emissions")
            continue
        s = list(theirs.stressors)
        if mine.unit[s].tolist() != theirs.unit[s].tolist():
            parts.add("unit")
        if not _close(mine.F.loc[s, n], theirs.F):
            parts.add("emissions")
        if mine.has_final != theirs.has_final:
            parts.add("final users")
        elif theirs.F_Y is not None and not _close(mine.F_Y.loc[s, q], theirs.F_Y):
            parts.add("emissions")
    return parts


def _close(one: Any, other: Any) -> bool:
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-12 * float(np.abs(b).max(initial=1.0))))


def _only_own_use(found: Any, truth: Any) -> bool:
    gap = found.Z.loc[truth.nodes, truth.nodes].to_numpy() - truth.Z.to_numpy()
    return bool(np.allclose(gap, np.diag(np.diagonal(gap))))


def _slight(found: Any, truth: Any, tolerance: float, parts: set[str]) -> bool:
    """Whether no sum of a row or a column has moved by more than the database leaves open."""
    if not isinstance(found, IOTable) or "labels" in parts or not tolerance:
        return False
    n = truth.nodes
    moved = []
    for one, other in (
        (found.Z.loc[n, n].sum(axis=1) + found.Y.loc[n].sum(axis=1), truth.x),
        (found.Z.loc[n, n].sum(axis=0), truth.Z.sum(axis=0)),
        (found.value_added, truth.value_added),
        (found.x_given, truth.x_given),
    ):
        if one is not None and other is not None:
            moved.append((np.abs(one[n] - other) / truth.x.abs()).max())
    return max(moved) <= tolerance
