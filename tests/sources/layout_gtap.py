"""Worlds that balance as GTAP's do, to the last dollar, and their files in both namings."""

from pathlib import Path
from typing import Any

import numpy as np

from carbonflows.table import IOTable
from carbonflows.units import factor
from sources.layout_har import real_header, texts_header

REGIONS = ("usa", "chn", "xoc", "xtw")
GOODS = ("coa", "p_c", "otp", "wtp", "ser")
MARGINS = ("otp", "wtp")
FACTORS = ("Land", "Labor")
FUELS = ("coa", "p_c")
FINAL = ("Households", "Government", "Investment")
World = dict[str, Any]


def parts_of(total: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Split whole numbers into whole parts along a new axis 1, at random about the shares."""
    flat, weights = total.reshape(-1), shares.reshape(len(total.reshape(-1)), -1)
    split = [rng.multinomial(int(n), w / w.sum()) for n, w in zip(flat, weights, strict=True)]
    return np.array(split, dtype=float).reshape(*total.shape, -1)


def gtap_world(
    seed: int = 0,
    regions: tuple[str, ...] = REGIONS,
    goods: tuple[str, ...] = GOODS,
    margins: tuple[str, ...] = MARGINS,
) -> World:
    """Whole numbers of M USD in which every account of GTAP balances exactly.

    Taxes drive a wedge between the exporter's, the world's and the importer's prices, and between
    the market's and the buyer's. The regions' trade with themselves is not zero.
    """
    rng = np.random.default_rng(seed)
    m, g, t = len(regions), len(goods), len(margins)
    exports = rng.integers(1, 200, (g, m, m)).astype(float)
    fob = exports + rng.integers(-1, 4, (g, m, m))
    used = rng.integers(0, 6, (t, g, m, m)).astype(float)
    cif = fob + used.sum(axis=0)
    landed = cif + rng.integers(0, 9, (g, m, m))
    agents = g + len(FINAL)
    imports = parts_of(landed.sum(axis=1), rng.random((g, m, agents)), rng).transpose(0, 2, 1)
    supplied = parts_of(used.sum(axis=(1, 2, 3)), rng.random((t, m)) + 0.2, rng)
    domestic = rng.integers(0, 300, (g, agents, m)).astype(float)
    domestic[:, g:] += 200 * (g + m)
    sold = domestic.sum(axis=1) + exports.sum(axis=2)
    sold[[goods.index(x) for x in margins]] += supplied
    inputs = domestic[:, :g].sum(axis=0) + imports[:, :g].sum(axis=0)
    taxes = rng.integers(-3, 30, (g, m))
    factors = parts_of(sold - inputs - taxes, rng.random((g, m, len(FACTORS))), rng)
    co2 = {k: rng.integers(0, 50, (len(FUELS), g + len(FINAL), m)).astype(float) for k in "DI"}
    for values in co2.values():
        values[:, -1] = 0.0  # nothing is burned by investment
    return {
        "regions": regions, "goods": goods, "margins": margins, "exports": exports, "fob": fob,
        "cif": cif, "landed": landed, "used": used, "supplied": supplied, "domestic": domestic,
        "imports": imports, "factors": factors.transpose(2, 0, 1), "output": sold, "co2": co2,
    }  # fmt: skip


def world_of(table: IOTable) -> World:
    """Lay out any table as GTAP would: imports by source and by use apart, no taxes or margins.

    The sectors are called c0, c1, … (twelve letters are all that there are). The first two
    categories of final demand are kept, the others joined.
    """
    m, g = len(table.regions), len(table.sectors)
    Z = table.Z.to_numpy().reshape(m, g, m, g)
    q = len(table.categories)
    Y = table.Y.to_numpy().reshape(m, g, m, q)
    kept = np.concatenate([Y[..., : min(q, 2)], np.zeros((m, g, m, max(0, 2 - q)))], axis=3)
    Y = np.concatenate([kept, Y[..., 2:].sum(axis=3, keepdims=True)], axis=3)
    both = np.concatenate([Z, Y], axis=3)  # r i s agents
    own = np.arange(m)
    domestic = both[own, :, own]  # r i agents
    foreign = both.copy()
    foreign[own, :, own] = 0.0
    exports = foreign.sum(axis=3).transpose(1, 0, 2)
    emissions = table.extensions["emissions"]
    to_mt = factor(str(emissions.unit.iloc[0]), "Mt CO2")
    F = to_mt * emissions.F.to_numpy().reshape(m, g).T
    F_Y = to_mt * np.asarray(emissions.F_Y).reshape(m, q).sum(axis=1)
    burned = np.zeros((1, g + len(FINAL), m))
    burned[0, :g], burned[0, g] = F, F_Y
    return {
        "regions": tuple(table.regions), "goods": tuple(f"c{k}" for k in range(g)),
        "margins": ("c0",),
        "exports": exports, "fob": exports, "cif": exports, "landed": exports,
        "used": np.zeros((1, g, m, m)), "supplied": np.zeros((1, m)),
        "domestic": domestic.transpose(1, 2, 0), "imports": foreign.sum(axis=0).transpose(0, 2, 1),
        "factors": table.x.to_numpy().reshape(1, m, g).transpose(0, 2, 1) * 0.0,
        "output": table.x.to_numpy().reshape(m, g).T,
        "co2": {"D": burned, "I": burned * 0.0},
    }  # fmt: skip


def headers(world: World, naming: str = "v6") -> dict[str, tuple[Any, list[str], list[Any]]]:
    """Headers of the base data: name → numbers, sets, elements."""
    regions, goods, margins = world["regions"], world["goods"], world["margins"]
    g = len(goods)
    factors = tuple(FACTORS[: len(world["factors"])])
    older = naming == "v6"
    C, A, R, M, E = (
        ("TRAD_COMM", "PROD_COMM", "REG", "MARG_COMM", "ENDW_COMM")
        if older
        else ("COMM", "ACTS", "REG", "MARG", "ENDW")
    )
    activities = (*goods, "cgds") if older else world.get("activities", goods)
    two, trade = ([C, R], [goods, regions]), ([C, R, R], [goods, regions, regions])
    out: dict[str, tuple[Any, list[str], list[Any]]] = {}
    for key, letter in (("domestic", "D"), ("imports", "I" if older else "M")):
        values = world[key]
        firms = np.delete(values, [g, g + 1], axis=1) if older else values[:, :g]
        firms = world.get(f"firms {key}", firms)
        last = "M" if older else "B"
        if older and world.get("taxed"):
            out[f"V{letter}FA"] = (1.25 * firms, [C, A, R], [goods, activities, regions])
            for k, who in enumerate("PG"):
                out[f"V{letter}{who}A"] = (1.5 * values[:, g + k], *two)
        out[f"V{letter}F{last}"] = (firms, [C, A, R], [goods, activities, regions])
        for k, who in enumerate("PGI"[: 2 if older else 3]):
            out[f"V{letter}{who}{last}"] = (values[:, g + k], *two)
    for key, older_name, newer in (
        ("exports", "VXMD", "VXSB"), ("fob", "VXWD", "VFOB"),
        ("cif", "VIWS", "VCIF"), ("landed", "VIMS", "VMSB"),
    ):  # fmt: skip
        out[older_name if older else newer] = (world[key], *trade)
    out["VST"] = (world["supplied"], [M, R], [margins, regions])
    out["VTWR"] = (world["used"], [M, C, R, R], [margins, goods, regions, regions])
    payments = world["factors"]
    if older:
        payments = np.concatenate([payments, np.zeros((len(payments), 1, len(regions)))], axis=1)
    out["VFM" if older else "EVFB"] = (payments, [E, A, R], [factors, activities, regions])
    if not older:
        make = world.get("make")
        if make is None:
            make = np.eye(g)[:, :, None] * world["output"][:, None, :]
        out["MAKB"] = (make, [C, A, R], [goods, activities, regions])
    return out


def co2_headers(world: World, naming: str = "v6") -> dict[str, tuple[Any, list[str], list[Any]]]:
    """Headers of the CO2 emissions."""
    regions, goods = world["regions"], world["goods"]
    g, older = len(goods), naming == "v6"
    fuels = tuple(FUELS[: len(world["co2"]["D"])])
    activities = world.get("activities", goods)
    out: dict[str, tuple[Any, list[str], list[Any]]] = {}
    for key, letter in (("D", "D"), ("I", "I" if older else "M")):
        values = world["co2"][key]
        out[f"M{letter}F"] = (
            values[:, :g], ["FUEL_COMM", "PROD_COMM", "REG"], [fuels, activities, regions],
        )  # fmt: skip
        for k, who in enumerate("PG" if older else "PGI"):
            out[f"M{letter}{who}"] = (values[:, g + k], ["FUEL_COMM", "REG"], [fuels, regions])
    return out


def base_data(world: World, naming: str = "v6", **changes: Any) -> bytes:
    """Bytes of the base data; `changes` replace headers, or drop those that are None."""
    every = headers(world, naming) | changes
    names = texts_header("DREL", ["toy release 1"], 20)
    return names + b"".join(
        real_header(name, *parts, sparse=name == "VTWR")
        for name, parts in every.items()
        if parts is not None
    )


def co2_data(world: World, naming: str = "v6", **changes: Any) -> bytes:
    every = co2_headers(world, naming) | changes
    return b"".join(real_header(k, *parts) for k, parts in every.items() if parts is not None)


def write_gtap(
    folder: Path, world: World, naming: str = "v6", *, name: str = "flexagg9aY11"
) -> Path:
    """Write the files of one year; return their folder."""
    place = folder / name
    place.mkdir(parents=True)
    letter = "" if naming == "v6" else "f"
    (place / f"gsd{letter}dat.har").write_bytes(base_data(world, naming))
    (place / f"gsd{letter}emiss.har").write_bytes(co2_data(world, naming))
    (place / f"gsd{letter}set.har").write_bytes(texts_header("REG", world["regions"]))
    return place
