"""Writes an operation as a descriptor."""

from collections.abc import Mapping
from dataclasses import asdict

from truncmac.descriptors import (
    FIELDS,
    Operation,
    Region,
    map_field,
    pack_descriptor,
    to_address,
)
from truncmac.golden import MapPlace, weight_offset

from .means import reciprocal
from .steps import Step

__all__ = ["product_values", "step_bytes"]


def step_bytes(step: Step, places: Mapping[str, MapPlace], values: Mapping[str, int]) -> bytes:
    """The 64 bytes of a step.

    Parameters
    ----------
    places : of the maps, by name
    values : of fields that not every operation has: those of weights, flags, addresses

    Raises
    ------
    ValueError
        If a size is larger than its field: names the layer, the field and both numbers.
    """
    found = _sizes(step)
    for role, name in (
        ("input", step.source),
        ("output", step.target),
        ("residual", step.residual),
    ):
        if name is not None:
            found |= _map_values(role, places[name])
    if step.operation in (Operation.LOAD, Operation.STORE):
        region = Region.INPUT if step.operation == Operation.LOAD else Region.OUTPUT
        found["address"] = to_address(region, 0)
        found["pitch"] = step.source_shape[1] * step.source_shape[2]
    if step.mean:
        factor, shift = reciprocal(step.kernel[0] * step.kernel[1])
        found |= {"mean": 1, "reciprocal": factor, "shift": shift}
    found |= values
    names = {field.name for field in FIELDS[step.operation]}
    try:
        return pack_descriptor(
            step.operation, {name: value for name, value in found.items() if name in names}
        )
    except ValueError as error:
        raise ValueError(f"Layer {step.name!r} does not fit a descriptor: {error}") from None


def product_values(step: Step, bits: int, *, pitch: int) -> dict[str, int]:
    """What a CONV has more than other operations, without its addresses.

    Parameters
    ----------
    bits : the layer's k
    pitch : bytes from a column tile's weights to the next
    """
    layer = step.layer
    if layer is None:
        raise ValueError(f"Step {step.name!r} must have weights")
    return {
        "raw": int(step.raw),
        "residual": int(step.residual is not None),
        "residual_channels": step.residual_channels,
        "residual_shift_x": step.residual_stride[1].bit_length() - 1,
        "residual_shift_y": step.residual_stride[0].bit_length() - 1,
        "bits": bits,
        "offset": weight_offset(bits, layer.offset),
        "limit": 0 if layer.out_bits is None else (1 << layer.out_bits) - 1,
        "dilation_x": 1,
        "dilation_y": 1,
        "weights_pitch": pitch,
    }


def _map_values(role: str, place: MapPlace) -> dict[str, int]:
    return {map_field(role, name): value for name, value in asdict(place).items()}


def _sizes(step: Step) -> dict[str, int]:
    """Window and sizes of a step, by the names of their fields."""
    return {
        "pad_code": step.pad_code,
        "pad_top": step.padding[0],
        "pad_left": step.padding[1],
        "kernel_y": step.kernel[0],
        "kernel_x": step.kernel[1],
        "stride_y": step.stride[0],
        "stride_x": step.stride[1],
        "input_height": step.source_shape[0],
        "input_width": step.source_shape[1],
        "input_channels": step.source_shape[2],
        "output_height": step.shape[0],
        "output_width": step.shape[1],
        "output_channels": step.shape[2],
    }
