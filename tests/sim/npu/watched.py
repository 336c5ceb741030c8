"""Programs of the NPU in its model, with what each operation took."""

from dataclasses import dataclass

import numpy as np

from truncmac.descriptors import Operation, Region
from truncmac.sim.cycles.npu.bus import MemoryTiming
from truncmac.sim.cycles.npu.machine import NpuControl

WAITS = ("stalled_weights", "stalled_parameters", "stalled_output")


@dataclass
class Took:
    """An operation: cycles from when it was taken until it was over, and those that it waited."""

    operation: Operation
    cycles: int
    waits: dict[str, int]


class Watched(NpuControl):
    """Notes when each operation is taken, and when it is over."""

    def __init__(self, config, timing=None):
        super().__init__(config, timing)
        self.took = []

    def _begin(self, given):
        counts = self.computing.core.counts
        self.took.append(Took(given.operation, -self.cycle, {n: -counts[n] for n in WAITS}))
        super()._begin(given)

    def _run(self, seen, over):
        before = self.state
        super()._run(seen, over)
        if self.state != before:
            took, counts = self.took[-1], self.computing.core.counts
            took.cycles += self.cycle
            took.waits = {name: took.waits[name] + counts[name] for name in WAITS}


def watch(compiled, entry, latency=1):
    """The operations of a program, its BEGIN and END left out, and its cycles."""
    npu = Watched(compiled.config, MemoryTiming(latency))
    bases = {region: number << 24 for number, region in enumerate(Region)}
    counters = npu.run(compiled.program, bases, entry.offset)
    return npu.took[1:-1], counters["cycles"]


def chunks_of(actions, widths, planes):
    """Chunks of the weights of each action, at each setting: arrays (1, settings)."""
    return [
        np.array(
            [[0 if a.step.layer is None else -(-own[a.step.name][0] // planes) for own in widths]]
        )
        for a in actions
    ]
