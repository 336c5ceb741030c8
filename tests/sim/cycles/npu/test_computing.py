"""Who may have a bank beside what computes, by hand."""

from truncmac.descriptors import Operation
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.npu.computing import Computing
from truncmac.sim.cycles.npu.descriptors import Descriptor

CONFIG = ArrayConfig(4, 8, 2, 1)
POOL = {
    **{"input_width": 8, "input_height": 8, "input_channels": 2, "output_channels": 2},
    **{"output_width": 7, "output_height": 7, "kernel_x": 2, "kernel_y": 2, "mean": 0},
    **dict.fromkeys(("stride_x", "stride_y"), 1),
    **dict.fromkeys(("pad_left", "pad_top"), 0),
    **{f"input_map_{name}": value for name, value in (("group", 0), ("tile_x", 1))},
    **{f"output_map_{name}": value for name, value in (("group", 1), ("tile_x", 0))},
    **{f"{role}_map_phase_{axis}": 0 for role in ("input", "output") for axis in "xy"},
}


def test_a_pool_reads_all_banks_of_its_map_in_every_cycle():
    """Its tiles have as many taps as rows, so that none of them waits."""
    computing = Computing(CONFIG, 8)
    computing.begin(Descriptor(Operation.POOL, POOL))
    free = []

    def other(banks):
        free.append(banks.take((0, 3)))

    while not computing.over:
        computing.tick(other, None, None, asked="", sum_leaves=False)
    taps = 4 * 4 * 4
    assert all(free[:2])  # the first tap is on its way
    assert free[2 : 2 + taps] == [False] * taps
    assert all(free[2 + taps :])
