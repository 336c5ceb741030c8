"""`truncmac export`: a network as an array's memories, or as QONNX."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from truncmac.hw.config import ArrayConfig

from .options import AsJson, KnownNetwork, parse_bits, with_array
from .outputs import output_folder

__all__ = ["export"]


@with_array
def export(
    config: ArrayConfig,
    network: KnownNetwork = "digits",
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths whose parameters are written.")
    ] = "8,4,2,1",
    kind: Annotated[
        Literal["memories", "qonnx"],
        typer.Option(
            "--format",
            help="What is written: the memories of an array with a C header (memories), or one "
            "ONNX file for each k (qonnx).",
        ),
    ] = "memories",
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/export"
    ),
    as_json: AsJson = False,
) -> None:
    """Write a network's weights and parameters as an array's memories, or the network as QONNX.

    Within a tile the most significant bits of all weights come first, so that the weights of k
    bits are a prefix of those of 8. The .hex files are for $readmemh and the .bin files for a DMA.
    Other tools run the QONNX files with the same result, bit for bit.
    """
    from truncmac.commands.export import export_memories, export_qonnx

    if kind == "qonnx":
        export_qonnx(network, parse_bits(bits), out=out, as_json=as_json)
    else:
        export_memories(network, config, parse_bits(bits), out=out, as_json=as_json)
