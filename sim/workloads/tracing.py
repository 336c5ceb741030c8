"""Workloads of PyTorch modules, traced by their shapes without weights or arithmetic."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from .shapes import LayerShape, Window, Workload

__all__ = ["torch_workload"]

# Operations that Conv2d, Linear and MultiheadAttention become; those of attention itself are others
PRODUCT_OPERATIONS = ("convolution", "_convolution", "mm", "addmm")


def torch_workload(
    module: nn.Module, inputs: tuple[int, ...] | Tensor, name: str | None = None
) -> Workload:
    """The Conv2d, Linear and MultiheadAttention layers of `module`, in the order of their calls.

    The module runs once on the meta device, in evaluation mode: no weights are copied and nothing
    is computed. Each group of a convolution is a product of its own. A layer that is called again
    is another layer, `NAME#2`. The scores of attention are products of activations and are left
    out.

    Parameters
    ----------
    inputs : shape of one input, without the batch; or a batch of one input, such as token numbers
        (1, T)
    name : name of the workload; None: that of the module's class

    Raises
    ------
    ValueError
        If `module` has matrix products of weights outside of these layers, or none at all, or the
        input is not a batch of one.
    RuntimeError
        If `module` does not run on the meta device, or not with this input.
    """
    label = name or type(module).__name__
    given = torch.zeros(1, *inputs) if isinstance(inputs, tuple) else inputs
    if len(given) != 1:
        raise ValueError(f"Input must be a batch of one, not of {len(given)}")
    layers: list[LayerShape] = []
    with FlopCounterMode(display=False) as counter, _recorded(module, layers):
        _run(module, given)
    counts = counter.get_flop_counts().get("Global", {})
    flops = sum(n for operation, n in counts.items() if _short(operation) in PRODUCT_OPERATIONS)
    done = flops // 2  # MACs
    seen = sum(layer.macs for layer in layers)
    if done != seen:
        raise ValueError(
            f"Module {label} computes {done} MACs with weights, but {seen} in Conv2d, Linear and "
            "MultiheadAttention modules: make its other products such modules"
        )
    return Workload(label, tuple(layers))


def _short(operation: Any) -> str:
    return str(operation).rpartition(".")[2]


def _run(module: nn.Module, given: Tensor) -> None:
    tensors = [*module.named_parameters(), *module.named_buffers()]
    shapes = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}
    training = {part: part.training for part in module.modules()}
    module.eval()
    try:
        with torch.device("meta"), torch.no_grad():
            functional_call(module, shapes, (given.to("meta"),))
    except RuntimeError as error:
        shape = tuple(given.shape)
        raise RuntimeError(
            f"{type(module).__name__} must run on shapes alone, here {shape}, not fail: {error}"
        ) from None
    finally:
        for part, was in training.items():
            part.training = was


@contextmanager
def _recorded(module: nn.Module, layers: list[LayerShape]) -> Iterator[None]:
    """While this is open, each call of a layer of weights is appended to `layers`."""
    calls: dict[str, int] = {}

    def hook(path: str) -> Any:
        def record(part: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            calls[path] = calls.get(path, 0) + 1
            name = path if calls[path] == 1 else f"{path}#{calls[path]}"
            given = [*args, *kwargs.values()]
            if isinstance(part, nn.MultiheadAttention):
                layers.extend(_attention(name, part, given[:3]))
            elif isinstance(part, nn.Conv2d):
                layers.append(_convolution(name, part, given[0], output))
            elif isinstance(part, nn.Linear):
                layers.append(_linear(name, part, given[0]))

        return record

    kinds = (nn.Conv2d, nn.Linear, nn.MultiheadAttention)
    with ExitStack() as stack:
        for path, part in module.named_modules():
            if isinstance(part, kinds):
                handle = part.register_forward_hook(hook(path or "module"), with_kwargs=True)
                stack.callback(handle.remove)
        yield


def _linear(name: str, part: nn.Linear, given: Tensor) -> LayerShape:
    rows = given.numel() // part.in_features
    return LayerShape(name, rows, part.in_features, part.out_features)


def _convolution(name: str, part: nn.Conv2d, given: Tensor, output: Tensor) -> LayerShape:
    groups = part.groups
    channels, columns = part.in_channels // groups, part.out_channels // groups
    down, across = part.kernel_size
    if part.dilation != (1, 1):  # its window is not of neighbours, so its rows are counted alone
        rows = output.shape[-2] * output.shape[-1]
        return LayerShape(name, rows, channels * down * across, columns, groups=groups)
    height, width = given.shape[-2:]
    padding = part.padding
    if isinstance(padding, str):  # the input's size includes the padding
        if padding == "same":
            height, width = height + down - 1, width + across - 1
        padding = (0, 0)
    stride = (part.stride[0], part.stride[1])
    window = Window(channels, height, width, (down, across), stride, (padding[0], padding[1]))
    return LayerShape.conv2d(name, window, columns, groups=groups)


def _attention(name: str, part: nn.MultiheadAttention, streams: list[Tensor]) -> list[LayerShape]:
    """The projections of query, key and value (the streams), and that of the result."""
    width = part.embed_dim
    sizes = {"query": width, "key": part.kdim, "value": part.vdim}
    tokens = [stream.numel() // size for stream, size in zip(streams, sizes.values(), strict=True)]
    layers = [
        LayerShape(f"{name}.{what}", rows, size, width)
        for (what, size), rows in zip(sizes.items(), tokens, strict=True)
    ]
    return [*layers, LayerShape(f"{name}.out_proj", tokens[0], width, width)]
