"""Weights and parameters as they lie in the program's region."""

import numpy as np

from truncmac.descriptors import PARAMETER_BYTES, PARAMETER_FIELDS
from truncmac.golden import (
    WEIGHT_BITS,
    Machine,
    Network,
    Requantisation,
    memory_image,
    pack_weights,
)
from truncmac.golden.types import Codes
from truncmac.integers import ceil_div

from .region import aligned
from .steps import Step

__all__ = ["parameter_bytes", "weight_bytes", "weights_pitch"]


def weight_matrix(network: Network, step: Step, machine: Machine) -> Codes:
    """A layer's codes in the order in which the array takes them, uint8 (taps x blocks x L, N).

    The reduction runs over row and column of the window, then over the channels, which are filled
    up to whole blocks of L lanes; what is in the lanes above has no effect. A flattened image is a
    window as large as the map. What LOAD has packed of a window counts as channels.
    """
    if step.layer is None:
        raise TypeError(f"Step {step.name!r} has no weights")
    codes = network.weights(step.layer)
    columns, taps, channels = len(codes), step.kernel[0] * step.kernel[1], step.source_shape[2]
    high, wide, depth = step.window
    window = codes.reshape(columns, depth, high, wide).transpose(2, 3, 1, 0)
    ordered = window.reshape(taps, channels, columns)
    blocks = ceil_div(channels, machine.lanes)
    padded = np.zeros((taps, blocks * machine.lanes, columns), np.uint8)
    padded[:, :channels] = ordered
    return padded.reshape(-1, columns)


def weights_pitch(beats: int, machine: Machine) -> int:
    """Bytes from the 8-bit weights of a column tile to those of the next."""
    chunks = ceil_div(WEIGHT_BITS, machine.planes)
    return aligned(chunks * beats * machine.weight_word_bytes, machine.bus_bytes)


def weight_bytes(network: Network, step: Step, machine: Machine) -> bytes:
    """A layer's 8-bit weights, column tile after column tile, each chunk-major.

    So the weights of k bits are the first chunks of each tile.
    """
    matrix = weight_matrix(network, step, machine)
    packed = pack_weights(matrix, columns=machine.cols, lanes=machine.lanes, planes=machine.planes)
    image = memory_image(packed)
    tiles = image.reshape(len(image), -1)
    pitch = weights_pitch(len(matrix) // machine.lanes, machine)
    return np.pad(tiles, ((0, 0), (0, pitch - tiles.shape[1]))).tobytes()


def parameter_bytes(name: str, requant: Requantisation) -> bytes:
    """A layer's parameters, a record for each output channel.

    Raises
    ------
    ValueError
        If a parameter does not fit its field: names the layer.
    """
    zeros = np.zeros_like(requant.multiplier)
    extra = requant.residual_multiplier
    arrays = {
        "multiplier": requant.multiplier,
        "residual_multiplier": zeros if extra is None else extra,
        "bias": requant.bias,
        "shift": requant.shift,
    }
    numbers = [0] * len(zeros)
    for field in PARAMETER_FIELDS:
        least = -(1 << field.width - 1) if field.signed else 0
        most = least + (1 << field.width) - 1
        for index, value in enumerate(arrays[field.name].tolist()):
            if not least <= value <= most:
                raise ValueError(
                    f"Layer {name!r} has a requantisation {field.name} of {value}; the NPU's "
                    f"parameters hold {least} to {most}"
                )
            numbers[index] |= (value & ((1 << field.width) - 1)) << field.low
    return b"".join(number.to_bytes(PARAMETER_BYTES, "little") for number in numbers)
