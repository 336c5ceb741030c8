"""docs/pictures/tiles.svg: a simulation's trace as a moving picture; runs Icarus."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from truncmac.sim.cycles.closed_form import count_sequence
from truncmac.sim.cycles.points import Products, Sizes

PICTURE = Path(__file__).parents[3] / "docs" / "pictures" / "tiles.svg"


@pytest.fixture(scope="module")
def traced():
    from tools.docs.tile_trace import tiles

    return tiles()


def test_the_committed_picture_is_what_the_trace_gives(traced, monkeypatch):
    from tools.docs import tiles

    monkeypatch.setattr(tiles, "tiles", lambda: traced)
    assert PICTURE.read_text() == tiles.picture()


def test_the_tile_of_2_bits_works_a_quarter_of_the_cycles(traced):
    from tools.docs.tile_trace import CONFIG, products

    busy = {k: sum(cycle.plane is not None for cycle in tile) for k, tile in traced.items()}
    assert busy == {8: 48, 2: 12}
    model = [count_sequence(Products.of([gemm]), Sizes.of(CONFIG)) for gemm in products()]
    assert [len(tile) for tile in traced.values()] == [int(c.cycles[0]) for c in model] == [63, 27]
    for tile in traced.values():
        assert [cycle.number for cycle in tile] == list(range(len(tile)))


@pytest.mark.parametrize("field", ["bits", "plane", "beat", "dots", "results"])
def test_a_trace_that_is_not_golden_is_refused(traced, field):
    from tools.docs.tile_trace import check, products

    gemm = products()[1]
    tile = list(traced[gemm.bits])
    index = 3 if field in ("bits", "plane", "beat") else len(tile) - 1
    cycle = tile[index]
    wrong = {
        "bits": lambda: {place: (1 - bit, *rest) for place, (bit, *rest) in cycle.bits.items()},
        "plane": lambda: cycle.plane - 1,
        "beat": lambda: cycle.beat + 1,
        "dots": lambda: cycle.dots | {(0, 0): cycle.dots[0, 0] + 1},
        "results": lambda: (cycle.results[0] + 1, *cycle.results[1:]),
    }
    tile[index] = replace(cycle, **{field: wrong[field]()})
    name = {"dots": "accumulators", "results": "results"}.get(field, "weights")
    message = f"k = 2: {name} of the trace are not those of golden"
    with pytest.raises(RuntimeError, match=f"^{message}$"):
        check(tile, gemm)


def seen(svg, moment):
    """Texts that an SVG shows at `moment`, a share of its loop."""
    hidden = set()
    for name, keys in re.findall(r"@keyframes (f\d+)\{((?:[\d.]+%\{[^}]*\})*)\}", svg):
        states = re.findall(r"([\d.]+)%\{visibility:(\w+)\}", keys)
        last = [state for share, state in states if float(share) <= 100 * moment][-1]
        if last == "hidden":
            hidden.add(name)
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own file
    for group in [g for g in root if g.get("id") in hidden]:
        root.remove(group)
    return [element.text for element in root.iter() if element.tag.endswith("text")]


def test_each_frame_shows_its_cycle(traced):
    svg = PICTURE.read_text()
    frames = 63 + 8
    for frame in range(frames):
        texts = seen(svg, (frame + 0.5) / frames)
        counters = [text for text in texts if re.fullmatch(r"cycle \d+", text)]
        assert counters == [f"cycle {min(frame, 62)}"]
        for tile in traced.values():
            cycle = tile[min(frame, len(tile) - 1)]
            assert {str(dot) for dot in cycle.dots.values()} <= set(texts)
            assert {str(result) for result in cycle.results or ()} <= set(texts)
    last = [str(result) for tile in traced.values() for c in tile for result in c.results or ()]
    assert np.isin(last, seen(svg, 0.999)).all()


def test_the_picture_is_small_and_needs_nothing_else():
    svg = PICTURE.read_text()
    assert len(svg) < 300_000
    assert not re.search(r"<script|href|url\(|@import", svg)
