import re

import numpy as np
import pytest
import pywellen

from truncmac.golden import Gemm, weight_offset
from truncmac.hw.config import ArrayConfig
from truncmac.sim.rtl.cosim import simulate
from truncmac.sim.rtl.waves import CORE, variables, write_views

CONFIG = ArrayConfig(rows=2, cols=2, lanes=2, planes=1, max_reduction=16)


def products():
    rng = np.random.default_rng(seed=1)
    return [
        Gemm(
            name=f"k{k}",
            activations=rng.integers(0, 256, (3, 6), dtype=np.uint8),
            codes=rng.integers(0, 256, (6, 2), dtype=np.uint8),
            bits=k,
            offset=weight_offset(k, "bipolar"),
        )
        for k in (8, 3)
    ]


@pytest.fixture(
    scope="module", params=["icarus", pytest.param("verilator", marks=pytest.mark.long)]
)
def recorded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    vcd = folder / "deep" / "run.vcd"
    outcomes = simulate(
        products(), CONFIG, simulator=request.param, waves=vcd, build_root=folder / "build"
    )
    return vcd, outcomes, write_views(vcd)


def samples(vcd, *names):
    """Tuples of variables' values just before each rising edge of the clock, out of reset."""
    found = {
        variable.full_name.removeprefix("truncmac_harness.waves."): variable.signal
        for variable in pywellen.Waveform(str(vcd)).all_vars()
    }
    edges = [time for time, level in found["clk"] if level == 1]
    return [
        tuple(found[name].value_at(edge - 1) for name in names)
        for edge in edges
        if found["rst"].value_at(edge - 1) == 0
    ]


def test_what_moves_is_what_the_core_counts(recorded):
    vcd, outcomes, _ = recorded
    moved = samples(vcd, "tile_taken", "activations_taken", "weights_taken")
    counted = [sum(o.counters[name] for o in outcomes) for name in ("tiles", "beats", "chunks")]
    assert [sum(column) for column in zip(*moved, strict=True)] == counted
    assert counted == [4, 12, 2 * 3 * (8 + 3)]
    assert [k for taken, k in samples(vcd, "tile_taken", "k") if taken] == [8, 8, 3, 3]


def test_results_are_those_of_golden(recorded):
    vcd, outcomes, _ = recorded
    width = CONFIG.sum_width
    seen = [value for taken, value in samples(vcd, "results_taken", "unit[0].result") if taken]
    signed = [value - (value >> width - 1 << width) for value in seen]
    rows = np.array(signed).reshape(-1, 2)
    expected = np.concatenate([outcome.gemm.outputs() for outcome in outcomes])
    np.testing.assert_array_equal(rows[[0, 1, 2, 4, 5, 6]], expected)  # of 3 in 4 rows


def test_activations_and_chunks_are_named_by_place(recorded):
    vcd, outcomes, _ = recorded
    first = outcomes[0].gemm
    names = [f"row[{r}].lane[{lane}].activation" for r in range(2) for lane in range(2)]
    beats = [values for taken, *values in samples(vcd, "activations_taken", *names) if taken]
    np.testing.assert_array_equal(
        np.array(beats[:3]).reshape(3, 2, 2), first.activations[:2].reshape(2, 3, 2).swapaxes(0, 1)
    )
    names = [f"column[{c}].lane[{lane}].chunk" for c in range(2) for lane in range(2)]
    chunks = [values for taken, *values in samples(vcd, "weights_taken", *names) if taken]
    bits = np.unpackbits(first.codes[:2, :, None], axis=2)  # (lane, column, bit), MSB first
    np.testing.assert_array_equal(np.array(chunks[:8]).reshape(8, 2, 2), bits.transpose(2, 1, 0))


def test_views_show_what_the_vcd_has(recorded):
    vcd, _, (gtkwave, surfer) = recorded
    known = {v.full_name for v in pywellen.Waveform(str(vcd)).all_vars()}
    lines = surfer.read_text().splitlines()
    shown = [line.removeprefix("variable_add ") for line in lines if "variable_add" in line]
    assert len(shown) == 3 + 5 + (2 + 4) + (2 + 4) + 4 + (2 + 1)
    assert set(shown) <= known
    assert [line for line in lines if "divider" in line] == [f"divider_add {g}" for g in CORE]
    traces = re.findall(r"(?m)^(truncmac_harness\.\S+?)(?:\[\d+:0\])?$", gtkwave.read_text())
    assert traces == shown
    assert '[dumpfile] "run.vcd"' in gtkwave.read_text()


def test_a_cut_vcd_is_refused(tmp_path):
    path = tmp_path / "cut.vcd"
    path.write_text("$scope module truncmac_harness $end\n")
    message = f"{path}: is no whole VCD: its declarations do not end. Record it again"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        variables(path)
