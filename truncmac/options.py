"""Options that several commands share, and how their values are read."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Annotated, Any

import typer

from truncmac.hw.config import ArrayConfig

__all__ = ["Simulator", "parse_bits", "with_array", "with_sizes"]

ARRAY_HELP = {
    "rows": "Rows of PEs: output pixels of a tile.",
    "cols": "Columns of PEs: output channels of a tile.",
    "lanes": "Reduction elements that a PE takes together.",
    "planes": "Weight bits that a PE takes together: 1, 2, 4 or 8.",
    "max_reduction": "Longest reduction K that a layer may have.",
    "requantisers": "Output units, a divisor of the columns; by default as few as do not slow down "
    "reductions of 64 or more at k = 8 and 128 or more at k = 2.",
    "multiplier_bits": "Width of the requantisation multipliers.",
}
_SIZES = fields(ArrayConfig)
Simulator = Annotated[str, typer.Option(help="verilator or icarus.")]


def with_array(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each size of the array; it gets an `ArrayConfig`, `config`."""
    return _with_sizes(command, "config", lambda sizes: ArrayConfig(**sizes), defaults=True)


def with_sizes(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the same options without defaults; it gets those that were given, `sizes`."""
    return _with_sizes(
        command,
        "sizes",
        lambda sizes: {name: size for name, size in sizes.items() if size is not None},
        defaults=False,
    )


def _with_sizes(
    command: Callable[..., None],
    argument: str,
    collect: Callable[[dict[str, Any]], Any],
    *,
    defaults: bool,
) -> Callable[..., None]:
    options = [_array_option(field, field.default if defaults else None) for field in _SIZES]

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


def _array_option(field: Any, default: Any) -> inspect.Parameter:
    option = typer.Option(
        help=ARRAY_HELP[field.name],
        rich_help_panel="Array",
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
        if not part.strip().isdecimal() or not 1 <= int(part) <= 8:
            raise ValueError(f"Bit-width k must be in 1..8, not {part.strip()!r}")
        if int(part) in bits:
            raise ValueError(f"Bit-width k = {int(part)} is named twice in {text!r}")
        bits.append(int(part))
    return bits
