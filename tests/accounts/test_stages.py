"""Stages of what crosses borders: they sum to the exports; what is no grouping is refused."""

import pytest

from carbonflows.accounts.stages import border_stages
from carbonflows.accounts.trade import trade_measures
from carbonflows.errors import DataError, GroupingError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import two_regions
from worlds import three_by_two

STAGES = Grouping({"s1": "commodity", "s2": "finished"})


@pytest.mark.parametrize("measure", ["throughflow", "eebt"])
def test_stages_sum_to_exports(measure) -> None:  # type: ignore[no-untyped-def]
    system = Leontief(three_by_two())
    stages = border_stages(system, STAGES, measure=measure)
    assert list(stages.index.levels[1]) == ["commodity", "finished"]
    exports = trade_measures(system)["exports"].unstack("measure")[measure]
    summed = stages["total"].groupby(level="region").sum()
    assert summed.to_numpy() == pytest.approx(exports[summed.index].to_numpy())
    both = stages["intermediate"] + stages["final"]
    assert both.to_numpy() == pytest.approx(stages["total"].to_numpy())


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        (None, r"stages=None: say which sector is at which stage, with load_grouping\("),
        ("trade-stages", "a grouping is needed, not a str"),
        (Grouping({"s1": "commodity"}), "no group for s2"),
    ],
)
def test_what_is_no_grouping_of_sectors(stages, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(GroupingError, match=said):
        border_stages(Leontief(three_by_two()), stages)


def test_a_measure_that_is_not_known() -> None:
    with pytest.raises(DataError, match="measure='footprint' is not known"):
        border_stages(Leontief(two_regions()), Grouping({"goods": "g"}), measure="footprint")  # type: ignore[arg-type]
