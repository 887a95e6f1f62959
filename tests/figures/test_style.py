"""Saving, colours and printed units."""

import os
import subprocess
import sys

import matplotlib
import pandas as pd
import pytest
from matplotlib.figure import Figure

from carbonflows.errors import DataError, StoreError
from carbonflows.figures.choropleth import choropleth_pair
from carbonflows.figures.flowmap import flow_map
from carbonflows.figures.shapes import region_shapes
from carbonflows.figures.style import diverging, qualitative, save, sequential, shortened, style
from carbonflows.figures.wording import shown

ANOTHER = """
import sys
import pandas as pd
from carbonflows.figures.choropleth import choropleth_pair
from carbonflows.figures.shapes import region_shapes
from carbonflows.figures.style import save
shapes = region_shapes({"A": ["CHN"], "B": ["USA"], "C": ["*"]})
values = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}, ["A", "B"])
save(choropleth_pair(values, shapes, unit="Mt CO2", title="T"), sys.argv[1])
assert "matplotlib.pyplot" not in sys.modules
"""


def test_saved_bytes_are_the_same_in_another_process(tmp_path):
    subprocess.run(
        [sys.executable, "-c", ANOTHER, tmp_path / "there"],
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "1"},
    )
    shapes = region_shapes({"A": ["CHN"], "B": ["USA"], "C": ["*"]})
    values = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]}, ["A", "B"])
    save(choropleth_pair(values, shapes, unit="Mt CO2", title="T"), tmp_path / "here")
    for ending in ("png", "svg"):
        here, there = (tmp_path / f"{name}.{ending}" for name in ("here", "there"))
        assert here.read_bytes() == there.read_bytes(), ending
        assert here.stat().st_size > 10_000


def test_files_are_named_sized_and_complete(flows, regions, tmp_path):
    figure = flow_map(flows, regions, unit="Mt CO2")
    paths = save(figure, tmp_path / "new" / "flow.map")
    assert [p.name for p in paths] == ["flow.map.png", "flow.map.svg"]
    assert sorted(p.name for p in paths[0].parent.iterdir()) == ["flow.map.png", "flow.map.svg"]
    assert paths[1].stat().st_size < 1_500_000
    assert "<text" not in paths[1].read_text("utf-8")  # letters are outlines
    width = int.from_bytes(paths[0].read_bytes()[16:20], "big")
    assert width == pytest.approx(180 / 25.4 * 300, abs=1)


def test_settings_do_not_leak(flows, regions, tmp_path):
    before = dict(matplotlib.rcParams)
    save(flow_map(flows, regions, unit="Mt"), tmp_path / "a", ("svg",))
    assert dict(matplotlib.rcParams) == before


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written") as caught:
        save(Figure(), tmp_path / "file" / "figure")
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="'gif' is not known"):
        save(Figure(), tmp_path / "figure", ("gif",))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_failed_save_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(self, target, **_):
        target.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(StoreError, match="No space left"):
        save(Figure(), tmp_path / "figure")
    assert list(tmp_path.iterdir()) == []


def test_shortening_changes_paths_only():
    svg = '<g id="a1.23456"><path d="M 1.005 -2.123456 L 100 3.1"/><use x="1.23456"/></g>'
    assert shortened(svg) == (
        '<g id="a1.23456"><path d="M 1 -2.12 L 100 3.1"/><use x="1.23456"/></g>'
    )


@pytest.mark.parametrize("n", [2, 5, 9])
def test_palettes_are_distinct_and_ordered(n):
    def light(colour):
        r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    ramp = [light(colour) for colour in sequential(n)]
    assert ramp == sorted(ramp, reverse=True)
    assert len(set(diverging(n))) == n
    assert len({colour.upper() for colour in qualitative(20)}) == 20


@pytest.mark.parametrize(
    ("unit", "printed"),
    [
        ("Mt CO2", "Mt CO₂"),
        ("kt CH4", "kt CH₄"),
        ("t N2O/M USD", "t N₂O/M USD"),
        ("kg CO2eq/USD", "kg CO₂eq/USD"),
        ("10^4 CNY", "10⁴ CNY"),
        ("M USD 2007", "M USD 2007"),
    ],
)
def test_units_are_printed_properly(unit, printed):
    assert shown(unit) == printed


def test_a_dollar_sign_is_a_dollar_sign(tmp_path):
    with style():
        figure = Figure(figsize=(2, 1))
        figure.text(0, 0, "kg/US$ and $/t")
    assert save(figure, tmp_path / "dollar", ("svg",))
