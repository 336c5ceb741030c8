"""A descriptor's fields in its 512 bits, and what of them is in range."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    FIELDS,
    FORMAT_VERSION,
    MAGIC,
    OVERLAP_BEATS,
    ROW_BITS,
    SUM_BYTES,
    TILE_BITS,
    Operation,
    ProgramFault,
    Region,
    map_field,
)

from .place import map_layout
from .regions import regions_layout

__all__ = ["DescriptorCheck", "descriptor_layout", "map_of"]

DESCRIPTOR_BITS = 8 * DESCRIPTOR_BYTES


def descriptor_layout(operation):
    """The layout of an operation's descriptor."""
    fields = {
        field.name: data.Field(field.width, 32 * field.word + field.low)
        for field in FIELDS[operation]
    }
    return data.FlexibleLayout(DESCRIPTOR_BITS, fields)


def map_of(m, descriptor, role, owner):
    """Where one of an operation's maps lies, as `map_layout()`; `owner` is for the name."""
    found = Signal(map_layout(), name=f"{owner}_{role}_map")
    for name in map_layout().members:
        m.d.comb += found[name].eq(descriptor[map_field(role, name)])
    return found


class DescriptorCheck(wiring.Component):
    """Says what is wrong with a descriptor, in the order in which the reference looks.

    Parameters
    ----------
    config : NpuConfig

    Members
    -------
    descriptor : In, 512 bits
    first : In, it is the program's first
    regions : In, `regions_layout()`
    fault : Out, `ProgramFault`
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "descriptor": In(DESCRIPTOR_BITS),
                "first": In(1),
                "regions": In(regions_layout()),
                "fault": Out(ProgramFault),
            }
        )

    def elaborate(self, platform):
        m = Module()
        begin = descriptor_layout(Operation.BEGIN)(self.descriptor)
        with m.If(self.first != (begin.operation == Operation.BEGIN)):
            m.d.comb += self.fault.eq(ProgramFault.FORMAT)
        with m.Else(), m.Switch(begin.operation):
            with m.Case(Operation.BEGIN):
                self._say(m, self._begin(begin))
            with m.Case(Operation.END):
                pass
            for operation, faults in (
                (Operation.LOAD, self._load),
                (Operation.STORE, self._store),
                (Operation.CONV, self._conv),
                (Operation.POOL, self._pool),
                (Operation.SHORTCUT, self._shortcut),
            ):
                with m.Case(operation):
                    self._say(m, faults(m, descriptor_layout(operation)(self.descriptor)))
            with m.Default():
                m.d.comb += self.fault.eq(ProgramFault.OPERATION)
        return m

    def _say(self, m, faults):
        """The first fault whose condition holds."""
        found = ProgramFault.NONE
        for fault, condition in reversed(faults):
            found = Mux(condition, fault, found)
        m.d.comb += self.fault.eq(found)

    def _begin(self, begin):
        space = [
            begin[f"{region.name.lower()}_bytes"] > self.regions[region].size for region in Region
        ]
        wrong = (begin.magic != MAGIC) | (begin.version != FORMAT_VERSION)
        return [
            (ProgramFault.FORMAT, wrong),
            (ProgramFault.CONFIGURATION, begin.configuration != self.config.configuration),
            (ProgramFault.SPACE, _any(space)),
        ]

    def _load(self, m, load):
        wrong = [load[f"{name}_{axis}"] == 0 for name in ("kernel", "stride") for axis in "xy"]
        codes, shared = Signal(32), Signal(signed(32))
        m.d.comb += codes.eq(load.kernel_x * load.kernel_y * load.input_channels)
        m.d.comb += shared.eq((load.kernel_x - load.stride_x) * load.input_channels)
        wrong += [
            _no_size(load, "input") | _no_size(load, "output") | _long_row(load),
            codes != load.output_channels,
            shared > OVERLAP_BEATS * self.config.bus_bytes,
        ]
        return [
            (ProgramFault.VALUE, _any(wrong)),
            (ProgramFault.PLACE, self._beyond(load, "output")),
        ]

    def _store(self, m, store):
        return [
            (ProgramFault.VALUE, _no_size(store, "input") | _long_row(store)),
            (ProgramFault.PLACE, self._beyond(store, "input")),
        ]

    def _conv(self, m, conv):
        array = self.config.array
        blocks = (conv.input_channels + (array.lanes - 1)) >> exact_log2(array.lanes)
        beats = Signal(32)
        m.d.comb += beats.eq(conv.kernel_x * conv.kernel_y * blocks)
        alignment = Mux(conv.raw, SUM_BYTES, self.config.bus_bytes) - 1
        wrong = [
            *(
                conv[f"{name}_{axis}"] == 0
                for name in ("kernel", "stride", "dilation")
                for axis in "xy"
            ),
            (conv.bits == 0) | (conv.bits > 8),
            _no_size(conv, "input") | _no_size(conv, "output"),
            beats > array.max_beats,
            (conv.weights & (self.config.bus_bytes - 1)) != 0,
            (conv.weights_pitch & (self.config.bus_bytes - 1)) != 0,
            (conv.parameters & alignment) != 0,
            conv.raw & conv.residual,
            conv.residual & (conv.residual_channels == 0),
            conv.residual & (conv.residual_channels > conv.output_channels),
        ]
        source = conv.input_map_group
        meets = ~conv.raw & (conv.output_map_group == source)
        meets = meets | (conv.residual & (conv.residual_map_group == source))
        beyond = self._beyond(conv, "input")
        beyond = beyond | (~conv.raw & self._beyond(conv, "output"))
        beyond = beyond | (conv.residual & self._residual_beyond(conv))
        return [
            (ProgramFault.VALUE, _any(wrong)),
            (ProgramFault.GROUPS, meets),
            (ProgramFault.PLACE, beyond),
            (ProgramFault.VALUE, self._many_tiles(conv)),
        ]

    def _many_tiles(self, conv):
        """Whether the core could not count the tiles of pixels of an output."""
        tile_x = conv.input_map_tile_x
        tile_y = (exact_log2(self.config.array.rows) - tile_x)[:4]
        across = (conv.output_width + ((1 << tile_x) - 1)[:16]) >> tile_x
        down = (conv.output_height + ((1 << tile_y) - 1)[:16]) >> tile_y
        return (across * down) >> TILE_BITS != 0

    def _pool(self, m, pool):
        wrong = [pool[f"{name}_{axis}"] == 0 for name in ("kernel", "stride") for axis in "xy"]
        wrong += [pool.input_channels != pool.output_channels]
        return self._passes(m, pool, wrong)

    def _shortcut(self, m, shortcut):
        wrong = [shortcut.stride_x == 0, shortcut.stride_y == 0]
        wrong += [shortcut.input_channels > shortcut.output_channels]
        return self._passes(m, shortcut, wrong)

    def _passes(self, m, passing, wrong):
        """Faults of what passes from map to map."""
        sizes = _no_size(passing, "input") | _no_size(passing, "output")
        beyond = [self._beyond(passing, side) for side in ("input", "output")]
        meets = passing.input_map_group == passing.output_map_group
        return [
            (ProgramFault.VALUE, _any(wrong) | sizes),
            (ProgramFault.GROUPS, meets),
            (ProgramFault.PLACE, _any(beyond)),
        ]

    def _beyond(self, descriptor, role):
        """Whether the map of the input or the output is not within the activation memory."""
        bottom, right = ((descriptor[f"{role}_{size}"] - 1)[:16] for size in ("height", "width"))
        return self._outside(descriptor, role, bottom, right, descriptor[f"{role}_channels"])

    def _residual_beyond(self, conv):
        """Whether what is read of the residual map is not within the activation memory."""
        bottom = (conv.output_height - 1)[:16] << conv.residual_shift_y
        right = (conv.output_width - 1)[:16] << conv.residual_shift_x
        return self._outside(conv, "residual", bottom, right, conv.residual_channels)

    def _outside(self, descriptor, role, bottom, right, channels):
        """Whether a map whose last pixel is (right, bottom) is not within the memory."""
        array = self.config.array
        row_bits = exact_log2(array.rows)

        def part(name):
            return descriptor[map_field(role, name)]

        lane_bits = exact_log2(array.lanes)
        blocks = (channels + (array.lanes - 1)) >> lane_bits
        across = right >> (part("phase_x") + part("tile_x"))[:5]
        tile_y = (row_bits - part("tile_x"))[:4]
        down = bottom >> (part("phase_y") + tile_y)[:5]
        end = part("base") + down * part("step_y") + (across + 1) * part("step_x")
        return (
            (part("group") >= self.config.groups)
            | (part("tile_x") > row_bits)
            | (part("phase_x") > 3)
            | (part("phase_y") > 3)
            | (part("step_x") < blocks << (part("phase_x")[:2] + part("phase_y")[:2]))
            | (end > self.config.depth)
        )


def _any(conditions):
    found = conditions[0]
    for condition in conditions[1:]:
        found = found | condition
    return found


def _no_size(descriptor, side):
    return _any([descriptor[f"{side}_{size}"] == 0 for size in ("width", "height", "channels")])


def _long_row(descriptor):
    return (descriptor.input_width * descriptor.input_channels) >> ROW_BITS != 0
