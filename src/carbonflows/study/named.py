"""Names of a study and of the table at hand: which sector is meant, what a region is called."""

from collections.abc import Iterable, Sequence

import pandas as pd

from carbonflows.countries import country_names
from carbonflows.errors import StudyError, some, suggested
from carbonflows.regions import Grouping
from carbonflows.table import IOTable


def whichever(table: IOTable, named: Iterable[str] | str, what: str) -> list[str]:
    """Sectors of this table among names with alternatives.

    Parameters
    ----------
    table : IOTable
    named : str or iterable of str
        ``A|B`` stands for whichever of both the table has.
    what : str
        What they are for, in the message.

    Returns
    -------
    list of str
        Each sector once.

    Raises
    ------
    StudyError
        None of the alternatives is a sector of the table.

    Examples
    --------
    >>> import carbonflows as cf
    >>> whichever(cf.example(2004), "Steel|Basic metals", "steel")
    ['Basic metals']
    """
    found = []
    for name in [named] if isinstance(named, str) else named:
        options = [option.strip() for option in name.split("|")]
        have = [option for option in options if option in table.sectors]
        if not have:
            raise StudyError(
                f"{what}: {table.label} has no sector {' or '.join(map(repr, options))}; "
                + suggested(options, table.sectors, f"it has {some(table.sectors, 40)}")
            )
        found.append(have[0])
    return list(dict.fromkeys(found))


def display_names(labels: Sequence[str], grouping: Grouping | None) -> dict[str, str]:
    """Names to print: those of countries for regions, groups as they are called.

    Examples
    --------
    >>> display_names(["CHN", "ROW"], None)
    {'CHN': 'China', 'ROW': 'Rest of the world'}
    """
    names = country_names(labels) if grouping is None else labels
    return dict(zip(labels, names, strict=True))


def single_regions(labels: pd.Index, table: IOTable, grouping: Grouping | None) -> list[str]:
    """Labels that are more than the rest of the world; all of them where there is nothing else.

    Parameters
    ----------
    labels : Index
        Regions, or groups of them.
    table : IOTable
    grouping : Grouping or None

    Returns
    -------
    list of str

    Examples
    --------
    >>> import carbonflows as cf
    >>> world = cf.example(2007)
    >>> set(world.regions) - set(single_regions(world.regions, world, None))
    {'ROW'}
    """
    groups = table.regions if grouping is None else grouping.of(table.regions)
    known = {
        group
        for region, group in zip(table.regions, groups, strict=True)
        if "*" not in table.members.get(region, ())
    }
    return [label for label in labels if label in known] or list(labels)
