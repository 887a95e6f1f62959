"""China's provinces by the names and codes that tables use for them."""

import re
from functools import cache

PROVINCES = {
    "Beijing": ("CN-BJ", "110000", "北京"),
    "Tianjin": ("CN-TJ", "120000", "天津"),
    "Hebei": ("CN-HE", "130000", "河北"),
    "Shanxi": ("CN-SX", "140000", "山西"),
    "Inner Mongolia": ("CN-NM", "150000", "内蒙古", "内蒙", "Neimenggu", "Nei Mongol"),
    "Liaoning": ("CN-LN", "210000", "辽宁"),
    "Jilin": ("CN-JL", "220000", "吉林"),
    "Heilongjiang": ("CN-HL", "230000", "黑龙江"),
    "Shanghai": ("CN-SH", "310000", "上海"),
    "Jiangsu": ("CN-JS", "320000", "江苏"),
    "Zhejiang": ("CN-ZJ", "330000", "浙江"),
    "Anhui": ("CN-AH", "340000", "安徽"),
    "Fujian": ("CN-FJ", "350000", "福建"),
    "Jiangxi": ("CN-JX", "360000", "江西"),
    "Shandong": ("CN-SD", "370000", "山东"),
    "Henan": ("CN-HA", "410000", "河南"),
    "Hubei": ("CN-HB", "420000", "湖北"),
    "Hunan": ("CN-HN", "430000", "湖南"),
    "Guangdong": ("CN-GD", "440000", "广东"),
    "Guangxi": ("CN-GX", "450000", "广西"),
    "Hainan": ("CN-HI", "460000", "海南"),
    "Chongqing": ("CN-CQ", "500000", "重庆"),
    "Sichuan": ("CN-SC", "510000", "四川"),
    "Guizhou": ("CN-GZ", "520000", "贵州"),
    "Yunnan": ("CN-YN", "530000", "云南"),
    "Tibet": ("CN-XZ", "540000", "西藏", "Xizang"),
    "Shaanxi": ("CN-SN", "610000", "陕西", "Shannxi"),
    "Gansu": ("CN-GS", "620000", "甘肃"),
    "Qinghai": ("CN-QH", "630000", "青海"),
    "Ningxia": ("CN-NX", "640000", "宁夏"),
    "Xinjiang": ("CN-XJ", "650000", "新疆"),
}
"""English name, as the inventories have it → ISO 3166-2 code, GB/T 2260 code, other names."""

_SUFFIX = re.compile(
    r"(省|市|(维吾尔|壮族|回族)?自治区|province|municipality|(uy?gh?ur|zhuang|hui)?"
    r"autonomousregion)$"
)


def province(text: str) -> str | None:
    """Return the English name of a province, or None if a text names none.

    Examples
    --------
    >>> province("内蒙古自治区"), province("InnerMongolia"), province("CN-SN"), province("Total")
    ('Inner Mongolia', 'Inner Mongolia', 'Shaanxi', None)
    """
    return _names().get(_plain(text))


def _plain(text: str) -> str:
    return _SUFFIX.sub("", re.sub(r"[\s_]+", "", text).lower())


@cache
def _names() -> dict[str, str]:
    return {
        _plain(name): english
        for english, others in PROVINCES.items()
        for name in (english, *others)
    }
