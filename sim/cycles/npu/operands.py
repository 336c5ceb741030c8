"""A convolution's weights and parameters: when they are asked for, and when the core may have them.

Both may be read before the convolution begins.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from truncmac.descriptors import PARAMETER_BYTES
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.integers import ceil_div

from ..latencies import BANKS
from .bus import Request
from .fetch import Beat, Words

__all__ = ["Layer", "Operands", "WeightBuffer"]


@dataclass(frozen=True)
class Layer:
    """What must be known of a convolution's weights and parameters.

    Attributes
    ----------
    words : of the weights of a column tile
    channels : of the output
    row_tiles : tiles that use a column tile's weights
    weights, pitch : address of the first column tile's, and bytes to the next
    parameters : address of the first channel's; None: there are none
    """

    words: int
    channels: int
    row_tiles: int
    weights: int
    pitch: int
    parameters: int | None

    @classmethod
    def of(cls, config: ArrayConfig, values: Mapping[str, int]) -> "Layer":
        """Of a CONV's fields."""
        return cls(
            words=beats_of(config, values) * chunk_count(values["bits"], config.planes),
            channels=values["output_channels"],
            row_tiles=row_tiles_of(config, values),
            weights=values["weights"],
            pitch=values["weights_pitch"],
            parameters=None if values["raw"] else values["parameters"],
        )


def beats_of(config: ArrayConfig, values: Mapping[str, int]) -> int:
    """Beats of a CONV's reduction."""
    blocks = ceil_div(values["input_channels"], config.lanes)
    return values["kernel_x"] * values["kernel_y"] * blocks


def row_tiles_of(config: ArrayConfig, values: Mapping[str, int]) -> int:
    """Tiles of a CONV's output pixels."""
    across = 1 << values["input_map_tile_x"]
    tiles = ceil_div(values["output_width"], across)
    return tiles * ceil_div(values["output_height"], config.rows // across)


class WeightBuffer:
    """Two banks of weights: one fills while the other is read, once for each tile."""

    def __init__(self) -> None:
        self.free = BANKS
        self.asked: deque[Layer] = deque()
        self.filled: deque[Layer] = deque()
        self.loaded = self.read = 0  # words of the first of these
        self.used = False  # a bank was read before
        self.valid = False  # a word is at the core

    def tick(self, block: Layer | None, *, came: bool, taken: bool) -> None:
        """Pass a cycle: a block begins, a word comes, and the core has taken one."""
        steps = bool(self.filled) and (not self.valid or taken)
        self.valid = steps or (self.valid and not taken)
        if steps:
            self.free += self.read == 0 and self.used
            self.used = True
            self.read += 1
            if self.read == self.filled[0].words * self.filled[0].row_tiles:
                self.filled.popleft()
                self.read = 0
        if came:
            self.loaded += 1
            if self.loaded == self.asked[0].words:
                self.filled.append(self.asked.popleft())
                self.loaded = 0
        if block:
            self.free -= 1
            self.asked.append(block)


class Operands:
    """Asks for the weights and parameters of a layer's column tiles.

    Parameters
    ----------
    config : the array
    size : bytes of a beat of the bus
    """

    def __init__(self, config: ArrayConfig, size: int) -> None:
        self.config = config
        self.buffer = WeightBuffer()
        self.weights = Words(max(config.weight_word_bytes, 1), size)
        self.records = Words(PARAMETER_BYTES, size)
        self.layer: Layer | None = None
        self.first_weights = self.first_parameters = self.column = 0

    @property
    def weights_wanted(self) -> bool:
        """Whether those of a column tile are to be asked for, and there is room."""
        layer = self.layer
        return bool(layer and self.buffer.free and self.first_weights < layer.channels)

    def weights_request(self) -> Request:
        """Address and bytes of those of the next column tile."""
        assert self.layer is not None  # noqa: S101 (they are wanted)
        tile = self.first_weights // self.config.cols
        address = self.layer.weights + tile * self.layer.pitch
        return address & 0xFFFFFFFF, self.layer.words * self.config.weight_word_bytes

    def parameters_wanted(self, free_sets: int) -> bool:
        """Whether those of a column tile are to be asked for, and the core has room."""
        layer, first = self.layer, self.first_parameters
        if layer is None or layer.parameters is None or not free_sets:
            return False
        return first < layer.channels and first == self.column

    def parameters_request(self) -> Request:
        """Address and bytes of those of the next column tile."""
        assert self.layer is not None  # noqa: S101 (they are wanted)
        assert self.layer.parameters is not None  # noqa: S101
        first = self.first_parameters
        count = min(self.layer.channels - first, self.config.cols)
        address = self.layer.parameters + first * PARAMETER_BYTES
        return address & 0xFFFFFFFF, count * PARAMETER_BYTES

    @property
    def _handed(self) -> bool:
        """Whether the core has all of the layer's parameters."""
        layer, column = self.layer, self.column
        if layer is None or layer.parameters is None:
            return True
        return column >= layer.channels and column % self.config.cols == 0

    def parameter_ready(self, beat: Beat | None) -> bool:
        """Whether there is one for the core; columns beyond the channels need nothing read."""
        if self.layer is None or self._handed:
            return False
        return self.column >= self.layer.channels or self.records.ready(beat)

    def tick(
        self,
        weights: Beat | None,
        parameters: Beat | None,
        *,
        asked: str,
        parameter: bool,
        word: bool,
    ) -> bool:
        """Pass a cycle.

        Parameters
        ----------
        weights, parameters : the beat of either that is next on the bus
        asked : "weights" or "parameters" if their request was taken
        parameter, word : the core took a column's parameters, or a word of weights

        Returns
        -------
        whether the beat is done with
        """
        layer = self.layer
        known = layer is not None and self.column < layer.channels
        over = self._handed and (layer is None or self.first_weights >= layer.channels)
        came = bool(self.buffer.asked) and self.weights.ready(weights)
        took = self.weights.tick(weights, taken=came)
        took |= self.records.tick(parameters, taken=parameter and known)
        self.buffer.tick(layer if asked == "weights" else None, came=came, taken=word)
        if asked == "weights":
            self.first_weights += self.config.cols
        if asked == "parameters":
            self.first_parameters += self.config.cols
        self.column += parameter
        if layer is not None and over:
            self.layer = None
            self.first_weights = self.first_parameters = self.column = 0
        return took
