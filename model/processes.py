"""The processes that train together, and the device that each computes on."""

import os
from dataclasses import dataclass, field

import torch
import torch.distributed as dist

__all__ = ["Processes"]


@dataclass(frozen=True)
class Processes:
    """One of the processes that `torchrun` started; the only one without torchrun.

    Attributes
    ----------
    rank : this process's number, from 0
    count : how many processes there are
    device : what this process computes on
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def start(cls, device: str = "auto") -> "Processes":
        """Join the other processes, if the environment names any.

        On a GPU float32 numbers are multiplied in float32 from here on, not in TensorFloat-32.

        Parameters
        ----------
        device : "cpu", "cuda", or "auto": a GPU if there is one

        Raises
        ------
        ValueError
            If a GPU is asked for and there is none.
        """
        if device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"Device must be auto, cpu or cuda, not {device!r}")
        available = torch.cuda.is_available()
        if device == "cuda" and not available:
            raise ValueError("Device cuda is asked for, but PyTorch finds no GPU: use --device cpu")
        on_gpu = available and device != "cpu"
        local = int(os.environ.get("LOCAL_RANK", "0"))
        place = torch.device("cuda", local) if on_gpu else torch.device("cpu")
        if on_gpu:
            torch.cuda.set_device(place)
            # TensorFloat-32 rounds operands to 11 bits: codes would differ from the CPU's
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if on_gpu else "gloo")
        return cls(int(os.environ.get("RANK", "0")), count, place)

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.count > 1:
            dist.barrier()

    def stop(self) -> None:
        """Leave the other processes."""
        if dist.is_initialized():
            dist.destroy_process_group()
