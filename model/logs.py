"""The logs of a training run: a CSV file and TensorBoard events."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from truncmac.golden.files import write_bytes

from .training import EpochLog

__all__ = ["Logs"]


class Logs:
    """Writes `log.csv` and TensorBoard events into a folder, epoch by epoch.

    A run that goes on from a checkpoint goes on with its logs; what they hold of later epochs is
    dropped.

    Parameters
    ----------
    folder : the run's
    epoch : how many epochs were done before
    """

    def __init__(self, folder: Path, epoch: int) -> None:
        self.path = folder / "log.csv"
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=epoch)

    def write(self, history: Sequence[EpochLog]) -> None:
        """Write all epochs so far to the CSV file, and the last one to TensorBoard's events."""
        self.write_table(history)
        last = history[-1]
        self.writer.add_scalar("loss", last.loss, last.epoch)
        self.writer.add_scalar("rate", last.rate, last.epoch)
        for k, accuracy in last.accuracies.items():
            self.writer.add_scalar(f"accuracy/k{k}", accuracy, last.epoch)
        self.writer.flush()

    def write_table(self, history: Sequence[EpochLog]) -> None:
        """Write all epochs so far, one or more, to the CSV file."""
        last = history[-1]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["epoch", "loss", "rate", *(f"accuracy_k{k}" for k in last.accuracies)])
        for log in history:
            measured = [repr(log.accuracies[k]) for k in last.accuracies]
            table.writerow([log.epoch + 1, repr(log.loss), repr(log.rate), *measured])
        write_bytes(self.path, text.getvalue().encode())

    def close(self) -> None:
        """Close the files."""
        self.writer.close()
