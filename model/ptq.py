"""Post-training quantisation: integer networks of float models, without any training.

At each k each channel of each layer keeps the mean and the deviation that it has in the float
model: batch-norms take the statistics of the truncated layers and give those of the float ones.
A layer without a batch-norm gets one, and export folds all of them away.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from truncmac.golden import ALL_WIDTHS, Network, check_bits
from truncmac.golden.types import Codes

from .assembly import module_of
from .convert import RELUS, ConversionError, trace, truncquantize
from .export import ExportError, check_finite, export
from .exported import float_graph
from .floats import FloatGraphError, lower
from .images import ArrayImages
from .lifting import lifted
from .quantisers import quantise_weights
from .training import calibrate, real

__all__ = ["lowered", "quantise"]

BATCH = 256
MOST_IMAGES = 4096
LARGEST_WEIGHT = 0.25  # up to here tanh is nearly linear, so that codes are spread evenly
EPSILON = 1e-8  # of the new batch-norms, whose inputs are small
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def quantise(
    model: nn.Module,
    images: Codes,
    *,
    widths: Sequence[int] = ALL_WIDTHS,
    act_bits: int = 4,
    edge_bits: int | None = 8,
    percentile: float = 99.9,
    exact_means: bool = True,
    name: str = "network",
) -> Network:
    """The integer network of a plain float model, calibrated on images.

    Each output channel's weights are scaled to the same largest weight, and become codes by the
    TruncQuant map. The largest code of a ReLU stands for a percentile of its outputs, in the mean
    over batches of 256 images; a residual and the codes that it is added to share the larger of
    their ranges. Batch-norm statistics are taken anew for each k.

    Parameters
    ----------
    model : an nn.Module that `truncquantize` can convert, or that torch.export can trace; its
        input are images in [0, 1]. It is left as it is
    images : uint8 (n, C, H, W), codes that stand for code / 255; the first 4096 are used
    widths : the network's bit-widths k
    act_bits : bits of the activations' codes
    edge_bits : k of the first and last layers; None: they follow the network's
    percentile : in 50..100; 100 is the largest output
    exact_means : means over the image are not rounded; else they are, to codes of `act_bits`
    name : of the network

    Raises
    ------
    ConversionError
        Names each part that has no integer form, and why.
    ValueError
        If an option is out of range, the images do not fit, or a parameter is not finite.
    """
    if not 50 <= percentile <= 100:
        raise ValueError(f"Percentile of activations must be in 50..100, not {percentile:g}")
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) < 2:
        raise ValueError(
            "Images to calibrate on must be at least two, uint8 with shape (n, C, H, W), "
            f"not {images.dtype} with shape {images.shape}"
        )
    for width in widths:
        check_bits(width)
    check_finite(model.state_dict())
    shape = (images.shape[1], images.shape[2], images.shape[3])

    def calibrated(float_model: nn.Module) -> Network:
        truncquantize(float_model, ALL_WIDTHS, act_bits, edge_bits=edge_bits)  # or refuses
        chosen = images[:MOST_IMAGES]
        prepared = _prepare(copy.deepcopy(float_model).eval(), chosen, percentile)
        converted = truncquantize(
            prepared, ALL_WIDTHS, act_bits, edge_bits=edge_bits, exact_means=exact_means
        )
        calibrate(converted, widths, ArrayImages(chosen, np.zeros(len(chosen), np.int64)))
        return export(converted, shape, name=name, widths=widths)

    try:
        return calibrated(model)
    except (ConversionError, ExportError):
        return calibrated(lowered(model, images, percentile))


def lowered(model: nn.Module, images: Codes, percentile: float = 99.9) -> nn.Module:
    """The same network of layers in the order that calibration takes, traced by torch.export.

    Parameters
    ----------
    images, percentile : as `quantise` takes them

    Raises
    ------
    ConversionError
        If it cannot be traced or a part has no integer form: names the part.
    """
    try:
        shape = (images.shape[1], images.shape[2], images.shape[3])
        return module_of(lifted(lower(float_graph(model, shape)), images, percentile))
    except FloatGraphError as error:
        raise ConversionError(str(error)) from None


@dataclass
class _Statistics:
    """Statistics of one node's output: sums by channel over all images, percentiles by batch."""

    count: int = 0
    total: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    squares: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    percentiles: list[float] = field(default_factory=list)

    def add(self, values: Tensor) -> None:
        channels = values.double().transpose(0, 1).flatten(1)
        self.count += channels.shape[1]
        self.total = self.total + channels.sum(1)
        self.squares = self.squares + (channels**2).sum(1)

    def mean_and_deviation(self) -> tuple[Tensor, Tensor]:
        mean = self.total / self.count
        return mean, (self.squares / self.count - mean**2).clamp_min(0).sqrt()


class _Recorder(fx.Interpreter):
    """Runs a traced model and keeps statistics of its nodes' outputs."""

    def __init__(self, model: nn.Module, graph: fx.Graph, percentile: float) -> None:
        super().__init__(model, graph=graph)
        self.percentile = percentile
        self.found: dict[fx.Node, _Statistics] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if n.op == "call_module":
            module = self.fetch_attr(str(n.target))
            record = self.found.setdefault(n, _Statistics())
            if isinstance(module, RELUS):
                record.percentiles.append(float(np.percentile(result.numpy(), self.percentile)))
            elif isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm1d | nn.BatchNorm2d):
                record.add(result)
        return result


