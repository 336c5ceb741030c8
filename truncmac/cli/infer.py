"""`truncmac infer`: a network on golden, or on the RTL as well."""

from pathlib import Path
from typing import Annotated

import typer

from truncmac.hw.config import ArrayConfig

from .options import Simulator, one_of, parse_settings, with_array
from .outputs import output_folder

__all__ = ["infer"]


@with_array
def infer(
    config: ArrayConfig,
    network: Annotated[
        str,
        typer.Argument(
            autocompletion=one_of("digits", "resnet20", "resnet18"),
            help="Exported network, a file; or digits, the trained network that is shipped; or "
            "resnet20 or resnet18, of made-up weights and images.",
        ),
    ] = "digits",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Images, and labels if known: .safetensors, .npz or .npy, or a folder of PNG or "
            "JPEG files, in folders of classes if known; default: those of the named network."
        ),
    ] = None,
    bits: Annotated[
        str,
        typer.Option(
            "-k",
            "--bits",
            help="Bit-widths: 8,4,2,1, or all that the network has; in their place also files "
            "that give each layer its own, .json or .toml.",
        ),
    ] = "8,4,2,1",
    on: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("golden", "both", "rtl"),
            help="golden; or both, or rtl: the RTL as well, and every output of every layer is "
            "compared with golden.",
        ),
    ] = "golden",
    images: Annotated[
        int, typer.Option(min=1, help="Images that run on the RTL; golden takes all.")
    ] = 32,
    layers: Annotated[
        bool, typer.Option("--layers", help="Show each layer; so it is anyway for a single k.")
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="As --on both; show all operands of the first output that differs."
        ),
    ] = False,
    dump: Annotated[
        Path | None,
        typer.Option(
            callback=output_folder, help="Keep golden's outputs of each layer here, as .npy."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    simulator: Simulator = "verilator",
) -> None:
    """Classify images with a network, in the integer reference or on the RTL as well.

    On the RTL every output of every layer is compared with golden; the exit code is 1 if one
    differs.
    """
    from truncmac.commands.infer import InferRequest, infer

    if on not in ("golden", "rtl", "both"):
        raise ValueError(f"--on must be golden, rtl or both, not {on!r}")
    request = InferRequest(
        network=network,
        config=config,
        data=data,
        settings=parse_settings(bits),
        on_rtl=compare or on != "golden",
        images=images,
        simulator=simulator,
        dump=dump,
        layers=layers,
        compare=compare,
        as_json=as_json,
    )
    if not infer(request):
        raise typer.Exit(1)
