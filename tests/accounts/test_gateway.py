"""Exit regions against explicit sums over the country's own chains."""

import numpy as np
import pytest

from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.flows import flows
from carbonflows.accounts.gateway import gateways, outside_shares
from carbonflows.errors import DataError, LabelError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.sources.example import example
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, random_world

LARGE = {n: t for n, t in WORLDS.items() if len(t.regions) > 2}
WORLD = pytest.mark.parametrize("table", LARGE.values(), ids=LARGE)


def literal(table: IOTable, country: list[str], gross: bool) -> np.ndarray:
    """D[p, q] from the definition, with plain inverses."""
    system = Leontief(table)
    A = table.Z.to_numpy() * system.per_output
    k = emissions(table).per_output(table)
    of = np.array(table.regions)[table.node_region]
    at = np.flatnonzero(np.isin(of, country))
    abroad = np.flatnonzero(~np.isin(of, country))
    foreign = [r not in country for r in table.regions]
    y = system.final_use[:, foreign].sum(axis=1)
    x = table.x.to_numpy() if gross else np.linalg.inv(np.eye(len(k)) - A) @ y
    exports = A[np.ix_(at, abroad)] @ x[abroad] + y[at]
    home = np.linalg.inv(np.eye(len(at)) - A[np.ix_(at, at)])
    return np.array(
        [
            [
                sum(
                    k[at[i]] * home[i, j] * exports[j]
                    for i in range(len(at))
                    for j in range(len(at))
                    if of[at[i]] == p and of[at[j]] == q
                )
                for q in country
            ]
            for p in country
        ]
    )


@WORLD
@pytest.mark.parametrize("gross", [False, True])
def test_gateways_are_their_definition(table: IOTable, gross: bool) -> None:
    country = list(table.regions[:2])
    found = gateways(Leontief(table), country, exports="gross" if gross else "footprint")
    expected = literal(table, country, gross)
    assert np.abs(found.to_numpy() - expected).max() < 1e-10 * max(1.0, np.abs(expected).max())


@WORLD
def test_row_sums_are_emissions_for_final_demand_abroad(table: IOTable) -> None:
    system = Leontief(table)
    country = list(table.regions[1:])
    found = gateways(system, country).sum(axis=1)
    expected = (
        flows(system).loc[country, [r for r in table.regions if r not in country]].sum(axis=1)
    )
    assert found.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-9, abs=1e-9)


def test_destinations_and_goods_add_up() -> None:
    table = random_world(3, 5, 3)
    system = Leontief(table)
    country, abroad = ["r1", "r3"], ["r2", "r4", "r5"]
    for exports in ("footprint", "gross"):
        whole = gateways(system, country, exports=exports)
        by_place = sum(
            gateways(system, country, exports=exports, destination=r).to_numpy() for r in abroad
        )
        assert by_place == pytest.approx(whole.to_numpy(), rel=1e-10)
        by_goods = sum(
            gateways(system, country, exports=exports, goods=g).to_numpy()
            for g in ("intermediate", "final")
        )
        assert by_goods == pytest.approx(whole.to_numpy(), rel=1e-10)
    assert (
        gateways(system, country, exports="gross").to_numpy()
        >= gateways(system, country).to_numpy() - 1e-12
    ).all()


def test_groups_may_be_the_country() -> None:
    table = random_world(3, 5, 3)
    system = Leontief(table)
    groups = Grouping({"r1": "east", "r2": "west", "r3": "east", "r4": "abroad", "r5": "abroad"})
    found = gateways(system, ["east", "west"], grouping=groups)
    fine = gateways(system, ["r1", "r2", "r3"])
    assert found.loc["east", "west"] == pytest.approx(fine.loc[["r1", "r3"], "r2"].sum())
    shares = outside_shares(fine)
    assert shares["r2"] == pytest.approx(fine.loc[["r1", "r3"], "r2"].sum() / fine["r2"].sum())


@pytest.mark.parametrize(
    ("regions", "options", "error", "said"),
    [
        (["A", "X"], {}, LabelError, "regions: X; name some of A, B"),
        ([], {}, LabelError, "regions: none"),
        (["A", "B"], {}, DataError, "the whole world"),
        (["A"], {"destination": "A"}, LabelError, "inside the country"),
        (5, {}, LabelError, "regions=5: give a region's name, or several"),
        (None, {}, LabelError, "regions=None: give"),
        (["A", 5], {}, LabelError, "regions: 5; name some of A, B"),
        ([["A"]], {}, LabelError, r"regions: \['A'\]; name some of A, B"),
        (["A"], {"destination": 5}, LabelError, "destination=5: give"),
        (["A"], {"exports": "net"}, DataError, "exports='net' is not known"),
        (["A"], {"goods": "cars"}, DataError, "goods='cars' is not known"),
    ],
)
def test_mistakes(regions, options, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        gateways(Leontief(two_regions()), regions, **options)


def test_near_names_of_regions_are_suggested() -> None:
    with pytest.raises(LabelError, match=r"regions: deu; did you mean 'DEU'\?"):
        gateways(Leontief(example(2004)), ["deu"])
