"""What makes a plain folder a Frictionless data package: ``datapackage.json`` beside its files.

Tools that know Data Packages (and Table Schema) then open the folder without knowing this layout.
`carbonflows.sources.plain.read_plain` passes it over.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from carbonflows.table import IOTable

PACKAGE, JOIN = "datapackage.json", "|"
_HOLDS = {
    "Z": "intermediate flows between nodes",
    "Y": "final demand for what nodes sell",
    "F": "emissions of nodes",
    "F_Y": "emissions of final users",
    "x": "published output of nodes",
    "value_added": "value added of nodes",
}


def package(
    table: IOTable, files: Iterable[tuple[str, Sequence[str], Sequence[str]]], format: str
) -> dict[str, Any]:
    """Describe a plain folder as a data package.

    Parameters
    ----------
    table : IOTable
    files : iterable of (stem, index columns, columns of numbers)
        ``Z``, ``Y`` and so on; columns as Parquet calls them, ``CHN|steel``.
    format : {"csv", "parquet"}

    Returns
    -------
    dict
        Content of ``datapackage.json``: a resource per file, with path, format, Table Schema, and,
        for CSV with two header lines, how they join to the names of the fields.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> made = package(two_regions(), [("x", ["region", "sector"], ["value"])], "csv")
    >>> [resource["path"] for resource in made["resources"]]
    ['table.toml', 'x.csv']
    >>> [field["type"] for field in made["resources"][1]["schema"]["fields"]]
    ['string', 'string', 'number']
    """
    slug = re.sub(r"[^a-z0-9]+", "-", table.label.lower()).strip("-")
    about: dict[str, Any] = {"name": slug or "table", "title": table.label}
    if table.source:
        about["sources"] = [{"title": table.source}]
    settings = {
        "name": "table",
        "path": "table.toml",
        "format": "toml",
        "mediatype": "application/toml",
        "description": "unit of money, year, members of regions, name and source of emissions",
    }
    resources = [_resource(table, *file, format) for file in files]
    return about | {"profile": "data-package", "resources": [settings, *resources]}


def _resource(
    table: IOTable, stem: str, index: Sequence[str], columns: Sequence[str], format: str
) -> dict[str, Any]:
    joined = format == "csv" and stem not in ("x", "value_added")
    before = JOIN if joined else ""  # nothing stands above the names of the index columns
    fields = [{"name": before + name, "title": name, "type": "string"} for name in index]
    fields += [{"name": name, "type": "number"} for name in columns]
    unit = "" if stem.startswith("F") else f" [{table.unit}]"
    found: dict[str, Any] = {
        "name": stem.lower(),
        "path": f"{stem}.{format}",
        "description": f"{_HOLDS[stem]}{unit}",
        "format": format,
    }
    if format == "csv":
        found |= {
            "profile": "tabular-data-resource",
            "mediatype": "text/csv",
            "encoding": "utf-8",
        }
        if joined:
            found["dialect"] = {"headerRows": [1, 2], "headerJoin": JOIN}
    else:
        found["mediatype"] = "application/vnd.apache.parquet"
    key = [before + name for name in index if name != "unit"]
    return found | {"schema": {"fields": fields, "primaryKey": key}}
