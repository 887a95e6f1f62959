"""Emissions where fuels are burned: the sectoral approach."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import pandas as pd

from carbonflows.errors import BalanceError, DataError, LabelError, UnitError, some, suggested
from carbonflows.inventory.balance import EnergyBalance
from carbonflows.inventory.factors import CO2_PER_CARBON, carbon_per_unit, require_factors
from carbonflows.inventory.lines import CARRIERS
from carbonflows.inventory.quantities import is_standard_coal, kind_of
from carbonflows.inventory.roles import Role, require_choice
from carbonflows.inventory.tidy import TIDY

NonEnergy: TypeAlias = Literal["exclude", "stored", "include"]
Negative: TypeAlias = Literal["refuse", "clip"]
Oxidation: TypeAlias = Mapping[Hashable, float]

_KEYS = ["region", "sector", "fuel"]


def sectoral_emissions(
    balance: EnergyBalance,
    factors: pd.DataFrame,
    *,
    transformation: Literal["power_heat", "net_loss"] = "power_heat",
    losses: Literal["exclude", "include"] = "exclude",
    non_energy: NonEnergy = "exclude",
    stored: Mapping[str, float] | None = None,
    oxidation: Oxidation | None = None,
    negative: Negative = "refuse",
    leave_out: Sequence[str] = (),
) -> pd.DataFrame:
    """CO2 of the fuels burned in each sector.

    Parameters
    ----------
    balance : EnergyBalance
    factors : DataFrame
        From `emission_factors`.
    transformation : {"power_heat", "net_loss"}
        Burn what goes into power and heat only, or besides emit the carbon that other
        transformation loses between its inputs and outputs, in the converting sector and by its
        inputs' shares of carbon, unoxidised carbon included.
    losses : {"exclude", "include"}
        Whether what is lost in transport and storage is emitted.
    non_energy : {"exclude", "stored", "include"}
        Take non-energy use out of the final use it is part of; only the share that is stored; or
        leave it in.
    stored : mapping of str to float, optional
        Fuel → share of carbon that stays in products; needed with ``"stored"``.
    oxidation : mapping, optional
        Share of carbon that burns, in place of the factors' own: by ``(sector, fuel)``, by sector
        or by fuel; the more special one counts.
    negative : {"refuse", "clip"}
        What to do where more is taken out than is used, or transformation gains carbon: refuse,
        or set to zero and record it.
    leave_out : sequence of str
        Fuels to leave out; they are named in the result.

    Returns
    -------
    DataFrame
        ``province``, ``sector``, ``fuel``, ``value`` [Mt CO2], every combination once. ``attrs``
        have ``unit``, ``approach``, ``options``, ``excluded`` [Mt CO2 if it were burned; of
        transformation, inputs less outputs of the fuels with a factor], ``clipped``, ``left out``
        and the ``source`` of the factors.

    Raises
    ------
    LabelError
        A fuel without a factor, or an option, sector or fuel that is unknown.
    UnitError
        Quantities and calorific values that do not go together; standard coal beside tonnes.
    DataError
        Shares that are none.
    BalanceError
        Negative activity, unless clipped.

    Notes
    -----
    ``E = AD · NCV · CC · O · 44/12``. Coal washing, coking, refining and the like hand carbon on
    and do not burn it. Electricity and heat emit where they are made.

    References
    ----------
    IPCC 2006, Guidelines, Vol. 2. Shan et al. 2018, Sci. Data 5:170201.

    Examples
    --------
    >>> from carbonflows.inventory.balance import energy_balance, two_balances
    >>> from carbonflows.inventory.factors import emission_factors
    >>> factors = emission_factors(fuels={"Raw Coal": "Other bituminous coal"})
    >>> found = sectoral_emissions(
    ...     energy_balance(two_balances()), factors, leave_out=["Natural Gas"]
    ... )
    >>> round(float(found["value"].sum()), 4)  # 1.5 × (120 + 60 − 4 + 8 + 12) × 10⁴ t
    7.1756
    """
    for name, given, allowed in (
        ("transformation", transformation, ("power_heat", "net_loss")),
        ("losses", losses, ("exclude", "include")),
        ("non_energy", non_energy, ("exclude", "stored", "include")),
        ("negative", negative, ("refuse", "clip")),
    ):
        require_choice(name, given, allowed)
    roles: list[Role] = ["final", "combusted", "transformation", "loss", "non-energy"]
    lines = fuel_lines(balance, roles, leave_out)
    carbon = carbon_of(lines, balance, factors, used=_used(transformation, losses))
    lines = lines[lines["fuel"].isin(carbon.index)]
    lines = lines.assign(carbon=lines["value"] * lines["fuel"].map(carbon))
    share = oxidised(lines, factors, oxidation)
    by = {str(role): part for role, part in lines.groupby("role")}
    clipped: list[dict[str, Any]] = []

    final = _sums(by.get("final"))
    taken = non_energy_carbon(by.get("non-energy"), non_energy, stored, _KEYS)
    astray = taken.index.difference(final.index)
    astray = astray[taken[astray] > 0]
    if len(astray):
        raise BalanceError(
            f"{some(astray)}: non-energy use without a final use it is part of; correct the "
            "sector in roles",
            labels=list(astray),
        )
    final = final.sub(taken.reindex(final.index, fill_value=0.0))
    final = not_negative(final, "final use less non-energy use", negative, clipped)
    burned = final.add(-_sums(by.get("combusted")), fill_value=0.0)
    if losses == "include":
        burned = burned.add(_sums(by.get("loss")), fill_value=0.0)
    kept = pd.Series([share[s, f] for _, s, f in burned.index], burned.index, dtype=float)
    emitted = burned * kept
    if transformation == "net_loss":
        emitted = emitted.add(
            _net_loss(by.get("transformation"), negative, clipped), fill_value=0.0
        )
    excluded: dict[str, dict[str, float]] = {}
    for what, role, out in (
        ("loss", "loss", losses == "exclude"),
        ("non-energy use", "non-energy", non_energy != "include"),
    ):
        if out and role in by:
            sums = taken if role == "non-energy" else _sums(by[role])
            by_fuel = sums.groupby(level="fuel").sum() * CO2_PER_CARBON / 1e3
            excluded[what] = {str(f): float(v) for f, v in by_fuel.items() if v}
    if transformation == "power_heat" and "transformation" in by:
        lost = -by["transformation"].groupby("row")["carbon"].sum() * CO2_PER_CARBON / 1e3
        excluded["transformation"] = {str(row): float(v) for row, v in lost.items() if v}
    sectors = [s for s in dict.fromkeys(balance.of(*roles)["sector"])
               if s in emitted.index.get_level_values("sector")]  # fmt: skip
    fuels = [f for f in balance.fuels if f in carbon.index]
    index = pd.MultiIndex.from_product([balance.regions, sectors, fuels], names=list(TIDY[:3]))
    emitted.index = emitted.index.set_names(list(TIDY[:3]))
    tidy = (emitted * CO2_PER_CARBON / 1e3).reindex(index, fill_value=0.0)
    result = tidy.rename("value").reset_index()
    result.attrs = {
        "unit": "Mt CO2",
        "approach": "sectoral",
        "options": {
            "transformation": transformation, "losses": losses, "non_energy": non_energy,
            "negative": negative, "oxidation": "given" if oxidation else "of the factors",
        },
        "excluded": excluded,
        "clipped": clipped,
        "left out": sorted({*leave_out} & {*balance.fuels}),
        "source": sorted(set(factors.loc[fuels, "source"].astype(str))),
    }  # fmt: skip
    return result


def fuel_lines(
    balance: EnergyBalance, roles: Sequence[Role], leave_out: Sequence[str]
) -> pd.DataFrame:
    """Lines of fuels that are burned, without electricity, heat and what is left out."""
    unknown = [f for f in leave_out if f not in balance.fuels]
    if unknown:
        raise LabelError(
            f"leave_out: {some(unknown)} is no fuel of the balance; "
            + suggested(unknown, balance.fuels, f"it has {some(balance.fuels, 40)}"),
            labels=unknown,
        )
    lines = balance.of(*roles)
    return lines[~lines["fuel"].isin([*CARRIERS, *leave_out])]


def carbon_of(
    lines: pd.DataFrame, balance: EnergyBalance, factors: pd.DataFrame, used: Sequence[Role]
) -> pd.Series:
    """Carbon in a unit of each fuel [kt C]; every fuel of the roles in use must have a factor."""
    needed = lines.loc[lines["role"].isin(used) & lines["value"].ne(0), "fuel"]
    wanted = [f for f in balance.fuels if f in set(needed)]
    more = [f for f in balance.fuels if f in set(lines["fuel"]) and f in factors.index]
    fuels = [f for f in balance.fuels if f in {*wanted, *more}]
    require_factors(fuels, factors)
    standard = [f for f in fuels if is_standard_coal(balance.units[f])]
    physical = [f for f in fuels if kind_of(balance.units[f], f) != "energy"]
    if standard and physical:
        raise UnitError(
            f"{some(standard)} is in {balance.units[standard[0]]} of standard coal, "
            f"{some(physical)} in {balance.units[physical[0]]}; take one balance, physical or in "
            "standard coal, or leave the fuel out",
            fuels=standard,
        )
    return carbon_per_unit({f: balance.units[f] for f in fuels}, factors)


def oxidised(
    lines: pd.DataFrame, factors: pd.DataFrame, oxidation: Oxidation | None
) -> dict[tuple[str, str], float]:
    """Share of carbon that burns, by sector and fuel."""
    given = dict(oxidation or {})
    pairs = list(dict.fromkeys(zip(lines["sector"], lines["fuel"], strict=True)))
    known = {*pairs, *lines["sector"], *lines["fuel"]}
    unknown = [key for key in given if key not in known]
    if unknown:
        names = [str(key) for key in known if not isinstance(key, tuple)]
        raise LabelError(
            f"oxidation: {some(unknown)} is no sector or fuel of the balance; "
            + suggested(unknown, names, "name one, or a pair (sector, fuel)"),
            labels=unknown,
        )
    require_shares(given, "oxidation")
    own = factors["oxidation"].to_dict()
    return {(s, f): float(given.get((s, f), given.get(s, given.get(f, own[f])))) for s, f in pairs}


def non_energy_carbon(
    lines: pd.DataFrame | None,
    policy: NonEnergy,
    stored: Mapping[str, float] | None,
    keys: Sequence[str],
) -> pd.Series:
    """Carbon that is not emitted because its fuel is no fuel [kt C]."""
    if stored is not None and policy != "stored":
        raise LabelError(f"stored is given but non_energy={policy!r}; pass non_energy='stored'")
    if lines is None or policy == "include":
        return _sums(None, keys)
    sums = _sums(lines, keys)
    if policy == "stored":
        shares = dict(stored or {})
        require_shares(shares, "stored")
        missing = [f for f in lines.loc[lines["value"].ne(0), "fuel"].unique() if f not in shares]
        if missing:
            raise LabelError(
                f"{some(missing)}: no stored share; add it to stored, 0 if all is emitted",
                labels=missing,
            )
        sums = sums * [shares.get(f, 0.0) for f in sums.index.get_level_values("fuel")]
    return sums


def not_negative(
    values: pd.Series, what: str, policy: Negative, clipped: list[dict[str, Any]]
) -> pd.Series:
    """Refuse or clip carbon below zero [kt C]; what is clipped is added to the list."""
    scale = float(values.abs().max()) if len(values) else 0.0
    low = values[values < -1e-12 * scale]
    if len(low) and policy == "refuse":
        raise BalanceError(
            f"{some(low.index)}: {what} is {low.iloc[0]:.6g} kt C, below zero; correct the "
            "statistics, or pass negative='clip'",
            labels=list(low.index),
        )
    clipped += [
        {"what": what, "at": key, "Mt CO2": float(v) * CO2_PER_CARBON / 1e3}
        for key, v in low.items()
    ]
    return values.clip(lower=0.0)


def require_shares(shares: Mapping[Any, float], what: str) -> None:
    """Refuse what is no share."""
    for key, value in shares.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise DataError(f"{what} of {some([key])} is {value!r}; give a share from 0 to 1")


def _used(transformation: str, losses: str) -> list[Role]:
    roles: list[Role] = ["final", "combusted"]
    if transformation == "net_loss":
        roles.append("transformation")
    if losses == "include":
        roles.append("loss")
    return roles


def _sums(lines: pd.DataFrame | None, keys: Sequence[str] = _KEYS) -> pd.Series:
    if lines is None:
        empty = pd.MultiIndex.from_arrays([[] for _ in keys], names=list(keys))
        return pd.Series([], empty, dtype=float)
    return lines.groupby(list(keys), sort=False)["carbon"].sum()


def _net_loss(
    lines: pd.DataFrame | None, negative: Negative, clipped: list[dict[str, Any]]
) -> pd.Series:
    """Carbon that transformation loses, by its inputs' shares of carbon [kt C]."""
    if lines is None:
        return _sums(None)
    lost = -lines.groupby(["region", "row"], sort=False)["carbon"].sum()
    lost = not_negative(lost, "carbon of inputs less outputs", negative, clipped)
    inputs = lines[lines["carbon"] < 0]
    whole = inputs.groupby(["region", "row"])["carbon"].transform("sum")
    rows = pd.MultiIndex.from_frame(inputs[["region", "row"]])
    shared = inputs.assign(carbon=lost.reindex(rows).to_numpy() * (inputs["carbon"] / whole))
    return _sums(shared)
