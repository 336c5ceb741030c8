"""What `truncmac import` does: a network file from other tools' files."""

import errno
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from truncmac.golden import (
    Images,
    Network,
    Pictures,
    accuracy,
    execute,
    given_images,
    load_arrays,
    save,
)
from truncmac.golden.network_file import open_safetensors
from truncmac.golden.types import Codes
from truncmac.model.source import Source
from truncmac.sim.extras import extra_needed
from truncmac.terminal import Terminal, new_table

__all__ = ["import_network"]

if TYPE_CHECKING:
    from truncmac.onnx.finish import LayerCodes

console = Terminal()
ONNX, TORCH, TENSORS = (".onnx", ".tflite"), (".pt", ".pth"), (".safetensors",)
BATCH = 256
Given = Images | Pictures


def import_network(source: Source, *, out: Path, as_json: bool) -> None:
    """Read `source`, write a network file, and print what became of it."""
    if not 2 <= source.multiplier_bits <= 32:
        raise ValueError(f"Multipliers must have 2 to 32 bits, not {source.multiplier_bits}")
    given = None if source.data is None else given_images(source.data)
    network, notes, layers = _read(source, given)
    save(network, out)
    images, labels = None, None
    if given is not None:
        images, labels = given.codes(network.image), given.labels
    lines = _measured(network, images, labels)
    judged = None if images is None or labels is None else len(images)
    if as_json:
        found = {
            "network": network.name,
            "layers": len(network.products),
            "images": judged,
            "bits": lines,
            "notes": list(notes),
            "least_multiplier_bits": _least(layers),
            "layer_codes": [asdict(layer) for layer in layers],
            "files": [str(out)],
        }
        print(json.dumps(found, indent=2))
        return
    for note in notes:
        console.print(f"Note: {note}")
    console.print(_table(network, judged, lines))
    if layers:
        if any(layer.codes for layer in layers):
            console.print(_layer_table(network, layers))
        console.print(_about_multipliers(source, layers), soft_wrap=True)
    console.print(f"Written: {out}, {len(network.products)} layers of weights", soft_wrap=True)


def _read(
    source: Source, given: Given | None
) -> tuple[Network, Sequence[str], Sequence["LayerCodes"]]:
    """The network, notes on it, and of an ONNX file its layers beside real arithmetic."""
    path = source.path
    if re.search(r"\.py:[^/]*$", str(path)):
        return _python(source, given)
    if path.suffix not in ONNX and (source.mean or source.deviation):
        raise ValueError("--mean and --deviation are for ONNX files")
    if path.is_dir():
        return load_arrays(path), (), ()
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if path.suffix in ONNX:
        return _onnx(source, given)
    if path.suffix not in TORCH + TENSORS:
        known = ", ".join(ONNX + TORCH + TENSORS)
        raise ValueError(f"{path}: must be a folder of arrays, or a file that ends in {known}")
    with extra_needed("Reading PyTorch's tensors", "train"):
        from truncmac.model.importing import from_checkpoint, from_state
    kind = _format(path) if path.suffix in TENSORS else None
    if kind == "truncmac-network":
        raise ValueError(f"{path}: is a network file already")
    if kind == "truncmac-checkpoint":
        return *from_checkpoint(source, given), ()
    return *from_state(source, given), ()


def _python(
    source: Source, given: Given | None
) -> tuple[Network, Sequence[str], Sequence["LayerCodes"]]:
    """A module from the user's own Python file, which is executed."""
    with extra_needed("Calibrating a float network", "train"):
        from truncmac.model.importing import from_module
        from truncmac.model.python_file import module_from
    file, _, name = str(source.path).rpartition(":")
    module = module_from(Path(file), name)
    network, notes = from_module(module, None, source, given, Path(file).stem)
    return network, [f"{file} was executed.", *notes], ()


