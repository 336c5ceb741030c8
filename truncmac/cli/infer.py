"""`truncmac infer`: a network on golden, or on the RTL or ONNX Runtime as well."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import AsJson, Simulator, Sizes, parse_settings, suggested, with_hardware
from .outputs import output_folder

__all__ = ["infer"]


@with_hardware
def infer(
    sizes: Sizes,
    network: Annotated[
        str,
        typer.Argument(
            autocompletion=suggested("digits", "resnet20", "resnet18"),
            help="File of an exported network, or a name: digits is the trained network that "
            "comes with the package; resnet20 and resnet18 have made-up weights and images.",
        ),
    ] = "digits",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images, with labels if they are known: a .safetensors, .npz or .npy file, or a "
            "folder of PNG or JPEG files, which has a folder for each class if classes are known. "
            "Arrays are pixels (uint8), what the network's source takes (real), or its codes (by "
            "that name). Default: the images of the named network."
        ),
    ] = None,
    bits: Annotated[
        str,
        typer.Option(
            "-k",
            "--bits",
            help="Bit-widths to run, such as 8,4,2,1, or all that the network has. A .json or "
            ".toml file in the list gives each layer its own bit-width.",
        ),
    ] = "8,4,2,1",
    on: Annotated[
        Literal["golden", "both", "rtl", "npu", "onnxruntime"],
        typer.Option(
            help="What computes: golden alone; the RTL of the core as well, layer by layer (both "
            "and rtl are the same); the RTL of the NPU, which runs the whole network after one "
            "write of a register; or ONNX Runtime, on all images."
        ),
    ] = "golden",
    images: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of images that run on the RTL, and of those that --dump keeps; golden "
            "classifies all images.",
        ),
    ] = 32,
    layers: Annotated[
        bool,
        typer.Option("--layers", help="Show each layer; a single bit-width always shows them."),
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Run on the RTL too, and show all operands of the first output that differs. On "
            "the NPU and ONNX Runtime: compare the outputs of each layer too (on the NPU, of each "
            "that has a map), and name the first that differs.",
        ),
    ] = False,
    dump: Annotated[
        Path | None,
        typer.Option(
            callback=output_folder,
            help="Folder in which to keep golden's outputs of each layer, as .npy files.",
        ),
    ] = None,
    as_json: AsJson = False,
    simulator: Simulator = "verilator",
) -> None:
    """Classify images with a network, on the integer reference (golden) or on the RTL as well.

    On the RTL every output of every layer is compared with golden, on the NPU and on ONNX Runtime
    every output of the network. The exit code is 1 if an output differs.
    """
    from truncmac.commands.infer import InferRequest, infer

    npu = sizes.npu() if on == "npu" else None
    if npu is None:
        sizes.check_unused("--on npu")
    request = InferRequest(
        network=network,
        config=sizes.core() if npu is None else npu.array,
        npu=npu,
        data=data,
        settings=parse_settings(bits),
        on_rtl=on in ("both", "rtl") or (compare and on == "golden"),
        on_runtime=on == "onnxruntime",
        images=images,
        simulator=simulator,
        dump=dump,
        layers=layers,
        compare=compare,
    )
    if not infer(request, as_json=as_json):
        raise typer.Exit(1)
