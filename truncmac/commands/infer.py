"""What `truncmac infer` does: a network on golden, and on hardware or a runtime to compare."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from truncmac.hw.npu.config import NpuConfig
from truncmac.sim.extras import extra_needed
from truncmac.sim.npu.compiled import Compiled
from truncmac.sim.rtl.differences import as_text, first_difference
from truncmac.sim.rtl.network import RtlReport, run_network
from truncmac.sim.rtl.npu.network import NpuReport, compiled_for_npu, run_compiled
from truncmac.terminal import Terminal, new_table

from .progress import simulation

if TYPE_CHECKING:
    from truncmac.onnx.runtime import RuntimeReport

__all__ = ["InferRequest", "infer"]

CLASSES_SHOWN = 20  # of images without labels
console = Terminal()


@dataclass(frozen=True, kw_only=True)
class InferRequest:
    """What to run, and what to show of it.

    Attributes
    ----------
    network : a name or a file, as `network_by_name` takes it
    data : images, as `images_by_name` takes them; None: those of the named network
    settings : the bit-widths, one after the other; none: all that the network has
    on_rtl : run the layers on the RTL too
    config, simulator : the array, and what runs it: "verilator" or "icarus"
    npu : the NPU that the network runs on too, if any
    on_runtime : run all images on ONNX Runtime too
    images : how many of the images run on the RTL and are dumped
    dump : a folder for golden's outputs of each layer
    layers : show each layer, also of several settings
    compare : show all operands of the first output that differs; on the NPU and ONNX Runtime
        compare all layers
    """

    network: str
    config: ArrayConfig
    data: Path | None = None
    settings: Sequence[Setting] = ()
    npu: NpuConfig | None = None
    on_rtl: bool = False
    on_runtime: bool = False
    images: int = 32
    simulator: str = "verilator"
    dump: Path | None = None
    layers: bool = False
    compare: bool = False


@dataclass
class _Result:
    """What one setting gave."""

    setting: Setting
    widths: Mapping[str, int]
    accuracy: float | None = None
    classes: Sequence[int] | None = None
    rtl: RtlReport | None = None
    npu: NpuReport | None = None
    runtime: "RuntimeReport | None" = None
    difference: Mapping[str, Any] | None = None


def infer(request: InferRequest, *, as_json: bool) -> bool:
    """Classify images; True unless the RTL or ONNX Runtime differs from golden somewhere."""
    with console.silent(as_json):
        network = network_by_name(request.network)
        images, labels = images_by_name(
            request.network, request.data, network, examples=request.images
        )
        settings = request.settings or [
            Setting(str(k), k) for k in sorted(network.bit_widths, reverse=True)
        ]
        programs = None
        if request.npu is not None:  # first of all, for what does not fit is told here
            programs = compiled_for_npu(network, settings, request.npu, layers=request.compare)
        results = _on_golden(request, network, settings, images, labels)
        if programs is not None:
            _on_npu(request, programs, images[: request.images], results)
        if request.on_runtime:
            _on_runtime(request, network, images, results)
        if request.on_rtl:
            _on_rtl(request, network, images[: request.images], results)
        if as_json:
            print(json.dumps(_as_dictionary(network, images, results), indent=2))
        else:
            for shown in _shown(request, network, len(images), results):
                console.print(shown)
    return not any(
        report.mismatches
        for result in results
        for report in (result.rtl, result.npu, result.runtime)
        if report
    )


def _on_golden(
    request: InferRequest,
    network: Network,
    settings: Sequence[Setting],
    images: Codes,
    labels: Labels | None,
) -> list[_Result]:
    """The accuracy of each setting on all images; some images' outputs are dumped if asked for."""
    results = [  # raises before anything runs where there are no parameters
        _Result(s, {name: k for name, (k, _) in layer_bits(network, s.bits).items()})
        for s in settings
    ]
    names = ", ".join(setting.name for setting in settings)
    console.note(f"Network {network.name}: {len(images)} images, k = {names}")
    for result in results:
        if labels is not None:
            result.accuracy = network_accuracy(network, images, labels, result.setting.bits)
        else:  # without labels there are classes to tell, and images of a wrong shape to refuse
            logits = Executor(network, result.setting.bits).run(images, keep=()).logits
            result.classes = predictions(logits).tolist()
        if request.dump is not None:
            _dump(network, images[: request.images], result.setting, request.dump)
    return results


