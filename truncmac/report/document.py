"""Computes the report's figures: one document of numbers, which text, tables and forms show."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from truncmac.sim.energy.layers import layer_energies
from truncmac.sim.energy.summary import energy_summary
from truncmac.sim.extras import extra_needed
from truncmac.sim.schedule.analysis import Analysis, analyse
from truncmac.sim.schedule.folding import array_shapes, foldings
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.platforms import platform_by_name
from truncmac.sim.schedule.rivals import rival_array
from truncmac.sim.workloads.names import MOST_TOKENS, workload_by_name
from truncmac.sim.workloads.shapes import Workload
from truncmac.version import __version__

from .energies import energy_sources
from .request import ReportRequest

__all__ = ["VERSION", "Document", "as_dictionary", "document_of"]

VERSION = 1  # of the JSON: counts up when a figure is renamed, removed or means something else
NO_RIVAL: dict[str, None] = {"rows": None, "cols": None, "cycles": None}
Document = dict[str, Any]


def document_of(request: ReportRequest) -> Document:
    """All figures of what is asked for."""
    workload, images = _workload(request.network), request.images
    platform = platform_by_name(request.platform).with_sizes(request.sizes)
    platform = platform.with_surroundings(
        clock_mhz=request.clock_mhz,
        dram_gbs=request.dram_gbs,
        activation_kib=request.activation_kib,
        weight_kib=request.weight_kib,
    )
    layers = Layers.of(workload, images)
    sources = energy_sources(request, platform.config, layers)
    figures, energy = sources.figures, None
    if figures is not None:
        own = sources.switching(platform.config)
        energy = layer_energies(layers, figures, platform.clock_hz, own)
    found = analyse(
        workload, platform, request.bits, images=images, goal=request.goal, energy=energy
    )
    about: Document = {"library": None, "why": sources.why, "clock_hz": None, "data": None}
    if figures is not None:
        about |= {"library": figures.library, "clock_hz": 1e12 / figures.period_ps}
        about |= energy_summary(found, figures, sources.switching)
        about["measured_on"] = figures.figures.data
        if sources.data is not None:
            about["data"] = {"images": len(sources.data.images), "about": sources.data.about}
    return as_dictionary(found) | {"energy": about}


def _workload(text: str) -> Workload:
    """The workload of an ONNX graph, `FILE.onnx` or `FILE.onnx@SIZE`, or of another name."""
    path, _, size = text.partition("@") if ".onnx@" in text.lower() else (text, "", "")
    if Path(path).suffix.lower() != ".onnx":
        return workload_by_name(text)
    if size and not (size.isascii() and size.isdecimal() and 1 <= int(size[:9]) <= MOST_TOKENS):
        raise ValueError(
            f"Open sizes of {path} must be a whole number in 1..{MOST_TOKENS}, not {size!r}"
        )
    with extra_needed("Reading ONNX files", "onnx"):
        from truncmac.onnx.workload import onnx_workload
    return onnx_workload(Path(path), int(size) if size else None)


def as_dictionary(found: Analysis) -> Document:
    """All figures of an analysis but its energies, as the JSON has them."""
    workload, platform, bits = found.workload, found.platform, found.bits
    config = platform.config
    shapes = array_shapes(workload, config, bits, images=found.images)
    (ours,) = [shape for shape in shapes if shape.config == config]
    rival = rival_array(workload, config, images=found.images)
    return {
        "version": VERSION,
        "truncmac": __version__,
        "workload": {
            "name": workload.name,
            "layers": len(workload.layers),
            "macs": workload.macs,
            "left_out": [asdict(item) for item in workload.left_out],
        },
        "platform": {"name": platform.name, "clock_hz": platform.clock_hz}
        | asdict(platform.memory),
        "array": asdict(config) | {"peak_macs": config.peak_macs},
        "images": found.images,
        "goal": found.goal,
        "bits": list(bits),
        "totals": found.total_records(),
        "layers": found.layer_records(),
        "reference": {"ours": ours.as_record(bits)["cycles"]}
        | (NO_RIVAL if rival is None else asdict(rival)),
        "shapes": [shape.as_record(bits) for shape in shapes],
        "folding": [folding.as_record(bits) for folding in foldings(workload, config, bits)],
    }
