"""Options that several commands share, and how their values are read."""

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from truncmac.golden import Setting
from truncmac.golden.files import read_json, read_toml
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig, npu_array

__all__ = [
    "ARRAY_HELP",
    "AsJson",
    "KnownNetwork",
    "Simulator",
    "Sizes",
    "TrainedNetwork",
    "parse_bits",
    "parse_image",
    "parse_reals",
    "parse_settings",
    "suggested",
    "with_array",
    "with_hardware",
    "with_npu",
    "with_sizes",
]

ARRAY_HELP = {
    "rows": "Rows of PEs, one for each output pixel of a tile.",
    "cols": "Columns of PEs, one for each output channel of a tile.",
    "lanes": "Elements of a reduction that a PE processes in parallel.",
    "planes": "Bits of a weight that a PE processes in parallel: 1, 2, 4 or 8.",
    "max_reduction": "Longest reduction K of a layer that the array can run.",
    "requantisers": "Output units, a divisor of the columns or twice the columns. Default: the "
    "fewest that do not slow down reductions of 64 or more at k = 8 and of 128 or more at k = 2.",
    "multiplier_bits": "Width of the requantisation multipliers, in bits.",
}
NPU_HELP = {
    "bus_width": "Bits of the memory bus: 64, 128 or 256.",
    "groups": "Groups of banks of the activation memory; a feature map lies in one of them.",
    "depth": "Words of a bank. A group has a bank for each row, and a word has a code for each "
    "lane.",
    "outstanding": "Reads of the memory that may wait for their data at once.",
}
NPU_ARRAY_HELP = ARRAY_HELP | {
    "rows": "Rows of PEs, one for each output pixel of a tile; a power of two.",
    "cols": "Columns of PEs, one for each output channel of a tile; a power of two.",
    "lanes": "Elements of a reduction that a PE processes in parallel; a power of two.",
    "requantisers": "Output units, a divisor of the columns or twice the columns. Default: the "
    "fewest that do not slow down reductions of 144 or more at k = 1.",
}
BOTH_HELP = ARRAY_HELP | {
    "requantisers": f"{ARRAY_HELP['requantisers']} In an NPU: of 144 or more at k = 1.",
}
_SIZES = fields(ArrayConfig)
_NPU_SIZES = [field for field in fields(NpuConfig) if field.name in NPU_HELP]
AROUND_HELP = {  # of options whose default is told in their text
    field.name: f"{NPU_HELP[field.name]} Default: {field.default}." for field in _NPU_SIZES
} | {"bus_width": "Bits of the memory bus: 64, 128 or 256. Default: 64."}


def suggested(*words: str) -> Callable[[str], list[str]]:
    """What a shell completes a value to that may also be something else, such as a file."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


@dataclass(frozen=True)
class Sizes:
    """The sizes that a command was given, of a core, the AXI top, or an NPU.

    Attributes
    ----------
    array : sizes of the array, by name
    around : sizes of what is around it that were given, by name
    """

    array: Mapping[str, Any]
    around: Mapping[str, int]

    def core(self) -> ArrayConfig:
        """The array, as a core or in the AXI top."""
        return ArrayConfig(**self.array)

    def npu(self) -> NpuConfig:
        """The array with an NPU around it."""
        return NpuConfig(array=npu_array(**self.array), **self.around)

    def check_unused(self, only: str, allowed: Collection[str] = ()) -> None:
        """Raise if a size was given that nothing but an NPU has.

        Raises
        ------
        ValueError
            Names it, and the option `only`, with which it could be given.
        """
        for name in self.around:
            if name not in allowed:
                raise ValueError(f"--{name.replace('_', '-')} is for {only}")


AsJson = Annotated[bool, typer.Option("--json", help="Print the results as JSON instead of text.")]
Simulator = Annotated[
    Literal["verilator", "icarus"], typer.Option(help="Simulator that runs the RTL.")
]
KnownNetwork = Annotated[
    str,
    typer.Argument(
        autocompletion=suggested("digits", "resnet20", "resnet18"),
        help="File of an exported network, or one of digits, resnet20 and resnet18.",
    ),
]
TrainedNetwork = Literal["cnn", "mlp", "resnet18", "resnet20", "resnet50", "vgg-small"]


def with_array(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each size of the array; it gets an `ArrayConfig`, `config`."""
    options = [_size_option(field, ARRAY_HELP, "Array", field.default) for field in _SIZES]
    return _with_sizes(command, "config", lambda sizes: ArrayConfig(**sizes), options)


