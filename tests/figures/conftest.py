"""Small worlds for the figures."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.figures.shapes import country_shapes, region_shapes

MEMBERS = {
    "China": ["CHN"],
    "United States": ["USA"],
    "Rest of Western Europe": ["AUT", "BEL", "CHE", "DNK", "FIN", "GRC", "IRL", "LUX", "NLD",
                               "NOR", "PRT", "MLT", "CYP", "ISL"],
    "Germany": ["DEU"],
    "France": ["FRA"],
    "United Kingdom": ["GBR"],
    "West Asia & Middle East": ["IRN", "IRQ", "SAU", "TUR", "ARE", "ISR", "PSE", "BHR"],
    "Mongolia & Russia": ["MNG", "RUS"],
    "Rest of world": ["*"],
}  # fmt: skip


@pytest.fixture(scope="session")
def regions():
    return region_shapes(MEMBERS)


@pytest.fixture(scope="session")
def countries():
    return country_shapes()


@pytest.fixture
def flows():
    """Skewed flows between the nine regions, diagonal included."""
    rng = np.random.default_rng(7)
    names = list(MEMBERS)
    values = rng.lognormal(2, 1.5, (len(names), len(names)))
    np.fill_diagonal(values, 5000)
    return pd.DataFrame(values, names, names)


@pytest.fixture
def values(flows):
    """Production- and consumption-based numbers."""
    return pd.DataFrame(
        {"Production": flows.sum(axis=1), "Consumption": flows.sum(axis=0)}, flows.index
    )


@pytest.fixture
def many(countries):
    """Flows between 189 countries."""
    rng = np.random.default_rng(3)
    names = list(countries.index[countries["part_of"].isna()][:189])
    size = rng.lognormal(0, 1.6, 189)
    return pd.DataFrame(np.outer(size, size) * rng.lognormal(0, 0.5, (189, 189)), names, names)
