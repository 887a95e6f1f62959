"""Every account straight from its definition, in plain loops: slow, obvious, and independent.

Nothing of the solver or of the accounts is used; only the numbers and labels of a table are read.
"""

from collections import defaultdict
from itertools import product as pairs_of
from typing import Any

import numpy as np
import pandas as pd
import pytest

from carbonflows.regions import Grouping
from carbonflows.table import IOTable

Amounts = dict[Any, float]
IDLE_USE = "inputs of nodes without output"


class Brute:
    """A table taken apart: lists of labels, numpy arrays, the inverse in full."""

    def __init__(
        self,
        table: IOTable,
        grouping: Grouping | None = None,
        *,
        scale: float = 1.0,
        households: bool = True,
    ) -> None:
        of = (lambda r: r) if grouping is None else (lambda r: grouping.members[r])
        self.of = of
        regions = list(dict.fromkeys(r for r, _ in table.Z.index))
        if grouping is None:
            self.groups = regions
        else:
            self.groups = [g for g in grouping.groups if g in {of(r) for r in regions}]
        self.regions = regions
        self.sector = [s for _, s in table.Z.index]
        self.own = [r for r, _ in table.Z.index]
        self.group = [of(r) for r in self.own]
        self.sectors = list(dict.fromkeys(self.sector))
        self.demand = [(of(r), c) for r, c in table.Y.columns]
        self.Z, self.Y = np.array(table.Z), np.array(table.Y)
        ext = table.extensions["emissions"]
        p = np.array(ext.F)[0] * scale
        n = self.n = len(p)
        N = range(n)

        if table.output == "given":
            self.x = np.array(table.x_given)
        elif table.output == "columns":
            added = np.array(table.value_added)
            self.x = np.array([sum(self.Z[i, j] for i in N) + added[j] for j in N])
        else:
            self.x = np.array([sum(self.Z[i]) + sum(self.Y[i]) for i in N])
        self.idle = [self.x[i] == 0 for i in N]

        A, k = np.zeros((n, n)), np.zeros(n)
        for j in N:
            if self.idle[j]:
                continue
            k[j] = p[j] / self.x[j]
            for i in N:
                A[i, j] = self.Z[i, j] / self.x[j]
        self.A, self.k = A, k
        self.L = np.linalg.inv(np.eye(n) - A)
        self.e = [sum(k[i] * self.L[i, j] for i in N) for j in N]

        # Final use: final demand, and what nodes without output buy.
        self.final: dict[tuple[str, str], np.ndarray] = defaultdict(lambda: np.zeros(n))
        for c, key in enumerate(self.demand):
            self.final[key] = self.final[key] + self.Y[:, c]
        for j in N:
            if self.idle[j] and self.Z[:, j].any():
                key = (self.group[j], IDLE_USE)
                self.final[key] = self.final[key] + self.Z[:, j]
        self.use = {
            s: sum((f for (g, _), f in self.final.items() if g == s), np.zeros(n))
            for s in self.groups
        }

        self.production: Amounts = dict.fromkeys(self.groups, 0.0)
        self.direct: Amounts = dict.fromkeys(self.groups, 0.0)
        for i in N:
            (self.direct if self.idle[i] else self.production)[self.group[i]] += p[i]
        if households and ext.has_final:
            final = np.array(ext.F_Y)[0] * scale
            for (g, _), amount in zip(self.demand, final, strict=True):
                self.direct[g] += amount

    def flows(self, source: str, demand: str, product: str | None) -> dict[Any, Amounts]:
        """Emissions caused, by row label and column label."""
        found: dict[Any, Amounts] = defaultdict(lambda: defaultdict(float))
        for i, j in pairs_of(range(self.n), range(self.n)):
            row = {
                "region": self.group[i],
                "sector": self.sector[i],
                "node": (self.group[i], self.sector[i]),
            }[source]
            made: tuple[str, ...] = {
                "region": (self.group[j],),
                "sector": (self.sector[j],),
                "node": (self.group[j], self.sector[j]),
                None: (),
            }[product]
            for (buyer, category), f in self.final.items():
                who: tuple[str, ...] = (buyer,) if demand == "region" else (buyer, category)
                key = (*made, *who)
                found[row][key if len(key) > 1 else key[0]] += self.k[i] * self.L[i, j] * f[j]
        return found

    def T(self, r: str, s: str) -> float:
        """Emissions in r caused by final use of s."""
        return sum(
            self.k[i] * self.L[i, j] * self.use[s][j]
            for i in range(self.n)
            if self.group[i] == r
            for j in range(self.n)
        )

    def throughflow(self) -> tuple[Amounts, Amounts]:
        """Intermediate and final flows of embodied emissions by pair of groups, and by sector.

        Keys are (seller group, seller sector, buyer group, buyer sector or None).
        """
        between: Amounts = defaultdict(float)
        final: Amounts = defaultdict(float)
        for i, j in pairs_of(range(self.n), range(self.n)):
            if self.group[i] != self.group[j] and not self.idle[j]:
                key = (self.group[i], self.sector[i], self.group[j], self.sector[j])
                between[key] += self.e[i] * self.Z[i, j]
        for i, s in pairs_of(range(self.n), self.groups):
            if self.group[i] != s:
                final[self.group[i], self.sector[i], s, None] += self.e[i] * self.use[s][i]
        return between, final

    def eebt(self, r: str, s: str) -> float:
        """Domestic emissions of r in everything it ships to s."""
        if r == s:
            return 0.0
        home = [i for i in range(self.n) if self.group[i] == r]
        L = np.linalg.inv(np.eye(len(home)) - self.A[np.ix_(home, home)])
        shipped = [
            sum(self.Z[i, j] for j in range(self.n) if self.group[j] == s and not self.idle[j])
            + self.use[s][i]
            for i in home
        ]
        return float(np.array([self.k[i] for i in home]) @ L @ np.array(shipped))

    def feedback(self, r: str) -> float:
        """Emissions of r in exports that come back and are consumed in r.

        Domestic supply chains alone, `k_r (I − A_rr)⁻¹ F_rr`, serve part of what r consumes from
        its own emissions; the rest of T[r, r] has been abroad.
        """
        home = [i for i in range(self.n) if self.group[i] == r]
        L = np.linalg.inv(np.eye(len(home)) - self.A[np.ix_(home, home)])
        k = np.array([self.k[i] for i in home])
        return self.T(r, r) - float(k @ L @ np.array([self.use[r][i] for i in home]))

    def G(self) -> dict[tuple[str, str, str], float]:
        """Emitted in r, finished in t, consumed in s: in full."""
        found: dict[tuple[str, str, str], float] = defaultdict(float)
        for i, j in pairs_of(range(self.n), range(self.n)):
            for s in self.groups:
                key = (self.group[i], self.group[j], s)
                found[key] += self.k[i] * self.L[i, j] * self.use[s][j]
        return found


SCALE = {"Mt": 1.0, "kt CO2": 1e-3}


def scale_of(table: IOTable) -> float:
    """Factor from the table's unit of emissions to Mt."""
    return SCALE[table.extensions["emissions"].unit["CO2"]]


def exactly(values: object, expected: object) -> None:
    wanted = np.array([[float(x) for x in np.atleast_1d(row)] for row in expected]).squeeze()
    np.testing.assert_allclose(np.asarray(values, float).squeeze(), wanted, rtol=1e-12, atol=1e-12)


def same(frame: pd.DataFrame, expected: dict, total: float) -> None:
    """Every label of either side agrees; a label that is missing counts as zero."""
    found = {(r, c): float(v) for r, row in frame.T.to_dict().items() for c, v in row.items()}
    wanted = {(r, c): v for r, row in expected.items() for c, v in row.items()}
    assert set(wanted) - set(found) == set()
    for key, value in found.items():
        assert value == pytest.approx(wanted.get(key, 0.0), abs=1e-11 * total), key
