"""`truncmac export`: a network as an array's memories, or as QONNX."""

from pathlib import Path
from typing import Annotated

import typer

from truncmac.hw.config import ArrayConfig

from .options import one_of, parse_bits, with_array
from .outputs import output_folder

__all__ = ["export"]


@with_array
def export(
    config: ArrayConfig,
    network: Annotated[
        str,
        typer.Argument(
            autocompletion=one_of("digits", "resnet20", "resnet18"),
            help="Exported network, a file; or digits, resnet20 or resnet18.",
        ),
    ] = "digits",
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths whose parameters are written.")
    ] = "8,4,2,1",
    kind: Annotated[
        str,
        typer.Option(
            "--format",
            autocompletion=one_of("memories", "qonnx"),
            help="memories: of an array, and a C header; qonnx: one ONNX file for each k.",
        ),
    ] = "memories",
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder to write to.")] = Path(
        "build/export"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Write a network's weights and parameters as an array's memories, and a C header of them.

    Weights lie chunk-major, so that those of k bits are a prefix; .hex is for $readmemh, .bin
    for a DMA. Or write it as QONNX, which other tools run with the same result, bit for bit.
    """
    from truncmac.commands.export import export_memories, export_qonnx

    if kind not in ("memories", "qonnx"):
        raise ValueError(f"--format must be memories or qonnx, not {kind!r}")
    if kind == "qonnx":
        export_qonnx(network, parse_bits(bits), out=out, as_json=as_json)
    else:
        export_memories(network, config, parse_bits(bits), out=out, as_json=as_json)
