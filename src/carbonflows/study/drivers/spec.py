"""Settings of a study of drivers: what is told apart, in which prices, and by how many people."""

from typing import Any, Literal

from pydantic import Field

from carbonflows.study.strict import Strict

Factor = Literal[
    "intensity", "inputs", "technology", "sourcing", "demand", "mix", "level", "population"
]


class DriversSpec(Strict):
    """Why emissions changed: factors, how they are weighted, and what is done about prices."""

    factors: list[Factor] = []
    method: Literal["shapley", "polar"] = "shapley"
    previous_prices: str | None = None
    previous_options: dict[str, Any] = {}
    deflators: str | None = None
    base: int | None = None
    prices: Literal["same", "mixed"] = "same"
    people: list[str] = []
    """Further files of population, with what the file of ``intensity.population`` lacks."""
    largest: int = Field(default=6, ge=0)
    """How many regions or groups, those that changed most, have panels of their own."""
