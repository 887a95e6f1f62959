"""Exit shares, balances and intensities of regional trade, against plain loops."""

import numpy as np
import pytest

from brute import Brute, scale_of
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.gateway import gateways, outside_shares
from carbonflows.accounts.province_trade import exit_shares, province_balance, trade_intensities
from carbonflows.accounts.trade import eebt
from carbonflows.errors import DataError, LabelError
from carbonflows.solve import Leontief
from carbonflows.sources.example import example
from carbonflows.table import IOTable, two_regions
from worlds import WORLDS, random_world

EU = ["DEU", "FRA", "ITA", "ESP", "SWE", "GBR", "WEU", "EEU"]
LARGE = {n: t for n, t in WORLDS.items() if len(t.regions) > 1}
WORLD = pytest.mark.parametrize("table", LARGE.values(), ids=LARGE)


def shipped(brute: Brute, r: str, s: str) -> float:
    """Value that r ships to s."""
    N = range(brute.n)
    inputs = sum(
        brute.Z[i, j]
        for i in N if brute.group[i] == r
        for j in N if brute.group[j] == s and not brute.idle[j]
    )  # fmt: skip
    return float(inputs + sum(brute.use[s][i] for i in N if brute.group[i] == r))


@WORLD
@pytest.mark.parametrize("exports", ["footprint", "gross"])
def test_exits(table: IOTable, exports: str) -> None:
    system, brute = Leontief(table), Brute(table)
    country, abroad = list(table.regions[:-1]), table.regions[-1]
    found = exit_shares(system, country, exports=exports)  # type: ignore[arg-type]
    exits = gateways(system, country, exports=exports)  # type: ignore[arg-type]
    values = [shipped(brute, r, abroad) for r in country]
    np.testing.assert_allclose(found["value"], values)
    np.testing.assert_allclose(found["of_value"], np.array(values) / sum(values))
    np.testing.assert_allclose(found["emissions"], exits.sum())
    np.testing.assert_allclose(found["outside_share"], outside_shares(exits))
    np.testing.assert_allclose(found["outside_own_share"], outside_shares(exits))
    assert found["of_emissions"].sum() == pytest.approx(1)


def test_exits_together() -> None:
    system = Leontief(random_world(3, 5, 3))
    country = ["r1", "r2", "r3", "r4"]
    found = exit_shares(system, country, together={"coast": ["r2", "r4"]})
    D = gateways(system, country)
    coast = D[["r2", "r4"]].to_numpy().sum()
    inside = D.loc[["r2", "r4"], ["r2", "r4"]].to_numpy().sum()
    row = found.loc["coast"]
    assert row["emissions"] == pytest.approx(coast)
    assert row["outside_share"] == pytest.approx(1 - inside / coast)
    assert row["outside_own_share"] == pytest.approx(
        1 - (D.loc["r2", "r2"] + D.loc["r4", "r4"]) / coast
    )
    assert row["outside_share"] < row["outside_own_share"]
    assert row["of_value"] == pytest.approx(found.loc[["r2", "r4"], "of_value"].sum())


@WORLD
@pytest.mark.parametrize("measure", ["footprint", "eebt"])
def test_balance(table: IOTable, measure: str) -> None:
    brute = Brute(table, scale=scale_of(table))
    near = 1e-11 * sum(brute.production.values())
    country = list(table.regions[:-1])
    system = Leontief(table)
    found = province_balance(system, country, measure=measure)  # type: ignore[arg-type]
    assert list(found.index) == country
    assert len(found.columns) == 8
    moved = brute.T if measure == "footprint" else brute.eebt
    for r in country:
        for scope, partners in (
            ("interregional", [s for s in country if s != r]),
            ("international", [table.regions[-1]]),
        ):
            out = sum(moved(r, s) for s in partners)
            into = sum(moved(s, r) for s in partners)
            for side, expected in (("exports", out), ("imports", into)):
                both = found.loc[r, [f"{side}_{scope}_{c}" for c in ("finished", "intermediate")]]
                assert both.sum() == pytest.approx(expected, abs=near), (r, side, scope)
    if measure == "footprint":
        G = brute.G()
        r, other = country[0], table.regions[-1]
        made_abroad = sum(v for (a, t, s), v in G.items() if s == r and t != r and a == other)
        assert found.loc[r, "imports_international_finished"] == pytest.approx(
            made_abroad, abs=near
        )
        sent = sum(v for (a, t, s), v in G.items() if a == r and t != r and s == other)
        assert found.loc[r, "exports_international_intermediate"] == pytest.approx(sent, abs=near)


