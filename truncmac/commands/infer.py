"""What `truncmac infer` does: a network on golden, and on the RTL to compare."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from truncmac.golden import (
    Executor,
    Network,
    Setting,
    execute,
    images_by_name,
    inspect_network,
    layer_bits,
    network_accuracy,
    network_by_name,
    predictions,
)
from truncmac.golden.files import file_name, write_bytes
from truncmac.golden.types import Codes, Labels
from truncmac.hw.config import ArrayConfig
from truncmac.sim.rtl.differences import as_text, first_difference
from truncmac.sim.rtl.network import RtlReport, run_network
from truncmac.terminal import STYLE

from .common import console, quiet, say, simulation

__all__ = ["Inference", "infer"]

CLASSES_SHOWN = 20


@dataclass(frozen=True)
class Inference:
    """What is to be run, and what is to be shown of it.

    Attributes
    ----------
    settings : the bit-widths, one after the other; none: all that the network has
    on_rtl : run the layers on the RTL too
    images : how many of the images do so, and are dumped
    """

    network: str
    data: Path | None = None
    settings: Sequence[Setting] = ()
    on_rtl: bool = False
    images: int = 32
    simulator: str = "verilator"
    dump: Path | None = None
    layers: bool = False
    compare: bool = False
    as_json: bool = False


@dataclass
class _Result:
    """What one setting gave."""

    setting: Setting
    widths: Mapping[str, int]
    accuracy: float | None = None
    classes: Sequence[int] | None = None
    rtl: RtlReport | None = field(default=None)


def infer(inference: Inference, config: ArrayConfig) -> bool:
    """Classify images; True unless the RTL differs from golden somewhere."""
    with quiet(inference.as_json):
        network = network_by_name(inference.network)
        images, labels = images_by_name(
            inference.network, inference.data, network, examples=inference.images
        )
        results = _run(inference, network, config, images, labels)
        if inference.as_json:
            print(json.dumps(_as_dictionary(network, images, results), indent=2))
        else:
            _show(inference, network, config, len(images), results)
    return not any(result.rtl.mismatches for result in results if result.rtl)


def _run(
    inference: Inference,
    network: Network,
    config: ArrayConfig,
    images: Codes,
    labels: Labels | None,
) -> list[_Result]:
    settings = inference.settings or [
        Setting(str(k), k) for k in sorted(network.bit_widths, reverse=True)
    ]
    results = [  # raises before anything runs where there are no parameters
        _Result(s, {name: k for name, (k, _) in layer_bits(network, s.bits).items()})
        for s in settings
    ]
    names = ", ".join(setting.name for setting in settings)
    say(f"Network {network.name}: {len(images)} images, k = {names}")
    some = images[: inference.images]
    for result in results:
        if labels is not None:
            result.accuracy = network_accuracy(network, images, labels, result.setting.bits)
        else:  # without labels there are classes to tell, and images of a wrong shape to refuse
            logits = Executor(network, result.setting.bits).run(images, keep=()).logits
            result.classes = predictions(logits).tolist()
        if inference.dump is not None:
            _dump(network, some, result.setting, inference.dump)
    if inference.on_rtl:
        with simulation(inference.simulator) as (on_build, on_progress):
            reports = run_network(
                network,
                some,
                [result.setting.bits for result in results],
                config,
                simulator=inference.simulator,
                on_build=on_build,
                on_progress=on_progress,
            )
        for result, report in zip(results, reports, strict=True):
            result.rtl = report
    return results


def _dump(network: Network, images: Codes, setting: Setting, folder: Path) -> None:
    """Keep each layer's outputs as .npy files."""
    place = folder / f"k{setting.name}"
    for name, values in execute(network, images, setting.bits).outputs.items():
        data = io.BytesIO()
        np.save(data, values)
        write_bytes(place / f"{file_name(name)}.npy", data.getvalue())
    say(f"Written: each layer's outputs for {len(images)} images to {place}")


def _show(
    inference: Inference,
    network: Network,
    config: ArrayConfig,
    image_count: int,
    results: Sequence[_Result],
) -> None:
    console.print(_table(config, results, image_count))
    for result in results:
        if inference.layers or len(results) == 1:
            console.print(_layer_table(network, result))
    for result in results:
        if result.classes is not None and inference.data is not None:
            console.print(_classes(result.setting.name, result.classes))
    for result in results:
        difference = result.rtl and first_difference(network, result.rtl.outcomes)
        if difference:
            console.print(f"k = {result.setting.name}: {as_text(difference, inference.compare)}")


