"""What drove emissions up and down over the years: stacked factors and the net change."""

from collections.abc import Hashable, Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.balance import power_of
from carbonflows.figures.keys import Entry, draw_key, key_height
from carbonflows.figures.multiples import across, multiples, panel, scale, unit_line
from carbonflows.figures.page import MARGIN, WIDTH, page
from carbonflows.figures.style import INK, OTHER, qualitative, style
from carbonflows.figures.wording import names, shown
from carbonflows.figures.years import by_year, labels_of, year_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FACTOR_NAMES = {
    "intensity": "Emission intensity",
    "technology": "Input technology",
    "sourcing": "Sourcing of inputs",
    "inputs": "Input structure",
    "mix": "Mix of final demand",
    "level": "Level of final demand",
    "demand": "Final demand",
    "population": "Population",
    "direct": "Direct emissions",
    "imbalance": "Imbalance of the table",
    "change": "Net change",
}
"""What the factors of a decomposition are called in print."""

FACTOR_COLOURS = {
    "intensity": "#009E73", "technology": "#0072B2", "inputs": "#0072B2", "sourcing": "#56B4E9",
    "mix": "#CC79A7", "level": "#E69F00", "demand": "#E69F00", "population": "#D55E00",
    "direct": OTHER, "imbalance": "#5b5b5b",
}  # fmt: skip
"""The colours of factors, the same in all figures."""

_ENOUGH = 1e-6  # of the largest number: parts that miss the net by more do not add up


