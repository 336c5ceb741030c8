"""Reads a network's parameters from files of unknown origin; nothing in them is executed."""

import pickle
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .checkpoint import CheckpointError
from .convert import truncquantize
from .layers import TruncConv2d, TruncLinear
from .networks import ImageShape, build
from .quantisers import FLOAT_BITS

__all__ = ["is_converted", "plain_model", "read_state", "trained_model"]

MOST_BYTES = 1 << 32
MOST_PICKLE = 1 << 23
State = dict[str, Tensor]
WAYS = (
    "Write its tensors with torch.save(model.state_dict(), path); or import the model from its "
    "Python file, as truncmac import FILE.py:NAME"
)
# What PyTorch raises over damaged files
TORCH_ERRORS = (
    *(RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError),
    *(MemoryError, OverflowError, AssertionError, NotImplementedError, RecursionError),
    *(pickle.UnpicklingError, zipfile.BadZipFile, ModuleNotFoundError, UnicodeError),
)


def read_state(path: Path) -> State:
    """The tensors, by name, of a .safetensors file or of a `state_dict` that torch.save wrote.

    Raises
    ------
    CheckpointError
        If the file is not whole, or holds anything but tensors.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path}: a folder, not a file of tensors")
    if path.stat().st_size > MOST_BYTES:
        raise CheckpointError(f"{path}: the most that is read is {MOST_BYTES} bytes")
    state = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    if isinstance(state, dict) and set(state) == {"state_dict"}:
        state = state["state_dict"]
    valid = isinstance(state, dict) and len(state) > 0
    if not valid or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(
            f"{path}: must hold the tensors of a model by name. "
            "Write it with torch.save(model.state_dict(), path)"
        )
    if not all(isinstance(key, str) for key in state):
        raise CheckpointError(f"{path}: the tensors' names must be strings")
    return dict(state)


def _safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error})") from None


def _torch(path: Path) -> Any:
    """What torch.load gives with `weights_only`, if the file cannot unpack to more than it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise CheckpointError(f"{path}: is compressed, which torch.save never does")
        pickles = sum(e.file_size for e in entries if e.filename.endswith(".pkl"))
        if sum(e.file_size for e in entries) > path.stat().st_size or pickles > MOST_PICKLE:
            raise CheckpointError(f"{path}: unpacks to more than it should")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols: what is read is checked anyhow
            return torch.load(path, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise CheckpointError(
                f"{path}: holds more than tensors, such as a whole model, which cannot be read "
                f"without executing it. {WAYS}"
            ) from None
        raise CheckpointError(f"{path}: not a whole state_dict of tensors. {WAYS}") from None
    except TORCH_ERRORS as error:
        first = str(error).strip().splitlines()[:1]
        raise CheckpointError(
            f"{path}: not a whole state_dict of tensors ({type(error).__name__}: "
            f"{''.join(first)[:200]}). Write it with torch.save(model.state_dict(), path)"
        ) from None


def is_converted(state: State) -> bool:
    """Whether `truncquantize` made the model: it has then a batch-norm for each k."""
    return any(".norms." in name for name in state)


def trained_model(
    network: str,
    shape: ImageShape,
    state: State,
    act_bits: int,
    *,
    centred: bool = False,
    exact_means: bool = True,
) -> nn.Module:
    """A converted network with its trained parameters, at all k that its batch-norms have.

    Parameters
    ----------
    network : a name in `NETWORKS`
    shape : of its images, and the number of classes
    act_bits : bits of the activations' codes
    centred : the weights were centred in training
    exact_means : means over the image were not rounded in training

    Raises
    ------
    CheckpointError
        If the tensors are not those of `network`: names the first that differ.
    """
    parts = [name.partition(".norms.")[2].partition(".")[0] for name in state if ".norms." in name]
    widths = sorted({int(k) for k in parts if k.isdecimal()} - {FLOAT_BITS}, reverse=True)
    if not widths or not set(widths) <= set(range(1, 9)):
        raise CheckpointError("The batch-norms must be for k in 1..8")
    model = truncquantize(build(network, shape), widths, act_bits, exact_means=exact_means)
    for module in model.modules():
        if isinstance(module, TruncConv2d | TruncLinear):
            module.centred = centred
    return _filled(model, state, network)


def plain_model(network: str, shape: ImageShape, state: State) -> nn.Module:
    """A float network with its trained parameters; see `trained_model`."""
    return _filled(build(network, shape), state, network)


def _filled(model: nn.Module, state: State, network: str) -> nn.Module:
    wanted = model.state_dict()
    missing = sorted(set(wanted) - set(state))
    extra = sorted(set(state) - set(wanted))
    if missing or extra:
        raise CheckpointError(
            f"The tensors are not those of {network}: {_few('lacking', missing)}"
            f"{_few('not known', extra)}Another network is imported from its Python file, as "
            "truncmac import FILE.py:NAME, or as ONNX"
        )
    for name, tensor in wanted.items():
        given = state[name]
        if given.shape != tensor.shape or given.dtype.is_complex or given.layout != torch.strided:
            raise CheckpointError(
                f"Tensor {name!r} must have shape {tuple(tensor.shape)} for {network}, "
                f"not {tuple(given.shape)}"
            )
        if not torch.isfinite(given).all():
            raise CheckpointError(f"Tensor {name!r} must be finite, not NaN or infinite")
    model.load_state_dict(state)
    return model.eval()


def _few(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{what} are {', '.join(names[:3])}{more}. "
