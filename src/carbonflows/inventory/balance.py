"""Energy balances of regions: what each fuel came from and went to, checked line by line."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pandas as pd

from carbonflows.errors import BalanceError, DataError, LabelError, quoted, some
from carbonflows.inventory.lines import (
    CARRIERS,
    COLUMNS,
    Statistics,
    numbers,
    read_parts,
    region_names,
    require_fuels,
    require_one_unit,
    row_names,
)  # fmt: skip
from carbonflows.inventory.roles import (
    CHINA_ROWS,
    INCOMING,
    OUTGOING,
    ROLES,
    SUPPLY,
    Role,
    Row,
    require_choice,
)  # fmt: skip

Signs: TypeAlias = Literal["published", "positive"]


@dataclass(frozen=True, eq=False)
class EnergyBalance:
    """Energy balances of regions, made by `energy_balance`.

    Attributes
    ----------
    lines : DataFrame
        ``region``, ``row``, ``fuel``, ``value``, ``unit``; outgoing flows and inputs into
        transformation are below zero.
    roles : mapping of str to Row
        What each row is.
    facts : mapping
        Where the lines are from and what was done to them.

    Examples
    --------
    >>> balance = energy_balance(two_balances())
    >>> balance.regions, balance.fuels
    (['Shanxi', 'Shaanxi'], ['Raw Coal', 'Natural Gas', 'Electricity'])
    """

    lines: pd.DataFrame
    roles: Mapping[str, Row]
    facts: Mapping[Hashable, Any] = field(default_factory=dict)

    @property
    def regions(self) -> list[str]:
        """Regions in order of appearance."""
        return list(self.lines["region"].unique())

    @property
    def fuels(self) -> list[str]:
        """Fuels in order of appearance, with electricity and heat."""
        return list(self.lines["fuel"].unique())

    @property
    def units(self) -> dict[str, str]:
        """Unit of each fuel."""
        first = self.lines.drop_duplicates("fuel")
        return dict(zip(first["fuel"], first["unit"], strict=True))

    def of(self, *roles: Role) -> pd.DataFrame:
        """Return the lines of some roles, with the columns ``role`` and ``sector`` besides."""
        rows = self.lines["row"].map(self.roles)
        lines = self.lines.assign(
            role=[row.role for row in rows], sector=[row.sector for row in rows]
        )
        return lines[lines["role"].isin(roles)]

    @property
    def difference(self) -> pd.DataFrame:
        """Supply less transformation, loss and final use (region, fuel), in each fuel's unit."""
        plus = self._sums(*SUPPLY, "combusted", "transformation")
        return plus - self._sums("loss", "final")

    def _sums(self, *roles: Role) -> pd.DataFrame:
        sums = self.of(*roles).pivot_table("value", "region", "fuel", "sum")
        return sums.reindex(index=self.regions, columns=self.fuels).fillna(0.0)


def energy_balance(
    statistics: Statistics,
    *,
    roles: Mapping[str, Row] = CHINA_ROWS,
    fuels: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
    signs: Signs = "published",
    stock_change: Literal["draw-down", "build-up"] = "draw-down",
    tolerance: float = 1e-3,
) -> EnergyBalance:
    """Check energy statistics and say what each row is.

    Parameters
    ----------
    statistics : DataFrame, path or list of paths
        A line per region, row and fuel with the columns ``region``, ``row``, ``fuel``, ``value``
        and ``unit``, and optionally ``code`` (of the region). A path is a CSV file or a folder of
        them. Cells that a balance leaves empty have no line, or 0.
    roles : mapping of str to Row
        What each row is; by default the rows of China's provincial balances.
    fuels : sequence of str, optional
        Fuels that may occur; by default those of the IPCC guidelines and of China's balances.
    regions : sequence of str, optional
        Regions that must be there.
    signs : {"published", "positive"}
        Whether outflow, exports, bunkers and inputs into transformation are below zero, as
        yearbooks print them, or above zero (then outputs of transformation are below).
    stock_change : {"draw-down", "build-up"}
        What a positive change of stocks means.
    tolerance : float
        By how much rows may miss a total row, as a share.

    Returns
    -------
    EnergyBalance

    Raises
    ------
    SourceError
        A file or column that is not there.
    LabelError
        Unknown rows, fuels or regions; a region missing from one of the files; a line twice.
    UnitError
        Two units for one fuel, or a unit that is no mass, volume or energy.
    DataError
        A value that is no number, or has the wrong sign.
    BalanceError
        Rows that do not sum to the total that is stated.

    Examples
    --------
    >>> balance = energy_balance(two_balances())
    >>> balance.difference.loc["Shanxi", "Raw Coal"]
    np.float64(0.0)
    >>> energy_balance(two_balances().replace("Thermal power", "Thermal powr"))
    Traceback (most recent call last):
    ...
    carbonflows.errors.LabelError: statistics: row 'Thermal powr' has no role; did you mean
    'Thermal power'?
    """
    require_choice("signs", signs, ("published", "positive"))
    require_choice("stock_change", stock_change, ("draw-down", "build-up"))
    wrong = [name for name, row in roles.items() if row.role not in ROLES]
    if wrong:
        raise LabelError(
            f"role {quoted(roles[wrong[0]].role)} of {wrong[0]} is unknown; use {some(ROLES, 20)}"
        )
    parts = read_parts(statistics)
    given = pd.concat([part for _, part in parts], ignore_index=True)
    where = parts[0][0] if len(parts) == 1 else f"{len(parts)} files"
    names = region_names(parts, where, regions)
    lines = given[list(COLUMNS)].assign(
        region=given["region"].map(names),
        row=given["row"].map(row_names(list(given["row"].unique()), roles, where)),
        value=numbers(given, where),
    )
    require_fuels(list(lines["fuel"].unique()), fuels, where)
    twice = lines[lines.duplicated(["region", "row", "fuel"])]
    if len(twice):
        cell = twice.iloc[0]
        hint = (
            "; if one is Shaanxi, write 610000" if cell["region"] == "Shanxi"
            else "; if one is Shanxi, write 140000" if cell["region"] == "Shaanxi" else ""
        )  # fmt: skip
        raise LabelError(
            f"{where}: {cell['region']}/{cell['row']}/{cell['fuel']} occurs twice; "
            f"keep one line{hint}",
            labels=[tuple(cell[["region", "row", "fuel"]])],
        )
    require_one_unit(lines, where)
    facts: dict[Hashable, Any] = {"source": [name for name, _ in parts]}
    renamed = {text: region for text, region in names.items() if text != region}
    if renamed:
        facts["regions renamed"] = renamed
    balance = EnergyBalance(lines, dict(roles), facts)
    if signs == "positive":
        turned = balance.of(*OUTGOING, "combusted", "transformation").index
        lines.loc[turned, "value"] *= -1
        facts["sign turned"] = sorted(lines.loc[turned, "row"].unique())
    if stock_change == "build-up":
        turned = balance.of("stock change").index
        lines.loc[turned, "value"] *= -1
        facts["stock change"] = "turned: build-up was above zero"
    _signs(balance, where, signs)
    _totals(balance, where, tolerance)
    lines["value"] += 0.0  # no −0
    return balance


