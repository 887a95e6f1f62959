"""What goes with the flows of a table: emissions of its nodes and of its final users."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import LabelError, some
from carbonflows.labels import DEMAND, NODE, conform, flat, lock, same_labels
from carbonflows.views import set_once, view


class Extension:
    """Stressors of a table: direct emissions of its nodes and of its final users.

    Parameters
    ----------
    F : DataFrame (s, n)
        Emissions of producing nodes; rows are stressors, columns are nodes ``(region, sector)``.
    F_Y : DataFrame (s, m·q), optional
        Emissions of final users (households' own fuel); columns ``(region, category)``. Left out,
        they are zero and `has_final` is False.
    unit : str or mapping of str to str
        One unit for all stressors, or one each.
    name : str
        What the extension is called in its table.
    source : str
        Where it comes from, with its version.

    Attributes
    ----------
    name, source : str
        As above.
    has_final : bool
        Whether emissions of final users were given.

    Raises
    ------
    LabelError, ShapeError, DataError
        Labels that do not match the table, or numbers that are not finite.

    Examples
    --------
    >>> F = pd.DataFrame([[5.0, 2]], ["CO2"], pd.MultiIndex.from_tuples([("A", "s"), ("B", "s")]))
    >>> Extension(F, unit="Mt").stressors
    ('CO2',)
    """

    name: str
    source: str
    has_final: bool
    _F: pd.DataFrame
    _F_Y: pd.DataFrame | None
    _unit: pd.Series

    def __init__(
        self,
        F: pd.DataFrame,
        F_Y: pd.DataFrame | None = None,
        *,
        unit: str | Mapping[str, str],
        name: str = "emissions",
        source: str = "",
    ) -> None:
        stressors = flat(F.index, f"{name}: stressors")
        F = F.set_axis(stressors, axis=0)
        if F_Y is not None:
            F_Y = F_Y.set_axis(flat(F_Y.index, f"{name}: stressors of final users"), axis=0)
            same_labels(F_Y.index, stressors, f"{name}: F_Y", "F")
            F_Y = F_Y.reindex(stressors)
        if isinstance(unit, str):
            unit = dict.fromkeys(stressors, unit)
        missing = [s for s in stressors if s not in unit]
        if missing:
            raise LabelError(
                f"{name}: no unit for {some(missing)}; state one per stressor", labels=missing
            )
        same_labels(pd.Index(list(unit)), stressors, f"{name}: units", "its stressors")
        set_once(
            self,
            _F=F.copy(),
            _F_Y=None if F_Y is None else F_Y.copy(),
            _unit=pd.Series({s: unit[s] for s in stressors}, name="unit", dtype="str"),
            name=name,
            source=source,
            has_final=F_Y is not None,
        )

    @property
    def F(self) -> pd.DataFrame:
        """Emissions of nodes (s, n)."""
        return view(self._F)

    @property
    def F_Y(self) -> pd.DataFrame | None:
        """Emissions of final users (s, m·q); zero in a table where none were given."""
        return None if self._F_Y is None else view(self._F_Y)

    @property
    def unit(self) -> pd.Series:
        """Unit of each stressor."""
        return self._unit.copy()

    @property
    def stressors(self) -> tuple[str, ...]:
        """Names of the stressors, in order."""
        return tuple(self._F.index)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("an Extension is read-only: build a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("an Extension is read-only: build a new one")

    def __repr__(self) -> str:
        return f"<Extension {self.name!r}: {some(self.stressors)}>"

    def conformed(self, nodes: pd.MultiIndex, demand: pd.MultiIndex) -> "Extension":
        """Return this extension in the order of a table's labels.

        Parameters
        ----------
        nodes, demand : MultiIndex
            Labels of the table.

        Returns
        -------
        Extension
            With read-only numbers; without emissions of final users these are zero.

        Raises
        ------
        LabelError, DataError
            Labels that do not match, or numbers that are not finite.
        """
        F = conform(self._F, None, nodes, f"{self.name}: F", NODE, copy=True)
        if self._F_Y is None:
            zeros = np.zeros((len(F), len(demand)))
            F_Y = pd.DataFrame(lock(zeros), F.index, demand, copy=False)
        else:
            F_Y = conform(self._F_Y, None, demand, f"{self.name}: F_Y", DEMAND, copy=True)
        other = object.__new__(Extension)
        set_once(
            other, _F=F, _F_Y=F_Y, _unit=self._unit, name=self.name, source=self.source,
            has_final=self.has_final,
        )  # fmt: skip
        return other
