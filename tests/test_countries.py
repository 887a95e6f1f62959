"""Names and codes of countries."""

from carbonflows.countries import country_names, iso3


def test_countries_by_any_name() -> None:
    assert iso3(["Viet Nam", "vietnam", "VN", "VNM", "Atlantis", ""]) == ["VNM"] * 4 + [None, None]
    assert iso3(["Russia", "Russian Federation", "Czechia", "Czech Republic", "UK"]) == [
        "RUS", "RUS", "CZE", "CZE", "GBR",
    ]  # fmt: skip
    assert iso3([]) == []


def test_names_of_countries() -> None:
    assert country_names(["CHN", "r1", "DEU"]) == ["China", "r1", "Germany"]
    assert country_names(["ROW"]) == ["Rest of the world"]