def contributions(
    frame: pd.DataFrame,
    *,
    unit: str,
    first: int,
    factors: Sequence[Hashable] | None = None,
    net: Hashable = "change",
    cumulated: bool = True,
    own_scale: bool = True,
    colours: Mapping[Any, str] | None = None,
    labels: Mapping[Any, str] | None = None,
    column_names: Mapping[Any, str] | None = None,
    heading: str = "Change of emissions",
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return bars of what each factor added since the first year, and the net change as a line.

    Factors that raised emissions are stacked upwards from zero, those that lowered them downwards,
    at the year that a step ends in. Where there are several labels, each has a panel.

    Parameters
    ----------
    frame : DataFrame
        Index ``year`` (the year a step ends in), or ``year`` and label; columns factors and the net
        change of the step, as `chained` returns it. Extremes over orders are not drawn.
    unit : str
        Unit of all numbers. Very large or small ones are printed in powers of ten of it.
    first : int
        Year that the first step starts in.
    factors : sequence, optional
        Columns to stack, from zero outwards: all but the net and the extremes unless told.
    net : hashable
        Column of the net change, which the factors add up to.
    cumulated : bool
        Sum the steps since the first year (default), or show each step by itself.
    own_scale : bool
        Whether each panel has its own scale; a note says so.
    colours : mapping, optional
        Colour of each factor.
    labels, column_names : mapping, optional
        Names to print for labels, and for factors and the net.
    heading : str
        What is measured, printed in front of the unit.
    title, subtitle, source, note : str
        Lines above and below; a caveat in the frame's attrs is printed too.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        A factor or net that is no column, no level ``year``, or a label without one of the steps.
    DataError
        Nothing to draw, a NaN or infinite number, factors that do not add up to the net, or a
        first year that is not before the others.

    Examples
    --------
    >>> years = pd.Index([2005, 2010], name="year")
    >>> steps = pd.DataFrame({"intensity": [-3.0, -1], "level": [4.0, 3]}, years)
    >>> figure = contributions(steps.assign(change=[1.0, 2]), unit="Mt CO2", first=2000)
    >>> figure.axes[-1].lines[-1].get_ydata().tolist()
    [0.0, 1.0, 3.0]
    """
    parts = factors_of(frame.columns, factors, net)
    numbers = by_year(frame[[*parts, net]], "contributions", "quantities")
    years = _steps(numbers, first)
    require_sum(numbers[parts].sum(axis=1), numbers[net], numbers[parts].abs().to_numpy().max())
    if cumulated:
        numbers = numbers.groupby(level=1, sort=False).cumsum()
    power = power_of([*numbers.to_numpy().ravel(), *numbers[parts].abs().sum(axis=1)])
    numbers = numbers / 10.0**power
    known = labels_of(numbers)
    looks = factor_colours(parts, colours)
    called = dict(zip([*parts, net], factor_names([*parts, net], column_names), strict=True))
    entries = [Entry(called[part], _block(looks[part])) for part in parts]
    entries.append(Entry(called[net], _net_sample))
    heads = names(known, labels)
    each: dict[Any, pd.DataFrame] = {
        label: part.droplevel(1) for label, part in numbers.groupby(level=1, sort=False)
    }
    per_line = across(len(known))
    rules = _scales(each, known, parts, net, own_scale, 6 if per_line < 3 else 5)
    left = max(rule.width for rule in rules)
    since = (
        f"Cumulated since {first}." if cumulated
        else f"Each bar: the change since the year before it on the axis, the first since {first}."
    )  # fmt: skip
    scales = "Each panel has its own scale." if own_scale and len(known) > 1 else ""
    notes = (" ".join(filter(None, (since, scales, caveat_of(frame), note))), source)
    with style():
        top = key_height(entries, WIDTH - 2 * MARGIN)
        boxes, end = multiples(heads, top + 5.0, left, 0.0, per_line)
        paper = page(end, title=title, subtitle=subtitle, notes=notes)
        draw_key(paper, entries)
        measured = shown(f"10^{power} {unit}" if power else unit)
        unit_line(paper, f"{heading} ({measured})" if heading else measured, top)
        for i, (label, box, rule) in enumerate(zip(known, boxes, rules, strict=True)):
            axes = panel(paper, box, left, rule, ascii_lowercase[i % 26] if len(known) > 1 else "")
            wide = 0.72 * min(np.diff([first, *years]))
            year_axis(axes, [first, *years], 0.5 * wide + 0.02 * (years[-1] - first), box.width)
            axes.axhline(0, color=INK, lw=0.6, zorder=3)
            _bars(axes, each[label][parts], looks, wide)
            _net_line(axes, each[label][net], first if cumulated else None, per_line)
        return paper.figure


def factors_of(columns: pd.Index, factors: Sequence[Hashable] | None, net: Hashable) -> list[Any]:
    """Return the factors to draw: those asked for, or all but the net and the extremes.

    Examples
    --------
    >>> factors_of(pd.Index(["level", "change", "level_least", "level_most"]), None, "change")
    ['level']
    """
    if net not in columns:
        raise LabelError(f"{net!r}: no net change here; name its column in net", labels=[net])
    if factors is not None:
        if odd := [name for name in factors if name not in columns or name == net]:
            raise LabelError(f"{some(odd)}: no factor here; choose from {some(columns, 9)}",
                             labels=odd)  # fmt: skip
        found = list(factors)
    else:
        ends = ("_least", "_most")
        found = [
            name for name in columns
            if name != net and not any(
                str(name).endswith(end) and str(name).removesuffix(end) in columns for end in ends
            )
        ]  # fmt: skip
    if not found:
        raise DataError(f"nothing to draw: no factor beside {net!r}; name one in factors")
    return found


def require_sum(total: pd.Series, net: pd.Series, largest: float) -> None:
    """Refuse factors that do not add up to the net.

    Examples
    --------
    >>> require_sum(pd.Series({"A": 2.0}), pd.Series({"A": 3.0}), 2.0)
    Traceback (most recent call last):
    ...
    carbonflows.errors.DataError: A: factors sum to 2, the net is 3; name all factors, or add ...
    """
    missed = (total - net).abs()
    if (missed > _ENOUGH * max(largest, float(net.abs().max()))).any():
        row = int(missed.argmax())
        raise DataError(
            f"{some([total.index[row]])}: factors sum to {total.iloc[row]:g}, the net is "
            f"{net.iloc[row]:g}; name all factors, or add the others up in a column of their own"
        )


def factor_colours(
    parts: Sequence[Hashable], given: Mapping[Any, str] | None
) -> dict[Hashable, str]:
    """Return a colour for each factor, the usual one where it has one.

    Examples
    --------
    >>> factor_colours(["level", "energy"], None)
    {'level': '#E69F00', 'energy': '#F0E442'}
    """
    fixed: dict[Any, str] = {**FACTOR_COLOURS, **(given or {})}
    taken = {fixed[part] for part in parts if part in fixed} | set(FACTOR_COLOURS.values())
    free = [colour for colour in qualitative(20) if colour not in taken]
    others = [part for part in parts if part not in fixed]
    return {
        part: fixed[part] if part in fixed else free[others.index(part) % len(free)]
        for part in parts
    }


def factor_names(parts: Sequence[Hashable], given: Mapping[Any, str] | None) -> list[str]:
    """Return what factors are called in print.

    Examples
    --------
    >>> factor_names(["level", "energy"], {"energy": "Energy mix"})
    ['Level of final demand', 'Energy mix']
    """
    texts = names(parts, {**FACTOR_NAMES, **(given or {})})
    return [text[:1].upper() + text[1:] for text in texts]


def caveat_of(result: pd.DataFrame | pd.Series) -> str:
    """Return the caveat that a result carries, as a sentence.

    Examples
    --------
    >>> frame = pd.DataFrame({"level": [1.0]})
    >>> frame.attrs["caveat"] = "current prices: price changes are inside the factors"
    >>> caveat_of(frame)
    'Current prices: price changes are inside the factors.'
    """
    text = str(result.attrs.get("caveat") or "").strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _steps(numbers: pd.DataFrame, first: int) -> list[int]:
    """Return the years steps end in, the same for all labels and after the first."""
    years = sorted(set(numbers.index.get_level_values(0)))
    if first >= years[0]:
        raise DataError(f"first={first}: not before {years[0]}, the end of the first step; give "
                        "the year that step starts in")  # fmt: skip
    counts = numbers.groupby(level=1, sort=False).size()
    if short := list(counts.index[counts < len(years)]):
        raise LabelError(f"{some(short)}: not in all steps; choose labels that are", labels=short)
    return [int(year) for year in years]


def _scales(
    each: Mapping[Any, pd.DataFrame], known: Sequence[Hashable], parts: Sequence[Hashable],
    net: Hashable, own: bool, most: int,
) -> list[Any]:  # fmt: skip
    """Return the scale of each panel."""
    ends = []
    for label in known:
        bars, line = each[label][list(parts)], each[label][net]
        low = min(bars.clip(upper=0).sum(axis=1).min(), line.min(), 0.0)
        high = max(bars.clip(lower=0).sum(axis=1).max(), line.max(), 0.0)
        ends.append((float(low), float(high)))
    if not own:
        ends = [(min(low for low, _ in ends), max(high for _, high in ends))] * len(ends)
    return [scale(low, high, most) for low, high in ends]


def _bars(axes: "Axes", values: pd.DataFrame, looks: Mapping[Hashable, str], wide: float) -> None:
    """Stack the factors of each year outwards from zero."""
    ends = np.zeros((2, len(values)))  # of what is drawn so far, below and above
    rows = np.arange(len(values))
    for part in values.columns:
        height = values[part].to_numpy()
        side = (height >= 0).astype(int)
        axes.bar(values.index, height, bottom=ends[side, rows], width=wide, color=looks[part],
                 linewidth=0, zorder=2, gid=str(part))  # fmt: skip
        ends[side, rows] += height


def _net_line(axes: "Axes", net: pd.Series, first: int | None, per_line: int) -> None:
    """Draw the net change, from zero in the first year where it is cumulated."""
    years = list(net.index) if first is None else [first, *net.index]
    values = net.tolist() if first is None else [0.0, *net]
    size = 4.2 if per_line < 3 else 3.2
    axes.plot(years, values, color="white", lw=2.0, zorder=4, clip_on=False, gid="rim")
    axes.plot(years, values, color=INK, lw=0.9, marker="D", ms=size, mec="white", mew=0.5,
              zorder=5, clip_on=False, gid="net")  # fmt: skip


def _block(colour: str) -> Any:
    return lambda axes, x, y: axes.barh(y, 4.0, left=x + 1.0, height=2.6, color=colour)


def _net_sample(axes: "Axes", x: float, y: float) -> None:
    axes.plot([x, x + 5.0], [y, y], color=INK, lw=0.9)
    axes.plot([x + 2.5], [y], "D", color=INK, ms=3.6, mec="white", mew=0.5)
