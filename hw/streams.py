"""The core's streams, described once: payload, order and width, for code and documents."""

from dataclasses import dataclass

from .requantiser import parameters_layout
from .tile import tile_layout

__all__ = ["STREAMS", "StreamDescription", "stream_table", "word_bits"]


@dataclass(frozen=True)
class StreamDescription:
    """One stream of the core.

    Attributes
    ----------
    direction : "in" or "out"
    word : when a word is due
    payload : its fields, the lowest bits first
    width : bits of a word, in the terms of `ArrayConfig`
    order : of the words
    """

    direction: str
    word: str
    payload: str
    width: str
    order: str


STREAMS = {
    "tiles": StreamDescription(
        "in",
        "one a tile",
        "the command: bits (k), beats, offset (z), limit, raw, residual, fresh",
        "4 + beats_width + 9 + 8 + 1 + 1 + 1",
        "in the order in which results are to come",
    ),
    "activations": StreamDescription(
        "in",
        "one a beat",
        "codes of each row, row 0 lowest; in a row, lane 0 lowest",
        "rows * lanes * 8",
        "beat by beat of each tile; lane l of beat b is reduction element b * lanes + l",
    ),
    "weights": StreamDescription(
        "in",
        "one a chunk",
        "chunks of each column, column 0 lowest; in a column, lane 0 lowest; the MSB highest",
        "cols * lanes * planes",
        "the ceil(k / planes) chunks of a beat follow each other, MSBs first; then the next beat",
    ),
    "parameters": StreamDescription(
        "in",
        "one a column of each `fresh` tile",
        "multiplier (M), residual_multiplier (Mr), bias (B), shift (s)",
        "multiplier_bits + residual_multiplier_bits + bias_width + 6",
        "column 0 first; they load while the tiles before run",
    ),
    "residuals": StreamDescription(
        "in",
        "one a row of each `residual` tile; with 2 * cols requantisers, one for two rows",
        "residual codes (r), column 0 lowest; the first row lowest",
        "rows_at_once * cols * 8",
        "row 0 first",
    ),
    "results": StreamDescription(
        "out",
        "cols / requantisers a row of each tile; with 2 * cols requantisers, one for two rows",
        "outputs, the first column of the first row lowest: S, or a code in the lowest 8 bits",
        "requantisers * sum_width",
        "row 0 first; in a row, column 0 first",
    ),
}


def word_bits(config):
    """Return the bits of a word of each stream, by name."""
    return {
        "tiles": tile_layout(config).size,
        "activations": config.activation_word_bits,
        "weights": config.weight_word_bits,
        "parameters": parameters_layout(config).size,
        "residuals": config.residual_word_bits,
        "results": config.requantisers * config.sum_width,
    }


def stream_table():
    """The streams as a Markdown table."""
    lines = [
        "| stream | | a word is | payload, lowest bits first | bits | order |",
        "|---|---|---|---|---|---|",
    ]
    for name, about in STREAMS.items():
        lines.append(
            f"| {name} | {about.direction} | {about.word} | {about.payload} | {about.width} "
            f"| {about.order} |"
        )
    return "\n".join(lines) + "\n"