def two_balances() -> pd.DataFrame:
    """Balances of two provinces, small enough to check by hand; for examples and tests.

    Examples
    --------
    >>> two_balances().columns.tolist()
    ['region', 'row', 'fuel', 'value', 'unit']
    """
    rows = {
        "Indigenous production": (500, 10, 0),
        "Inflow from other provinces": (20, 0, 0),
        "Outflow to other provinces": (-300, -2, 0),
        "Stock change": (10, 0, 0),
        "Thermal power": (-120, -1, 250),
        "Coking": (-30, 0, 0),
        "Loss": (0, 0.5, 20),
        "Industry": (60, 5, 200),
        "Non-energy use": (4, 1, 0),
        "Urban": (8, 1, 20),
        "Rural": (12, 0.5, 10),
    }
    fuels = (("Raw Coal", "10^4 t"), ("Natural Gas", "10^8 m^3"), ("Electricity", "10^8 kWh"))
    # Everything in the second province is half of what it is in the first.
    lines = [
        (region, row, fuel, value * scale, unit)
        for region, scale in (("Shanxi", 1.0), ("Shaanxi", 0.5))
        for row, values in rows.items()
        for (fuel, unit), value in zip(fuels, values, strict=True)
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _signs(balance: EnergyBalance, where: str, signs: Signs) -> None:
    """Refuse flows on the wrong side of zero."""
    other = "positive" if signs == "published" else "published"
    own = (*INCOMING, "loss", "final", "non-energy")
    above, below = balance.of(*own), balance.of(*OUTGOING, "combusted")
    burned = ~(below["role"].eq("combusted") & below["fuel"].isin(CARRIERS))
    for off, way_out in (
        (above[above["value"] < 0], "correct it"),
        (below[(below["value"] > 0) & burned], f"correct it, or pass signs='{other}'"),
    ):
        for _, line in off.head(1).iterrows():
            turned = line["role"] in (*OUTGOING, "combusted") and signs == "positive"
            value = -line["value"] if turned else line["value"]
            raise DataError(
                f"{where}: {line['row']} of {line['fuel']} in {line['region']} is {value:g}, "
                f"{'below' if value < 0 else 'above'} zero; {way_out}",
                labels=[(line["region"], line["row"], line["fuel"])],
            )


def _totals(balance: EnergyBalance, where: str, tolerance: float) -> None:
    """Compare total rows with the sums of what they total."""
    totals = balance.of("total")
    parts: dict[str, tuple[Role, ...]] = {"supply": SUPPLY, "final": ("final",)}
    for what, roles in parts.items():
        stated = totals[totals["sector"] == what]
        sums = balance._sums(*roles)
        cells = zip(stated["region"], stated["row"], stated["fuel"], stated["value"], strict=True)
        for region, row, fuel, value in cells:
            found = float(sums.loc[region, fuel])
            if abs(found - value) > tolerance * max(abs(found), abs(value)) + 1e-9:
                raise BalanceError(
                    f"{where}: {row} of {fuel} in {region} is {value:g}, its rows sum to "
                    f"{found:g}; a row is missing, wrong or counted twice",
                    labels=[(region, row, fuel)],
                )
