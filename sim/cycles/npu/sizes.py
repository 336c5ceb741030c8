"""Sizes of NPUs and of their memories as arrays, so that many are counted at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truncmac.descriptors import DESCRIPTOR_BYTES
from truncmac.golden.types import Integers
from truncmac.hw.npu.config import NpuConfig

from ..latencies import Latencies
from ..points import Sizes
from .edge import ports_of

__all__ = ["NpuSizes"]

ANSWER = 2  # cycles from a request to its first beat, beside the memory's latency


@dataclass(frozen=True)
class NpuSizes:
    """Sizes of NPUs: int64 arrays that broadcast with what is counted.

    Attributes
    ----------
    array : sizes of the arrays
    requantisers : output units
    bus_bytes : bytes of a beat of the bus
    row_words : words of the activation memory that a row of results fills in a cycle
    rows_at_once : rows of results that leave together
    latency : cycles from a read to the first of its beats
    """

    array: Sizes
    requantisers: Integers
    bus_bytes: Integers
    row_words: Integers
    rows_at_once: Integers
    latency: Integers

    @classmethod
    def of(cls, configs: Sequence[NpuConfig], latency: Integers | int = 1) -> "NpuSizes":
        """Sizes of some NPUs, arrays (n, 1); a second axis is for several k."""
        arrays = [config.array for config in configs]
        sizes = {name: deep(values) for name, values in vars(Sizes.of(arrays)).items()}
        return cls(
            array=Sizes(**sizes),
            requantisers=deep([array.requantisers for array in arrays]),
            bus_bytes=deep([config.bus_bytes for config in configs]),
            row_words=deep([ports_of(array) // array.rows_at_once for array in arrays]),
            rows_at_once=deep([array.rows_at_once for array in arrays]),
            latency=deep(np.broadcast_to(latency, len(arrays))),
        )

    @property
    def latencies(self) -> Latencies:
        """Constants of the cores' control, as arrays."""
        array = self.array
        return Latencies.of(
            array.departures,  # type: ignore[arg-type]
            array.depth,  # type: ignore[arg-type]
            array.passage,  # type: ignore[arg-type]
            array.share,  # type: ignore[arg-type]
        )

    @property
    def descriptor_beats(self) -> Integers:
        """Beats of a descriptor."""
        return DESCRIPTOR_BYTES // self.bus_bytes

    def served(self, bus: Integers, asked: Integers, beats: Integers) -> Integers:
        """When the last of so many beats comes that are asked for then.

        Parameters
        ----------
        bus : when the last beat comes of all that was asked for before
        """
        return np.maximum(bus, asked + ANSWER + self.latency) + beats


def deep(values: object) -> Integers:
    """Values of designs, (n,), shaped to broadcast with bit-widths: (n, 1)."""
    return np.asarray(values, np.int64)[:, None]
