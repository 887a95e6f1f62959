"""Parts left and right of zero: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from carbonflows.errors import CarbonflowsError, DataError, LabelError
from carbonflows.figures.balance import balance_bars
from carbonflows.figures.page import note_of
from carbonflows.figures.style import save

PARTS = ["volume", "mix", "intensity", "imbalance"]


@pytest.fixture
def drivers():
    rng = np.random.default_rng(5)
    return pd.DataFrame(rng.normal(0, 20, (41, 4)), [f"R{i}" for i in range(41)], PARTS)


@pytest.fixture
def trade():
    """Exports to the left and imports to the right, of the same two carriers."""
    columns = ["exports_finished", "exports_inputs", "imports_finished", "imports_inputs"]
    return pd.DataFrame([[-3.0, -4, 5, 9], [-6, -8, 1, 2]], ["A", "B"], columns)


def found(figure, gid):
    return [t.get_text() for axes in figure.axes for t in axes.texts if t.get_gid() == gid]


def bars(figure, column):
    """The ends of a part's bars, in the order of the rows."""
    patches = [p for p in figure.axes[1].patches if p.get_gid() == column]
    return [(p.get_x(), p.get_x() + p.get_width()) for p in patches]


def marks(figure):
    (drawn,) = (c for c in figure.axes[1].collections if c.get_gid() == "net")
    return drawn.get_offsets()[:, 0].tolist()


