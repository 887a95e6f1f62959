"""Which emissions an account is about."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.carrier import carriers
from carbonflows.accounts.emissions import Emissions, emissions, partition
from carbonflows.accounts.footprint import footprint
from carbonflows.errors import CarbonflowsError, DataError, GroupingError, LabelError, UnitError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import Extension, IOTable, two_regions
from worlds import WORLDS, random_world, world


def several(units: dict[str, str], **amounts: tuple[float, float]) -> IOTable:
    """The two regions with stressors of one's own."""
    table = two_regions()
    F = pd.DataFrame(list(amounts.values()), list(amounts), table.nodes, dtype=float)
    return table.replace(extensions=Extension(F, unit=units))


def orphans() -> IOTable:
    """Region A has an idle node that emits 7, beside nodes with output 30 and 10."""
    nodes = [("A", "s1"), ("A", "s2"), ("A", "idle"), ("B", "s1")]
    Z = np.zeros((4, 4))
    Y = [[30, 0], [5, 5], [0, 0], [0, 20]]
    return world(Z, Y, [3, 2, 7, 1], nodes, [("A", "C"), ("B", "C")], final=[4, 6])


def test_masses_are_shown_in_megatonnes() -> None:
    table = several({"CO2": "kt CO2"}, CO2=(5000.0, 250.0))
    load = emissions(table)
    assert load.unit == "Mt"
    assert load.production.tolist() == [5.0, 0.25]
    assert emissions(table, unit="t").production.tolist() == [5e6, 2.5e5]


def test_other_quantities_keep_their_unit() -> None:
    load = emissions(several({"energy": "TJ"}, energy=(5.0, 2.0)))
    assert (load.unit, load.production.tolist()) == ("TJ", [5.0, 2.0])


def test_several_stressors_are_converted_and_added() -> None:
    table = several({"coal": "kt CO2", "gas": "Mt CO2"}, coal=(1000, 500), gas=(2, 4))
    load = emissions(table, ["coal", "gas"])
    assert load.production.tolist() == [3.0, 4.5]
    assert load.name == "coal + gas"


@pytest.mark.parametrize(
    ("first", "second"),
    [("kt CO2", "TJ"), ("kt CO2", "kt CH4"), ("kt CO2", "kt C"), ("t CO2", "t CO2eq")],
)
def test_what_does_not_add_up_raises(first: str, second: str) -> None:
    table = several({"one": first, "two": second}, one=(1, 1), two=(1, 1))
    with pytest.raises(UnitError):
        emissions(table, ["one", "two"])


def test_carbon_is_not_shown_as_if_it_were_carbon_dioxide() -> None:
    load = emissions(several({"C": "kt C"}, C=(1000, 2000)))
    assert load.unit != "Mt" or load.production.tolist() == pytest.approx([44 / 12, 88 / 12])


def test_a_choice_is_needed_among_several() -> None:
    table = several({"a": "t", "b": "t"}, a=(1, 2), b=(3, 4))
    with pytest.raises(LabelError, match="choose one or some of emissions/a, emissions/b"):
        emissions(table)
    assert emissions(table, "b", unit="t").production.tolist() == [3, 4]


def test_names_that_occur_twice_need_their_extension() -> None:
    table = two_regions()
    rows = [pd.DataFrame([[k, k]], ["CO2"], table.nodes) for k in (1.0, 2.0)]
    both = table.replace(
        extensions=[Extension(F, unit="Mt", name=n) for F, n in zip(rows, "ab", strict=True)]
    )
    with pytest.raises(LabelError, match="'CO2' occurs more than once"):
        emissions(both, "CO2")
    assert emissions(both, "b/CO2").production.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("choice", ["CO3", ["CO2", "CO3"]])
def test_unknown_stressors_are_named(choice: str | list[str]) -> None:
    with pytest.raises(LabelError, match=r"'CO3' is not in two regions.*emissions/CO2") as caught:
        emissions(two_regions(), choice)
    assert caught.value.labels == ["CO3"]


def test_the_same_stressor_twice_is_refused() -> None:
    with pytest.raises(LabelError, match="named twice"):
        emissions(two_regions(), ["CO2", "emissions/CO2"])


def test_an_empty_choice_is_refused() -> None:
    with pytest.raises(LabelError, match="no stressor named"):
        emissions(two_regions(), [])


def test_a_table_without_emissions_says_so() -> None:
    with pytest.raises(LabelError, match="no emissions"):
        emissions(two_regions().replace(extensions=()))


def test_final_users_are_summed_by_region() -> None:
    table = random_world(1, 3, 2, shuffled=True)
    F_Y = table.extensions["emissions"].F_Y
    expected = [float(F_Y.loc["CO2", r].sum()) for r in table.regions]
    assert emissions(table).final.tolist() == pytest.approx(expected)
    assert emissions(table, households=False).final.tolist() == [0, 0, 0]


def test_orphans_are_direct_by_default() -> None:
    load = emissions(orphans())
    assert load.production.tolist() == [3, 2, 0, 1]
    assert load.orphaned.tolist() == [0, 0, 7, 0]
    account = footprint(Leontief(orphans()))
    assert account.loc["A", "direct"] == 4 + 7
    assert account.loc["A", "production"] == 3 + 2 + 7 + 4
    assert account["consumption"].sum() == pytest.approx(3 + 2 + 7 + 1 + 4 + 6)