def _onnx(
    source: Source, given: Given | None
) -> tuple[Network, Sequence[str], Sequence["LayerCodes"]]:
    with extra_needed("Reading ONNX files", "onnx"):
        from truncmac.onnx.floating import float_steps
        from truncmac.onnx.importing import imported, read_graph
        from truncmac.onnx.options import Options
    graph = read_graph(source.path)
    steps = float_steps(graph, source.path)
    if steps is not None:
        with extra_needed("Calibrating a float network", "train"):
            from truncmac.model.importing import from_float_graph
        return *from_float_graph(*steps, source, given), ()
    options = Options(
        widths=source.bits,
        edge_bits=source.edge_bits,
        multiplier_bits=source.multiplier_bits,
        images=given,
        halves="half_even" if source.halves == "even" else "half_up",
        compared=True,
        mean=source.mean,
        deviation=source.deviation,
    )
    found = imported(graph, source.path, options)
    return found.network, found.notes, found.layers


def _format(path: Path) -> str | None:
    """What a safetensors file of ours says it is."""
    with open_safetensors(path) as file:
        text = (file.metadata() or {}).get("truncmac", "")
    return next((k for k in ("truncmac-network", "truncmac-checkpoint") if f'"{k}"' in text), None)


def _least(layers: Sequence["LayerCodes"]) -> int | None:
    """The fewest bits of multipliers that certify all layers; None if none do, or it is unknown."""
    found = [layer.least_bits for layer in layers]
    return None if None in found else max((bits for bits in found if bits), default=None)


def _about_multipliers(source: Source, layers: Sequence["LayerCodes"]) -> str:
    """What the multipliers' width means for the layers."""
    least = _least(layers)
    if least is not None:
        return f"Least --multiplier-bits that certify every channel at the largest k: {least}"
    known = [layer.least_bits for layer in layers if layer.least_bits]
    open_ = sum(layer.least_bits is None for layer in layers)
    most = f"; the others need {max(known)}" if known else ""
    return f"No --multiplier-bits up to 32 are known to certify {open_} of the layers{most}"


def _layer_table(network: Network, layers: Sequence["LayerCodes"]) -> Table:
    """A line for each layer: codes that differ from those of real arithmetic on the same sums."""
    rows = [
        [
            layer.name,
            "unknown" if layer.least_bits is None else str(layer.least_bits),
            f"{layer.codes:,}",
            f"{layer.differing:,}",
            f"{layer.halves:,}",
        ]
        for layer in layers
    ]
    columns = ["layer", "least bits", "codes", "differing", "of them halves"]
    title = f"Codes at k = {max(network.bit_widths)} beside the graph's real arithmetic"
    return new_table(columns, rows, words=("layer",), title=title)


def _measured(
    network: Network, images: Codes | None, labels: npt.NDArray[np.integer] | None
) -> list[dict[str, Any]]:
    """For each k what is certified, and how many images are put into the right class.

    Both are shares; None where it is not known.
    """
    found = []
    for bits in network.bit_widths:
        exact = [t for name, t in network.tensors.items() if name.endswith(f".b{bits}.exact")]
        share = None
        if images is not None and labels is not None:
            parts = [slice(i, i + BATCH) for i in range(0, len(images), BATCH)]
            logits = [execute(network, images[part], bits).logits for part in parts]
            share = float(accuracy(np.concatenate(logits), labels))
        certified = float(np.concatenate(exact).mean()) if exact else None
        found.append({"k": bits, "certified": certified, "accuracy": share})
    return found


def _table(network: Network, images: int | None, lines: Sequence[dict[str, Any]]) -> Table:
    """The same as a table; `images` is the count of those with labels."""
    columns = ["k", "channels certified"]
    if images is not None:
        columns.append(f"accuracy on {images} images")
    rows = []
    for line in lines:
        certified = line["certified"]
        row = [str(line["k"]), "unknown" if certified is None else f"{certified:.0%}"]
        if images is not None:
            row.append(f"{line['accuracy']:.2%}")
        rows.append(row)
    return new_table(columns, rows, words=("k",), title=f"Network {network.name}")