def overlaps(figure):
    """Pairs of texts that touch, and texts that leave the page."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [t for axes in figure.axes for t in axes.texts if t.get_text()]
    texts += [*figure.texts, figure.axes[1].xaxis.label, *figure.axes[1].get_xticklabels()]
    boxes = [(t.get_text(), t.get_window_extent(renderer).padded(-1.0)) for t in texts]
    page = figure.bbox
    out = [t for t, b in boxes if b.x0 < page.x0 or b.x1 > page.x1 or b.y0 < 0 or b.y1 > page.y1]
    touching = [
        (a, b) for i, (a, box) in enumerate(boxes) for b, other in boxes[:i] if box.overlaps(other)
    ]
    return out + touching


def test_parts_are_stacked_outwards_from_zero():
    values = pd.DataFrame({"a": [2.0, -3], "b": [-1.0, -4], "c": [5.0, 1]}, ["X", "Y"])
    figure = balance_bars(values, unit="Mt CO2")
    assert found(figure, "name") == ["X", "Y"]
    assert bars(figure, "a") == [(0, 2), (0, -3)]
    assert bars(figure, "b") == [(0, -1), (-3, -7)]
    assert bars(figure, "c") == [(2, 7), (0, 1)]
    assert marks(figure) == [6, -6]
    assert found(figure, "value") == ["+6.0", "−6.0"]
    assert found(figure, "head") == ["Net"]
    assert found(figure, "legend") == ["A", "B", "C", "Net"]
    assert figure.axes[1].get_xlabel() == "Mt CO₂"
    assert note_of(figure) == ""


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.lists(st.floats(-999, 999).map(lambda v: round(v, 3)), min_size=3, max_size=3),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_bars_are_as_long_as_the_values_and_end_at_their_sums(rows):
    values = pd.DataFrame(rows, [f"R{i}" for i in range(len(rows))], list("abc"))
    values.iloc[0, 0] = 500.0  # so that no power of ten is needed
    figure = balance_bars(values, unit="Mt")
    order = found(figure, "name")
    drawn = {column: np.array(bars(figure, column)) for column in values}
    for column, ends in drawn.items():
        assert np.diff(ends)[:, 0] == pytest.approx(values.loc[order, column], abs=1e-9)
    ends = np.hstack(list(drawn.values()))
    kept = values.loc[order]
    assert ends.max(axis=1) == pytest.approx(kept.clip(lower=0).sum(axis=1), abs=1e-9)
    assert ends.min(axis=1) == pytest.approx(kept.clip(upper=0).sum(axis=1), abs=1e-9)
    assert marks(figure) == pytest.approx(kept.sum(axis=1).tolist(), abs=1e-9)
    assert marks(figure) == sorted(marks(figure), reverse=True)
    low, high = figure.axes[1].get_xlim()
    assert low < ends.min()
    assert high > ends.max()


def test_a_given_net_is_marked_and_headed(drivers):
    net = pd.Series(np.arange(41.0), drivers.index[::-1], name="ratio")
    figure = balance_bars(
        drivers, unit="% of production", net=net, top=45, column_names={"ratio": "consumed abroad"}
    )
    assert marks(figure) == list(range(40, -1, -1))
    assert found(figure, "name") == list(net.index[::-1])
    assert found(figure, "value")[0] == "+40"
    assert found(figure, "legend")[-1] == "Consumed abroad"


def test_nets_far_off_the_bars_stay_within_the_axis():
    figure = balance_bars(
        pd.DataFrame({"a": [1.0], "b": [-1.0]}, ["X"]), unit="Mt", net=pd.Series({"X": 90.0})
    )
    low, high = figure.axes[1].get_xlim()
    assert low < -1
    assert high > 90


def test_the_longest_bars_are_drawn_and_it_is_said(drivers):
    figure = balance_bars(drivers, unit="%", top=7, note="More.", source="Source: none.")
    lengths = drivers.abs().sum(axis=1)
    assert set(found(figure, "name")) == set(lengths.nlargest(7).index)
    nets = drivers.sum(axis=1)[found(figure, "name")]
    assert nets.is_monotonic_decreasing
    said = "The 7 regions with the longest bars of 41. More. Source: none."
    assert note_of(figure) == said


def test_parts_of_one_name_look_the_same_and_share_the_key(trade):
    heads = {column: f"{column.split('_')[1]}, \N{MULTIPLICATION SIGN}" for column in trade.columns}
    figure = balance_bars(
        trade, unit="Mt CO2", column_names=heads, sides=("Exports", "Imports"),
        hatched=["exports_inputs", "imports_inputs"],
    )  # fmt: skip
    assert found(figure, "legend") == ["Finished, ×", "Inputs, ×", "Net"]
    assert found(figure, "side") == ["Exports", "Imports"]
    faces = {p.get_gid(): (p.get_facecolor(), p.get_hatch()) for p in figure.axes[1].patches}
    assert faces["exports_finished"] == faces["imports_finished"]
    assert faces["exports_inputs"] == faces["imports_inputs"]
    solid, shade = faces["exports_finished"], faces["exports_inputs"]
    assert solid[1] is None
    assert shade[1]
    assert all(light > dark for dark, light in zip(solid[0][1:3], shade[0][1:3], strict=True))
    key = [(p.get_facecolor(), p.get_hatch()) for p in figure.axes[0].patches]
    assert key == [solid, shade]


def test_given_colours_are_drawn(trade):
    figure = balance_bars(trade, unit="Mt", colours={"exports_inputs": "#ff0000"})
    drawn = {p.get_gid(): p.get_facecolor()[:3] for p in figure.axes[1].patches}
    assert drawn["exports_inputs"] == (1, 0, 0)
    assert len(set(drawn.values())) == 4


@pytest.mark.parametrize(
    ("factor", "unit"), [(1e9, "10⁹ Mt CO₂"), (1e-9, "10⁻⁹ Mt CO₂"), (1e-280, "10⁻²⁷⁹ Mt CO₂")]
)
def test_huge_and_tiny_numbers_are_printed_in_powers_of_ten(trade, factor, unit):
    figure = balance_bars(factor * trade, unit="Mt CO2")
    assert figure.axes[1].get_xlabel() == unit
    assert all(len(text) <= 5 for text in found(figure, "value"))
    (start, first), (_, second) = bars(figure, "imports_inputs")
    assert (first - start) / second == pytest.approx(9 / 3)
    assert overlaps(figure) == []


def test_one_row_and_nothing_but_zeros(trade):
    assert found(balance_bars(trade.iloc[:1], unit="Mt"), "value") == ["+7.0"]
    figure = balance_bars(0 * trade, unit="Mt", sides=("Exports", "Imports"))
    assert found(figure, "value") == ["0", "0"]
    assert [t.get_text() for t in figure.axes[1].get_xticklabels()] == ["0"]
    assert overlaps(figure) == []


def test_a_net_of_rounding_noise_is_zero():
    values = pd.DataFrame({"a": [0.1 + 0.2], "b": [-0.3]}, ["X"])
    assert found(balance_bars(values, unit="Mt"), "value") == ["0"]


@pytest.mark.parametrize("rows", [1, 3, 45])
@pytest.mark.parametrize("sign", [1, -1])
def test_long_names_touch_nothing(rows, sign):
    rng = np.random.default_rng(2)
    values = pd.DataFrame(sign * rng.uniform(0, 4e5, (rows, 4)), columns=PARTS)
    long = "United Kingdom of Great Britain and Northern Ireland, with all of its territories"
    figure = balance_bars(
        values, unit="kt CO2", top=45, sides=("Emissions in exports", "Emissions in imports"),
        labels={i: f"{long} {i}" if i % 3 == 0 else f"R{i}" for i in values.index},
        column_names={part: f"{part} of a part with quite a long name" for part in PARTS},
        net=values.sum(axis=1).rename("consumption over production less one"),
        title="A title", subtitle="A subtitle", source="Source.", note="A note.",
    )  # fmt: skip
    assert overlaps(figure) == []
    left = figure.axes[1].get_position().x0 * figure.bbox.width
    renderer = FigureCanvasAgg(figure).get_renderer()
    names = [t for t in figure.axes[1].texts if t.get_gid() == "name"]
    assert all(t.get_window_extent(renderer).x1 < left for t in names)


def test_what_cannot_be_drawn(trade):
    with pytest.raises(DataError, match="A: NaN"):
        balance_bars(trade.replace(-3.0, np.nan), unit="Mt")
    with pytest.raises(DataError, match="empty"):
        balance_bars(trade.iloc[:0], unit="Mt")
    with pytest.raises(DataError, match="top=0"):
        balance_bars(trade, unit="Mt", top=0)
    with pytest.raises(LabelError, match="A occurs twice"):
        balance_bars(trade.iloc[[0, 0]], unit="Mt")
    with pytest.raises(LabelError, match="income: hatched, but no column"):
        balance_bars(trade, unit="Mt", hatched=["income"])
    with pytest.raises(LabelError, match="B: no net"):
        balance_bars(trade, unit="Mt", net=pd.Series({"A": 1.0, "C": 2.0}))
    with pytest.raises(DataError, match="A: NaN or infinite in nets"):
        balance_bars(trade, unit="Mt", net=pd.Series({"A": np.inf, "B": 2.0}))


def test_errors_are_one_line(trade):
    for wrong in ({"top": -1}, {"hatched": ["x"]}, {"net": pd.Series({"A": 1.0})}):
        with pytest.raises(CarbonflowsError) as caught:
            balance_bars(trade, unit="Mt", **wrong)
        assert "\n" not in str(caught.value)


def test_same_figure_same_bytes(trade, tmp_path):
    for name in ("one", "two"):
        figure = balance_bars(trade, unit="Mt", hatched=["imports_inputs"])
        save(figure, tmp_path / name, ("png", "svg", "pdf"))
    for kind in ("png", "svg", "pdf"):
        one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
        assert one == two
