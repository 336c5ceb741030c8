"""From a draft, whose graph is read to its end, to the network: bit-widths and parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from truncmac.golden import (
    Gemm,
    Layer,
    Network,
    Stream,
    code_parameters,
    exact_codes,
    execute,
    least_multiplier_bits,
    logit_parameters,
    shapes,
)
from truncmac.golden.types import Array, Codes, Reals

from .draft import ClosedProduct, Draft
from .options import Options
from .values import Activations, Turned

__all__ = ["Imported", "LayerCodes", "finish"]

TIE = 1e-6  # nearer to half-way between two codes a real lies there
MOST_IMAGES, BATCH = 256, 16  # how many images means are taken of, and how many at once


@dataclass(frozen=True)
class LayerCodes:
    """How a layer's codes compare with those that real arithmetic makes of the same sums.

    Attributes
    ----------
    name : of the layer
    least_bits : the fewest bits of multipliers that certify all of its channels; None if 32 do not,
        or the proof is too long
    codes, differing : of all images given; 0 without images
    halves : of the differing ones those that lie half-way between two codes, which the graph rounds
        to the even one
    """

    name: str
    least_bits: int | None
    codes: int = 0
    differing: int = 0
    halves: int = 0


@dataclass(frozen=True)
class Imported:
    """A network, and what its user should know of it.

    Attributes
    ----------
    notes : one sentence each
    streams : the codes that a tensor of the graph stands for, by its name
    turned : names of those tensors of the graph whose channels are last
    layers : those that give codes, beside real arithmetic, at the network's largest k
    """

    network: Network
    notes: tuple[str, ...]
    streams: Mapping[str, Stream] = field(default_factory=dict)
    turned: frozenset[str] = frozenset()
    layers: tuple[LayerCodes, ...] = ()


def finish(draft: Draft, options: Options) -> Imported:
    """The network of all layers; raises ValueError where numbers do not fit."""
    widths, own = _bit_widths(draft, options)
    means: Mapping[str, Reals] = {}
    if options.images is not None and len(widths) > 1:
        images = options.images.codes(draft.spec)[:MOST_IMAGES]
        whole = _network(draft, options, (max(widths),), own, {})
        means = _input_means(whole, images)
        draft.note(f"Channels keep their mean on {len(images)} images where k takes bits away.")
    turned = {
        name: value.value
        for name, value in draft.values.items()
        if isinstance(value, Turned) and value.shape is None
    }
    inner = {**draft.values, **turned}
    streams = {
        name: value.stream
        for name, value in inner.items()
        if isinstance(value, Activations) and not any(value.padding) and (value.factor == 1).all()
    }
    network = _network(draft, options, widths, own, means)
    layers = _beside_reals(draft, options, network)
    return Imported(network, tuple(draft.notes), streams, frozenset(turned), layers)


def _beside_reals(draft: Draft, options: Options, network: Network) -> tuple[LayerCodes, ...]:
    """Each layer beside real arithmetic, on the images if there are any."""
    if not options.compared:
        return ()
    bits = max(network.bit_widths)
    layers = {layer.name: layer for layer in network.products}
    closed = {
        entry.product.layer.name: replace(
            entry, product=replace(entry.product, layer=layers[entry.product.layer.name])
        )
        for entry in draft.layers
        if isinstance(entry, ClosedProduct)
    }
    found = {
        name: LayerCodes(
            name,
            least_multiplier_bits(entry.product, entry.output, bits, rounding=entry.rounding),
        )
        for name, entry in closed.items()
        if entry.output is not None
    }

    def compare(gemm: Gemm) -> None:
        entry = closed[gemm.name]
        if entry.output is None:
            return
        wanted, reals = exact_codes(
            entry.product, entry.output, bits, gemm.sums(), gemm.residual, rounding=entry.rounding
        )
        wrong = wanted != gemm.outputs()
        tie = np.abs(reals - np.floor(reals) - 0.5) < TIE
        old = found[gemm.name]
        found[gemm.name] = replace(
            old,
            codes=old.codes + wanted.size,
            differing=old.differing + int(wrong.sum()),
            halves=old.halves + int((wrong & tie).sum()),
        )

    if options.images is not None:
        images = options.images.codes(draft.spec)[:MOST_IMAGES]
        for start in range(0, len(images), BATCH):
            execute(network, images[start : start + BATCH], bits, on_gemm=compare)
    return tuple(found.values())


def _network(
    draft: Draft,
    options: Options,
    widths: tuple[int, ...],
    own: Mapping[str, int | None],
    means: Mapping[str, Reals],
) -> Network:
    """The network for `widths`; `own` and `means` are by layer name."""
    layers: list[Layer] = []
    tensors: dict[str, Array] = dict(draft.tensors)
    for entry in draft.layers:
        if not isinstance(entry, ClosedProduct):
            layers.append(entry)
            continue
        name = entry.product.layer.name
        residual, output = entry.product.residual, entry.output
        layer = replace(
            entry.product.layer,
            bits=own[name],
            residual=None if residual is None else residual.layer,
            out_bits=None if output is None else output.bits,
            rounding=options.halves if output is not None and entry.rounding else "half_up",
        )
        layers.append(layer)
        product = replace(entry.product, layer=layer, means=means.get(name))
        if output is None:
            tensors |= logit_parameters(product, widths)
        else:
            tensors |= code_parameters(
                product,
                output,
                widths,
                rounding=entry.rounding,
                multiplier_bits=options.multiplier_bits,
            )
    network = Network(draft.name, draft.spec, widths, tuple(layers), tensors)
    shapes(network)
    return network


def _bit_widths(draft: Draft, options: Options) -> tuple[tuple[int, ...], Mapping[str, int | None]]:
    """The network's k, and each layer's own.

    Where the graph truncates all weights, there is one k, for its batch-norms are for that.
    """
    closed = [layer for layer in draft.layers if isinstance(layer, ClosedProduct)]
    names = [layer.product.layer.name for layer in closed]
    weighted = [name for name in names if name not in draft.helpers]
    own: dict[str, int | None] = dict.fromkeys(names) | dict.fromkeys(draft.helpers, 8)
    own |= draft.truncated
    if weighted and all(name in draft.truncated for name in weighted):
        least = min(draft.truncated[name] for name in weighted)
        follow = {name: None for name in weighted if draft.truncated[name] == least}
        draft.note(f"The graph truncates its weights: the network is for k = {least} alone.")
        return (least,), own | follow
    for name in weighted[:1] + weighted[-1:]:
        own[name] = draft.truncated.get(name, options.edge_bits)
    return tuple(options.widths), own


def _input_means(network: Network, images: Codes) -> Mapping[str, Reals]:
    """Mean (K,) of each code that a dot product takes, by layer name."""
    totals: dict[str, dict[int, Reals]] = {}  # by layer name, and its group's first channel
    rows: dict[str, int] = {}

    def add(gemm: Gemm) -> None:
        groups = totals.setdefault(gemm.name, {})
        groups[gemm.first] = groups.get(gemm.first, 0.0) + gemm.activations.sum(0, np.float64)
        rows[gemm.name] = rows.get(gemm.name, 0) + (gemm.rows if gemm.first == 0 else 0)

    for start in range(0, len(images), BATCH):
        execute(network, images[start : start + BATCH], network.bit_widths[0], on_gemm=add)
    return {name: np.stack([*total.values()]) / rows[name] for name, total in totals.items()}
