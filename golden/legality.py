"""What of an operation of the NPU's program is out of range, before anything of it is done.

The hardware looks at the same, in the same order: values, groups of the maps, places of the maps.
What it finds only while it runs, an address outside its region, is not looked at here.
"""

from collections.abc import Mapping

from truncmac.descriptors import (
    MAPS,
    OVERLAP_BEATS,
    ROW_BITS,
    SUM_BYTES,
    TILE_BITS,
    Operation,
    ProgramFault,
    map_field,
)
from truncmac.integers import ceil_div

from .maps import Machine, MapPlace, ProgramError
from .quantise import WEIGHT_BITS
from .types import Pair, Shape

__all__ = ["Values", "check_operation", "place_of", "residual_shape", "shape_of", "strides_of"]

Values = Mapping[str, int]


def check_operation(operation: Operation, values: Values, machine: Machine) -> None:
    """Refuse an operation whose fields are out of range.

    Parameters
    ----------
    values : the fields of its descriptor
    machine : the NPU

    Raises
    ------
    ProgramError
        With the fault that the hardware reports; its index is not known here.
    """
    for name, most in (("kernel", 255), ("stride", 15), ("dilation", 15)):
        for axis in "xy":
            if f"{name}_{axis}" in values:
                _check_range(values, f"{name}_{axis}", 1, most)
    shapes = {
        side: shape_of(values, side) for side in ("input", "output") if f"{side}_channels" in values
    }
    if "pitch" in values:
        _check_row(shapes["input"])
    if operation in CHECKS:
        CHECKS[operation](values, shapes, machine)
    roles = _roles(values)
    _check_groups(values, roles)
    for role in roles:
        shape = residual_shape(values) if role == "residual" else shapes[role]
        place_of(values, role).check(shape, machine)
    if operation == Operation.CONV:
        _check_tiles(values, shapes["output"], machine)


def shape_of(values: Values, side: str) -> Shape:
    """(H, W, C) of the input or the output; none of them is 0."""
    for name in ("height", "width", "channels"):
        _check_range(values, f"{side}_{name}", 1, (1 << 16) - 1)
    return values[f"{side}_height"], values[f"{side}_width"], values[f"{side}_channels"]


def strides_of(values: Values) -> Pair:
    """Rows and columns of the residual map from one pixel that is added to the next."""
    return 1 << values["residual_shift_y"], 1 << values["residual_shift_x"]


def residual_shape(values: Values) -> Shape:
    """(H, W, C) of the residual map, up to the last pixel that is added."""
    (down, across), (height, width, _) = strides_of(values), shape_of(values, "output")
    return (height - 1) * down + 1, (width - 1) * across + 1, values["residual_channels"]


def place_of(values: Values, role: str) -> MapPlace:
    """Where one of an operation's `MAPS` lies."""
    names = ("group", "base", "step_x", "step_y", "tile_x", "phase_x", "phase_y")
    return MapPlace(*(values[map_field(role, name)] for name in names))


def _roles(values: Values) -> list[str]:
    """The maps that an operation reads and writes."""
    roles = [role for role in MAPS if map_field(role, "group") in values]
    left_out = {"output"} if values.get("raw") else set()
    if not values.get("residual"):
        left_out.add("residual")
    return [role for role in roles if role not in left_out]


def _check_load(values: Values, shapes: Mapping[str, Shape], machine: Machine) -> None:
    codes = values["kernel_y"] * values["kernel_x"] * shapes["input"][2]
    if codes != shapes["output"][2]:
        raise ProgramError(
            f"a window has {codes} codes, and the map {shapes['output'][2]} channels",
            ProgramFault.VALUE,
        )
    shared = (values["kernel_x"] - values["stride_x"]) * shapes["input"][2]
    most = OVERLAP_BEATS * machine.bus_bytes
    if shared > most:
        raise ProgramError(
            f"neighbouring windows share {shared} codes of a row; at most {most} can be held",
            ProgramFault.VALUE,
        )


def _check_conv(values: Values, shapes: Mapping[str, Shape], machine: Machine) -> None:
    _check_range(values, "bits", 1, WEIGHT_BITS)
    beats = values["kernel_y"] * values["kernel_x"] * ceil_div(shapes["input"][2], machine.lanes)
    if beats > ceil_div(machine.max_reduction, machine.lanes):
        raise ProgramError(
            f"a reduction has {beats} beats of {machine.lanes} lanes, and the array is built for "
            f"K up to {machine.max_reduction}",
            ProgramFault.VALUE,
        )
    whole = SUM_BYTES if values["raw"] else machine.bus_bytes
    for name, unit in (
        ("weights", machine.bus_bytes),
        ("weights_pitch", machine.bus_bytes),
        ("parameters", whole),
    ):
        if values[name] % unit:
            raise ProgramError(
                f"{name} must be a multiple of {unit}, not {values[name]}", ProgramFault.VALUE
            )
    if values["raw"] and values["residual"]:
        raise ProgramError("raw sums have no residual", ProgramFault.VALUE)
    if values["residual"]:
        _check_range(values, "residual_channels", 1, shapes["output"][2])


def _check_pool(values: Values, shapes: Mapping[str, Shape], machine: Machine) -> None:
    if shapes["input"][2] != shapes["output"][2]:
        raise ProgramError(
            f"a pool must have as many channels as its input, {shapes['input'][2]}, "
            f"not {shapes['output'][2]}",
            ProgramFault.VALUE,
        )


def _check_shortcut(values: Values, shapes: Mapping[str, Shape], machine: Machine) -> None:
    if shapes["input"][2] > shapes["output"][2]:
        raise ProgramError(
            f"a shortcut must have at least its input's {shapes['input'][2]} channels, "
            f"not {shapes['output'][2]}",
            ProgramFault.VALUE,
        )


def _check_row(shape: Shape) -> None:
    row = shape[1] * shape[2]
    if row >> ROW_BITS:
        raise ProgramError(
            f"a row of pixels must have fewer than {1 << ROW_BITS} bytes, not {row}",
            ProgramFault.VALUE,
        )


def _check_tiles(values: Values, shape: Shape, machine: Machine) -> None:
    """The rows of a tile are output pixels; the core counts the tiles."""
    tile_x = values[map_field("input", "tile_x")]
    tiles = ceil_div(shape[1], 1 << tile_x) * ceil_div(shape[0], machine.rows >> tile_x)
    if tiles >> TILE_BITS:
        raise ProgramError(
            f"an output must have fewer than {1 << TILE_BITS} tiles of {machine.rows} pixels, "
            f"not {tiles}",
            ProgramFault.VALUE,
        )


def _check_groups(values: Values, roles: list[str]) -> None:
    """An operation's maps are in different groups; a residual may be where the output goes."""
    if "input" not in roles:
        return
    source = values[map_field("input", "group")]
    for role in roles[1:]:
        if values[map_field(role, "group")] == source:
            raise ProgramError(f"input and {role} are in group {source}", ProgramFault.GROUPS)


def _check_range(values: Values, name: str, least: int, most: int) -> None:
    if not least <= values[name] <= most:
        raise ProgramError(
            f"{name} must be in {least}..{most}, not {values[name]}", ProgramFault.VALUE
        )


CHECKS = {
    Operation.LOAD: _check_load,
    Operation.CONV: _check_conv,
    Operation.POOL: _check_pool,
    Operation.SHORTCUT: _check_shortcut,
}
