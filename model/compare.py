"""The float model beside the integer network: how many codes and predictions differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from truncmac.golden import Network, accuracy, execute, predictions

from .layers import set_bits
from .networks import CodeNetwork, code_bits, real_images

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """Both networks on the same images, at one bit-width.

    Attributes
    ----------
    integer_accuracy, float_accuracy : shares in 0..1; the integer network is the reference
    differing_codes, codes : activation codes of all layers that differ, and all there are
    differing_predictions, images : likewise
    """

    bits: int
    integer_accuracy: float
    float_accuracy: float
    differing_codes: int
    codes: int
    differing_predictions: int
    images: int


def compare(
    model: CodeNetwork,
    network: Network,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.integer],
    bits: int,
) -> Comparison:
    """Run `model` and its exported `network` on codes of images (n, C, H, W).

    The model evaluates (running statistics), at `bits` from now on.
    """
    execution = execute(network, images, bits)
    set_bits(model, bits)
    model.eval()
    with torch.no_grad():
        outputs = model.outputs(real_images(torch.from_numpy(images), model.image))
    logits = outputs[model.layers[-1].name].numpy()
    known = code_bits(model.image, model.layers)
    differing, codes = 0, 0
    for name, values in outputs.items():
        if name in known:
            rounded = np.rint(values.numpy() * ((1 << known[name]) - 1))
            differing += int((rounded != execution.outputs[name]).sum())
            codes += rounded.size
    guesses = predictions(execution.logits)
    return Comparison(
        bits=bits,
        integer_accuracy=accuracy(execution.logits, labels),
        float_accuracy=float((logits.argmax(axis=1) == labels).mean()),
        differing_codes=differing,
        codes=codes,
        differing_predictions=int((guesses != logits.argmax(axis=1)).sum()),
        images=len(images),
    )
