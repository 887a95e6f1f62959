"""Value added in gross exports beside the numbers that established packages compute.

The table is the leather example of the R package decompr (three countries, three industries). The
sixteen terms come from decompr 6.8.0 (function wwz), which agrees with exvatools 0.9.0 (method
wwz) on all of them to 1e-13, the source- and sink-based steps from exvatools (methods bm_src and
bm_snk), the value added by origin from decompr's own tests. Only numbers were taken from either.
"""

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.bridge import CODES, STEPS, bridge
from carbonflows.accounts.flows import flows
from carbonflows.accounts.vertical import Perspective, export_steps
from carbonflows.solve import Leontief
from carbonflows.table import IOTable
from worlds import world

COUNTRIES = ("Argentina", "Turkey", "Germany")
INDUSTRIES = ("Agriculture", "Textile and Leather", "Transport Equipment")

INPUTS = [
    [16.1, 5.1, 1.8, 3.2, 4.3, 0.4, 3.1, 2.8, 4.9],
    [2.4, 8.0, 3.2, 0.1, 3.2, 1.6, 1.2, 3.9, 11.5],
    [0.9, 0.5, 4.0, 0.0, 0.1, 0.3, 0.0, 0.4, 0.5],
    [1.1, 1.9, 0.2, 18.0, 13.2, 6.1, 9.0, 3.1, 8.9],
    [0.3, 2.8, 0.1, 6.1, 28.1, 6.3, 2.1, 2.5, 25.6],
    [0.0, 0.1, 0.3, 4.1, 3.2, 8.9, 0.2, 0.0, 1.8],
    [1.2, 4.2, 0.3, 4.1, 1.2, 0.6, 29.0, 19.5, 17.9],
    [1.3, 1.1, 0.0, 3.2, 4.8, 2.6, 5.1, 29.1, 24.1],
    [2.1, 1.4, 3.0, 4.1, 3.1, 3.9, 11.3, 8.1, 51.3],
]
FINAL = [
    [21.5, 6.1, 8.4], [16.2, 1.9, 5.1], [11.0, 0.5, 0.8],
    [7.5, 29.5, 14.2], [8.9, 24.9, 16.9], [1.2, 18.5, 4.9],
    [9.2, 17.9, 51.2], [7.9, 10.1, 38.5], [25.1, 35.2, 68.4],
]  # fmt: skip