def with_npu(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each size of the NPU; it gets an `NpuConfig`, `config`."""
    array = [_size_option(field, NPU_ARRAY_HELP, "Array", field.default) for field in _SIZES]
    around = [_size_option(field, NPU_HELP, "NPU", field.default) for field in _NPU_SIZES]

    def collect(sizes: dict[str, Any]) -> NpuConfig:
        own = {name: sizes.pop(name) for name in NPU_HELP}
        return NpuConfig(array=npu_array(**sizes), **own)

    return _with_sizes(command, "config", collect, [*array, *around])


def with_hardware(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command options for the sizes of an array and an NPU; it gets `Sizes`, `sizes`.

    Those of the NPU have no default, so that it is seen whether they were given.
    """
    array = [_size_option(field, BOTH_HELP, "Array", field.default) for field in _SIZES]
    around = [_size_option(field, AROUND_HELP, "NPU", None) for field in _NPU_SIZES]

    def collect(values: dict[str, Any]) -> Sizes:
        own = {name: values.pop(name) for name in NPU_HELP}
        return Sizes(values, {name: size for name, size in own.items() if size is not None})

    return _with_sizes(command, "sizes", collect, [*array, *around])


def with_sizes(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the same options without defaults; it gets those that were given, `sizes`."""
    return _with_sizes(
        command,
        "sizes",
        lambda sizes: {name: size for name, size in sizes.items() if size is not None},
        [_size_option(field, ARRAY_HELP, "Array", None) for field in _SIZES],
    )


def _with_sizes(
    command: Callable[..., None],
    argument: str,
    collect: Callable[[dict[str, Any]], Any],
    options: Sequence[inspect.Parameter],
) -> Callable[..., None]:
    @wraps(command)
    def run(**values: Any) -> None:
        sizes = {option.name: values.pop(option.name) for option in options}
        command(**{argument: collect(sizes)}, **values)

    own = inspect.signature(command).parameters.values()
    parameters = [*(parameter for parameter in own if parameter.name != argument), *options]
    # Typer reads these two
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _size_option(
    field: Any, texts: Mapping[str, str], panel: str, default: Any
) -> inspect.Parameter:
    option = typer.Option(
        help=texts[field.name],
        rich_help_panel=panel,
        show_default=default is not None,
    )
    kind = int if default is not None else int | None
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, option],
    )


def parse_bits(text: str) -> list[int]:
    """Bit-widths of a list such as `8,4,2,1`, or `all`.

    Raises
    ------
    ValueError
        If one of them is not a whole number in 1..8, or is named twice.
    """
    if text == "all":
        return list(range(8, 0, -1))
    bits = []
    for part in text.split(","):
        k = _width(part.strip())
        if k in bits:
            raise ValueError(f"Bit-width k = {k} is named twice in {text!r}")
        bits.append(k)
    return bits


def _width(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 8:
        raise ValueError(f"Bit-width k must be in 1..8, not {text!r}")
    return int(text)


def parse_image(text: str) -> tuple[int, int, int]:
    """Channels, height and width of a text such as `3,32,32`.

    Raises
    ------
    ValueError
        If they are not three whole numbers in 1..65536.
    """
    parts = [part.strip() for part in text.split(",")]
    valid = len(parts) == 3 and all(part.isdecimal() and len(part) <= 5 for part in parts)
    if not valid or not all(1 <= int(part) <= 1 << 16 for part in parts):
        raise ValueError(
            f"Image must be its channels, height and width, such as 3,32,32, not {text!r}"
        )
    return int(parts[0]), int(parts[1]), int(parts[2])


def parse_reals(name: str, text: str) -> tuple[float, ...]:
    """Numbers of a text such as `0.485,0.456,0.406`; `name` says what they are.

    Raises
    ------
    ValueError
        If one is no finite number.
    """
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(abs(value) < float("inf") for value in found):
        raise ValueError(f"{name} must be numbers such as 0.485,0.456,0.406, not {text!r}")
    return found


MOST_BYTES = 1 << 20  # of a file of bit-widths


def parse_settings(text: str) -> list[Setting]:
    """Bit-widths and files of them, such as `8,mixed.json`; `all` gives none: the network's.

    A file, .json or .toml, maps the name of each layer that has no k of its own to its k.

    Raises
    ------
    ValueError
        If a bit-width or a file is not such a one, or is named twice.
    """
    if text == "all":
        return []
    settings = []
    for part in map(str.strip, text.split(",")):
        path = Path(part)
        if path.suffix in (".json", ".toml"):
            settings.append(Setting(path.stem, _layer_widths(path)))
        else:
            bits = _width(part)
            settings.append(Setting(str(bits), bits))
    names = [setting.name for setting in settings]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"Bit-width k = {name} is named twice in {text!r}")
    return settings


def _layer_widths(path: Path) -> Mapping[str, int]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: the most that is read is {MOST_BYTES} bytes")
    read = read_json if path.suffix == ".json" else read_toml
    try:
        found = read(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: is not whole {path.suffix[1:].upper()} ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path}: must map names of layers to bit-widths")
    for name, bits in found.items():
        if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= 8:
            raise ValueError(f"{path}: k of layer {name!r} must be in 1..8, not {bits!r}")
    return found
