"""Lines over years: a few regions or groups, named at their ends."""

from collections.abc import Hashable, Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.figures.balance import power_of
from carbonflows.figures.ends import End, end_names, names_height, names_width
from carbonflows.figures.keys import Entry, draw_key, key_height
from carbonflows.figures.multiples import (
    Scale,
    across,
    heightened,
    multiples,
    panel,
    scale,
    unit_line,
)
from carbonflows.figures.page import MARGIN, WIDTH, page
from carbonflows.figures.style import (
    CONSUMPTION,
    EXPORTER,
    IMPORTER,
    PRODUCTION,
    pale,
    qualitative,
    style,
)
from carbonflows.figures.wording import names, shown
from carbonflows.figures.years import by_year, labels_of, year_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Panels: TypeAlias = Literal["quantity", "label"]

MOST = 7  # lines that can be told apart in one panel
_MARKS = ("o", "s", "D", "^", "v", "P", "X")
_OTHERS = "#b9b9b9"
_TOO_PALE = ("#F0E442",)  # for a line on white
_SHARE = 0.36  # of a panel, the most that names take
_KNOWN = {"production": PRODUCTION, "consumption": CONSUMPTION}


class _Line(NamedTuple):
    """One line: its name, its numbers by year (NaN where there is none) and its look."""

    name: str
    values: pd.Series
    colour: str
    mark: str
    named: bool


class _Panel(NamedTuple):
    """What one panel shows."""

    head: str
    lines: list[_Line]


