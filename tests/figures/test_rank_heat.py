"""Cells say how probable each rank is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import DataError, LabelError
from carbonflows.figures.page import note_of
from carbonflows.figures.rank_heat import rank_heat
from carbonflows.figures.style import save
from carbonflows.table import two_regions
from carbonflows.uncertainty.draws import draws
from carbonflows.uncertainty.model import Error
from carbonflows.uncertainty.summaries import rank_probability
from typeset import flaws, texts


def ranked(n, spread=0.3, number=200, seed=0):
    """Frequencies of ranks of n normal numbers, counted by sorting each draw."""
    rng = np.random.default_rng(seed)
    values = -np.arange(n) + rng.normal(0, spread * n, (number, n))
    places = np.argsort(np.argsort(-values, axis=1), axis=1)
    counts = [[(places[:, i] == k).mean() for k in range(n)] for i in range(n)]
    return pd.DataFrame(counts, [f"R{i}" for i in range(n)], range(1, n + 1))


def cells(figure):
    return [p for p in figure.axes[-1].patches if p.get_gid() == "cell"]


FRAME = pd.DataFrame(
    [[0.1, 0.3, 0.6], [0.04, 0.66, 0.3], [0.86, 0.04, 0.1]], list("ABC"), [1, 2, 3]
)


def test_rows_are_sorted_by_expected_rank_and_small_numbers_left_out():
    figure = rank_heat(FRAME)
    assert texts(figure, "name") == ["C", "B", "A"]
    assert texts(figure, "rank") == ["1", "2", "3"]
    assert texts(figure, "cell") == ["86", "10", "66", "30", "10", "30", "60"]
    assert note_of(figure) == "White: in no draw; without a number: below 5 %."
    assert flaws(figure) == []


def test_darker_is_more_probable_and_white_is_never():
    frame = pd.DataFrame([[1.0, 0, 0], [0, 0.97, 0.03], [0, 0.03, 0.97]], list("ABC"), [1, 2, 3])
    colours = [p.get_facecolor()[:3] for p in cells(rank_heat(frame))]
    assert colours[1] == colours[2] == colours[3] == (1, 1, 1)
    assert sum(colours[0]) < sum(colours[5]) < 3
    assert texts(rank_heat(frame), "cell") == ["100", "97", "97"]


def test_100_is_only_printed_where_it_is_certain():
    frame = pd.DataFrame([[0.999, 0.001], [0.001, 0.999]], ["A", "B"], [1, 2])
    assert texts(rank_heat(frame), "cell") == [">99", ">99"]
    frame = pd.DataFrame([[0.994, 0.006], [0.006, 0.994]], ["A", "B"], [1, 2])
    assert texts(rank_heat(frame), "cell") == ["99", "99"]


@pytest.mark.parametrize(("n", "top"), [(1, 20), (8, 3), (20, 20), (30, 20), (41, 41)])
def test_what_is_not_drawn_is_summed_and_said(n, top):
    frame = ranked(n)
    figure = rank_heat(frame, top=top)
    rows = texts(figure, "name")
    heads = texts(figure, "rank")
    assert len(rows) == min(n, top)
    assert len(cells(figure)) == len(rows) * len(heads)
    assert ("lowest expected rank" in note_of(figure)) == (top < n)
    last = heads[-1]
    if last.startswith(">"):
        beyond = frame.loc[rows, int(last[2:]) + 1 :]
        assert (beyond < 0.05).all().all()
        assert beyond.to_numpy().any()
    else:
        assert not frame.loc[rows, int(last) + 1 :].to_numpy().any()
    assert [flaw for flaw in flaws(figure) if flaw[0] != "100"] == []


def test_ranks_beyond_the_last_are_one_sum():
    frame = pd.DataFrame(
        [[0.88, 0.03, 0.03, 0.03, 0.03], [0.12, 0.80, 0.04, 0.04, 0.0]], ["A", "B"], range(1, 6)
    )
    figure = rank_heat(frame)
    assert texts(figure, "rank") == ["1", "2", "> 2"]
    assert texts(figure, "cell") == ["88", "9", "12", "80", "8"]


@settings(deadline=None, max_examples=10)
@given(st.integers(2, 12), st.floats(0.01, 1), st.integers(0, 1000))
def test_printed_numbers_are_the_probabilities(n, spread, seed):
    frame = ranked(n, spread, seed=seed)
    figure = rank_heat(frame, top=n)
    printed = iter(texts(figure, "cell"))
    for _, row in frame.loc[texts(figure, "name")].iterrows():
        for share in row[row >= 0.05]:
            text = next(printed)
            if text == ">99":
                assert 0.99 < share < 1
            else:
                assert abs(int(text) - 100 * share) <= (0.5 if share < 1 else 0.0) + 1e-9


def test_ranks_of_draws_fit():
    drawn = draws(two_regions(), [Error("emissions", 0.5)], number=40)
    figure = rank_heat(rank_probability(drawn, "consumption"))
    assert sorted(texts(figure, "name")) == ["A", "B"]


def test_long_names_are_broken_and_the_figure_is_saved(tmp_path):
    labels = {f"R{i}": f"A group of regions with quite a long name, {i}" for i in range(9)}
    figure = rank_heat(ranked(9), labels=labels, heading="Rank by footprint", title="T", source="S")
    assert flaws(figure) == []
    assert len(save(figure, tmp_path / "x", formats=("png", "svg"))) == 2


@pytest.mark.parametrize(
    ("frame", "options", "kind", "message"),
    [
        (FRAME.iloc[:0], {}, DataError, "rank probabilities: empty"),
        (FRAME.replace(0.6, np.nan), {}, DataError, "A: NaN or infinite"),
        (FRAME.replace(0.6, 0.5), {}, DataError, "A: probabilities sum to 0.9, not 1"),
        (FRAME * 100, {}, DataError, "A, B, C: a probability outside 0 to 1"),
        (FRAME.rename(columns={3: 4}), {}, LabelError, "columns 1, 2, 4: not the ranks"),
        (FRAME.set_axis(list("AAB")), {}, LabelError, "A occurs twice"),
        (FRAME, {"top": 0}, DataError, "top=0"),
    ],
)
def test_bad_input_is_refused_in_one_line(frame, options, kind, message):
    with pytest.raises(kind, match=message) as caught:
        rank_heat(frame, **options)
    assert "\n" not in str(caught.value)