@torch.no_grad()
def _prepare(model: nn.Module, images: Codes, percentile: float) -> nn.Module:
    """The model, changed: activations in 0..1, and a batch-norm behind each layer but the last."""
    graph = trace(model)
    recorder = _Recorder(model, graph, percentile)
    for start in range(0, len(images), BATCH):
        recorder.run(real(images[start : start + BATCH]))
    chain = _Chain(model, graph)
    ranges = _ranges(chain, recorder)
    for node in list(chain.products()):
        source = ranges[chain.stream(node.all_input_nodes[0])]
        relu, norm = chain.relu_after(node), chain.norm_after(node)
        layer: Any = model.get_submodule(str(node.target))
        if relu is None:
            _scale_logits(layer, source)
            continue
        statistics = recorder.found[norm or node].mean_and_deviation()
        _normalise(model, node, norm, statistics, ranges[relu])
    return model


class _Chain:
    """What follows what in a traced model, whose layers are each used once."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        self.model, self.graph = model, graph
        targets = [node.target for node in self.products()]
        targets += [node.target for node in graph.nodes if isinstance(self.module(node), NORMS)]
        for target in targets:
            if targets.count(target) > 1:
                raise ConversionError(f"{target}: is used twice; each use needs its own scales")

    def module(self, node: fx.Node) -> nn.Module | None:
        return self.model.get_submodule(str(node.target)) if node.op == "call_module" else None

    def products(self) -> Iterator[fx.Node]:
        kinds = nn.Conv2d | nn.Linear
        return (node for node in self.graph.nodes if isinstance(self.module(node), kinds))

    def norm_after(self, node: fx.Node) -> fx.Node | None:
        return next((user for user in node.users if isinstance(self.module(user), NORMS)), None)

    def relu_after(self, node: fx.Node) -> fx.Node | None:
        """The ReLU that makes codes of a layer's output; None if the output are logits."""
        while True:
            users = list(node.users)
            if len(users) != 1 or users[0].op == "output":
                if not users or users[0].op == "output":
                    return None
                raise ConversionError(f"{node.target}: its output is used twice before a ReLU")
            node = users[0]
            if isinstance(self.module(node), RELUS):
                return node

    def stream(self, node: fx.Node) -> fx.Node:
        """The ReLU, or the image, whose codes a node hands on."""
        while node.op != "placeholder" and not isinstance(self.module(node), RELUS):
            if not node.all_input_nodes:
                raise ConversionError(f"{node.target}: its input is not made of the image")
            node = node.all_input_nodes[0]
        return node


def _ranges(chain: _Chain, recorder: _Recorder) -> dict[fx.Node, float]:
    """The real that each stream's largest code stands for; streams that are added share one."""
    found = {node: 1.0 for node in chain.graph.nodes if node.op == "placeholder"}
    fixed = set(found)
    for node, record in recorder.found.items():
        if record.percentiles:
            largest = float(np.mean(record.percentiles))
            found[node] = largest if largest > 0 else 1.0
    pairs = list(_added(chain))
    for _ in range(len(found)):
        before = dict(found)
        for one, other in pairs:
            shared = max(found[one], found[other])
            if fixed & {one, other}:
                shared = 1.0
            found[one] = found[other] = shared
            fixed |= {one, other} if fixed & {one, other} else set()
        if found == before:
            break
    return found


def _added(chain: _Chain) -> Iterator[tuple[fx.Node, fx.Node]]:
    """Pairs of streams that share a range: that of an add's ReLU, and that of what is added."""
    for relu in chain.graph.nodes:
        add = relu.all_input_nodes[0] if isinstance(chain.module(relu), RELUS) else None
        if add is None or add.op == "call_module" or len(add.all_input_nodes) != 2:
            continue
        for side in add.all_input_nodes:
            if not isinstance(chain.module(side), (nn.Conv2d, nn.Linear, *NORMS)):
                yield relu, chain.stream(side)


def _normalise(
    model: nn.Module,
    node: fx.Node,
    norm: fx.Node | None,
    statistics: tuple[Tensor, Tensor],
    largest: float,
) -> None:
    """Make a layer give its float mean and deviation, divided by its codes' range `largest`."""
    layer: Any = model.get_submodule(str(node.target))
    mean, deviation = statistics
    sign = torch.ones_like(mean)
    if norm is not None:
        old: Any = model.get_submodule(str(norm.target))
        sign = torch.where(old.weight < 0, -1.0, 1.0).double()
    weights = layer.weight
    most = weights.abs().flatten(1).amax(1)
    factor = torch.where(most > 0, LARGEST_WEIGHT / most.clamp_min(1e-30), 1.0)
    layer.weight.copy_(weights * factor.reshape(-1, *[1] * (weights.ndim - 1)))
    layer.bias = None
    kind = nn.BatchNorm2d if isinstance(layer, nn.Conv2d) else nn.BatchNorm1d
    fresh = kind(len(mean), eps=EPSILON)
    fresh.weight.copy_(sign * deviation / largest)
    fresh.bias.copy_(mean / largest)
    target, module = (norm.target, fresh) if norm else (node.target, nn.Sequential(layer, fresh))
    parent, _, child = str(target).rpartition(".")
    setattr(model.get_submodule(parent), child, module.eval())


def _scale_logits(layer: Any, source: float) -> None:
    """Scale the last layer's weights and bias to what the TruncQuant map makes of the weights."""
    largest = layer.weight.abs().max().clamp_min(1e-30)
    layer.weight.mul_(LARGEST_WEIGHT / largest)
    given = quantise_weights(layer.weight, 8).double()
    factor = (layer.weight.double() * given).sum() / (given**2).sum().clamp_min(1e-30)
    if layer.bias is not None:
        layer.bias.mul_(float(LARGEST_WEIGHT / largest / (factor * source)))
