"""Runs the layers of an exported network through the RTL, at several bit-widths in one build."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from truncmac.golden import (
    Network,
    check_dense,
    check_reduction,
    check_rounding,
    network_gemms,
)
from truncmac.golden.types import BitWidths, Codes
from truncmac.hw.config import ArrayConfig

from .cosim import Outcome, simulate

__all__ = ["RtlReport", "run_network"]


@dataclass(frozen=True)
class RtlReport:
    """What the RTL made of a network at one k, or at a k for each layer: an `Outcome` a layer."""

    bits: BitWidths
    images: int
    outcomes: Sequence[Outcome]

    @property
    def cycles(self) -> int:
        """Cycles of all layers on the RTL, one after the other."""
        return sum(outcome.cycles for outcome in self.outcomes)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the network itself, without those of padding."""
        return sum(outcome.gemm.macs for outcome in self.outcomes)

    @property
    def mismatches(self) -> int:
        """Number of outputs that differ from golden."""
        return sum(outcome.mismatches for outcome in self.outcomes)

    @property
    def outputs(self) -> int:
        """Number of outputs compared with golden."""
        return sum(outcome.outputs.size for outcome in self.outcomes)


def run_network(
    network: Network,
    images: Codes,
    bits: Sequence[BitWidths],
    config: ArrayConfig,
    *,
    simulator: str = "verilator",
    build_root: Path = Path("build/sim"),
    on_build: Callable[[int], None] = lambda total: None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[RtlReport]:
    """Run every layer of `network` on the RTL at each of `bits`, and compare with golden.

    Each layer gets the codes that golden gives for the layer before. So where all outputs of a
    layer are equal, the next layer gets what it would have got from the RTL itself.

    Parameters
    ----------
    images : uint8 array (B, C, H, W), codes
    bits : each the network's k, or k by layer name, for each layer that has none of its own
    on_build : called with the number of layers to come, when the simulator is built
    on_progress : called with the number of layers done so far

    Raises
    ------
    ValueError
        If a layer's reduction is longer than the array was built for, a convolution has groups, or
        a layer rounds as no hardware does.
    """
    check_rounding(network)
    check_reduction(network, config.max_reduction)
    check_dense(network, "the RTL's host")
    gemms = [network_gemms(network, images, k) for k in bits]
    everything = [gemm for layers in gemms for gemm in layers]
    outcomes = iter(
        simulate(
            everything,
            config,
            simulator=simulator,
            build_root=build_root,
            on_build=lambda: on_build(len(everything)),
            on_progress=on_progress,
        )
    )
    return [
        RtlReport(k, len(images), [next(outcomes) for _ in layers])
        for k, layers in zip(bits, gemms, strict=True)
    ]
