"""Training in several processes, as `torchrun` starts them."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from truncmac.model.checkpoint import load_checkpoint

PROGRAM = """
import sys
import torch
from truncmac.model.checkpoint import new_model, save_checkpoint
from truncmac.model.data import digits
from truncmac.model.recipes import Recipe
from truncmac.model.processes import Processes
from truncmac.model.training import Trainer
from pathlib import Path

torch.set_num_threads(1)
processes = Processes.start("cpu")
recipe = Recipe(epochs=2, batch=128)
split = digits()
trainer = Trainer(new_model("cnn", split.shape, recipe), split, recipe, processes)
for _ in range(recipe.epochs):
    trainer.train_epoch()
save_checkpoint(Path(sys.argv[1]) / f"{processes.rank}.safetensors", trainer, "cnn")
processes.stop()
"""


def torchrun(*args):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*command, *map(str, args)], capture_output=True, text=True, check=False, timeout=1200
    )


@pytest.mark.long
def test_two_processes_end_with_the_same_weights(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    run = torchrun(tmp_path / "program.py", tmp_path)
    assert run.returncode == 0, run.stderr
    one, other = (load_checkpoint(tmp_path / f"{rank}.safetensors") for rank in range(2))
    names = {name for name, _ in one.model().named_parameters()}
    ours, theirs = one.model().state_dict(), other.model().state_dict()
    for name in names:
        assert torch.equal(ours[name], theirs[name]), name
    # Each saw its own half of every batch
    assert one.history[0].loss != other.history[0].loss
    assert one.history[1].loss < one.history[0].loss


@pytest.mark.long
def test_the_command_runs_in_two_processes_and_the_first_one_writes(tmp_path):
    command = Path(sys.executable).with_name("truncmac")
    options = ["--network", "mlp", "--epochs", 2, "--device", "cpu"]
    run = torchrun("--no-python", command, "train", *options, "--out", tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("Written:") == 1
    assert load_checkpoint(tmp_path / "checkpoint.safetensors").epoch == 2
