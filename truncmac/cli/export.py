"""`truncmac export`: a network as an array's memories, as QONNX, or as plain ONNX."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from truncmac.hw.config import ArrayConfig

from .options import AsJson, KnownNetwork, parse_bits, parse_settings, with_array
from .outputs import output_folder

__all__ = ["export"]


@with_array
def export(
    config: ArrayConfig,
    network: KnownNetwork = "digits",
    bits: Annotated[
        str,
        typer.Option(
            "-k",
            "--bits",
            help="Bit-widths whose parameters are written. For onnx a .json or .toml file in the "
            "list gives each layer its own bit-width.",
        ),
    ] = "8,4,2,1",
    kind: Annotated[
        Literal["memories", "qonnx", "onnx"],
        typer.Option(
            "--format",
            help="What is written: the memories of an array with a C header (memories), or one "
            "file for each k, with operators of QONNX (qonnx) or with ONNX's own integer "
            "operators, which ONNX Runtime runs (onnx).",
        ),
    ] = "memories",
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/export"
    ),
    as_json: AsJson = False,
) -> None:
    """Write a network's weights and parameters as an array's memories, or the network as ONNX.

    Within a tile the most significant bits of all weights come first, so that the weights of k
    bits are a prefix of those of 8. The .hex files are for $readmemh and the .bin files for a DMA.
    Other tools run the QONNX and ONNX files with the same result, bit for bit.
    """
    from truncmac.commands.export import export_memories, export_plain, export_qonnx

    if kind == "onnx":
        export_plain(network, parse_settings(bits), out=out, as_json=as_json)
    elif kind == "qonnx":
        export_qonnx(network, parse_bits(bits), out=out, as_json=as_json)
    else:
        export_memories(network, config, parse_bits(bits), out=out, as_json=as_json)
