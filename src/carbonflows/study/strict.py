"""What all sections of a study file have in common."""

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A section of a study file: no unknown fields, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Names: TypeAlias = str | list[str]
"""Sectors by name. ``A|B`` is whichever of both the table has, so that one study serves tables that
name their sectors otherwise."""
