"""Folders that studies write: results, and finished parts on the way to them."""

from pathlib import Path

MANIFEST = "datapackage.json"
"""The file that describes all others of a folder of results."""

REPORT = "report.html"
"""The report of a folder of results."""

PARTS = ".parts"
"""What the name of a folder of finished parts ends in."""


def parts_folder(out: Path) -> Path:
    """Return where finished parts are kept until the results of a run are written.

    Examples
    --------
    >>> parts_folder(Path("out/drivers")).as_posix()
    'out/drivers.parts'
    """
    return out.with_name(f"{out.name}{PARTS}")


def written_by_a_study(place: Path) -> bool:
    """Say whether a folder looks like results, or like finished parts.

    Examples
    --------
    >>> written_by_a_study(Path("out/drivers.parts"))
    True
    """
    return place.suffix == PARTS or all((place / file).is_file() for file in (MANIFEST, REPORT))
