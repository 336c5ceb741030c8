"""`truncmac train`: a network for all bit-widths at once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import AsJson, TrainedNetwork, parse_bits
from .outputs import output_folder

__all__ = ["train"]


def train(
    network: Annotated[TrainedNetwork, typer.Option(help="Network to train.")] = "cnn",
    dataset: Annotated[
        Literal["digits", "mnist5k", "cifar10", "cifar100", "folders"],
        typer.Option(help="Data set to train on; folders are pictures in a folder for each class."),
    ] = "digits",
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of the files of cifar10, cifar100 or folders."),
    ] = None,
    recipe: Annotated[
        Literal["digits", "mnist5k", "cifar", "imagenet"] | None,
        typer.Option(help="Recipe of the training. Default: the one of the data set."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs, instead of the recipe's.")
    ] = None,
    bits: Annotated[
        str,
        typer.Option("-k", "--bits", help="Bit-widths to train; all others are only calibrated."),
    ] = "8,4,2,1",
    act_bits: Annotated[
        int, typer.Option(min=1, max=8, help="Bit-width of the activations' codes.")
    ] = 4,
    teacher: Annotated[
        Literal["distil", "labels"],
        typer.Option(
            help="What a bit-width learns from: the next higher bit-width (distil), or the labels."
        ),
    ] = "distil",
    centred: Annotated[
        bool,
        typer.Option(help="Take each channel's mean off its weights before they are quantised."),
    ] = False,
    rounded_means: Annotated[
        bool,
        typer.Option(
            "--rounded-means",
            help="Round means over the image to activation codes, which costs accuracy at few bits "
            "and saves products.",
        ),
    ] = False,
    calibrate: Annotated[
        bool,
        typer.Option(
            help="Measure the batch-norm statistics of every k anew when training is done."
        ),
    ] = True,
    seed: Annotated[
        int,
        typer.Option(
            min=0, help="Random seed for the weights, and for the order and moves of the images."
        ),
    ] = 0,
    out: Annotated[Path, typer.Option(callback=output_folder, help="Folder of the run.")] = Path(
        "build/train"
    ),
    resume: Annotated[
        bool, typer.Option(help="Go on from the checkpoint, or from the finished runs, in --out.")
    ] = False,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option(help="Device to train on; auto takes a GPU if there is one."),
    ] = "auto",
    autocast: Annotated[bool, typer.Option(help="Compute in bfloat16 where that is safe.")] = False,
    compile_: Annotated[
        bool, typer.Option("--compile", help="Compile the network with torch.compile.")
    ] = False,
    study: Annotated[
        bool, typer.Option(help="Compare training schemes instead, as the paper's table does.")
    ] = False,
    trials: Annotated[
        bool,
        typer.Option(
            help="Try changes to the recipe on held-out images instead, and judge the best on the "
            "test images."
        ),
    ] = False,
    changes: Annotated[
        str, typer.Option(help="Changes that --trials tries: all, or names with commas between.")
    ] = "all",
    seeds: Annotated[
        int, typer.Option(min=1, help="Number of seeds that --study or --trials runs.")
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Train a network jointly at several bit-widths, export it, and compare the two.

    What is exported is an integer network; its accuracy is printed beside that of the float one.

    To train on several GPUs or machines, start it with torchrun. With --study the network is
    trained with rounding and with truncation in mind, and the accuracy of each is printed when it
    is deployed by truncation. --study and --trials keep each finished run: --resume goes on.
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
            exact_means=not rounded_means,
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
