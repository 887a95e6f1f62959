"""The figures of a study: which numbers go into which picture, and what the caption says."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from carbonflows.errors import CarbonflowsError, DataError
from carbonflows.study.analysis import Results
from carbonflows.study.outcome import Picture
from carbonflows.study.spec import Study

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from matplotlib.figure import Figure


def pictures(study: Study, found: Results) -> Iterator[Picture]:
    """Draw the figures of a study one after the other.

    Parameters
    ----------
    study : Study
    found : Results

    Yields
    ------
    Picture
        Without a figure where these numbers cannot be drawn (one region, regions that no map
        knows); its caption then says why.
    """
    drawing = _Drawing(study, found)
    wanted: list[tuple[Callable[[], tuple[Figure, str]], str, tuple[str, ...]]] = [
        (drawing.flow_map, "flow_map", (found.level("flows"), found.level("accounts"))),
        (drawing.net_exports, "net_exports", ("accounts", "net_shares")),
        (drawing.intensities, "intensities", ("intensities",)),
        (drawing.gap_map, "intensity_gap_map", ("intensities",)),
        (drawing.gap_bars, "intensity_gap", ("intensities",)),
        (drawing.sankey, "sankey", (found.level("flows"),)),
    ]
    if found.grouping is not None:
        sinks = ("sink_shares_groups", "top_consumers_groups")
        wanted.insert(5, (drawing.sources_and_sinks, "sources_and_sinks", sinks))
    for draw, stem, tables in wanted:
        try:
            figure, caption = draw()
        except CarbonflowsError as error:
            yield Picture(stem, None, f"{stem.replace('_', ' ')}: not drawn. {error}", tables)
        else:
            yield Picture(stem, figure, caption, tables)


class _Drawing:
    """Numbers, names and shapes that several figures share."""

    def __init__(self, study: Study, found: Results) -> None:
        table, load = found.table, found.load
        self.study, self.found = study, found
        self.gas = load.gas
        self.source = f"Source: {table.label}, carbonflows"
        self.members = {region: list(table.members[region]) for region in table.regions}
        self.rest = [region for region, codes in self.members.items() if "*" in codes]
        self.noun = "region" if found.grouping is None else "group"
        rest = self.rest
        if found.grouping is not None:
            rest = list(dict.fromkeys(found.grouping.of(rest)))
        self.level_rest = rest
        self.labels = found.names if found.grouping is None else group_labels(found)

    def shapes(self, *, grouped: bool) -> "GeoDataFrame":
        from carbonflows.figures.shapes import region_shapes

        if not grouped or self.found.grouping is None:
            return region_shapes(self.members)
        regions = self.found.table.regions
        joined: dict[str, list[str]] = {}
        for region, group in zip(regions, self.found.grouping.of(regions), strict=True):
            joined.setdefault(group, []).extend(self.members[region])
        return region_shapes(joined)

    def flow_map(self) -> tuple["Figure", str]:
        from carbonflows.figures.flowmap import flow_map

        between = self.found.flows
        figure = flow_map(
            between, self.shapes(grouped=True), unit=self.gas, top=self.study.figures.arcs,
            net=between.sum(axis=1) - between.sum(axis=0), labels=self.labels, noun=self.noun,
            residual=self.level_rest, title="Embodied carbon flows", source=self.source,
            subtitle=f"Emissions by where they occur and whose final demand causes them, between "
            f"{self.noun}s",
        )  # fmt: skip
        return figure, (
            f"Emissions of each of {len(between)} {self.noun}s caused by final demand in another "
            "(footprint measure), largest first; the fill shows net exports. Direct emissions of "
            f"households cause no flow.{stands_for(self.found)}"
        )

    def net_exports(self) -> tuple["Figure", str]:
        from carbonflows.figures.bars import ranked_nets

        net = self.found.tables["accounts"].set_index("region")["net_exports"]
        figure = ranked_nets(
            net, unit=self.gas, labels=self.found.names, source=self.source,
            title="Net exporters and importers of embodied carbon",
        )  # fmt: skip
        return figure, (
            "Net exports of embodied emissions by region. Footprint and throughflow accounts give "
            "the same nets."
        )

    def _pair(self) -> tuple[pd.DataFrame, tuple[str, str], str]:
        """Production and consumption intensities of known regions, denominators, unit."""
        intensity, tidy = self.study.intensity, self.found.tables["intensities"]
        columns, units = {}, []
        for kind, denominator in (
            ("production", intensity.production), ("consumption", intensity.consumption)
        ):  # fmt: skip
            rows = tidy[(tidy.kind == kind) & (tidy.denominator == denominator)]
            rows = rows.set_index("region")
            columns[kind.capitalize()] = rows["value"]
            units += list(rows["unit"].unique())
        mass, _, per_unit = units[0].partition("/")
        name = self.found.load.name
        unit = units[0] if name in mass else f"{mass} {name}/{per_unit}"
        both = pd.DataFrame(columns).dropna()
        if both.empty:
            raise DataError("no region has both intensities")
        per = (words(intensity.production), words(intensity.consumption))
        return both, per, unit

    def intensities(self) -> tuple["Figure", str]:
        from carbonflows.figures.choropleth import choropleth_pair

        both, per, unit = self._pair()
        figure = choropleth_pair(
            both, self.shapes(grouped=False), unit=unit, source=self.source, residual=self.rest,
            title="Carbon intensities",
            subtitle=f"Production per {per[0]}, consumption per {per[1]}; shared classes",
        )  # fmt: skip
        caption = f"Production-based emissions per {per[0]}, consumption-based per {per[1]}."
        return figure, caption

    def gap_map(self) -> tuple["Figure", str]:
        from carbonflows.figures.choropleth import gap_map

        both, per, unit = self._pair()
        figure = gap_map(
            both["Production"] - both["Consumption"], self.shapes(grouped=False), unit=unit,
            residual=self.rest, source=self.source,
            title="Gap between production and consumption intensity",
            subtitle=f"Production per {per[0]} minus consumption per {per[1]}",
        )  # fmt: skip
        return figure, _gap_caption(per)

    def gap_bars(self) -> tuple["Figure", str]:
        from carbonflows.figures.choropleth import gap_bars

        both, per, unit = self._pair()
        figure = gap_bars(
            both, unit=unit, labels=self.found.names, source=self.source,
            title="Production and consumption intensity by region",
            subtitle=f"Production per {per[0]}, consumption per {per[1]}",
        )  # fmt: skip
        return figure, _gap_caption(per)

    def sources_and_sinks(self) -> tuple["Figure", str]:
        from carbonflows.figures.bars import sources_and_sinks

        found, block = self.found, self.found.block
        shares = found.tables["sink_shares_groups"].pivot_table(
            index="source_region", columns="demand_region", values="share", sort=False
        )
        rows = ([self.study.highlight] if block else []) + (block or list(found.flows.index))
        largest = {
            str(row): [
                (found.name(region), 100 * share)
                for region, share in chosen[["demand_region", "share"]].itertuples(index=False)
            ]
            for row, chosen in found.tables["top_consumers_groups"].groupby(
                "source_region", sort=False
            )
            if row in rows
        }
        figure = sources_and_sinks(
            100 * shares.loc[rows], top=largest, labels=self.labels, source=self.source,
            own={self.study.highlight: block} if block else None, noun=self.noun,
            title="Sources and sinks of embodied carbon",
            subtitle="Emissions of each group's producing sectors by whose final demand causes "
            "them",
        )  # fmt: skip
        return figure, (
            "Share of each group's emissions by consuming group, with the largest consumers abroad "
            f"where the table shows them apart.{stands_for(found)}"
        )

    def sankey(self) -> tuple["Figure", str]:
        from carbonflows.figures.sankey import sankey

        figure = sankey(
            self.found.flows, unit=self.gas, labels=self.labels, source=self.source,
            noun=self.noun, title="From emitter to consumer",
            subtitle=f"Embodied emissions between {self.noun}s, {self.found.table.label}",
        )  # fmt: skip
        return figure, (
            f"Flows between {self.noun}s; what is emitted for a {self.noun}'s own final demand is "
            f"left out.{stands_for(self.found)}"
        )


def words(denominator: str) -> str:
    """Name of a denominator as a reader writes it."""
    return {"gdp": "GDP"}.get(denominator, denominator.replace("_", " "))


def _gap_caption(per: tuple[str, str]) -> str:
    if per[0] == per[1]:
        return f"Production intensity minus consumption intensity, both per {per[0]}."
    return (
        "Production intensity minus consumption intensity. The two have different denominators "
        f"({per[0]}, {per[1]}), so the gap mixes trade in carbon with the trade balance."
    )


def group_labels(found: Results) -> dict[str, str]:
    """Names of groups for figures; one that stands for a single country says which.

    Parameters
    ----------
    found : Results

    Returns
    -------
    dict of str to str
        For example ``{"South Asia": "South Asia (India)"}``.
    """
    return {group: f"{group} ({name})" for group, name in _alone(found).items()}


def _alone(found: Results) -> dict[str, str]:
    """Groups of several countries of which this table shows one alone, with its name."""
    coverage = found.tables.get("groups")
    if coverage is None or found.grouping is None:
        return {}
    listed = list(found.grouping.members.values())
    return {
        str(group): str(rows["name"].iloc[0])
        for group, rows in coverage.groupby("group", sort=False)
        if len(rows) == 1
        and listed.count(str(group)) > 1
        and len(rows["members"].iloc[0].split()) == 1
        and "*" not in rows["members"].iloc[0]
    }


def stands_for(found: Results) -> str:
    """Say which groups are a single region of this table, so that no name promises too much.

    Parameters
    ----------
    found : Results

    Returns
    -------
    str
        For example `` In this table South Asia is India alone.``, or nothing.
    """
    alone = [f"{group} is {name}" for group, name in _alone(found).items()]
    missing = f" {', '.join(found.missing)} is not shown apart." if found.missing else ""
    return (f" In this table {', '.join(alone)} alone." if alone else "") + missing
