"""`truncmac train`: a network for all bit-widths at once."""

from pathlib import Path
from typing import Annotated

import typer

from .options import one_of, parse_bits
from .outputs import output_folder

__all__ = ["train"]


def train(
    network: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("cnn", "mlp", "resnet18", "resnet20", "resnet50", "vgg-small"),
            help="cnn, mlp, resnet18, resnet20, resnet50 or vgg-small.",
        ),
    ] = "cnn",
    dataset: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("digits", "mnist5k", "cifar10", "cifar100", "folders"),
            help="digits, mnist5k, cifar10, cifar100 or folders.",
        ),
    ] = "digits",
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data set's files, where they are needed.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            autocompletion=one_of("digits", "mnist5k", "cifar", "imagenet"),
            help="digits, mnist5k, cifar or imagenet; default: by data set.",
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's.")] = None,
    bits: Annotated[
        str, typer.Option("-k", "--bits", help="Bit-widths to train; all others are calibrated.")
    ] = "8,4,2,1",
    act_bits: Annotated[
        int, typer.Option(min=1, max=8, help="Bits of the activations' codes.")
    ] = 4,
    teacher: Annotated[
        str,
        typer.Option(
            autocompletion=one_of("distil", "labels"),
            help="distil: each width learns from the next higher; or labels.",
        ),
    ] = "distil",
    centred: Annotated[
        bool,
        typer.Option(help="Take each channel's mean off its weights before they are quantised."),
    ] = False,
    calibrate: Annotated[
        bool,
        typer.Option(help="Take the batch-norm statistics of every k anew when training is done."),
    ] = True,
    seed: Annotated[
        int, typer.Option(min=0, help="Of weights, order and moves of the images.")
    ] = 0,
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder of the run.")] = Path(
        "build/train"
    ),
    resume: Annotated[
        bool, typer.Option(help="Go on from the checkpoint, or the finished runs, in --out.")
    ] = False,
    device: Annotated[
        str, typer.Option(autocompletion=one_of("auto", "cpu", "cuda"), help="auto, cpu or cuda.")
    ] = "auto",
    autocast: Annotated[bool, typer.Option(help="Compute in bfloat16 where that is safe.")] = False,
    compile_: Annotated[bool, typer.Option("--compile", help="Through torch.compile.")] = False,
    study: Annotated[
        bool, typer.Option(help="Compare training schemes instead: the paper's table.")
    ] = False,
    trials: Annotated[
        bool,
        typer.Option(help="Try changes to the recipe on held-out images; judge the best on test."),
    ] = False,
    changes: Annotated[
        str, typer.Option(help="Of the trials: all, or names with commas between.")
    ] = "all",
    seeds: Annotated[int, typer.Option(min=1, help="Of the study or the trials.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Train a network jointly at several bit-widths, export it, and compare the integers.

    Several GPUs or machines: start it with torchrun. With --study, train with rounding and with
    truncation in mind, and print the accuracy of each when deployed by truncation. Both --study
    and --trials keep each finished run: --resume goes on.
    """
    from truncmac.sim.extras import extra_needed

    with extra_needed("Training", "train"):
        from truncmac.commands.train.run import TrainRequest, chosen_recipe, train
        from truncmac.commands.train.study import train_study
        from truncmac.commands.train.trials import train_trials
    if study and trials:
        raise ValueError("Choose one of --study and --trials")
    request = TrainRequest(
        network=network,
        dataset=dataset,
        data=data,
        recipe=chosen_recipe(
            dataset,
            recipe,
            epochs=epochs,
            widths=tuple(parse_bits(bits)),
            act_bits=act_bits,
            teacher=teacher,
            centred=centred,
            calibrated=calibrate,
            seed=seed,
        ),
        out=out,
        device=device,
        autocast=autocast,
        compiled=compile_,
        as_json=as_json,
    )
    if study:
        train_study(request, range(seed, seed + seeds), go_on=resume)
    elif trials:
        train_trials(request, range(seed, seed + seeds), chosen=changes, go_on=resume)
    else:
        train(request, go_on=resume)
