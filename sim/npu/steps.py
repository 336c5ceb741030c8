"""A network as the operations that an NPU runs one after the other, and the maps between them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from truncmac.descriptors import Operation
from truncmac.golden import (
    IMAGE,
    AvgPool,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    Network,
    Product,
    Shortcut,
    check_dense,
    shapes,
)
from truncmac.golden.layers import sides
from truncmac.golden.types import Padding, Pair, Shape
from truncmac.integers import ceil_div

__all__ = ["Packing", "Step", "Steps", "folded_shortcuts", "network_steps", "packings"]

ONE, NONE = (1, 1), (0, 0)
RESIDUAL_STRIDES = {1, 2, 4, 8}  # that a descriptor has for the pixels of a residual map


@dataclass(frozen=True)
class Packing:
    """Which part of a first convolution's window LOAD packs into the channels of a pixel.

    Attributes
    ----------
    kernel, stride, padding : of the part, (vertical, horizontal)
    pad_code : outside the image
    """

    kernel: Pair = ONE
    stride: Pair = ONE
    padding: Pair = NONE
    pad_code: int = 0


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes
    ----------
    operation : what it does
    name : of the layer, or `image`
    source, residual : names of the maps that it reads; None if it reads none
    target : name of the map that it writes; None: it writes to memory
    source_shape, shape : of what it reads and gives, (H, W, C)
    kernel, stride, padding : of its window, (vertical, horizontal)
    pad_code : outside the map
    layer : the layer of weights, of a CONV
    window : of its weights, (H, W, C): what `kernel` is before LOAD has packed a part of it
    mean : of a POOL: it gives the mean
    residual_stride : with which the pixels of the residual map are added, (vertical, horizontal)
    residual_channels : of the residual map; to the output's channels beyond, 0 is added
    """

    operation: Operation
    name: str
    source: str | None
    target: str | None
    source_shape: Shape
    shape: Shape
    residual: str | None = None
    kernel: Pair = ONE
    stride: Pair = ONE
    padding: Pair = NONE
    pad_code: int = 0
    layer: Product | None = None
    window: Shape = (1, 1, 1)
    mean: bool = False
    residual_stride: Pair = ONE
    residual_channels: int = 0

    @property
    def raw(self) -> bool:
        """Whether it leaves sums in memory."""
        return self.layer is not None and self.layer.out_bits is None

    @property
    def by_tiles(self) -> bool:
        """Whether it reads the pixels of a tile at once, as convolutions and maximum pools do."""
        pools = self.operation == Operation.POOL and not self.mean
        return pools or self.operation == Operation.CONV

    def beats(self, lanes: int) -> int:
        """Beats of its reduction: each tap of the window takes whole blocks of lanes."""
        return self.kernel[0] * self.kernel[1] * ceil_div(self.source_shape[2], lanes)

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the maps that it reads."""
        return tuple(name for name in (self.source, self.residual) if name is not None)


@dataclass(frozen=True)
class Steps:
    """The operations of a network.

    Attributes
    ----------
    steps : in order, the last gives the network's output
    maps : shape (H, W, C) of each map, by the name of the layer that makes it
    places : for each layer the map that holds its output; a Flatten's is the one that it reads,
        and a shortcut has none whose codes convolutions add from the map that it reads
    packing : what LOAD packs
    """

    steps: tuple[Step, ...]
    maps: dict[str, Shape]
    places: dict[str, str]
    packing: Packing

    @property
    def final(self) -> str | None:
        """The map that is the network's output; None: it is sums."""
        last = self.steps[-1]
        return last.source if last.operation == Operation.STORE else None


def packings(network: Network) -> Iterator[Packing]:
    """Ways to load the image: as it is, or with a window's row, or all of it, in each pixel.

    A window can be packed where one layer of weights is all that reads the image; that of a linear
    layer is the whole image.
    """
    yield Packing()
    first = _only_reader(network, IMAGE)
    if isinstance(first, Flatten):
        first = _only_reader(network, first.name)
    if isinstance(first, Conv2d):
        _, _, high, wide = network.tensors[f"{first.name}.codes"].shape
        stride, padding = first.stride, _pair(first, first.padding)
        code = first.pad_code
    elif isinstance(first, Linear):
        high, wide = network.image.height, network.image.width
        stride, padding, code = ONE, NONE, 0
    else:
        return
    if wide > 1:
        yield Packing((1, wide), (1, stride[1]), (0, padding[1]), code)
    if high > 1:
        yield Packing((high, wide), stride, padding, code)


