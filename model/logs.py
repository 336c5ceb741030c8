"""Logs of a training run: a CSV file and TensorBoard events."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from truncmac.golden import write_bytes

from .training import EpochLog

__all__ = ["Logs"]


class Logs:
    """Writes `log.csv` and TensorBoard events into a folder, an epoch at a time.

    A run that goes on from a checkpoint goes on with its logs: what they hold of later epochs
    is dropped.

    Parameters
    ----------
    folder : of the run
    epoch : epochs done before
    """

    def __init__(self, folder: Path, epoch: int) -> None:
        self.path = folder / "log.csv"
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=epoch)

    def write(self, history: Sequence[EpochLog], accuracies: Mapping[int, float]) -> None:
        """Write the epochs so far; `accuracies` are those after the last one, by k."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["epoch", "loss", "rate"])
        table.writerows([log.epoch + 1, repr(log.loss), repr(log.rate)] for log in history)
        write_bytes(self.path, text.getvalue().encode())
        last = history[-1]
        self.writer.add_scalar("loss", last.loss, last.epoch)
        self.writer.add_scalar("rate", last.rate, last.epoch)
        for bits, accuracy in accuracies.items():
            self.writer.add_scalar(f"accuracy/k{bits}", accuracy, last.epoch)
        self.writer.flush()

    def close(self) -> None:
        """Close the files."""
        self.writer.close()