def test_orphans_dropped() -> None:
    account = footprint(Leontief(orphans()), emissions(orphans(), orphans="drop"))
    assert account.loc["A", "direct"] == 4
    assert account["production"].sum() == account["consumption"].sum() == 3 + 2 + 1 + 4 + 6
    assert account.attrs["orphans"] == "drop"


def test_orphans_spread_by_output() -> None:
    load = emissions(orphans(), orphans="spread")
    assert load.production.tolist() == pytest.approx([3 + 7 * 30 / 40, 2 + 7 * 10 / 40, 0, 1])
    assert not load.orphaned.any()


def test_orphans_refused_are_named() -> None:
    with pytest.raises(DataError, match=r"A/idle.*choose orphans='direct'") as caught:
        emissions(orphans(), orphans="raise")
    assert caught.value.labels == [("A", "idle")]
    assert emissions(two_regions(), orphans="raise").production.tolist() == [50, 20]


def test_orphans_with_nowhere_to_go() -> None:
    nodes = [("A", "s"), ("B", "s")]
    table = world(np.zeros((2, 2)), [[5, 5], [0, 0]], [1, 2], nodes, [("A", "C"), ("B", "C")])
    with pytest.raises(DataError, match="emissions of B cannot be spread"):
        emissions(table, orphans="spread")


@pytest.mark.parametrize("table", [orphans, two_regions])
def test_unknown_orphan_policies_raise(table: Callable[[], IOTable]) -> None:
    with pytest.raises(DataError, match="orphans='drp' is not known"):
        emissions(table(), orphans="drp")  # type: ignore[arg-type]


def test_emissions_that_were_chosen_are_used_as_they_are() -> None:
    load = emissions(two_regions())
    assert emissions(two_regions(), load) is load


@pytest.mark.parametrize("other", [random_world(1, 2, 2), random_world(1, 2, 1)])
def test_emissions_of_other_nodes_are_refused(other: IOTable) -> None:
    """More nodes, or as many with other labels."""
    load = emissions(two_regions())
    with pytest.raises(CarbonflowsError):
        footprint(Leontief(other), load)


def test_direct_intensities_skip_idle_nodes() -> None:
    assert emissions(orphans()).per_output(orphans()).tolist() == [0.1, 0.2, 0.0, 0.05]


def test_partition() -> None:
    table = WORLDS["shuffled"]
    plain = partition(table)
    assert list(plain.labels[plain.node]) == [r for r, _ in table.nodes]
    grouping = Grouping({"r3": "x", "r1": "y", "r2": "x"}, name="g")
    part = partition(table, grouping)
    assert (list(part.labels), part.name) == (["x", "y"], "g")
    assert list(part.labels[part.node]) == [grouping.members[r] for r, _ in table.nodes]
    assert list(part.labels[part.region]) == [grouping.members[r] for r in table.regions]
    with pytest.raises(GroupingError, match="r2"):
        partition(table, Grouping({"r1": "x", "r3": "x"}))


def test_emissions_cannot_be_reassigned() -> None:
    load = emissions(two_regions())
    assert isinstance(load, Emissions)
    with pytest.raises(AttributeError):
        load.unit = "t"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "unit", "said"),
    [
        ("CO2", "kWh CO2", "measures no mass of CO2"),
        ("CO2", "furlong CO2", "measures no mass"),
        ("CO2", "Mt C", "C is not CO2"),
        ("CO2 combustion", "kt CH4", "CH4 is not CO2"),
        ("CO2", "Mtt", "is not known"),
    ],
)
def test_units_that_contradict_the_stressor(name: str, unit: str, said: str) -> None:
    table = two_regions()
    F = pd.DataFrame([[1.0, 2.0]], [name], table.nodes)
    with pytest.raises(UnitError, match=said):
        emissions(table.replace(extensions=Extension(F, unit=unit)))


@pytest.mark.parametrize("unit", ["", "  ", "Mt CO2", "kg"])
def test_money_is_no_mass(unit: str) -> None:
    with pytest.raises(UnitError, match="no unit of money"):
        two_regions().replace(unit=unit)


def test_carbon_in_units_of_carbon_stays_carbon() -> None:
    table = two_regions()
    F = pd.DataFrame([[1000.0, 2000.0]], ["fossil carbon"], table.nodes)
    assert emissions(table.replace(extensions=Extension(F, unit="kt C"))).unit == "Mt C"


@pytest.mark.parametrize("stressor", [5, 5.0, ["CO2", 5], b"CO2", [None]])
def test_a_stressor_that_is_no_name(stressor: object) -> None:
    with pytest.raises(DataError, match="is no name: give one or some of emissions/CO2") as caught:
        carriers(Leontief(two_regions()), stressor)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("chosen", [False, True])
def test_a_unit_that_is_no_text(chosen: bool) -> None:
    table = two_regions()
    with pytest.raises(DataError, match="unit=5 is no text: give a unit"):
        emissions(table, emissions(table) if chosen else None, unit=5)  # type: ignore[arg-type]
