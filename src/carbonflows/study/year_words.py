"""Years in words: the same in all reports."""

from collections.abc import Sequence

from carbonflows.table import IOTable


def listed_years(years: Sequence[int]) -> str:
    """List years, those that follow one another as ranges.

    Parameters
    ----------
    years : sequence of int
        Rising.

    Returns
    -------
    str

    Examples
    --------
    >>> listed_years([1995, 2000, 2001, 2002, 2004])
    '1995, 2000–2002, 2004'
    """
    runs: list[list[int]] = []
    for year in years:
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs)


def absent_years(absent: Sequence[int]) -> str:
    """Say which of the years asked for are not there; nothing where all are.

    Parameters
    ----------
    absent : sequence of int
        Rising.

    Returns
    -------
    str
        A sentence, or an empty string.

    Examples
    --------
    >>> absent_years([1996, 1997, 2001])
    'Not in the source: 1996–1997, 2001.'
    """
    return f"Not in the source: {listed_years(absent)}." if absent else ""


def tables_span(table: IOTable, first: int, last: int) -> str:
    """Name the tables of several years together.

    Parameters
    ----------
    table : IOTable
        Any of them.
    first, last : int

    Returns
    -------
    str

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> tables_span(two_regions(), 1995, 2009)
    'two regions 1995–2009'
    """
    return f"{table.name} {first}–{last}"
