"""What tables of a panel have to agree in: labels and money, without their numbers."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import pandas as pd

from carbonflows.change.panel import Label
from carbonflows.errors import DataError, LabelError, UnitError, some
from carbonflows.table import IOTable

Labels: TypeAlias = Literal["same", "common"]
KINDS = ("regions", "sectors", "categories", "nodes", "final demand columns")


@dataclass(frozen=True, eq=False)
class Border:
    """Labels and money of one table.

    Attributes
    ----------
    labels : mapping of str to Index
        By kind, see `KINDS`.
    money : mapping of str to str or None
        Unit of money, currency and price basis.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> border = Border.of(two_regions())
    >>> border.labels["nodes"].equals(Border.told(border.facts()).labels["nodes"])
    True
    """

    labels: Mapping[str, pd.Index]
    money: Mapping[str, str | None]

    @classmethod
    def of(cls, table: IOTable) -> "Border":
        """Take it from a table."""
        sets = (table.regions, table.sectors, table.categories, table.nodes, table.demand)
        return cls(
            dict(zip(KINDS, sets, strict=True)),
            {
                "unit of money": table.unit,
                "currency": table.currency,
                "price basis": table.price_basis,
            },
        )

    def facts(self) -> dict[str, Any]:
        """Give it as plain lists and texts, as it travels with a result."""
        lists = {kind: list(map(_plain, index)) for kind, index in self.labels.items()}
        return {"labels": lists, "money": dict(self.money)}

    @classmethod
    def told(cls, facts: Mapping[str, Any]) -> "Border":
        """Take it from plain lists and texts."""
        indices = {
            kind: pd.Index([tuple(one) if isinstance(one, list) else one for one in labels])
            for kind, labels in facts["labels"].items()
        }
        return cls(indices, facts["money"])


def _plain(label: Any) -> Any:
    return list(label) if isinstance(label, tuple) else label


def require_labels_choice(labels: object) -> None:
    """Refuse an unknown choice of what to do with labels that differ."""
    if labels not in get_args(Labels):
        raise DataError(f"labels={labels!r} is not known: use 'same' or 'common'")


def require_alike(borders: Mapping[Label, Border], level: str, labels: Labels = "same") -> None:
    """Raise unless the newest member agrees with the one before.

    Parameters
    ----------
    borders : mapping of int or str to Border
        By label, the newest last.
    level : str
        What the labels are, for the message.
    labels : {"same", "common"}
        ``common`` compares money alone.

    Raises
    ------
    LabelError
        Regions, sectors, categories, nodes or columns of final demand that only one has.
    UnitError
        Money or price bases that differ.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> old, new = (Border.of(two_regions().replace(price_basis=of)) for of in ("", "in 2000"))
    >>> require_alike({2001: old, 2002: new}, "year")
    Traceback (most recent call last):
    ...
    carbonflows.errors.UnitError: year 2002: price basis is in 2000, that of year 2001 is not
    stated: convert one of them first
    """
    if len(borders) < 2:
        return
    (last, before), (label, now) = list(borders.items())[-2:]
    for what, value in now.money.items():
        if value != before.money[what]:
            raise UnitError(
                f"{level} {label}: {what} is {value or 'not stated'}, that of {level} {last} is "
                f"{before.money[what] or 'not stated'}: convert one of them first",
                labels=[last, label],
            )
    if labels == "common":
        return
    for kind, index in now.labels.items():
        gone, new = (
            one.difference(other, sort=False)
            for one, other in ((before.labels[kind], index), (index, before.labels[kind]))
        )
        if len(gone) or len(new):
            told = {"without": gone, "with": new}
            parts = [f"{word} {some(which)}" for word, which in told.items() if len(which)]
            raise LabelError(
                f"{level} {label}: {kind} are not those of {level} {last} ({', '.join(parts)}): "
                "aggregate the tables to what they share, or pass labels='common'",
                labels=[*gone, *new], members=[last, label],
            )  # fmt: skip


def partial_labels(borders: Iterable[Border]) -> set[Any]:
    """List regions, sectors and categories that are not in all tables."""
    found: set[Any] = set()
    borders = list(borders)
    for kind in KINDS[:3]:
        sets = [set(border.labels[kind]) for border in borders]
        found |= set.union(*sets) - set.intersection(*sets)
    return found


def agreed(attrs: Mapping[Label, Mapping[Hashable, Any]], level: str) -> dict[Hashable, Any]:
    """Keep attributes of results that all members share, list the others by member.

    Parameters
    ----------
    attrs : mapping of int or str to mapping
        Attributes of each member's result.
    level : str
        What the labels are, for the message.

    Returns
    -------
    dict

    Raises
    ------
    UnitError, LabelError
        Units or stressors that differ.

    Examples
    --------
    >>> agreed({2001: {"unit": "Mt", "table": "a"}, 2002: {"unit": "Mt", "table": "b"}}, "year")
    {'unit': 'Mt', 'table': {2001: 'a', 2002: 'b'}}
    """
    keys = dict.fromkeys(key for one in attrs.values() for key in one)
    facts: dict[Hashable, Any] = {}
    for key in keys:
        values = {label: one.get(key) for label, one in attrs.items()}
        first_label, first = next(iter(values.items()))
        other = next((label for label, value in values.items() if value != first), None)
        if other is None:
            facts[key] = first
            continue
        if key in ("unit", "stressor"):
            kind = UnitError if key == "unit" else LabelError
            raise kind(
                f"{level} {other}: {key} of the result is {values[other]}, that of {level} "
                f"{first_label} is {first}: pass {key}=…, or make it the same in the tables",
                labels=[first_label, other],
            )
        facts[key] = values
    return facts
