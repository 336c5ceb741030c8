"""Runs a network on ONNX Runtime, as the plain graph that `truncmac export` writes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from truncmac.golden import Executor, Network, Setting
from truncmac.golden.types import AnyIntegers, Codes

from .export.plain.model import plain_model

__all__ = ["RuntimeNetwork", "RuntimeReport", "compare_with_golden"]

IMAGES_AT_ONCE = 32
SILENT = 3  # ONNX Runtime tells of errors only


class RuntimeNetwork:
    """A network at one setting, ready to run on ONNX Runtime's CPU provider.

    Parameters
    ----------
    network, setting : what to run
    keep : names of the layers whose outputs are wanted; None: the last one
    threads : of the processor; 0: as many as it has cores
    """

    def __init__(
        self,
        network: Network,
        setting: Setting,
        keep: Collection[str] | None = None,
        threads: int = 0,
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = SILENT
        model = plain_model(network, setting, keep)
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, images: Codes) -> dict[str, AnyIntegers]:
        """The outputs that are kept, by layer name, of images (B, C, H, W): codes and logits."""
        outputs = self._session.run(self._names, {"image": images})
        return dict(zip(self._names, outputs, strict=True))


@dataclass(frozen=True)
class RuntimeReport:
    """What ONNX Runtime gave beside golden.

    Attributes
    ----------
    version : of ONNX Runtime
    layers : how many layers' outputs were compared
    outputs, mismatches : how many numbers were compared, and how many differ
    difference : the first that differs, in the order of the layers, or None
    """

    version: str
    layers: int
    outputs: int
    mismatches: int
    difference: Mapping[str, Any] | None


def compare_with_golden(
    network: Network, images: Codes, setting: Setting, *, every_layer: bool
) -> RuntimeReport:
    """Run images on ONNX Runtime and on golden, and compare the outputs.

    Parameters
    ----------
    images : uint8 (B, C, H, W), codes
    every_layer : compare each layer's outputs, not the network's alone
    """
    names = [layer.name for layer in network.layers]
    kept = names if every_layer else names[-1:]
    runtime = RuntimeNetwork(network, setting, kept)
    executor = Executor(network, setting.bits)
    compared, wrong = dict.fromkeys(kept, 0), dict.fromkeys(kept, 0)
    first: dict[str, Mapping[str, Any]] = {}  # by layer
    for start in range(0, len(images), IMAGES_AT_ONCE):
        part = images[start : start + IMAGES_AT_ONCE]
        found = runtime.run(part)
        for name, wanted in executor.run(part, keep=kept).outputs.items():
            differs = wanted != found[name]
            compared[name] += wanted.size
            wrong[name] += int(differs.sum())
            if differs.any() and name not in first:
                first[name] = _difference(start, wanted, found[name])
    difference = None
    for name in reversed([name for name in kept if name in first]):
        counts = {"mismatches": wrong[name], "outputs": compared[name]}
        difference = {"layer": name, **counts, **first[name]}
    return RuntimeReport(
        onnxruntime.__version__,
        len(kept),
        sum(compared.values()),
        sum(wrong.values()),
        difference,
    )


def _difference(start: int, wanted: AnyIntegers, found: AnyIntegers) -> dict[str, Any]:
    """Where outputs (B, ...) differ first; the images are those from `start` on."""
    place = tuple(np.argwhere(wanted != found)[0].tolist())
    return {
        "image": start + place[0],
        **dict(zip(("channel", "y", "x"), place[1:], strict=False)),
        "golden": int(wanted[place]),
        "onnxruntime": int(found[place]),
    }
