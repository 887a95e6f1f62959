"""Sectors that a study names, in the words of the table at hand."""

from collections.abc import Iterable

from carbonflows.errors import StudyError, some
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
                f"{what}: {table.label} has no sector {' or '.join(map(repr, options))}; it has "
                f"{some(table.sectors, 40)}"
            )
        found.append(have[0])
    return list(dict.fromkeys(found))
