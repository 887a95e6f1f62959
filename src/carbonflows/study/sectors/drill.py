"""What a reader's browser needs to take a chain of stages apart: `drill.js` draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.accounts.trace import AXES, Axis, Trace
from carbonflows.errors import DataError
from carbonflows.table import block_sum

LONGEST_CELLS = 120_000
"""Most characters that the cells of one chain may take in the report."""
_FINEST, _COARSEST = 9, 4  # decimal places of the total that cells are written to


def drill_down(
    trace: Trace,
    axes: Sequence[Axis] = AXES,
    *,
    heads: Sequence[str],
    unit: str = "",
    labels: Mapping[str, str] | None = None,
    height: float = 105.0,
    noun: str = "region",
    palette: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a chain of stages with every combination of regions, ready for JSON.

    Small regions are merged as in the figure `chain`. Cells are cut down to whole multiples of a
    quantum, so that what any choice of regions shows is never more than its carbon, and less by
    the stated remainder at most.

    Parameters
    ----------
    trace : Trace
    axes : sequence of {"emitted", "made", "assembled", "consumed"}
        Columns of the diagram.
    heads : sequence of str
        What the columns are headed with.
    unit : str
        Unit to print; that of the trace by default.
    labels : mapping of str to str, optional
        Names to print for regions.
    height : float
        Of the columns [mm].
    noun : str
        What a region is called.
    palette : mapping of str to str, optional
        Colours of regions.

    Returns
    -------
    dict
        ``cells``: multiples of ``quantum`` in base 36 along `axes` in C order, separated by commas,
        nothing for zero. ``total`` = cells + ``remainder`` (small flows) + ``negative`` [emission
        unit]. The rest are names, colours and places [mm] of what is drawn.

    Raises
    ------
    DataError
        Nothing positive to draw.

    Examples
    --------
    >>> import carbonflows as cf
    >>> from carbonflows.accounts.sector import tracer
    >>> trace = tracer(cf.Leontief(cf.example(2004)), "Basic metals")
    >>> found = drill_down(trace, heads=["Emitted", "Made", "Finished", "Consumed"])
    >>> cells = [int(cell, 36) if cell else 0 for cell in found["cells"].split(",")]
    >>> len(found["names"]) ** 4 == len(cells)
    True
    >>> bool(abs(found["quantum"] * sum(cells) + found["remainder"] - trace.total) < 1e-9)
    True
    """
    from carbonflows.figures import chain
    from carbonflows.figures.page import MARGIN, POINT, WIDTH, text_width
    from carbonflows.figures.style import BODY, SMALL
    from carbonflows.figures.wording import shown

    columns = [trace.along(axis).clip(lower=0) for axis in axes]
    if columns[0].sum() <= 0:
        raise DataError("nothing to draw: no positive flow; leave this diagram out")
    colours, merged = chain.kept_regions(columns, noun=noun, palette=palette)
    order = list(colours)
    values = _merged(trace, order).along(*axes).to_numpy()
    negative = float(np.minimum(values, 0.0).sum())
    cells, quantum, listed = _written(np.maximum(values, 0.0))
    names = chain.fitted(order, labels)
    widest = max(text_width(chain.share_label(name, 0.888), BODY) for name in names.values())
    lefts, written = chain.places(heads, (widest, widest))
    between = lefts[1] - lefts[0] - chain.BAR - 2.0
    return {
        "name": trace.name,
        "unit": shown(unit or trace.unit),
        "noun": noun,
        "heads": list(heads),
        "names": [(labels or {}).get(region, region) for region in order],
        "outer": list(names.values()),
        "inner": [chain.short_name(region, name, between) for region, name in names.items()],
        "colours": list(colours.values()),
        "merged": merged,
        "total": trace.total,
        "quantum": quantum,
        "remainder": float(trace.total - negative - listed),
        "negative": negative,
        "cells": cells,
        "place": {
            "width": WIDTH,
            "top": chain.head_height(written),
            "height": height,
            "lefts": [round(left, 2) for left in lefts],
            "bar": chain.BAR,
            "gap": min(chain.GAP, 0.25 * height / len(order)),
            "line": chain.LINE,
            "margin": MARGIN,
            "body": BODY * POINT,
            "small": SMALL * POINT,
            "least_labelled": chain.LEAST_LABELLED,
            "heads": [{"lines": lines, "size": size * POINT} for lines, size in written],
        },
    }


def _merged(trace: Trace, order: Sequence[str]) -> Trace:
    """Sum the regions that are not kept into the last one."""
    place = {label: i for i, label in enumerate(order)}
    group = np.array([place.get(str(region), len(order) - 1) for region in trace.regions])
    size = len(order)
    return replace(
        trace,
        regions=pd.Index(order),
        made=group[trace.made],
        per_delivery=block_sum(trace.per_delivery, group, size, axis=0),
        deliveries=block_sum(block_sum(trace.deliveries, group, size, axis=1), group, size, axis=2),
        first_uses=None,
        uses=None,
        between_makers=None,
    )


def _written(values: np.ndarray) -> tuple[str, float, float]:
    """Write cells as multiples of the finest quantum that has room; with it, and what they sum to.

    Parameters
    ----------
    values : ndarray
        Not negative.
    """
    for places in range(_FINEST, _COARSEST - 1, -1):
        quantum = float(values.sum()) / 10**places
        counts = np.floor(values / quantum).astype(np.int64)
        text = ",".join(np.base_repr(count, 36) if count else "" for count in counts)
        if len(text) <= LONGEST_CELLS:
            break
    return text, quantum, quantum * int(counts.sum())
