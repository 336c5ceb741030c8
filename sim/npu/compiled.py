"""What the compiler gives: the bytes of the program's region, and what the others must hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from truncmac.descriptors import SUM_BYTES
from truncmac.golden import MapPlace, Network, Setting, shapes
from truncmac.golden.types import AnyIntegers, Codes, Integers, Shape
from truncmac.hw.npu.config import NpuConfig

from .plan import Plan
from .steps import Steps

__all__ = ["Compiled", "Entry", "Kept", "Section"]


@dataclass(frozen=True)
class Section:
    """A part of the program's region: what it holds, where it begins, and its bytes."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class Entry:
    """A program.

    Attributes
    ----------
    setting : its k, or k of each layer
    offset : of its BEGIN in the program's region, in bytes
    multiplier, bias : with which sums S become logits, int64 (N,); None if the output is codes
    """

    setting: Setting
    offset: int
    multiplier: Integers | None
    bias: Integers | None


@dataclass(frozen=True)
class Kept:
    """A map in the scratch region: its first byte, and (H, W, C)."""

    offset: int
    shape: Shape

    @property
    def size(self) -> int:
        """Its bytes."""
        return prod(self.shape)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network for one NPU.

    Attributes
    ----------
    network : what was compiled
    config : the NPU
    plan : what its maps do
    entries : the programs, in the order of the settings
    program : the bytes of the program's region
    sections : its parts, in order
    input_bytes, output_bytes, scratch_bytes : that a program needs of the other regions
    kept : the maps that debug stores leave in the scratch region, by name
    spilled : the maps that go to the scratch region to be loaded again, by name
    descriptors : of a program
    """

    network: Network
    config: NpuConfig
    plan: Plan
    entries: Sequence[Entry]
    program: bytes
    sections: Sequence[Section]
    input_bytes: int
    output_bytes: int
    scratch_bytes: int
    kept: Mapping[str, Kept]
    spilled: Mapping[str, Kept]
    descriptors: int

    @property
    def steps(self) -> Steps:
        """The network's operations, in order."""
        return self.plan.steps

    @property
    def places(self) -> Mapping[str, MapPlace]:
        """Where each map that is on chip as a whole lies, by name."""
        return self.plan.places

    def input_of(self, image: Codes) -> Codes:
        """The bytes of the input region for an image, uint8 (C, H, W)."""
        return np.ascontiguousarray(image.transpose(1, 2, 0)).reshape(-1)

    def output_of(self, entry: Entry, output: Codes) -> AnyIntegers:
        """The network's output, without the batch, from the bytes of the output region.

        Logits are M S + B, int64; other outputs are uint8 codes.
        """
        last = self.steps.steps[-1]
        channels_last: AnyIntegers
        if entry.multiplier is None or entry.bias is None:
            channels_last = output[: self.output_bytes].reshape(last.shape)
        else:
            sums = (
                output[: self.output_bytes]
                .view(f"<i{SUM_BYTES}")
                .reshape(last.shape)
                .astype(np.int64)
            )
            channels_last = sums * entry.multiplier + entry.bias
        return channels_last.transpose(2, 0, 1).reshape(
            shapes(self.network)[self.network.layers[-1].name]
        )
