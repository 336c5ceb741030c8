"""What differs between a PyTorch model, in floating point, and its exported integer network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx, nn

from truncmac.golden import Executor, Network, predictions

from .convert import trace
from .images import Images
from .layers import QuantActivation, at_bits
from .training import real

__all__ = ["Comparison", "compare"]

BATCH = 128
COUNTS = ("codes", "differing_codes", "differing_predictions", "float_right", "integer_right")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Counts of what differs at one bit-width, on some images.

    Attributes
    ----------
    bits : k
    images : how many images there are
    codes : how many activation codes the integer network gives
    differing_codes : how many of them are not the codes of PyTorch's activations
    differing_predictions : how many images the two put into different classes
    float_right, integer_right : how many images each puts into the right class
    """

    bits: int
    images: int
    codes: int
    differing_codes: int
    differing_predictions: int
    float_right: int
    integer_right: int


class _Recorder(fx.Interpreter):
    """Runs a traced model and keeps the outputs of its activations."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(model, graph=graph)
        self.activations: list[tuple[Tensor, int]] = []

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        module = self.fetch_attr(target)
        result = super().call_module(target, args, kwargs)
        if isinstance(module, QuantActivation):
            self.activations.append((result, module.act_bits))
        return result


@torch.no_grad()
def compare(model: nn.Module, network: Network, images: Images, bits: int) -> Comparison:
    """Run a model and its export on all images at `bits`, and count what differs.

    Parameters
    ----------
    model : a converted model, in evaluation mode
    network : its export; the activations of both must come in the same order
    """
    graph = trace(model)
    names = [layer.name for layer in network.products if layer.out_bits is not None]
    executor = Executor(network, bits)
    count = len(images.labels)
    found = dict.fromkeys(COUNTS, 0)
    for start in range(0, count, BATCH):
        indices = np.arange(start, min(start + BATCH, count))
        codes, labels = images.take(indices, None), images.labels[indices]
        execution = executor.run(codes, keep=names)
        recorder = _Recorder(model, graph)
        with at_bits(model, bits):
            logits = recorder.run(real(codes).to(next(model.parameters()).device))
        for name, (values, act_bits) in zip(names, recorder.activations, strict=True):
            given = np.rint(values.double().cpu().numpy() * ((1 << act_bits) - 1))
            found["codes"] += given.size
            found["differing_codes"] += _count(given != execution.outputs[name])
        ours = logits.argmax(dim=1).cpu().numpy()
        theirs = predictions(execution.logits)
        found["differing_predictions"] += _count(ours != theirs)
        found["float_right"] += _count(ours == labels)
        found["integer_right"] += _count(theirs == labels)
    return Comparison(bits=bits, images=count, **found)


def _count(holds: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(holds))