def test_balance_of_europe() -> None:
    system = Leontief(example(2007))
    found = province_balance(system, EU)
    account = footprint(system).loc[found.index]
    for side in ("exports", "imports"):
        total = found[[c for c in found.columns if c.startswith(side)]].sum(axis=1)
        np.testing.assert_allclose(total, account[side], rtol=1e-9)
    inner = [c for c in found.columns if "interregional" in c]
    sums = found[inner].sum()
    out, into = sums[:2].sum(), sums[2:].sum()
    assert out == pytest.approx(into)
    by_shipper = province_balance(system, EU, measure="eebt")
    total = by_shipper[[c for c in by_shipper.columns if c.startswith("exports")]].sum(axis=1)
    np.testing.assert_allclose(total, eebt(system).sum(axis=1)[total.index], rtol=1e-9)


@WORLD
@pytest.mark.parametrize("measure", ["throughflow", "eebt"])
@pytest.mark.parametrize("partners", ["country", "abroad", "all"])
def test_intensities(table: IOTable, measure: str, partners: str) -> None:
    brute = Brute(table, scale=scale_of(table))
    country = list(table.regions[:-1])
    found = trade_intensities(Leontief(table), country, measure=measure, partners=partners)  # type: ignore[arg-type]
    others = {"country": country, "abroad": [table.regions[-1]], "all": list(table.regions)}
    between, final = brute.throughflow()

    def carbon(r: str, s: str) -> float:
        if measure == "eebt":
            return brute.eebt(r, s)
        return sum(v for d in (between, final) for k, v in d.items() if (k[0], k[2]) == (r, s))

    for r in country:
        away = [s for s in others[partners] if s != r]
        got = {}
        for side, pairs in (("import", [(s, r) for s in away]), ("export", [(r, s) for s in away])):
            emitted, value = sum(carbon(*p) for p in pairs), sum(shipped(brute, *p) for p in pairs)
            assert found.loc[r, f"{side}_emissions"] == pytest.approx(emitted)
            assert found.loc[r, f"{side}_value"] == pytest.approx(value)
            got[side] = 1e3 * emitted / value if value else np.nan  # Mt per M USD → kg/USD
            assert found.loc[r, f"{side}_intensity"] == pytest.approx(got[side], nan_ok=True)
        ratio = got["import"] / got["export"] if got["export"] else np.nan
        assert found.loc[r, "ratio"] == pytest.approx(ratio, nan_ok=True)
    assert "intensities: kg/USD" in found.attrs["unit"]


def test_two_regions_by_hand() -> None:
    found = trade_intensities(
        Leontief(two_regions()), ["B"], measure="eebt", partners="abroad", unit="kt"
    ).loc["B"]
    # A ships 30 with 1/2 · 1/(1 − 0.2) each, B ships 40 with 1/5 · 1/(1 − 0.4)
    assert found["import_emissions"] == pytest.approx(18_750)
    assert found["import_intensity"] == pytest.approx(625)
    assert found["export_intensity"] == pytest.approx(1000 / 3)
    assert found["ratio"] == pytest.approx(1.875)


def test_alone_in_the_country_there_is_nothing_to_divide() -> None:
    found = trade_intensities(Leontief(two_regions()), ["A"]).loc["A"]
    assert found["import_value"] == 0
    assert found[["import_intensity", "export_intensity", "ratio"]].isna().all()


@pytest.mark.parametrize(
    ("call", "options", "error", "said"),
    [
        (trade_intensities, {"measure": "net"}, DataError, "measure='net' is not known"),
        (trade_intensities, {"partners": "x"}, DataError, "partners='x': use one of country"),
        (province_balance, {"measure": "net"}, DataError, "measure='net' is not known"),
        (exit_shares, {"exports": "net"}, DataError, "exports='net' is not known"),
        (exit_shares, {"together": {"A": ["A"]}}, LabelError, "'A' is also a region's name"),
        (exit_shares, {"together": {"x": ["B"]}}, LabelError, r"together\['x'\]: B; name some"),
    ],
)
def test_mistakes(call, options, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        call(Leontief(two_regions()), ["A"], **options)
    with pytest.raises(DataError, match="the whole world"):
        call(Leontief(two_regions()), ["A", "B"])
