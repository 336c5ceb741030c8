"""The figures that come with the package."""

import re

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.model import (
    DEFAULT_LIBRARY,
    PARTS,
    Counts,
    available,
    load,
    load_srams,
    requantiser_fj,
)
from truncmac.sim.energy.places import PLACES

SHAPES = [pytest.param(*entry, id="-".join(map(str, entry))) for entry in available()]


def test_the_default_library_has_the_core_and_its_rival():
    assert {(DEFAULT_LIBRARY, 16, 2), (DEFAULT_LIBRARY, 4, 8)} <= set(available())


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_figures_are_plausible_and_say_where_they_come_from(library, lanes, planes):
    figures = load(lanes, planes, library)
    provenance = figures.data["provenance"]
    assert provenance["library"]["label"] == library
    assert all(
        re.fullmatch(r"[0-9a-f]{64}", d) for d in provenance["library"]["files_sha256"].values()
    )
    assert {8, 4, 2, 1} <= set(figures.bits)
    config = ArrayConfig(8, 8, lanes, planes)
    per_mac = {}
    for k in figures.bits:
        chunks = config.chunks if planes == 8 else -(-k // planes)
        beats = 100
        counts = Counts(chunks * beats + 30, chunks * beats, beats, 1, 1)
        parts = figures.energy(config, counts, k)
        assert set(parts) == set(PARTS)
        assert all(value >= 0 for value in parts.values())
        per_mac[k] = sum(parts.values()) / (config.rows * config.cols * lanes * beats)
        assert all(
            figures.data["bits"][str(k)]["places"][name]["glitch_factor"] >= 0.999
            for name in PLACES
        )
    assert all(per_mac[a] < per_mac[b] for a, b in ((4, 8), (2, 4)))
    assert 0.05 < per_mac[8] < 20
    assert sum(figures.area(config).values()) > 1e5 * (1 if "asap" not in library else 0.01)


def test_shapes_without_figures():
    with pytest.raises(ValueError, match="^No energy figures of 3 lanes x 1 planes in ihp-sg13g2"):
        load(3, 1)
    with pytest.raises(ValueError, match="^No memory macros of nothing$"):
        load_srams("nothing")


def test_memory_macros():
    macros = load_srams()
    sizes = [macro.words * macro.bits for macro in macros]
    assert sizes == sorted(sizes)
    assert all(0.1 < macro.read_pj / macro.bits < 10 for macro in macros)
    assert all(macro.write_pj > macro.read_pj for macro in macros)


OUTPUTS = {
    "fj": 12.0,
    "shares": [1, 4],
    "codes_fj": [10.0, 20.0],
    "raw_fj": [4.0, 10.0],
    "fj_per_toggle": 2.0,
    "raw_fj_per_toggle": 0.5,
}


@pytest.mark.parametrize(("requantisers", "codes", "raw"), [(4, 10, 4), (1, 20, 10)])
def test_outputs_cost_by_the_columns_that_share_their_unit(requantisers, codes, raw):
    config = ArrayConfig(4, 4, 16, 2, requantisers=requantisers)
    counts = Counts(100, 80, 10, tiles=4, raw_tiles=1)
    mixed = codes * 0.75 + raw * 0.25
    assert requantiser_fj(OUTPUTS, config, counts) == pytest.approx(mixed)
    # Two toggles fewer: 4 fJ less of a code, 1 fJ less of a raw sum
    fewer = (codes - 4) * 0.75 + (raw - 1) * 0.25
    assert requantiser_fj(OUTPUTS, config, counts, -2.0) == pytest.approx(fewer)
    assert requantiser_fj(OUTPUTS, config, counts, -50.0) == 0.0


def test_outputs_of_shares_between_those_measured_and_of_none():
    config = ArrayConfig(4, 4, 16, 2, requantisers=2)
    assert requantiser_fj(OUTPUTS, config, Counts(100, 0, 0, tiles=0)) == pytest.approx(40 / 3)
    assert requantiser_fj({"fj": 0.0}, config, Counts(100, 0, 0, tiles=0)) == 0.0
