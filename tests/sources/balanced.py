"""Random balanced tables with the labels of a database, to be laid out and read back."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from carbonflows.labels import DEMAND, NODE
from carbonflows.table import Extension, IOTable


def balanced(
    seed: int = 0,
    regions: Sequence[str] = ("AUS", "CHN", "MEX", "ROW"),
    sectors: Sequence[str] = ("s1", "s2", "s3"),
    categories: Sequence[str] = ("HFCE", "GFCF"),
    stock: str | None = None,
    unit: str = "M USD",
) -> IOTable:
    """Table whose output is inputs plus value added; the category `stock` has negatives."""
    rng = np.random.default_rng(seed)
    nodes = pd.MultiIndex.from_product([regions, sectors], names=NODE)
    demand = pd.MultiIndex.from_product([regions, categories], names=DEMAND)
    n, q = len(nodes), len(demand)
    Z = rng.uniform(1, 99, (n, n)) * (rng.random((n, n)) < 0.9)
    Y = rng.uniform(50, 900, (n, q))
    for j, (_, category) in enumerate(demand):
        if category == stock:
            Y[:, j] = rng.uniform(-9, 9, n)
    x = Z.sum(axis=1) + Y.sum(axis=1)
    F = pd.DataFrame(rng.uniform(1, 50, (1, n)), ["CO2"], nodes)
    home = np.zeros((1, q))
    home[0, :: len(categories)] = rng.uniform(1, 9, len(regions))
    return IOTable(
        pd.DataFrame(Z, nodes, nodes),
        pd.DataFrame(Y, nodes, demand),
        extensions=Extension(F, pd.DataFrame(home, ["CO2"], demand), unit="kt CO2"),
        x=pd.Series(x, nodes),
        value_added=pd.Series(x - Z.sum(axis=0), nodes),
        unit=unit,
        year=2010,
    )


def renamed(
    table: IOTable,
    regions: Mapping[str, str] | None = None,
    sectors: Mapping[str, str] | None = None,
    categories: Mapping[str, str] | None = None,
) -> IOTable:
    """The same numbers under other labels, with value added that balances."""
    regions, sectors, categories = regions or {}, sectors or {}, categories or {}
    nodes = pd.MultiIndex.from_tuples(
        [(regions.get(r, r), sectors.get(s, s)) for r, s in table.nodes], names=NODE
    )
    demand = pd.MultiIndex.from_tuples(
        [(regions.get(r, r), categories.get(c, c)) for r, c in table.demand], names=DEMAND
    )
    Z = table.Z.to_numpy()
    x = table.x.to_numpy()
    emissions = table.extensions["emissions"]
    return IOTable(
        pd.DataFrame(Z, nodes, nodes),
        pd.DataFrame(table.Y.to_numpy(), nodes, demand),
        extensions=Extension(
            emissions.F.set_axis(nodes, axis=1),
            emissions.F_Y.set_axis(demand, axis=1),
            unit="kt CO2",
        ),
        x=pd.Series(x, nodes),
        value_added=pd.Series(x - Z.sum(axis=0), nodes),
        unit=table.unit,
        year=table.year,
    )


def same_table(found: IOTable, expected: IOTable) -> None:
    """Assert equal numbers and labels; sums of value added may differ in the last digit."""
    assert found.nodes.tolist() == expected.nodes.tolist()
    assert found.demand.tolist() == expected.demand.tolist()
    assert np.array_equal(found.Z.to_numpy(), expected.Z.to_numpy())
    assert np.array_equal(found.Y.to_numpy(), expected.Y.to_numpy())
    scale = max(1.0, float(np.abs(expected.x).max()))
    assert np.allclose(found.value_added, expected.value_added, rtol=1e-12, atol=1e-12 * scale)
    if found.x_given is not None:
        assert np.allclose(found.x_given, expected.x, rtol=1e-12, atol=1e-12 * scale)