def _dump(network: Network, images: Codes, setting: Setting, folder: Path) -> None:
    """Keep each layer's outputs as .npy files."""
    place = folder / f"k{setting.name}"
    for name, values in execute(network, images, setting.bits).outputs.items():
        data = io.BytesIO()
        np.save(data, values)
        write_bytes(place / f"{file_name(name)}.npy", data.getvalue())
    console.note(f"Written: each layer's outputs for {len(images)} images to {place}")


def _on_rtl(
    request: InferRequest, network: Network, images: Codes, results: Sequence[_Result]
) -> None:
    """Run the images at each setting on the RTL, and note what it did and where it differs."""
    with simulation(console, request.simulator) as (on_build, on_progress):
        reports = run_network(
            network,
            images,
            [result.setting.bits for result in results],
            request.config,
            simulator=request.simulator,
            on_build=on_build,
            on_progress=on_progress,
        )
    for result, report in zip(results, reports, strict=True):
        result.rtl = report
        result.difference = first_difference(network, report.outcomes)


def _on_npu(
    request: InferRequest,
    programs: Sequence[Compiled],
    images: Codes,
    results: Sequence[_Result],
) -> None:
    """Run the images at each setting on the NPU, and note what it did and where it differs."""
    with simulation(console, request.simulator, "NPU", "programs on the NPU's RTL") as (
        on_build,
        on_progress,
    ):
        reports = run_compiled(
            programs,
            images,
            simulator=request.simulator,
            on_build=on_build,
            on_progress=on_progress,
        )
    for result, report in zip(results, reports, strict=True):
        result.npu = report
        result.difference = report.difference


def _on_runtime(
    request: InferRequest, network: Network, images: Codes, results: Sequence[_Result]
) -> None:
    """Run all images at each setting on ONNX Runtime, and note where it differs."""
    with extra_needed("Running on ONNX Runtime", "runtime", "ask for --on golden"):
        from truncmac.onnx.runtime import compare_with_golden
    for result in results:
        with console.status(f"ONNX Runtime, k = {result.setting.name} ..."):
            result.runtime = compare_with_golden(
                network, images, result.setting, every_layer=request.compare
            )
        result.difference = result.runtime.difference


def _shown(
    request: InferRequest, network: Network, image_count: int, results: Sequence[_Result]
) -> list[Table | str]:
    """The tables, and a text for each setting in which the RTL differs."""
    if request.on_runtime:
        shown: list[Table | str] = [_runtime_table(results, image_count)]
    elif request.npu is not None:
        shown = [_npu_table(request.npu, results, image_count)]
    else:
        shown = [_table(request.config, results, image_count)]
    if request.layers or len(results) == 1:
        shown += [_layer_table(network, result) for result in results]
    if request.data is not None:
        shown += [_classes(r.setting.name, r.classes) for r in results if r.classes is not None]
    return shown + [
        f"k = {result.setting.name}: {_difference(result, request.compare)}"
        for result in results
        if result.difference
    ]


def _difference(result: _Result, everything: bool) -> str:
    """Where a setting differs first, as text."""
    found = result.difference or {}
    if result.rtl is not None:
        return as_text(found, everything)
    place = ", ".join(f"{axis} {found[axis]}" for axis in ("channel", "y", "x") if axis in found)
    other, key = ("NPU", "rtl") if result.npu else ("ONNX Runtime", "onnxruntime")
    return (
        f"first difference in layer {found['layer']!r}, {found['mismatches']} of "
        f"{found['outputs']} outputs\n  image {found['image']}, {place}: golden "
        f"{found['golden']}, {other} {found[key]}"
    )


def _accuracy(result: _Result) -> str:
    return "unknown" if result.accuracy is None else f"{result.accuracy:.2%}"


def _table(config: ArrayConfig, results: Sequence[_Result], image_count: int) -> Table:
    """A line for each setting."""
    reports = [result.rtl for result in results if result.rtl]
    first = f"Integer network: accuracy on {image_count} images"
    title, columns = first, ["k", "accuracy"]
    if reports:
        title += (
            f", run on the RTL\n({config.rows} x {config.cols} PEs, {config.lanes} "
            f"lanes x {config.planes} planes; {reports[0].outputs:,} outputs compared at each k)"
        )
        columns += ["images", "layers", "cycles", "MACs/cycle", "speed-up", "mismatches"]
    slowest = max((report.cycles for report in reports), default=0)
    rows = []
    for result in results:
        row = [result.setting.name]
        row.append(_accuracy(result))
        if result.rtl:
            row += [
                str(result.rtl.images),
                str(len(result.rtl.outcomes)),
                f"{result.rtl.cycles:,}",
                f"{result.rtl.macs / result.rtl.cycles:.1f}",
                f"{slowest / result.rtl.cycles:.2f}",
                str(result.rtl.mismatches),
            ]
        rows.append(row)
    return new_table(columns, rows, words=("k",), title=title, min_width=len(first))


