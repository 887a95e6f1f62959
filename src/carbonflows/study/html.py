"""Tables of a report as HTML."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from carbonflows.figures.wording import shown

MOST_ROWS = 45
"""Longest table that the report prints in full; the CSV files always hold every row."""
SHORT = 18
"""Most lines of a table that is printed on one page; longer ones may break."""
YEARS = ("year", "since")
"""Columns of years, which have no thousands."""
_LONG = 28  # letters of the longest text that stays on one line


def html_table(
    frame: pd.DataFrame,
    caption: str = "",
    *,
    digits: int | None = 1,
    heads: Mapping[str, str] | None = None,
    level: bool = False,
) -> str:
    """Write a table as HTML, numbers to the right, text to the left.

    Parameters
    ----------
    frame : DataFrame
    caption : str
        Units in it are written as in figures, with subscripts.
    digits : int, optional
        Decimals of all numbers but whole ones; None for six significant digits. Years are printed
        as they are.
    heads : mapping of str to str, optional
        What to print in place of column names.
    level : bool
        Colour the cells of a column ``Level``.

    Returns
    -------
    str

    Examples
    --------
    >>> "<td>1.5</td>" in html_table(pd.DataFrame({"Mt": [1.46]}))
    True
    """
    from markupsafe import escape

    def headed(column: str) -> str:
        text = (heads or {}).get(column, column)
        return shown(text) if "[" in text else text  # other heads may be names of sectors

    total, cut = len(frame), len(frame) > MOST_ROWS
    frame = frame.head(MOST_ROWS) if cut else frame
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    whole = [pd.api.types.is_integer_dtype(frame[c]) for c in frame.columns]
    head = "".join(
        f"<th{'' if number else ' class=text'}>{escape(headed(str(c)))}</th>"
        for c, number in zip(frame.columns, numeric, strict=True)
    )
    rows, lines = [], 0
    for record in frame.itertuples(index=False):
        cells = []
        for column, value, number, exact in zip(frame.columns, record, numeric, whole, strict=True):
            if number:
                if exact and str(column).lower() in YEARS:
                    text = str(value)
                else:
                    amount = float("nan") if pd.isna(value) else float(value)
                    text = number_text(amount, 0 if exact else digits)
                cells.append(f"<td>{text}</td>")
            elif level and column == "Level":
                cells.append(f'<td class="text level-{escape(value)}">{escape(value)}</td>')
            else:
                kind = "text" if len(str(value)) <= _LONG else "text long"
                cells.append(f'<td class="{kind}">{escape(str(value))}</td>')
        lines += max(-(-len(str(value)) // _LONG) for value in record)
        rows.append(f"<tr>{''.join(cells)}</tr>")
    title = f"<caption>{escape(shown(caption))}</caption>" if caption else ""
    more = (
        f'<p class="note">The first {MOST_ROWS} of {total} rows; the rest is in the CSV file.</p>'
    )
    short = " short" if lines <= SHORT else ""
    return (
        f'<div class="scroll{short}"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{more if cut else ''}"
    )


def number_text(value: float, digits: int | None) -> str:
    """Write a number with thousands separated, a true minus sign and a dash for NaN.

    Examples
    --------
    >>> number_text(-1234.56, 1), number_text(float("nan"), 1), number_text(-0.001, 1)
    ('−1,234.6', '–', '0.0')
    """
    if np.isnan(value):
        return "–"
    if digits is None:
        text = f"{value:,.6g}"
    else:
        text = f"{value:,.{digits}f}"
        if float(text.replace(",", "")) == 0:
            text = text.lstrip("-")
    return text.replace("-", "−")