# One line per exporting country, industry and importing country, in that order.
SIXTEEN = """
    5.474435 2.681369 1.136344 1.409300 0.504932 0.705684 0.347020 0.168615
        0.064864 0.071716 0.214301 0.411264 0.102071 0.195884 0.175466 0.336736
    7.538567 5.105595 0.413015 2.072238 0.184143 1.406268 0.084583 0.241350
        0.087209 0.098042 0.566330 0.295103 0.373593 0.194672 0.354545 0.184746
    1.470451 1.605952 0.519891 0.739595 0.238689 0.331436 0.166208 0.078970
        0.027678 0.083797 0.187543 0.242006 0.203476 0.262566 0.280187 0.361555
    3.947000 6.449943 0.539488 2.819880 0.236762 1.984971 0.107404 0.317887
        0.106880 0.283885 0.649595 0.503404 1.047959 0.812117 1.066410 0.826415
    0.353443 0.148895 0.025125 0.051665 0.011503 0.018676 0.007977 0.004632
        0.001419 0.012864 0.049876 0.096681 0.021687 0.042038 0.018214 0.035307
    0.565508 0.316789 0.028787 0.130022 0.012763 0.093466 0.005810 0.014519
        0.005097 0.028943 0.154690 0.079802 0.087443 0.045111 0.086582 0.044667
    6.279750 1.119053 0.424282 0.323647 0.127684 0.173539 0.182995 0.154036
        0.107000 0.067124 0.380337 0.839913 0.067956 0.150070 0.094321 0.208293
    11.889659 9.187565 0.444068 2.463257 0.104349 3.739485 0.057224 0.693924
        0.452925 0.440502 1.590235 0.720105 1.216148 0.550708 1.135608 0.514237
    7.227365 1.047133 0.460783 0.295304 0.140988 0.131525 0.200948 0.151186
        0.101320 0.069417 0.756100 0.916535 0.109696 0.132972 0.162160 0.196568
    13.723872 12.005848 0.628030 3.906809 0.127367 5.579790 0.074152 0.950060
        0.597137 0.655124 1.740387 1.435741 1.513186 1.248311 1.596854 1.317333
    0.840780 0.178192 0.022044 0.020606 0.006673 0.011195 0.009458 0.008562
        0.005182 0.018349 0.117154 0.242065 0.026380 0.054507 0.012671 0.026182
    3.433187 0.654604 0.035177 0.216333 0.007037 0.311398 0.004085 0.049810
        0.031113 0.091743 0.988432 0.478381 0.195262 0.094502 0.208180 0.100755
    7.861095 2.019991 0.282266 0.280183 0.060606 0.571574 0.131707 0.820750
        0.605435 0.097949 0.440579 0.898326 0.112794 0.229983 0.160174 0.326588
    15.294956 2.060304 0.116371 0.477057 0.015705 0.972264 0.029961 0.736950
        0.531357 0.101386 1.747830 0.857214 0.232693 0.114123 0.343407 0.168422
    6.554423 0.790946 0.119614 0.152080 0.027531 0.259775 0.058019 0.309466
        0.224433 0.049354 0.645104 0.700473 0.077936 0.084626 0.118045 0.128176
    8.379706 3.687500 0.189680 0.787112 0.023624 1.699007 0.046204 1.222414
        0.921022 0.217978 0.895541 0.824753 0.392289 0.361281 0.547586 0.504302
    16.916829 2.374638 0.181109 0.259971 0.039007 0.427647 0.084238 0.436905
        0.314861 0.262476 2.920226 5.262945 0.431210 0.777143 0.325024 0.585771
    23.723999 3.268940 0.148311 0.607201 0.018387 1.373819 0.035453 0.907107
        0.673701 0.448228 7.380704 4.095297 1.055362 0.585584 1.272076 0.705831
"""  # the terms in the order of CODES
SOURCE = """
    11.2158686 1.2213182 0.1270912 1.4094133 0.0263088
    15.3245130 1.7322003 0.1742965 1.9329096 0.0360806
    4.5697638 0.5766131 0.1162903 1.5147708 0.0225620
    14.0127350 2.4102618 0.3711028 4.8339009 0.0719994
    0.5759690 0.0312845 0.0289434 0.2574840 0.0063192
    1.0332387 0.1137956 0.0546708 0.4863586 0.0119363
    8.2240932 0.5105703 0.2244460 1.6914093 0.0494812
    24.2439605 4.4906334 0.7383645 5.5642624 0.1627793
    9.0798255 0.4836590 0.2624834 2.2161439 0.0578882
    30.6224540 6.6040020 1.0217329 8.6264777 0.2253334
    1.0184306 0.0292153 0.0733947 0.4625597 0.0163996
    4.1526798 0.3652932 0.3165148 1.9947889 0.0707234
    10.9514820 1.5240315 0.2560424 2.0962209 0.0722232
    18.1881553 1.7391750 0.4089805 3.3483259 0.1153632
    7.7065720 0.6272597 0.2118088 1.6952298 0.0591297
    13.7809482 2.9676261 0.4256740 3.4069182 0.1188334
    19.0728536 0.9487901 1.2760373 9.9457626 0.3565565
    27.0191311 2.3163785 1.8696369 14.5724306 0.5224229
"""  # VAX, REF, DDC, FVA, FDC
SINK = """
    11.1495220 1.2079292 0.2068268 1.4120879 0.0236341
    15.2571096 1.7196709 0.2542293 1.9399394 0.0290508
    4.5941134 0.5783055 0.0902482 1.5109695 0.0263634
    14.0624444 2.4298315 0.3018237 4.8177315 0.0881689
    0.5994267 0.0322163 0.0045539 0.2619149 0.0018883
    1.0694721 0.1175200 0.0147130 0.4921940 0.0061008
    8.2433496 0.4931150 0.2226450 1.6976272 0.0432633
    24.0661500 4.4829608 0.9238476 5.5475241 0.1795176
    9.1484943 0.4684761 0.2089974 2.2256637 0.0483684
    30.4161318 6.6266494 1.2054078 8.5728425 0.2789685
    1.0804233 0.0298495 0.0107679 0.4743588 0.0046005
    4.3868947 0.3823224 0.0652707 2.0376256 0.0278866
    10.4287782 1.4868767 0.8159011 2.0294794 0.1389646
    17.9073356 1.7152956 0.7136797 3.3421349 0.1215542
    7.6235647 0.6172493 0.3048265 1.6917808 0.0625787
    12.9978655 2.9447641 1.2316188 3.2729090 0.2528426
    19.8817549 0.9709132 0.4450128 10.0870532 0.2152659
    27.8798434 2.3881621 0.9371410 14.6415307 0.4533228
"""


