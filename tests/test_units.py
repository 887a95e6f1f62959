"""Unit strings and their factors."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import UnitError
from carbonflows.units import convertible, currency, factor, per_area


@pytest.mark.parametrize(
    ("have", "want", "expected"),
    [
        ("kt", "Mt", 1e-3),  # kilotonnes, not knots
        ("kt", "t", 1e3),
        ("kt", "Gg", 1.0),
        ("Gg", "t", 1e3),
        ("Tg", "Mt", 1.0),
        ("Pg", "Gt", 1.0),
        ("Gt", "Mt", 1e3),
        ("Mt", "kg", 1e9),
        ("tonne", "t", 1.0),
        ("kilotonnes", "Mt", 1e-3),
        ("1000 t", "kt", 1.0),
        ("thousand t", "kt", 1.0),
        ("million tonnes", "Mt", 1.0),
        ("billion t", "Gt", 1.0),
        ("10^4 t", "Mt", 0.01),
        ("10⁴ t", "Mt", 0.01),
        ("kt CO2", "Mt", 1e-3),
        ("Gg CO2", "Mt CO2", 1e-3),
        ("Gg CO₂", "Mt CO2", 1e-3),
        ("Mt_CO2", "kt", 1e3),
        ("Mt", "kt CO2", 1e3),
        ("t CO2e", "kg CO2-eq", 1e3),
        ("Pg C", "Mt C", 1e3),
        ("Mt CO2/yr", "kt/yr", 1e3),
        ("M USD", "USD", 1e6),
        ("MUSD", "USD", 1e6),
        ("MEUR", "M EUR", 1.0),
        ("Mio. EUR", "M EUR", 1.0),
        ("Million EUR", "M EUR", 1.0),
        ("mn USD", "M USD", 1.0),
        ("Mill USD", "M USD", 1.0),
        ("bn USD", "M USD", 1e3),
        ("bnEUR", "M EUR", 1e3),
        ("trillion USD", "bn USD", 1e3),
        ("thousand USD", "M USD", 1e-3),
        ("kUSD", "M USD", 1e-3),
        ("1000 EUR", "EUR", 1e3),
        ("10^4 CNY", "M CNY", 0.01),
        ("USD million", "USD", 1e6),
        ("kg CO2/USD", "t/M USD", 1e3),
        ("kt CO2/M USD", "kg/USD", 1.0),
        ("Mt/M USD", "kg/USD", 1e3),
        ("t/cap", "kg/person", 1e3),
        ("USD/capita", "USD/person", 1.0),
        ("million persons", "person", 1e6),
        ("TJ", "GJ", 1e3),
        ("tce", "GJ", 29.3076),
        ("kt/10^4 CNY", "t/CNY", 0.1),
    ],
)
def test_conversions(have: str, want: str, expected: float) -> None:
    assert factor(have, want) == pytest.approx(expected, rel=1e-14)
    assert factor(want, have) == pytest.approx(1 / expected, rel=1e-14)


@pytest.mark.parametrize(
    ("have", "want", "culprit"),
    [
        ("kt C", "kt CO2", "different substances"),
        ("Pg C", "Mt CO2", "different substances"),
        ("t CO2", "t CO2eq", "different substances"),
        ("t CH4", "t CO2eq", "different substances"),
        ("t N2O", "t CH4", "different substances"),
        ("kt", "km", "different dimensions"),
        ("TJ", "Mt", "different dimensions"),
        ("kn", "t", "different dimensions"),
        ("M USD", "Mt", "different dimensions"),
        ("kg/USD", "kg/person", "different dimensions"),
        ("M USD", "M EUR", "give the exchange rate"),
        ("10^4 CNY", "M USD", "give the exchange rate"),
        ("kg/USD", "kg/CNY", "give the exchange rate"),
        ("furlongs of carbon", "t", "is not known"),
        ("t", "M ZZZ", "is not known"),
        ("GgCO2", "Mt", "is not known"),
        ("", "t", "empty unit"),
        ("  ", "t", "empty unit"),
        ("t", "", "empty unit"),
    ],
)
def test_refusals(have: str, want: str, culprit: str) -> None:
    with pytest.raises(UnitError, match=culprit):
        factor(have, want)
    assert not convertible(have, want)


def test_tons_are_metric_or_refused() -> None:
    """Nobody in this field means 907 kg by a ton."""
    for ton, kilograms in (("ton", 1e3), ("kton", 1e6), ("Mton", 1e9)):
        assert not convertible(ton, "kg") or factor(ton, "kg") == kilograms


def test_a_scale_means_the_same_glued_or_apart() -> None:
    """'m USD' is a million dollars; 'mUSD' must not be a tenth of a cent."""
    assert factor("m USD", "USD") == 1e6
    assert not convertible("mUSD", "USD") or factor("mUSD", "USD") == 1e6


@pytest.mark.parametrize(
    ("have", "want", "rates", "expected"),
    [
        ("CNY", "USD", {"CNY/USD": 8.0}, 1 / 8),
        ("USD", "CNY", {"CNY/USD": 8.0}, 8.0),
        ("CNY", "USD", {"USD/CNY": 0.125}, 1 / 8),
        ("10^4 CNY", "M USD", {"CNY/USD": 8.0}, 1.25e-3),
        ("kg/USD", "kg/CNY", {"CNY/USD": 8.0}, 1 / 8),
        ("kg/CNY", "kg/USD", {"CNY/USD": 8.0}, 8.0),
        ("kt CO2/10^4 CNY", "kg/USD", {"CNY/USD": 8.0}, 8.0e2),
        ("M EUR", "M USD", {"CNY/USD": 8.0, "EUR/USD": 0.8}, 1.25),
        ("M USD", "M USD", {"CNY/USD": 8.0}, 1.0),
    ],
)
def test_exchange_rates(have: str, want: str, rates: dict, expected: float) -> None:
    assert factor(have, want, rates=rates) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("pair", ["CNYUSD", "CNY/", "XXX/USD", "CNY/USD/EUR"])
def test_rates_name_two_known_currencies(pair: str) -> None:
    with pytest.raises(UnitError, match="not of the form 'CNY/USD'"):
        factor("CNY", "USD", rates={pair: 8.0})


@pytest.mark.parametrize("rate", [0.0, -8.0, float("nan"), float("inf")])
def test_a_rate_is_a_positive_number(rate: float) -> None:
    with pytest.raises(UnitError):
        factor("CNY", "USD", rates={"CNY/USD": rate})


def test_a_rate_for_other_currencies_does_not_help() -> None:
    with pytest.raises(UnitError, match="give the exchange rate"):
        factor("CNY", "USD", rates={"EUR/USD": 0.8})


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("M USD", "USD"), ("10^4 CNY", "CNY"), ("MEUR", "EUR"), ("bnEUR", "EUR"), ("kt", None),
        ("USD/EUR", None), ("USDC", None), ("k USD 2010", "USD"), ("", None),
    ],
)  # fmt: skip
def test_currency(unit: str, expected: str | None) -> None:
    assert currency(unit) == expected


MASSES = st.sampled_from(["kg", "t", "kt", "Gg", "Mt", "Tg", "Gt", "10^4 t", "thousand t"])


@settings(deadline=None, max_examples=40, derandomize=True)
@given(MASSES, MASSES, MASSES)
def test_factors_chain(a: str, b: str, c: str) -> None:
    assert factor(a, b) * factor(b, c) == pytest.approx(factor(a, c), rel=1e-13)
    assert factor(a, a) == 1.0


AREAS = ("m", "km", "cm", "hm", "dm", "mm")


@pytest.mark.parametrize(
    "unit",
    [f"t{over}{area}{power}" for area in AREAS for over in ("/", " per ", " / ", "/s/", " CO2/(a ")
     for power in ("2", "²", "^2", "**2")]
    + [f"kg CO2 {area}{power} s-1" for area in AREAS
       for power in ("-2", "^-2", "**-2", "⁻²", "^(-2)", "^{-2}", "−2")]
    + ["t/ha", "t ha-1", "t ha⁻¹", "t ha^-1", "t per hectare", "USD/acre", "kgm-2s-1", "gC/m2/d",
       "Persons per square kilometer", "people per sq. km", "t/100 km2", "nW cm-2 sr-1"],
)  # fmt: skip
def test_units_per_area(unit: str) -> None:
    assert per_area(unit)


@pytest.mark.parametrize(
    "unit",
    ["", "1", "t", "t CO2", "Mt/yr", "t/a", "t/h", "kt a-1", "kg s-1", "km", "m2", "10^4 m2", "ha",
     "km2/yr", "ha/yr", "kg/m3", "kg m-3", "Mm3", "t/month", "kg CO2eq", "10^4 t", "kg/yr PM2.5",
     "GJ/km 2007", "t/harvest", "persons", "TJ", "M USD", "per mille"],
)  # fmt: skip
def test_units_that_are_not_per_area(unit: str) -> None:
    assert not per_area(unit)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["kg", "m", "km", "s", "ha", "year", "USD", "cm"]),
            st.sampled_from([-3, -2, -1, 1, 2, 3]),
        ),
        min_size=1, max_size=4, unique_by=lambda part: part[0],
    ),
    st.booleans(),
)  # fmt: skip
def test_per_area_as_counted(parts: list[tuple[str, int]], line: bool) -> None:
    parts = [(name, max(-1, min(power, 1)) if name == "ha" else power) for name, power in parts]
    lengths = {"m": 2, "km": 2, "cm": 2, "ha": 1}
    counted = any(lengths.get(name) == -power for name, power in parts)
    if line:
        above = " ".join(f"{name}^{power}" for name, power in parts if power > 0)
        below = [f"{name}{-power if power < -1 else ''}" for name, power in parts if power < 0]
        unit = "/".join([above, *below])
    else:
        unit = " ".join(f"{name}{power}" for name, power in parts)
    assert per_area(unit) == counted
