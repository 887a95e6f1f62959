"""Against an independent program: pymrio's own test system and its accounts."""

import warnings

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.flows import flows, multipliers
from carbonflows.accounts.footprint import footprint
from carbonflows.accounts.trade import trade_measures
from carbonflows.solve import Leontief
from carbonflows.table import Extension, IOTable

pymrio = pytest.importorskip("pymrio", reason="pymrio, the program compared with, is missing")

STRESSORS = ("emission_type1 | air", "emission_type2 | water")


@pytest.fixture(scope="module")
def theirs():  # type: ignore[no-untyped-def]
    """pymrio's test system with all its accounts; its pandas warnings are its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pymrio.load_test().calc_all()


@pytest.fixture(scope="module")
def ours(theirs) -> IOTable:  # type: ignore[no-untyped-def]
    ext = theirs.emissions
    return IOTable(
        theirs.Z, theirs.Y, extensions=Extension(ext.F, ext.F_Y, unit="kg"), unit="M EUR"
    )


def regional(account: pd.DataFrame, place: int, regions: pd.Index) -> np.ndarray:
    return account.loc[:, regions].to_numpy()[place].astype(float)


def test_the_system_is_the_one_meant(ours: IOTable) -> None:
    assert (len(ours.regions), len(ours.nodes), len(ours.demand)) == (6, 48, 42)
    assert ours.extensions["emissions"].stressors == STRESSORS


def test_output_and_inverse(theirs, ours: IOTable) -> None:  # type: ignore[no-untyped-def]
    np.testing.assert_allclose(ours.x, theirs.x.to_numpy()[:, 0], rtol=1e-12)
    L = Leontief(ours).inverse()
    np.testing.assert_allclose(L, theirs.L.loc[ours.nodes, ours.nodes], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("place", [0, 1])
def test_accounts(theirs, ours: IOTable, place: int) -> None:  # type: ignore[no-untyped-def]
    account = footprint(Leontief(ours), STRESSORS[place], unit="kg")
    ext, regions = theirs.emissions, ours.regions
    pairs = {
        "production": ext.D_pba_reg,
        "consumption": ext.D_cba_reg,
        "consumption_balance": ext.D_cba_reg,
        "exports": ext.D_exp_reg,
        "imports": ext.D_imp_reg,
    }
    for column, expected in pairs.items():
        np.testing.assert_allclose(
            account[column], regional(expected, place, regions), rtol=1e-9, err_msg=column
        )
    with_homes = footprint(Leontief(ours), STRESSORS[place], unit="kg", households=False)
    homes = ext.F_Y.T.groupby(level=0).sum().T.loc[:, regions].to_numpy()[place]
    np.testing.assert_allclose(
        with_homes["consumption_balance"] + homes,
        regional(ext.D_cba_reg, place, regions),
        rtol=1e-9,
    )


@pytest.mark.parametrize("place", [0, 1])
def test_multipliers_and_products(theirs, ours: IOTable, place: int) -> None:  # type: ignore[no-untyped-def]
    system, ext = Leontief(ours), theirs.emissions
    from carbonflows.accounts.emissions import emissions

    load = emissions(ours, STRESSORS[place], unit="kg")
    found = multipliers(system, load)
    np.testing.assert_allclose(found["direct"], ext.S.to_numpy()[place], rtol=1e-10)
    np.testing.assert_allclose(found["total"], ext.M.to_numpy()[place], rtol=1e-9)
    # D_cba: consumption of each region by the sector of the final product, wherever assembled.
    by_product = flows(system, load, product="sector").sum().swaplevel()
    expected = ext.D_cba.iloc[place]
    np.testing.assert_allclose(
        by_product.loc[expected.index], expected.to_numpy(dtype=float), rtol=1e-9
    )


def test_throughflow_lies_above(theirs, ours: IOTable) -> None:  # type: ignore[no-untyped-def]
    exports = trade_measures(Leontief(ours), STRESSORS[0], unit="kg")["exports"]
    assert exports["reg1", "throughflow"] == pytest.approx(4.323e7, rel=1e-3)
    assert exports["reg1", "footprint"] == pytest.approx(4.199e7, rel=1e-3)
    gross = exports.xs("throughflow", level="measure")
    assert (gross > regional(theirs.emissions.D_exp_reg, 0, ours.regions)).all()
