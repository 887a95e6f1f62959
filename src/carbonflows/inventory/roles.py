"""What each row of an energy balance is: supply, transformation, loss, final use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from carbonflows.errors import LabelError, some

Role: TypeAlias = Literal[
    "production", "inflow", "imports", "refuelling abroad", "outflow", "exports", "bunkers",
    "stock change", "combusted", "transformation", "loss", "final", "non-energy", "difference",
    "total",
]  # fmt: skip
"""Role of a row. ``combusted`` is transformation that burns its inputs, into power and heat;
``transformation`` hands carbon on; ``non-energy`` is the part of a final use that is not burned;
``difference`` is not used; a ``total`` is compared with its parts at most."""

ROLES: tuple[Role, ...] = get_args(Role)
INCOMING: tuple[Role, ...] = ("production", "inflow", "imports", "refuelling abroad")
OUTGOING: tuple[Role, ...] = ("outflow", "exports", "bunkers")
SUPPLY: tuple[Role, ...] = (*INCOMING, *OUTGOING, "stock change")

POWER = "Production and Supply of Electric Power, Steam and Hot Water"
INDUSTRY = "Industry"


@dataclass(frozen=True)
class Row:
    """Role of a row, and the sector whose emissions it gives.

    Parameters
    ----------
    role : str
        One of `ROLES`.
    sector : str, optional
        Sector in the inventory, for transformation, loss, final use and non-energy use. For a
        total, what it sums: ``"supply"``, ``"final"``, or nothing if it is not to be compared.

    Examples
    --------
    >>> Row("final", "Construction").sector
    'Construction'
    """

    role: Role
    sector: str = ""


CHINA_ROWS: Mapping[str, Row] = {
    "Indigenous production": Row("production"),
    "Inflow from other provinces": Row("inflow"),
    "Import": Row("imports"),
    "Chinese planes and ships refuelling abroad": Row("refuelling abroad"),
    "Outflow to other provinces": Row("outflow"),
    "Export": Row("exports"),
    "Foreign planes and ships refuelling in China": Row("bunkers"),
    "Stock change": Row("stock change"),
    "Total primary energy supply": Row("total", "supply"),
    "Thermal power": Row("combusted", POWER),
    "Heating supply": Row("combusted", POWER),
    "Coal washing": Row("transformation", "Coal Mining and Dressing"),
    "Coking": Row("transformation", "Petroleum Processing and Coking"),
    "Petroleum refining": Row("transformation", "Petroleum Processing and Coking"),
    "Coal to liquids": Row("transformation", "Petroleum Processing and Coking"),
    "Gas works": Row("transformation", "Production and Supply of Gas"),
    "Coke input": Row("transformation", "Production and Supply of Gas"),
    "Natural gas liquefaction": Row("transformation", "Production and Supply of Gas"),
    "Briquettes": Row("transformation", "Coal Mining and Dressing"),
    "Loss": Row("loss", "Loss"),
    "Total final consumption": Row("total", "final"),
    "Farming, forestry, animal husbandry, fishery and water conservancy": Row(
        "final", "Farming, Forestry, Animal Husbandry, Fishery and Water Conservancy"
    ),
    "Industry": Row("final", INDUSTRY),
    "Non-energy use": Row("non-energy", INDUSTRY),
    "Construction": Row("final", "Construction"),
    "Transport, storage and post": Row(
        "final", "Transportation, Storage, Post and Telecommunication Services"
    ),
    "Wholesale, retail trade, hotels and restaurants": Row(
        "final", "Wholesale, Retail Trade and Catering Services"
    ),
    "Others": Row("final", "Others"),
    "Urban": Row("final", "Urban"),
    "Rural": Row("final", "Rural"),
    "Statistical difference": Row("difference"),
    "Total energy consumption": Row("total"),
}
"""Rows of the balances of China's provinces. Industry is one sector here: see
`carbonflows.inventory.subsectors` for its branches."""


def require_choice(name: str, given: str, allowed: Sequence[str]) -> None:
    """Refuse an option that does not exist."""
    if given not in allowed:
        raise LabelError(f"{name}={given!r} is no option; choose from {some(allowed)}")
