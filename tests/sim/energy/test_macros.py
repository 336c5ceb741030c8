"""Figures of memories that come with the package, and files that are wrong."""

import json
import re

import pytest

from truncmac.sim.energy.figures import FOLDER
from truncmac.sim.energy.macros import load_srams, published_memories, read_srams


def test_memory_macros():
    macros = load_srams()
    sizes = [macro.words * macro.bits for macro in macros]
    assert sizes == sorted(sizes)
    assert all(0.1 < macro.read_pj / macro.bits < 10 for macro in macros)
    assert all(macro.write_pj > macro.read_pj for macro in macros)


def test_a_process_without_macros():
    with pytest.raises(ValueError, match="^No memory macros of nothing$"):
        load_srams("nothing")


def test_published_figures_say_where_they_come_from():
    found = published_memories()
    assert "ISSCC 2014" in found.source
    assert [(sram.bytes, sram.bits, sram.pj) for sram in found.sram] == [
        (8192, 64, 10.0),
        (32768, 64, 20.0),
        (1048576, 64, 100.0),
    ]
    assert (found.dram.pj, found.dram.pj_high) == (1300.0, 2600.0)


def test_a_wrong_field_is_named(tmp_path):
    data = json.loads((FOLDER / "ihp-sg13g2_sram.json").read_text())
    del data["macros"][1]["read_pj"]
    path = tmp_path / "own_sram.json"
    path.write_text(json.dumps(data))
    message = f"^{re.escape(f'{path}: macros[1].read_pj is missing')}$"
    with pytest.raises(ValueError, match=message):
        read_srams(path)
