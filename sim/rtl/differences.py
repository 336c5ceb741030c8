"""The first output of the RTL that differs from golden, with the operands that it is made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from truncmac.golden import Conv2d, Gemm, Network, Product, output_size, shapes, truncate
from truncmac.golden.layers import sides

from .cosim import Outcome

__all__ = ["as_text", "first_difference"]

OPERANDS_SHOWN = 16


def first_difference(network: Network, outcomes: Sequence[Outcome]) -> dict[str, Any] | None:
    """Return where the first layer that differs does so, what both sides give, and the operands.

    For a convolution there are also the image, row (y) and column (x) of the output, and the
    position of each operand: its channel, and its row and column in the layer's input, which lie
    outside of the input where it is padded.
    """
    outcome = next((outcome for outcome in outcomes if outcome.mismatches), None)
    if outcome is None:
        return None
    gemm, (row, column) = outcome.gemm, outcome.first_difference
    layer = next(layer for layer in network.products if layer.name == gemm.name)
    found: dict[str, Any] = {
        "layer": gemm.name,
        "mismatches": outcome.mismatches,
        "outputs": outcome.outputs.size,
        "row": row,
        "rows": gemm.rows,
        "channel": column,
        "channels": gemm.columns,
        "golden": int(gemm.outputs()[row, column]),
        "rtl": int(outcome.outputs[row, column]),
        "S": int(gemm.sums()[row, column]),
        "z": gemm.offset,
        "K": gemm.reduction,
        "k": gemm.bits,
        "activations": gemm.activations[row].tolist(),
        "weight_codes": truncate(gemm.codes[:, column], gemm.bits).tolist(),
    }
    if gemm.requant is not None:
        found |= {
            "M": int(gemm.requant.multiplier[column]),
            "B": int(gemm.requant.bias[column]),
            "s": int(gemm.requant.shift[column]),
        }
    if gemm.residual is not None and gemm.requant is not None:
        extra = gemm.requant.residual_multiplier
        found |= {"r": int(gemm.residual[row, column])}
        found |= {} if extra is None else {"Mr": int(extra[column])}
    return found | _place(network, layer, gemm, row)


def _place(network: Network, layer: Product, gemm: Gemm, row: int) -> dict[str, Any]:
    """Return an output's image, and for a convolution its pixel and the operands' positions."""
    if not isinstance(layer, Conv2d):
        return {"image": row}
    _, height, width = shapes(network)[layer.input]
    kernel = network.tensors[f"{layer.name}.codes"].shape[2:]
    size = output_size(
        (height, width), (kernel[0], kernel[1]), layer.stride, layer.padding, layer.dilation
    )
    top, left, _, _ = sides(layer.padding)
    image, y, x = (int(i) for i in np.unravel_index(row, (gemm.rows // (size[0] * size[1]), *size)))
    positions = [
        [
            channel,
            y * layer.stride[0] - top + down * layer.dilation[0],
            x * layer.stride[1] - left + right * layer.dilation[1],
        ]
        for channel, down, right in np.ndindex(gemm.reduction // (kernel[0] * kernel[1]), *kernel)
    ]
    return {"image": image, "y": y, "x": x, "positions": positions}


def as_text(found: Mapping[str, Any], everything: bool) -> str:
    """Return the difference as lines of text, with the first operands or with all of them."""
    place = f"image {found['image']}"
    if "y" in found:
        place += f", y {found['y']}, x {found['x']}"
    lines = [
        f"first difference in layer {found['layer']!r}, {found['mismatches']} of "
        f"{found['outputs']} outputs",
        f"  {place}, channel {found['channel']} of {found['channels']} (row {found['row']} of "
        f"{found['rows']}): golden {found['golden']}, RTL {found['rtl']}",
        f"  S = {found['S']}, z = {found['z']}, K = {found['K']}, k = {found['k']}",
    ]
    names = [name for name in ("M", "B", "s", "Mr", "r") if name in found]
    if names:
        lines.append("  " + ", ".join(f"{name} = {found[name]}" for name in names))
    shown = len(found["activations"]) if everything else OPERANDS_SHOWN
    lines.append("  operand   activation x weight code")
    for index in range(min(shown, found["K"])):
        position = ""
        if "positions" in found:
            channel, y, x = found["positions"][index]
            position = f"   channel {channel}, y {y}, x {x}"
        operands = f"{found['activations'][index]:>10} x {found['weight_codes'][index]}"
        lines.append(f"  {index:>7}   {operands:<24}{position}".rstrip())
    if shown < found["K"]:
        lines.append(f"  ... {found['K'] - shown} more: all with --compare")
    return "\n".join(lines)