def _table(config: ArrayConfig, results: Sequence[_Result], image_count: int) -> Table:
    """A line for each setting."""
    reports = [result.rtl for result in results if result.rtl]
    title = f"Integer network: accuracy on {image_count} images"
    table = Table("k", **STYLE, title=title, min_width=len(title))
    if reports:
        table.title = (
            f"{table.title}, run on the RTL\n({config.rows} x {config.cols} PEs, {config.lanes} "
            f"lanes x {config.planes} planes; {reports[0].outputs:,} outputs compared at each k)"
        )
    table.add_column("accuracy", justify="right")
    names = ("images", "layers", "cycles", "MACs/cycle", "speed-up", "mismatches")
    for name in names if reports else ():
        table.add_column(name, justify="right")
    slowest = max((report.cycles for report in reports), default=0)
    for result in results:
        row = [result.setting.name]
        row.append("unknown" if result.accuracy is None else f"{result.accuracy:.2%}")
        if result.rtl:
            row += [
                str(result.rtl.images),
                str(len(result.rtl.outcomes)),
                f"{result.rtl.cycles:,}",
                f"{result.rtl.macs / result.rtl.cycles:.1f}",
                f"{slowest / result.rtl.cycles:.2f}",
                str(result.rtl.mismatches),
            ]
        table.add_row(*row)
    return table


def _classes(setting: str, classes: Sequence[int]) -> str:
    """The classes of the first images, where no labels say which are right."""
    shown = ", ".join(map(str, classes[:CLASSES_SHOWN]))
    more = f", ... ({len(classes)} images)" if len(classes) > CLASSES_SHOWN else ""
    return f"k = {setting}: classes {shown}{more}"


def _layer_table(network: Network, result: _Result) -> Table:
    """A line for each layer of weights."""
    title = f"Layers at k = {result.setting.name}; kMACs of one image"
    names = ["k", "kMACs"]
    if result.rtl:
        names += ["cycles", "MACs/cycle", "mismatches"]
        title += f", cycles of {result.rtl.images}"
    table = Table("layer", "output", title=title, **STYLE)
    for name in names:
        table.add_column(name, justify="right")
    for row in _layers(network, result):
        cells = [row["name"], "x".join(map(str, row["output"])), str(row["bits"])]
        cells.append(f"{row['macs'] / 1000:,.0f}")
        if result.rtl:
            rate = row["macs"] * result.rtl.images / row["cycles"]
            cells += [f"{row['cycles']:,}", f"{rate:.1f}", str(row["mismatches"])]
        table.add_row(*cells)
    return table


def _layers(network: Network, result: _Result) -> list[dict[str, Any]]:
    """Each layer's numbers by name."""
    outcomes = result.rtl.outcomes if result.rtl else []
    rows = [
        {
            "name": layer.name,
            "output": list(layer.output),
            "bits": result.widths[layer.name],
            "macs": layer.macs,
        }
        for layer in inspect_network(network)
    ]
    for row, outcome in zip(rows, outcomes, strict=bool(outcomes)):
        row |= {
            "cycles": outcome.cycles,
            "outputs": outcome.outputs.size,
            "mismatches": outcome.mismatches,
        }
    return rows


def _as_dictionary(
    network: Network, images: Codes, results: Sequence[_Result]
) -> dict[str, object]:
    """The tables' numbers, and the first difference of each setting."""
    settings = []
    for result in results:
        entry: dict[str, object] = {"k": result.setting.name, "accuracy": result.accuracy}
        if result.rtl:
            entry |= {
                "rtl_images": result.rtl.images,
                "cycles": result.rtl.cycles,
                "outputs": result.rtl.outputs,
                "mismatches": result.rtl.mismatches,
                "first_difference": first_difference(network, result.rtl.outcomes),
            }
        if result.classes is not None:
            entry["classes"] = result.classes
        settings.append(entry | {"layers": _layers(network, result)})
    return {"network": network.name, "images": len(images), "settings": settings}
