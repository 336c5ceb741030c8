"""Counts an NPU of an exploration again: compiled for it, by the model that equals the RTL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from truncmac.golden import Setting, network_by_name
from truncmac.sim.npu.compiler import compile_network
from truncmac.sim.npu.counting import count_program

from .npus import NpuEvaluator

__all__ = ["Recount", "recount"]


@dataclass(frozen=True)
class Recount:
    """Cycles of an image on an NPU: of the exploration, and of a program that was compiled for it.

    Both are from start to interrupt. The compiler plans for this NPU, while the exploration shares
    plans; and the closed form leaves out some waits.
    """

    explored: int
    counted: int

    @property
    def error(self) -> float:
        """By which share of the counted cycles the explored ones are more."""
        return self.explored / self.counted - 1


def recount(evaluator: NpuEvaluator, entry: Mapping[str, Any]) -> Recount | None:
    """Compile the network of an entry, for all k of the exploration, and count its cycles.

    Returns None if the network has no parameters for the entry's k, so that it cannot be compiled.
    """
    config, bits = evaluator.npu(entry), int(entry["bits"])
    network = network_by_name(entry["workload"])
    if config is None or bits not in network.bit_widths:
        return None
    chosen = [k for k in evaluator.spec.bits if k in network.bit_widths]
    compiled = compile_network(network, config, [Setting(str(k), k) for k in chosen])
    counted = count_program(compiled, compiled.entries[chosen.index(bits)])["cycles"]
    return Recount(int(entry["cycles"]) // evaluator.spec.images, counted)