def series(
    frame: pd.DataFrame,
    *,
    unit: str,
    emphasised: Sequence[Hashable] = (),
    panels: Panels | None = None,
    own_scale: bool | None = None,
    from_zero: bool = True,
    colours: Mapping[Any, str] | None = None,
    labels: Mapping[Any, str] | None = None,
    column_names: Mapping[Any, str] | None = None,
    heading: str = "",
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return lines over years on a true time axis, with a mark at each year there is.

    Parameters
    ----------
    frame : DataFrame
        Index ``year`` and label (region, group), columns quantities, as `over` returns it; or index
        ``year`` and columns labels. Where a label has no row in a year its line has a gap.
    unit : str
        Unit of all numbers. Very large or small ones are printed in powers of ten of it.
    emphasised : sequence, optional
        Labels to draw in colour and by name; all others are thin grey lines without a name.
    panels : {"quantity", "label"}, optional
        A panel per quantity with a line per label, named at its end; or a panel per label with a
        line per quantity. By default ``label`` for more than seven labels of which none is
        emphasised, else ``quantity``.
    own_scale : bool, optional
        Whether each panel has its own scale; by default panels of labels do. A note says so.
    from_zero : bool
        Whether scales include zero.
    colours : mapping, optional
        Colour of each label, or in panels of labels of each quantity.
    labels, column_names : mapping, optional
        Names to print for labels and for quantities.
    heading : str
        What is measured, printed in front of the unit.
    title, subtitle, source, note : str
        Lines above and below.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        No level ``year``, a row that occurs twice, or an emphasised label that is not there.
    DataError
        Nothing to draw, a NaN or infinite number, or years that are no whole numbers.

    Examples
    --------
    >>> wide = pd.DataFrame({"A": [1.0, 2], "B": [3.0, 4]}, pd.Index([2000, 2005], name="year"))
    >>> figure = series(wide, unit="Mt CO2")
    >>> [text.get_text() for text in figure.axes[-1].texts if text.get_gid() == "name"]
    ['A', 'B']
    """
    numbers = by_year(frame, "series")
    known = labels_of(numbers)
    if odd := [label for label in emphasised if label not in known]:
        raise LabelError(
            f"{some(odd)}: emphasised, but not in the frame; use labels of it", labels=odd
        )
    if panels not in (None, "quantity", "label"):
        raise DataError(f"panels={panels!r} is not known: use 'quantity' or 'label'")
    by = panels or ("label" if len(known) > MOST and not emphasised else "quantity")
    power = power_of(numbers.to_numpy().ravel().tolist())
    made = _panels(numbers / 10.0**power, by, list(emphasised), colours or {}, labels, column_names)
    entries = []
    if by == "label" and len(numbers.columns) > 1:
        entries = [_entry(line) for line in made[0].lines]
    hidden = 0 if by == "label" or not emphasised else len(known) - len(set(emphasised))
    said = f"Grey: the other {hidden}." if hidden else ""
    return _drawn(
        made, entries, unit=_unit(heading, unit, power), direct=by == "quantity",
        own_scale=by == "label" if own_scale is None else own_scale, from_zero=from_zero,
        shaded=False, titles=(title, subtitle), notes=(_joined(said, note), source),
    )  # fmt: skip


def gap_series(
    frame: pd.DataFrame,
    *,
    unit: str,
    pair: tuple[str, str] = ("production", "consumption"),
    own_scale: bool = True,
    labels: Mapping[Any, str] | None = None,
    column_names: Mapping[Any, str] | None = None,
    heading: str = "",
    title: str = "",
    subtitle: str = "",
    source: str = "",
    note: str = "",
) -> "Figure":
    """Return production and consumption over years with what lies between them shaded.

    Where production is above consumption the label is a net exporter and the area is orange; where
    it is below, a net importer and purple.

    Parameters
    ----------
    frame : DataFrame
        Index ``year``, or ``year`` and label: then a panel per label.
    unit : str
        Unit of all numbers. Very large or small ones are printed in powers of ten of it.
    pair : (str, str)
        Columns of production and of consumption; others are not drawn.
    own_scale : bool
        Whether each panel has its own scale; a note says so.
    labels, column_names : mapping, optional
        Names to print for labels and for the two quantities.
    heading, title, subtitle, source, note : str
        See `series`.

    Returns
    -------
    Figure

    Raises
    ------
    LabelError
        A column that is not there, no level ``year``, or a row that occurs twice.
    DataError
        Nothing to draw, a NaN or infinite number, or years that are no whole numbers.

    Examples
    --------
    >>> years = pd.Index([2000, 2005], name="year")
    >>> both = pd.DataFrame({"production": [3.0, 5], "consumption": [4.0, 4]}, years)
    >>> figure = gap_series(both, unit="Mt CO2")
    >>> [area.get_gid() for area in figure.axes[-1].collections]
    ['net exporter', 'net importer']
    """
    if odd := [column for column in pair if column not in frame.columns]:
        raise LabelError(f"{some(odd)}: no column; name the two columns in pair", labels=odd)
    numbers = by_year(frame[list(pair)], "series", "quantities")
    power = power_of(numbers.to_numpy().ravel().tolist())
    colours = dict(zip(pair, (PRODUCTION, CONSUMPTION), strict=True))
    made = _panels(numbers / 10.0**power, "label", [], colours, labels, column_names)
    entries = [_entry(line) for line in made[0].lines]
    above, below = (line.name for line in made[0].lines)
    gap = numbers[pair[0]] - numbers[pair[1]]
    if (gap > 0).any():
        entries.append(Entry(f"Net exporter: {_small(above)} is larger", _shade(EXPORTER)))
    if (gap < 0).any():
        entries.append(Entry(f"Net importer: {_small(below)} is larger", _shade(IMPORTER)))
    return _drawn(
        made, entries, unit=_unit(heading, unit, power), direct=False, own_scale=own_scale,
        from_zero=True, shaded=True, titles=(title, subtitle), notes=(note, source),
    )  # fmt: skip


def _unit(heading: str, unit: str, power: int) -> str:
    """Write what is measured and in which unit."""
    text = shown(f"10^{power} {unit}" if power else unit)
    return f"{heading} ({text})" if heading else text


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _entry(line: _Line) -> Entry:
    """Return the key's entry of a line."""

    def draw(axes: "Axes", x: float, y: float) -> None:
        axes.plot([x, x + 5.0], [y, y], color=line.colour, lw=1.2)
        axes.plot([x + 2.5], [y], line.mark, color=line.colour, ms=3.2, mew=0)

    return Entry(line.name, draw)


def _shade(colour: str) -> Any:
    (face,) = pale([colour], 0.35)
    return lambda axes, x, y: axes.barh(y, 5.0, left=x, height=2.6, color=face)


def _panels(
    numbers: pd.DataFrame, by: str, emphasised: list[Hashable], colours: Mapping[Any, str],
    labels: Mapping[Any, str] | None, column_names: Mapping[Any, str] | None,
) -> list[_Panel]:  # fmt: skip
    """Return what each panel shows."""
    known, columns = labels_of(numbers), list(numbers.columns)
    said = dict(zip(known, names(known, labels), strict=True))
    heads = [_capital(head) for head in names(columns, column_names)]
    years = sorted(set(numbers.index.get_level_values(0)))
    by_label: dict[Any, pd.DataFrame] = {
        label: part.droplevel(1).reindex(years)
        for label, part in numbers.groupby(level=1, sort=False)
    }
    coloured = [label for label in known if not emphasised or label in emphasised]
    drawn: list[Any] = columns if by == "label" else coloured
    given = {**_KNOWN, **colours} if by == "label" else colours
    taken = {given[key] for key in drawn if key in given}
    free = [colour for colour in qualitative(20) if colour not in {*taken, *_TOO_PALE}]
    looks = {key: (given.get(key, free[i % len(free)]), _MARKS[i % len(_MARKS)])
             for i, key in enumerate(drawn)}  # fmt: skip
    if by == "label":
        return [
            _Panel(said[label], [
                _Line(head, by_label[label][column], *looks[column], True)
                for column, head in zip(columns, heads, strict=True)
            ])
            for label in known
        ]  # fmt: skip
    return [
        _Panel(head, [
            _Line(said[label], by_label[label][column],
                  *looks.get(label, (_OTHERS, "o")), label in looks)
            for label in known
        ])
        for column, head in zip(columns, heads, strict=True)
    ]  # fmt: skip


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _drawn(
    panels: list[_Panel], entries: list[Entry], *, unit: str, direct: bool, own_scale: bool,
    from_zero: bool, shaded: bool, titles: tuple[str, str], notes: tuple[str, str],
) -> "Figure":  # fmt: skip
    """Draw the panels on a page."""
    heads = [] if len(panels) == 1 and not panels[0].head else [p.head for p in panels]
    per_line = min(2, len(panels)) if direct else across(len(panels))
    rules = _scales(panels, own_scale, from_zero, 6 if per_line < 3 else 5)
    note = "Each panel has its own scale." if own_scale and len(panels) > 1 else ""
    named = [[line.name for line in p.lines if line.named] if direct else [] for p in panels]
    left = max(rule.width for rule in rules)
    longest = _SHARE * (WIDTH - 2 * MARGIN) / per_line
    right = names_width([name for one in named for name in one], longest)
    with style():
        top = key_height(entries, WIDTH - 2 * MARGIN)
        boxes, end = multiples(heads or [""], top + 5.0, left, right, per_line)
        boxes, end = heightened(boxes, end, max(names_height(one, longest) for one in named))
        paper = page(end, title=titles[0], subtitle=titles[1],
                     notes=(_joined(note, notes[0]), notes[1]))  # fmt: skip
        draw_key(paper, entries)
        unit_line(paper, unit, top)
        for i, (one, box, rule) in enumerate(zip(panels, boxes, rules, strict=True)):
            letter = ascii_lowercase[i % 26] if len(panels) > 1 else ""
            axes = panel(paper, box, left, rule, letter)
            years = [int(year) for year in one.lines[0].values.index]
            year_axis(axes, years, 0.03 * (years[-1] - years[0]) or 1.0, box.width)
            if direct and len(years) == 1:  # beside the names
                axes.set_xlim(right=years[0] + 0.05)
            if shaded:
                _between(axes, one.lines)
            _lines(axes, one.lines, {1: 4.0, 2: 3.4}.get(per_line, 2.6))
            end_names(axes, _ends(one.lines) if direct else [], box, longest)
        return paper.figure


def _scales(panels: list[_Panel], own: bool, from_zero: bool, most: int) -> list[Scale]:
    """Return the scale of each panel."""
    ends = []
    for one in panels:
        values = np.concatenate([line.values.dropna().to_numpy() for line in one.lines])
        low, high = float(values.min()), float(values.max())
        ends.append((min(low, 0.0), max(high, 0.0)) if from_zero else (low, high))
    if not own:
        ends = [(min(low for low, _ in ends), max(high for _, high in ends))] * len(ends)
    return [scale(low, high, most) for low, high in ends]


def _ends(lines: list[_Line]) -> list[End]:
    """Return the last number of each named line."""
    ends = []
    for line in lines:
        if line.named:
            there = line.values.dropna()
            ends.append(End(line.name, int(there.index[-1]), float(there.iloc[-1]), line.colour))
    return ends


def _lines(axes: "Axes", lines: list[_Line], size: float) -> None:
    """Draw lines, those without a name below the others."""
    for line in lines:
        axes.plot(
            line.values.index, line.values, color=line.colour, lw=1.1 if line.named else 0.6,
            marker=line.mark, ms=size if line.named else 1.2, mec="white",
            mew=0.3 if line.named else 0.0, zorder=3 if line.named else 2, clip_on=False,
            gid="line" if line.named else "other",
        )  # fmt: skip


def _between(axes: "Axes", lines: list[_Line]) -> None:
    """Shade what lies between the first line and the second, by which is above."""
    upper, lower = (line.values.to_numpy() for line in lines)
    years = lines[0].values.index.to_numpy(dtype=float)
    sides = ((upper >= lower, EXPORTER, "net exporter"), (upper <= lower, IMPORTER, "net importer"))
    for where, colour, what in sides:
        (face,) = pale([colour], 0.35)
        axes.fill_between(years, upper, lower, where=where, interpolate=True, color=face, lw=0,
                          gid=what)  # fmt: skip
