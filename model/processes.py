"""The processes that train together, and where each computes."""

import os
from dataclasses import dataclass, field

import torch
import torch.distributed as dist

__all__ = ["Processes"]


@dataclass(frozen=True)
class Processes:
    """One process among those that `torchrun` started; alone if it did not.

    Attributes
    ----------
    rank, count : of the processes
    device : where this one computes
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def start(cls, device: str = "auto") -> "Processes":
        """Join the others, if the environment names any; "auto" is a GPU where there is one.

        On a GPU, products of float32 numbers are computed in float32 from here on, not in
        TensorFloat-32.

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
        """Go on when all of them have come here."""
        if self.count > 1:
            dist.barrier()

    def stop(self) -> None:
        """Part from the others."""
        if dist.is_initialized():
            dist.destroy_process_group()