def _only_reader(network: Network, name: str) -> Layer | None:
    """The layer that alone reads `name`, once; None if there are others."""
    readers = [layer for layer in network.layers for source in layer.sources if source == name]
    return readers[0] if len(readers) == 1 else None


def network_steps(network: Network, packing: Packing | None = None, *, folds: bool = True) -> Steps:
    """The operations of a network; layers that its output does not need are left out.

    Parameters
    ----------
    packing : what LOAD packs
    folds : shortcuts that `folded_shortcuts` names are no operations

    Raises
    ------
    ValueError
        If a layer asks for what the NPU lacks: names the layer.
    """
    check_dense(network, "the NPU")
    packing = packing or Packing()
    known = shapes(network)
    image = network.image
    given = (image.height, image.width, image.channels)
    packed = _packed_shape(given, packing)
    steps = [
        Step(
            operation=Operation.LOAD,
            name=IMAGE,
            source=None,
            target=IMAGE,
            source_shape=given,
            shape=packed,
            kernel=packing.kernel,
            stride=packing.stride,
            padding=packing.padding,
            pad_code=packing.pad_code,
        )
    ]
    maps, places = {IMAGE: packed}, {IMAGE: IMAGE}
    folded = folded_shortcuts(network) if folds else {}
    for layer in _needed(network):
        if layer.name in folded:
            continue
        places[layer.name] = layer.name
        if isinstance(layer, Flatten):
            places[layer.name] = places[layer.input]
            continue
        step = _step(network, layer, maps, places, known, folded)
        if step.source == IMAGE:
            step = _after(packing, step)
        if step.residual is not None and step.residual == step.source:
            copy = _copy(step, maps)
            steps.append(copy)
            maps[copy.name] = copy.shape
            step = replace(step, residual=copy.name)
        steps.append(step)
        if step.target is not None:
            maps[step.target] = step.shape
    last = network.layers[-1]
    if not (isinstance(last, Product) and last.out_bits is None):
        source = places[last.name]
        steps.append(Step(Operation.STORE, last.name, source, None, maps[source], maps[source]))
    return Steps(tuple(steps), maps, places, packing)


def _step(
    network: Network,
    layer: Layer,
    maps: dict[str, Shape],
    places: dict[str, str],
    known: dict[str, Shape],
    folded: Mapping[str, Shortcut],
) -> Step:
    """The operation of a layer."""
    source = places[layer.input]
    shape = known[layer.name]
    step = Step(
        operation=Operation.CONV,
        name=layer.name,
        source=source,
        target=layer.name,
        source_shape=maps[source],
        shape=(shape[1], shape[2], shape[0]) if len(shape) == 3 else (1, 1, shape[0]),
    )
    whole = (maps[source][0], maps[source][1])
    if isinstance(layer, Product):
        window = _unflattened(network, layer, known)
        step = replace(step, layer=layer, kernel=whole, window=window)
        if isinstance(layer, Conv2d):
            _check_convolution(layer)
            _, _, high, wide = network.tensors[f"{layer.name}.codes"].shape
            step = replace(
                step,
                kernel=(high, wide),
                window=(high, wide, window[2]),
                stride=layer.stride,
                padding=_pair(layer, layer.padding),
                pad_code=layer.pad_code,
            )
        if step.raw:
            step = replace(step, target=None)
        if layer.residual is not None:
            step = _adding(layer, layer.residual, step, maps, places, folded)
    elif isinstance(layer, MaxPool):
        step = replace(step, operation=Operation.POOL, kernel=layer.kernel, stride=layer.stride)
        step = replace(step, padding=_pair(layer, layer.padding))
    elif isinstance(layer, AvgPool):
        if layer.out_bits is not None:
            raise ValueError(
                f"Layer {layer.name!r} gives means of a scale of its own: the NPU's pools give the "
                "mean code, and nothing else yet"
            )
        kernel = layer.kernel or whole
        stride = layer.stride or kernel
        step = replace(step, operation=Operation.POOL, mean=True, kernel=kernel, stride=stride)
    elif isinstance(layer, Shortcut):
        step = replace(step, operation=Operation.SHORTCUT, stride=layer.stride)
    else:
        raise ValueError(f"Layer {layer.name!r} must be of a kind that the NPU has")
    return _plain_stride(step)


def _check_convolution(layer: Conv2d) -> None:
    """Refuse what the NPU's convolutions lack."""
    if layer.dilation != ONE:
        raise ValueError(f"Layer {layer.name!r} has dilation {layer.dilation}, which the NPU lacks")


