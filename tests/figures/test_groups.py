"""Grouped bars draw the shares they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import DataError
from carbonflows.figures.groups import grouped_shares


def test_bars_are_as_long_as_their_shares() -> None:
    values = pd.DataFrame(
        [[20.0, 5.0, 0.0], [80.0, 40.0, 12.5]], ["Steel", "Cotton"], ["inputs", "itself", "goods"]
    )
    figure = grouped_shares(values, title="T")
    bars = figure.axes[1].patches
    long = np.array([bar.get_width() for bar in bars]).reshape(values.shape)  # type: ignore[attr-defined]
    np.testing.assert_allclose(long / long.max(), values.to_numpy() / 80.0)
    tops = [bar.get_y() for bar in bars]  # type: ignore[attr-defined]
    assert len(set(tops)) == values.size
    plt.close(figure)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([[-1.0, 2.0]], "Steel: a share is negative"),
        ([[0.0, 0.0]], "nothing to draw"),
        ([[np.nan, 1.0]], "shares"),
    ],
)
def test_what_cannot_be_drawn_is_refused(values: list[list[float]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        grouped_shares(pd.DataFrame(values, ["Steel"], ["a", "b"]))
