"""The matrix products of a network's layers, with the activations that the layers really get."""

from collections.abc import Callable
from dataclasses import replace

from .executor import execute
from .gemm import Gemm
from .network import Network
from .quantise import weight_offset
from .types import BitWidths, Codes

__all__ = ["each_gemm", "network_gemms"]


def network_gemms(network: Network, images: Codes, bits: BitWidths) -> list[Gemm]:
    """The matrix product of each layer of weights, in order, for images (B, C, H, W)."""
    gemms: list[Gemm] = []
    execute(network, images, bits, on_gemm=gemms.append)
    return gemms


def each_gemm(network: Network, images: Codes, bits: int, on_gemm: Callable[[Gemm], None]) -> None:
    """Call `on_gemm` with the matrix product of each layer of weights, in order, at any k.

    If the network has no parameters for k = `bits`, the weights are truncated to it, and
    activations and parameters are those of the next larger k that the network has.
    """
    known = min((k for k in network.bit_widths if k >= bits), default=max(network.bit_widths))
    follow = {layer.name: layer.offset for layer in network.products if layer.bits is None}

    def truncated(gemm: Gemm) -> None:
        if known != bits and gemm.name in follow:
            gemm = replace(gemm, bits=bits, offset=weight_offset(bits, follow[gemm.name]))
        on_gemm(gemm)

    execute(network, images, known, on_gemm=truncated)