def leather() -> IOTable:
    """The table, with value added in the place of emissions."""
    nodes = [(country, industry) for country in COUNTRIES for industry in INDUSTRIES]
    Z, Y = np.array(INPUTS), np.array(FINAL)
    added = Z.sum(axis=1) + Y.sum(axis=1) - Z.sum(axis=0)
    return world(Z, Y, added, nodes, [(country, "F") for country in COUNTRIES])


def printed(text: str, columns: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        (country, partner, industry)
        for country in COUNTRIES
        for industry in INDUSTRIES
        for partner in COUNTRIES
        if partner != country
    ]
    numbers = np.array(text.split(), dtype=float).reshape(len(rows), -1)
    index = pd.MultiIndex.from_tuples(rows, names=["region", "partner", "sector"])
    return pd.DataFrame(numbers, index, list(columns))


def test_sixteen_terms() -> None:
    expected = printed(SIXTEEN, CODES)
    found = bridge(Leontief(leather()), content="value_added", by="all")
    assert len(found) == len(expected) == 18
    assert np.abs(found.loc[expected.index].to_numpy() - expected.to_numpy()).max() < 1e-6


@pytest.mark.parametrize(("perspective", "text"), [("source", SOURCE), ("sink", SINK)])
def test_source_and_sink(perspective: Perspective, text: str) -> None:
    expected = printed(text, STEPS)
    found = export_steps(
        Leontief(leather()), content="value_added", by="all", perspective=perspective
    )
    assert len(found) == len(expected) == 18
    assert np.abs(found.loc[expected.index].to_numpy() - expected.to_numpy()).max() < 1e-6


def test_emissions_are_decomposed_as_value_added_is() -> None:
    expected = printed(SIXTEEN, CODES)
    found = bridge(Leontief(leather()), by="all")
    assert np.abs(found.loc[expected.index].to_numpy() - expected.to_numpy()).max() < 1e-6


def test_value_added_by_origin() -> None:
    """Function leontief of decompr after exports, output and final demand, as its tests have it."""
    table = leather()
    system = Leontief(table)
    k = table.extensions["emissions"].F.to_numpy()[0] / table.x.to_numpy()
    origins = system.multipliers(np.diag(k)).values  # V L
    shipped = system.sales_by_region + system.final_use
    shipped[np.arange(9), table.node_region] = 0.0
    exports = origins * shipped.sum(axis=1)
    assert exports[[0, 8], [0, 8]] == pytest.approx([28.52278, 34.74381], abs=1e-5)
    output = origins * table.x.to_numpy()
    assert output[[0, 8], [0, 8]] == pytest.approx([66.75361799, 96.78316785], abs=1e-8)
    final = flows(system, source="node").to_numpy()
    assert final[[0, 6], [0, 1]] == pytest.approx([24.3345824, 23.6841309], abs=1e-7)
