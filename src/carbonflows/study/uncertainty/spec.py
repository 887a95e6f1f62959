"""Settings of a study of uncertainty: what is uncertain, by how much, and how it is drawn."""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from carbonflows.errors import some
from carbonflows.study.strict import Strict
from carbonflows.uncertainty.cells import LEVELS, Part

NotNegative: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SizeSpec(Strict):
    """Relative standard deviation by size, ``ln rsd = a + b ln|value|``, value in `unit`."""

    a: float = Field(allow_inf_nan=False)
    b: float = Field(allow_inf_nan=False)
    most: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    unit: str | None = None


class ErrorSpec(Strict):
    """One independent source of error; several on the same cells multiply."""

    on: Part
    name: str = ""
    sd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    size: SizeSpec | None = None
    file: str | None = None
    by: Literal["cell"] | list[str] = "cell"
    rho: float | None = Field(default=None, ge=0, le=1)
    stressor: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        given = [key for key in ("sd", "size", "file") if getattr(self, key) is not None]
        if len(given) != 1:
            what = some(given) if given else "nothing"
            raise _wrong(f"it says {what} of how large it is: give one of sd, size and file")
        if isinstance(self.by, list):
            levels = LEVELS[self.on]
            if odd := [level for level in self.by if level not in levels]:
                raise _wrong(
                    f"by has {some(map(repr, odd))}: {self.on} are told apart by {some(levels)}"
                )
            if len(set(self.by)) < len(self.by):
                raise _wrong(f"by has a level twice: {some(self.by)}; name each once")
        elif self.rho is not None:
            raise _wrong(
                f"rho = {self.rho:g} is the part that cells share, but by = 'cell' shares nothing: "
                f"give by = [...] with some of {some(LEVELS[self.on])}, or leave rho out"
            )
        if self.stressor is not None and self.on not in ("emissions", "households"):
            raise _wrong(f"stressor = {self.stressor!r} means nothing to {self.on}: leave it out")
        return self


class FuelsSpec(Strict):
    """Emissions by fuel: a file, and relative standard deviations of activities and of factors."""

    file: str
    name: str = "Fuels and their factors"
    activity: dict[str, NotNegative]
    factor: dict[str, NotNegative]
    activity_by: Literal["node", "region"] = "node"
    factor_by: Literal["world", "region"] = "world"
    stressor: str | None = None
    note: str = ""


class MemberSpec(Strict):
    """A further table, as for `carbonflows.read`, and what the study's stressor is called there."""

    source: str
    name: str = ""
    path: str | None = None
    year: int | None = None
    stressor: str | list[str] | None = None
    options: dict[str, Any] = {}


class UncertaintySpec(Strict):
    """How uncertain the numbers are: error model, draws, and other tables to compare."""

    error: list[ErrorSpec] = []
    draws: int = Field(default=1000, ge=2)
    seed: int = Field(default=1, ge=0)
    rebalanced: bool = False
    totals: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    level: float = Field(default=0.95, gt=0, lt=1)
    flows: int = Field(default=20, ge=0)
    fuels: FuelsSpec | None = None
    table: list[MemberSpec] = []
    note: str = ""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.totals and not self.rebalanced:
            raise _wrong(
                f"totals = {self.totals:g} are drawn only where each draw is rebalanced to them: "
                "set rebalanced = true, or leave totals out"
            )
        names = [error.name for error in self.error if error.name]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise _wrong(f"two errors are called {twice[0]!r}: give each its own name")
        return self


def _wrong(message: str) -> PydanticCustomError:
    """What a study file says that cannot be meant."""
    return PydanticCustomError("unfitting", "{message}", {"message": message})
