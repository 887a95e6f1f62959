"""JSON files beside a table."""

import json
from typing import Any

from carbonflows.errors import SourceError
from carbonflows.sources.archive import Files


def json_of(files: Files, name: str) -> dict[str, Any]:
    """Read one of the files as a JSON object.

    Parameters
    ----------
    files : Files
    name : str
        One of its files.

    Returns
    -------
    dict

    Raises
    ------
    SourceError
        It is none.
    """
    try:
        found = json.loads(files.text(name))
    except json.JSONDecodeError as error:
        raise SourceError(
            f"{files.path}: {name} line {error.lineno} is no JSON ({error.msg}): download it again",
            path=files.path,
        ) from error
    if not isinstance(found, dict):
        raise SourceError(f"{files.path}: {name} is no JSON object: download it again")
    return found
