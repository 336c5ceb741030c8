import re
from dataclasses import replace

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import PLATFORMS, Memory, Platform
from truncmac.sim.workloads.names import workload_by_name
from truncmac.sim.workloads.shapes import LayerShape, Workload


def test_what_does_not_fit_is_named_with_what_it_needs():
    workload = workload_by_name("resnet20")
    edge = PLATFORMS["edge"]
    message = (
        "Layer 'stage3_block1_b' has reduction K = 576; the array is built for K up to 575. "
        "Build it with --max-reduction 576"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        analyse(workload, edge.with_sizes({"max_reduction": 575}), [8])
    for article, name in (("an", "activation"), ("a", "weight")):
        sizes = {"activation_bytes": 1 << 20, "weight_bytes": 1 << 20, f"{name}_bytes": 900}
        small = replace(edge, memory=Memory(**sizes, dram_bytes_per_s=1e9))
        with pytest.raises(ValueError, match=r"^Layer '.*' needs an? ") as refusal:
            analyse(workload, small, [1, 8])
        found = re.fullmatch(
            rf"Layer '(\w+)' needs {article} {name} scratchpad of ([\d,]+) bytes at k = (\d), "
            rf"two halves of its smallest block each; there are 900. Give --{name}-kib (\d+)",
            str(refusal.value),
        )
        assert found is not None, refusal.value
        (layer,) = (layer for layer in workload.layers if layer.name == found[1])
        least = int(found[2].replace(",", ""))
        alone = Workload("alone", (replace(layer, bits=int(found[3])),))
        for lacking in (0, 1):
            room = Memory(**sizes | {f"{name}_bytes": least - lacking}, dram_bytes_per_s=1e9)
            if lacking:
                with pytest.raises(ValueError, match=f"of {found[2]} bytes"):
                    analyse(alone, replace(edge, memory=room), [8])
            else:
                analyse(alone, replace(edge, memory=room), [8])
        assert -(-least // 1024) == int(found[4])


def test_what_speed_ups_are_against_must_fit_too():
    workload = Workload("w", (LayerShape("l", 8, 64, 8),))
    config = ArrayConfig(4, 4, 4, 1, 100)
    platform = Platform("p", config, 1e8, Memory(1 << 20, 200, 1e9))
    with pytest.raises(ValueError, match=r"^Layer 'l' needs a weight scratchpad of .* at k = 8,"):
        analyse(workload, platform, [1])