def _pair(layer: Layer, padding: Padding) -> Pair:
    """A padding that is the same on opposite sides, as the NPU has it."""
    top, left, bottom, right = sides(padding)
    if (top, left) != (bottom, right):
        raise ValueError(
            f"Layer {layer.name!r} has another padding above or left of its input than opposite, "
            f"{padding}, which the NPU lacks"
        )
    return top, left


def _unflattened(network: Network, layer: Layer, known: dict[str, Shape]) -> Shape:
    """What a layer reads, (H, W, C), as it is before a Flatten."""
    by_name = {other.name: other for other in network.layers}
    source = layer.input
    while source != IMAGE and isinstance(by_name[source], Flatten):
        source = by_name[source].input
    shape = known[source]
    return (shape[1], shape[2], shape[0]) if len(shape) == 3 else (1, 1, shape[0])


def _copy(step: Step, maps: dict[str, Shape]) -> Step:
    """A copy of what a layer both multiplies and adds: a group answers one reader at a time."""
    name = f"{step.source}, copied for {step.name}"
    while name in maps:
        name += "'"
    return Step(
        operation=Operation.SHORTCUT,
        name=name,
        source=step.source,
        target=name,
        source_shape=step.source_shape,
        shape=step.source_shape,
    )


def _plain_stride(step: Step) -> Step:
    """Where there is one window only, its stride is of no use, and may be too wide to be told."""
    return replace(step, stride=_of_several(step.stride, step.shape))


def _of_several(stride: Pair, shape: Shape) -> Pair:
    """A stride, but 1 along an axis of which an output (H, W, C) has one pixel only."""
    return stride[0] if shape[0] > 1 else 1, stride[1] if shape[1] > 1 else 1


def folded_shortcuts(network: Network) -> dict[str, Shortcut]:
    """The shortcuts, by name, whose codes are added from the map that the shortcut reads.

    All that reads one are layers of weights that add it, and that multiply another map than the
    shortcut reads; its strides are powers of two, as a convolution has them for what it adds.
    """
    layers = _needed(network)
    found = {}
    for layer in layers:
        if isinstance(layer, Shortcut):
            readers = [other for other in layers if layer.name in other.sources]
            only_added = all(_adds(reader, layer) for reader in readers)
            if readers and only_added and set(layer.stride) <= RESIDUAL_STRIDES:
                found[layer.name] = layer
    return found


def _adds(reader: Layer, shortcut: Shortcut) -> bool:
    """Whether a reader adds a shortcut, and multiplies neither it nor what it reads."""
    if not isinstance(reader, Product) or reader.residual != shortcut.name:
        return False
    return reader.input not in (shortcut.name, shortcut.input)


def _adding(
    layer: Product,
    residual: str,
    step: Step,
    maps: dict[str, Shape],
    places: dict[str, str],
    folded: Mapping[str, Shortcut],
) -> Step:
    """A step that adds a layer's output, or what a folded shortcut takes of a map."""
    if step.raw:
        raise ValueError(
            f"Layer {layer.name!r} gives logits and adds {residual!r}: the NPU leaves sums, to "
            "which nothing is added; give the layer codes"
        )
    shortcut = folded.get(residual)
    name = places[residual if shortcut is None else shortcut.input]
    if shortcut is None and maps[name] != step.shape:
        raise ValueError(
            f"Layer {layer.name!r} adds {residual!r}, which is a flattened image: the NPU keeps "
            "its channels together, so that the codes do not lie in the same order"
        )
    stride = ONE if shortcut is None else _of_several(shortcut.stride, step.shape)
    return replace(step, residual=name, residual_stride=stride, residual_channels=maps[name][2])


def _after(packing: Packing, step: Step) -> Step:
    """What is left of a first convolution's window when LOAD has packed a part of it."""
    if packing == Packing():
        return step
    row = packing.kernel[0] == 1
    return replace(
        step,
        kernel=(step.kernel[0], 1) if row else ONE,
        stride=(step.stride[0], 1) if row else ONE,
        padding=(step.padding[0], 0) if row else NONE,
    )


def _packed_shape(shape: Shape, packing: Packing) -> Shape:
    high, wide = (
        (size + 2 * pad - kernel) // stride + 1
        for size, pad, kernel, stride in zip(
            shape[:2], packing.padding, packing.kernel, packing.stride, strict=True
        )
    )
    return high, wide, shape[2] * packing.kernel[0] * packing.kernel[1]


def _needed(network: Network) -> Sequence[Layer]:
    """The layers that the output needs, in order."""
    wanted = {network.layers[-1].name}
    for layer in reversed(network.layers):
        if layer.name in wanted:
            wanted |= set(layer.sources)
    return [layer for layer in network.layers if layer.name in wanted]
