"""Networks from PyTorch's tensors: our own checkpoints, and the state_dict of a named network."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from truncmac.golden import Images, ImageSpec, Network, Pictures
from truncmac.golden.types import Codes, Labels

from .assembly import module_of
from .checkpoint import load_checkpoint
from .convert import ConversionError
from .export import export
from .floats import FloatGraph, FloatGraphError, lower
from .images import ArrayImages
from .layers import bit_widths
from .lifting import lifted
from .networks import ImageShape
from .ptq import quantise
from .source import Source
from .state import is_converted, plain_model, read_state, trained_model
from .training import calibrate, real

__all__ = ["from_checkpoint", "from_float_graph", "from_module", "from_state"]

BATCH = 256

Given = Images | Pictures


def from_checkpoint(source: Source, given: Given | None) -> tuple[Network, Sequence[str]]:
    """The network of a training run's checkpoint, and notes for the user.

    Parameters
    ----------
    given : images to calibrate bit-widths on that were not trained; or None

    Raises
    ------
    CheckpointError
        If the file is not a whole checkpoint.
    ValueError
        If no bit-width of `source` was trained and there are no images.
    """
    checkpoint = load_checkpoint(source.path)
    return _trained(checkpoint.model(), checkpoint.shape, source, given)


def from_state(source: Source, given: Given | None) -> tuple[Network, Sequence[str]]:
    """The network of a state_dict, and notes for the user.

    The state_dict is that of a network which was trained to be truncated, or of a float network,
    which is then quantised and calibrated on the images.

    Parameters
    ----------
    given : images; or None, which a float network does not allow

    Raises
    ------
    CheckpointError
        If the file does not hold the tensors of the network that `source` names.
    ValueError
        If `source` does not say what the tensors are of, or images are lacking or do not fit.
    """
    if source.network is None or source.image is None or source.classes is None:
        raise ValueError(
            f"{source.path}: holds tensors alone; say what they are of with --network, --image "
            "and --classes, or import the model from its Python file, as FILE.py:NAME"
        )
    shape = ImageShape(*source.image, source.classes)
    state = read_state(source.path)
    if is_converted(state):
        model = trained_model(
            source.network,
            shape,
            state,
            source.act_bits,
            centred=source.centred,
            exact_means=source.exact_means,
        )
        return _trained(model, shape, source, given)
    model = plain_model(source.network, shape, state)
    images = _needed(source, given, (shape.channels, shape.height, shape.width))
    return _calibrated(model, source, images, source.path.stem)


def from_float_graph(
    graph: FloatGraph,
    shape: tuple[int, int, int],
    source: Source,
    given: Given | None,
) -> tuple[Network, Sequence[str]]:
    """The network of a float graph, calibrated on images; see `from_module`."""
    images = _needed(source, given, shape)
    try:
        module = module_of(lifted(lower(graph), images, source.percentile))
    except FloatGraphError as error:
        raise ConversionError(f"{source.path}: {error}") from None
    return from_module(module, shape, source, given, graph.name)


def from_module(
    module: nn.Module,
    shape: tuple[int, int, int] | None,
    source: Source,
    given: Given | None,
    name: str,
) -> tuple[Network, Sequence[str]]:
    """The network of a float module, calibrated on images, and notes for the user.

    Parameters
    ----------
    shape : of its images; None: that of the arrays that are given
    given : images; with labels the notes tell the float network's accuracy

    Raises
    ------
    ValueError
        If images are lacking or do not fit, or a part of the module has no integer form.
    """
    images = _needed(source, given, shape)
    network, notes = _calibrated(module, source, images, name)
    if given is not None and given.labels is not None:
        share = _float_accuracy(module, images, given.labels)
        notes.append(f"The float network's accuracy on these {len(images)} images is {share:.2%}.")
    return network, notes


def _calibrated(
    module: nn.Module, source: Source, images: Codes, name: str
) -> tuple[Network, list[str]]:
    """The network of a float module that is calibrated on images, and a note on it."""
    network = quantise(
        module,
        images,
        widths=source.bits,
        act_bits=source.act_bits,
        edge_bits=source.edge_bits,
        percentile=source.percentile,
        exact_means=source.exact_means,
        name=name,
    )
    return network, [f"A float network, calibrated on {min(len(images), 4096)} images."]


def _needed(source: Source, given: Given | None, shape: tuple[int, int, int] | None) -> Codes:
    """The images of a shape; None: that of the arrays that are given."""
    if given is None:
        raise ValueError(
            f"{source.path}: is a float network; give images with --data to calibrate it on"
        )
    if shape is None:
        shape = _shape_of(source, given)
    return _codes(given, ImageShape(*shape, 1))


def _shape_of(source: Source, given: Given) -> tuple[int, int, int]:
    """Channels, height and width of images that a module does not say."""
    if not isinstance(given, Images) or given.array.ndim != 4:
        raise ValueError(
            f"{source.path}: a module does not say how large its images are; give them with --data "
            "as an array (n, C, H, W)"
        )
    _, channels, height, width = given.array.shape
    return channels, height, width


@torch.no_grad()
def _float_accuracy(module: nn.Module, images: Codes, labels: Labels) -> float:
    module.eval()
    parts = [slice(start, start + BATCH) for start in range(0, len(images), BATCH)]
    classes = [module(real(images[part])).flatten(1).argmax(1).numpy() for part in parts]
    return float((np.concatenate(classes) == labels).mean())


def _trained(
    model: nn.Module, shape: ImageShape, source: Source, given: Given | None
) -> tuple[Network, Sequence[str]]:
    """Export a trained model; with images the bit-widths that were not trained are calibrated."""
    known = bit_widths(model)
    widths = [k for k in source.bits if k in known]
    missing = [k for k in source.bits if k not in known]
    notes = []
    if missing and given is not None:
        images = _codes(given, shape)
        calibrate(model, missing, ArrayImages(images, np.zeros(len(images), np.int64)))
        notes.append(f"Not trained, but calibrated: k = {', '.join(map(str, missing))}.")
        widths = list(source.bits)
    elif missing:
        notes.append(
            f"Left out, for they were not trained: k = {', '.join(map(str, missing))}. "
            "With --data they are calibrated."
        )
    if not widths:
        raise ValueError(
            f"{source.path}: was trained for k = {', '.join(map(str, known))} alone; "
            "give images with --data to calibrate others"
        )
    size = (shape.channels, shape.height, shape.width)
    return export(model, size, name=source.path.stem, widths=widths), notes


def _codes(given: Given, shape: ImageShape) -> Codes:
    """The images as codes of 8 bits, which stand for 0 to 1."""
    images = given.codes(ImageSpec(shape.channels, shape.height, shape.width))
    wanted = (shape.channels, shape.height, shape.width)
    if images.shape[1:] != wanted:
        raise ValueError(f"Images of --data must have shape {wanted}, not {images.shape[1:]}")
    return images
