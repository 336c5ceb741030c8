"""A layer of weights that is prepared to run at one k: its sums S, then codes or logits."""

from dataclasses import dataclass

import numpy as np

from .exact import EXACT_FLOAT64
from .network import Network, Product
from .requantise import Requantisation, largest_value, requantise
from .sums import ExactSums, FloatSums, Part, exact_sums
from .threads import ForEach, in_turn
from .types import AnyIntegers, Codes, Integers, Reals

__all__ = ["PreparedProduct", "prepare", "requantisation", "scales"]


@dataclass(frozen=True, eq=False)
class PreparedProduct:
    """One layer of weights at one k.

    Attributes
    ----------
    sums : makes S of the inputs
    params : parameters of requantisation; None: the layer gives logits
    affine : the same parameters in float64; None where float64 is not exact
    logits : M and B, and Mr if there is a residual
    """

    sums: ExactSums
    params: Requantisation | None
    affine: "_Affine | None"
    logits: tuple[Integers, Integers, Integers | None]

    def outputs(
        self, codes: Codes, residual: Codes | None = None, for_each: ForEach = in_turn
    ) -> AnyIntegers:
        """The layer's output: uint8 codes, or int64 logits.

        Inputs (B, C, H, W) give (B, N, OH, OW), and inputs (B, K) give (B, N). A residual has the
        shape of the output.
        """
        windows = self.sums.windows(codes)
        shape = (*windows.shape[:3], self.sums.columns)
        outputs = np.empty(shape, np.int64 if self.params is None else np.uint8)
        added = None
        if residual is not None:
            added = np.moveaxis(residual.reshape(*residual.shape[:2], *shape[1:3]), 1, -1)

        def run(part: Part) -> None:
            sums = self.sums.of(windows[part])
            self._finish(sums, None if added is None else added[part], outputs[part])

        for_each(run, self.sums.parts(windows))
        return outputs.transpose(0, 3, 1, 2) if codes.ndim == 4 else outputs[:, 0, 0]

    def _finish(self, sums: FloatSums, residual: Codes | None, outputs: AnyIntegers) -> None:
        """Write codes or logits of sums (images, rows, OW, N) to `outputs`."""
        if self.affine is not None:
            self.affine.requantise(sums, residual, outputs)
            return
        whole = sums.astype(np.int64)
        if self.params is not None:
            outputs[:] = requantise(whole, self.params, residual)
            return
        multiplier, bias, extra = self.logits
        outputs[:] = whole * multiplier + bias
        if extra is not None and residual is not None:
            outputs += extra * residual


@dataclass(frozen=True, eq=False)
class _Affine:
    """Requantisation in float64, where that holds all values: whole numbers times 2**-s.

    Attributes
    ----------
    scale, bias, extra : M, B and Mr times 2**-s. Those of all channels are repeated for each pixel
        of a row, so that NumPy's loops are long
    largest : the largest code, 2**m - 1
    half : where halves go to the even code, 1/2 for each channel that rounds them; else None
    """

    scale: Reals
    bias: Reals
    extra: Reals | None
    largest: int
    half: Reals | None = None

    def requantise(self, sums: FloatSums, residual: Codes | None, outputs: AnyIntegers) -> None:
        """Write the codes of sums (images, rows, OW, N) to `outputs`."""
        rows = (*sums.shape[:2], -1)
        values = sums.reshape(rows).astype(np.float64)
        values *= self.scale
        values += self.bias
        if self.extra is not None and residual is not None:
            values += residual.reshape(rows) * self.extra
        if self.half is not None:
            values -= self.half
            np.rint(values, out=values)
        # The cast drops the fraction, which rounds down where nothing is negative
        np.clip(values, 0, self.largest, out=values)
        np.copyto(outputs, values.reshape(sums.shape), casting="unsafe")


def prepare(
    network: Network, layer: Product, bits: int, parameters: int, *, width: int, largest: int
) -> PreparedProduct:
    """Prepare a layer of weights for one k.

    Parameters
    ----------
    bits, parameters : k of the weights, and k of the parameter set; see `layer_bits`
    width : the pixels of a row of its output; 1 for a vector
    largest : no code that the layer reads is larger
    """
    codes = network.tensors[f"{layer.name}.codes"].astype(np.uint8, copy=False)
    sums = exact_sums(layer, codes, bits, largest)
    params = requantisation(network, layer, parameters)
    return PreparedProduct(
        sums=sums,
        params=params,
        affine=None if params is None else _affine(params, sums.largest, width),
        logits=scales(network, layer, parameters),
    )


def requantisation(network: Network, layer: Product, bits: int) -> Requantisation | None:
    """A layer's parameters of requantisation at the network's `bits`; None if it gives logits."""
    if layer.out_bits is None:
        return None
    multiplier, bias, extra = scales(network, layer, bits)
    shift = network.tensors[f"{layer.name}.b{bits}.shift"].astype(np.int64, copy=False)
    return Requantisation(
        multiplier=multiplier,
        bias=bias,
        shift=shift,
        out_bits=layer.out_bits,
        residual_multiplier=extra,
        half_even=layer.rounding == "half_even",
    )


def scales(
    network: Network, layer: Product, bits: int
) -> tuple[Integers, Integers, Integers | None]:
    """M and B of a layer, and Mr if it has a residual."""

    def tensor(name: str) -> Integers:
        return network.tensors[f"{layer.name}.b{bits}.{name}"].astype(np.int64, copy=False)

    extra = None if layer.residual is None else tensor("residual_multiplier")
    return tensor("multiplier"), tensor("bias"), extra


def _affine(params: Requantisation, largest_sum: int, width: int) -> _Affine | None:
    """The parameters in float64 for rows of `width` pixels; None if a value could reach 2**53."""
    if largest_value(params, largest_sum) >= EXACT_FLOAT64:
        return None

    def scaled(values: Integers) -> Reals:
        return np.tile(np.ldexp(values.astype(np.float64), -params.shift), width)

    extra = params.residual_multiplier
    return _Affine(
        scaled(params.multiplier),
        scaled(params.bias),
        None if extra is None else scaled(extra),
        (1 << params.out_bits) - 1,
        np.tile(np.where(params.shift > 0, 0.5, 0.0), width) if params.half_even else None,
    )