def _npu_table(config: NpuConfig, results: Sequence[_Result], image_count: int) -> Table:
    """A line for each setting on the NPU; cycles, their ratio to the bound, bytes: of one image."""
    array = config.array
    reports = [result.npu for result in results if result.npu]
    ran = len(reports[0].outcomes)
    first = f"Integer network: accuracy on {image_count} images, {ran} of them run on the NPU"
    title = (
        f"{first}\n({array.rows} x {array.cols} PEs, {array.lanes} lanes x {array.planes} planes, "
        f"a bus of {config.bus_width} bits;\n{reports[0].outputs:,} outputs compared at each k)"
    )
    columns = ["k", "accuracy", "cycles", "of bound", "speed-up", "bytes read", "mismatches"]
    slowest = max(report.cycles for report in reports)
    rows = [
        [
            result.setting.name,
            _accuracy(result),
            f"{result.npu.cycles:,}",
            f"{result.npu.cycles / result.npu.bound:.2f}",
            f"{slowest / result.npu.cycles:.2f}",
            f"{result.npu.bytes_read:,}",
            str(result.npu.mismatches),
        ]
        for result in results
        if result.npu
    ]
    return new_table(columns, rows, words=("k",), title=title, min_width=len(first))


def _runtime_table(results: Sequence[_Result], image_count: int) -> Table:
    """A line for each setting on ONNX Runtime."""
    reports = [result.runtime for result in results if result.runtime]
    first = f"Integer network: accuracy on {image_count} images, run on ONNX Runtime too"
    layers = "every layer" if reports[0].layers > 1 else "the last layer"
    title = f"{first}\n(version {reports[0].version}; outputs of {layers} compared)"
    rows = [
        [
            result.setting.name,
            _accuracy(result),
            f"{result.runtime.outputs:,}",
            str(result.runtime.mismatches),
        ]
        for result in results
        if result.runtime
    ]
    columns = ["k", "accuracy", "outputs", "mismatches"]
    return new_table(columns, rows, words=("k",), title=title, min_width=len(first))


def _classes(setting: str, classes: Sequence[int]) -> str:
    """The classes of the first images, where no labels say which are right."""
    shown = ", ".join(map(str, classes[:CLASSES_SHOWN]))
    more = f", ... ({len(classes)} images)" if len(classes) > CLASSES_SHOWN else ""
    return f"k = {setting}: classes {shown}{more}"


def _layer_table(network: Network, result: _Result) -> Table:
    """A line for each layer of weights."""
    title = f"Layers at k = {result.setting.name}; kMACs of one image"
    columns = ["layer", "output", "k", "kMACs"]
    if result.rtl:
        columns += ["cycles", "MACs/cycle", "mismatches"]
        title += f", cycles of {result.rtl.images}"
    rows = []
    for layer in _layers(network, result):
        row = [layer["name"], "x".join(map(str, layer["output"])), str(layer["bits"])]
        row.append(f"{layer['macs'] / 1000:,.0f}")
        if result.rtl:
            rate = layer["macs"] * result.rtl.images / layer["cycles"]
            row += [f"{layer['cycles']:,}", f"{rate:.1f}", str(layer["mismatches"])]
        rows.append(row)
    return new_table(columns, rows, words=("layer", "output"), title=title)


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
                "first_difference": result.difference,
            }
        if result.npu:
            entry |= {
                "npu_images": len(result.npu.outcomes),
                "cycles": result.npu.cycles,
                "bound_cycles": result.npu.bound,
                "bytes_read": result.npu.bytes_read,
                "outputs": result.npu.outputs,
                "mismatches": result.npu.mismatches,
                "first_difference": result.difference,
            }
        if result.runtime:
            entry |= {
                "onnxruntime": result.runtime.version,
                "outputs": result.runtime.outputs,
                "mismatches": result.runtime.mismatches,
                "first_difference": result.difference,
            }
        if result.classes is not None:
            entry["classes"] = result.classes
        settings.append(entry | {"layers": _layers(network, result)})
    return {"network": network.name, "images": len(images), "settings": settings}
