"""Options that several commands share, and how their values are read."""

from typing import Annotated

import typer

__all__ = [
    "Cols",
    "Lanes",
    "MaxReduction",
    "MultiplierBits",
    "Planes",
    "Requantisers",
    "Rows",
    "Simulator",
    "parse_bits",
    "parse_image",
]

ARRAY = "Array"

Rows = Annotated[
    int, typer.Option(help="Rows of PEs: output pixels of a tile.", rich_help_panel=ARRAY)
]
Cols = Annotated[
    int, typer.Option(help="Columns of PEs: output channels of a tile.", rich_help_panel=ARRAY)
]
Lanes = Annotated[
    int, typer.Option(help="Reduction elements that a PE takes together.", rich_help_panel=ARRAY)
]
Planes = Annotated[
    int,
    typer.Option(help="Weight bits that a PE takes together: 1, 2, 4 or 8.", rich_help_panel=ARRAY),
]
MaxReduction = Annotated[
    int,
    typer.Option(help="Longest reduction K that a layer may have.", rich_help_panel=ARRAY),
]
Requantisers = Annotated[
    int | None,
    typer.Option(
        help="Output units, a divisor of the columns; by default as few as do not slow down "
        "reductions of 64 or more at k = 8 and 128 or more at k = 2.",
        rich_help_panel=ARRAY,
        show_default=False,
    ),
]
MultiplierBits = Annotated[
    int, typer.Option(help="Width of the requantisation multipliers.", rich_help_panel=ARRAY)
]
Simulator = Annotated[str, typer.Option(help="verilator or icarus.")]


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
