"""The NPU's sizes: chosen once, checked once."""

import zlib
from dataclasses import astuple, dataclass, field, replace

from truncmac.descriptors import FORMAT_VERSION, PARAMETER_FIELDS
from truncmac.integers import ceil_div

from ..config import ArrayConfig, chunk_count, fewest_requantisers

__all__ = ["BUS_WIDTHS", "NpuConfig", "npu_array"]

BUS_WIDTHS = (64, 128, 256)
NPU_SIZES = ("bus_width", "groups", "depth", "outstanding")
LIMITS = {  # least and most
    "groups": (3, 8),  # a residual block needs input, middle and shortcut at once
    "depth": (16, 1 << 16),  # a word's address has 16 bits in a descriptor
    "outstanding": (1, 16),
}
MOST_ROWS = 128  # so that the logarithm of a tile's columns has 3 bits
SHORT_REDUCTION = 144
SUM_BITS = 32  # of a raw sum in memory
PARAMETERS = {entry.name: entry.width for entry in PARAMETER_FIELDS}


def npu_array(**sizes):
    """An array whose output units, unless `sizes` names them, keep up with short reductions.

    They are the fewest that never stall a reduction of 144, a window of 3 x 3 over 16 channels, at
    k = 1. Where even one for each column stalls it, two rows leave at once, to two for each column,
    if the rows are even.
    """
    array = ArrayConfig(**sizes)
    if sizes.get("requantisers") is not None:
        return array
    cycles = ceil_div(SHORT_REDUCTION, array.lanes) * chunk_count(1, array.planes)
    units = fewest_requantisers(array.rows, array.cols, cycles)
    if array.rows > cycles and array.rows % 2 == 0:
        units = 2 * array.cols
    return replace(array, requantisers=units)


@dataclass(frozen=True)
class NpuConfig:
    """Sizes of one NPU. Every width of the hardware around the core follows from these.

    Parameters
    ----------
    array : ArrayConfig
        Its rows, columns and lanes are powers of two, so that pixels and channels are found by
        shifts.
    bus_width : int
        Bits of the memory bus: 64, 128 or 256.
    groups : int
        Groups of banks of the activation memory. Each has a bank for every row of the array, and
        a map lies in one group.
    depth : int
        Words of a bank; a word is `lanes` codes of 8 bits.
    outstanding : int
        Reads that may wait for their data at once.

    Raises
    ------
    TypeError
        If a size is not an integer.
    ValueError
        If a size is out of range, or the array does not fit an NPU.
    """

    array: ArrayConfig = field(default_factory=npu_array)
    bus_width: int = 64
    groups: int = 3
    depth: int = 1024
    outstanding: int = 4

    def __post_init__(self):
        for name in NPU_SIZES:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{name} must be an integer, not {value!r}")
        for name, (least, most) in LIMITS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be in {least}..{most}, not {getattr(self, name)}")
        if self.bus_width not in BUS_WIDTHS:
            raise ValueError(f"bus_width must be 64, 128 or 256, not {self.bus_width}")
        self._check_array()

    def _check_array(self):
        array = self.array
        for name in ("rows", "cols", "lanes"):
            size = getattr(array, name)
            if size & (size - 1):
                raise ValueError(f"{name} of an NPU must be a power of two, not {size}")
        if array.rows > MOST_ROWS:
            raise ValueError(f"rows of an NPU must be at most {MOST_ROWS}, not {array.rows}")
        if array.weight_word_bits < 8:
            raise ValueError(
                f"cols x lanes x planes of an NPU must be at least 8 bits, "
                f"not {array.weight_word_bits}"
            )
        if array.sum_width > SUM_BITS:
            raise ValueError(
                f"max_reduction of an NPU must keep sums within {SUM_BITS} bits; "
                f"{array.max_reduction} needs {array.sum_width}"
            )
        for name, width in (
            ("multiplier", array.multiplier_bits),
            ("residual_multiplier", array.residual_multiplier_bits),
            ("bias", array.bias_width),
        ):
            if width > PARAMETERS[name]:
                raise ValueError(
                    f"multiplier_bits = {array.multiplier_bits} makes the {name} {width} bits "
                    f"wide; an NPU's parameters have {PARAMETERS[name]} bits for it"
                )

    @property
    def bus_bytes(self):
        """Bytes of a beat of the memory bus."""
        return self.bus_width // 8

    @property
    def memory_bytes(self):
        """Bytes of the activation memory."""
        return self.groups * self.array.rows * self.depth * self.array.lanes

    @property
    def configuration(self):
        """Hash of the sizes and of the program's format: a program for another NPU is refused."""
        sizes = (FORMAT_VERSION, *astuple(self.array), *(getattr(self, name) for name in NPU_SIZES))
        return zlib.crc32(repr(sizes).encode())
