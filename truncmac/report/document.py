"""Computes the report's figures: one document of numbers, which text, tables and forms show."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from truncmac.sim.energy.layers import layer_energies
from truncmac.sim.energy.summary import energy_summary
from truncmac.sim.schedule.analysis import Analysis, analyse
from truncmac.sim.schedule.folding import ArrayShape, Folding, array_shapes, foldings, square_array
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.rivals import scale_sim_cycles
from truncmac.sim.workloads.names import workload_by_name
from truncmac.version import __version__

from .energies import data_of, figures_of, switching_on
from .request import ReportRequest, platform_of

__all__ = ["VERSION", "Document", "as_dictionary", "document_of"]

VERSION = 1  # of the JSON: counts up when a figure is renamed, removed or means something else
Document = dict[str, Any]


def document_of(
    request: ReportRequest, *, on_step: Callable[[str], None] = lambda what: None
) -> Document:
    """All figures of what is asked for; `on_step` is told what takes long when it begins."""
    workload, platform = workload_by_name(request.network), platform_of(request)
    layers = Layers.of(workload, request.images)
    figures, why = figures_of(request, platform.config, layers)
    data = data_of(request)
    switching, energy = switching_on(data, request.bits, on_step), None
    if figures is not None:
        own = switching(platform.config)
        energy = layer_energies(layers, figures, platform.clock_hz, own)
    found = analyse(
        workload,
        platform,
        request.bits,
        images=request.images,
        goal=request.goal,
        energy=energy,
    )
    about: Document = {"library": None, "why": why, "clock_hz": None, "data": None}
    if figures is not None:
        about |= {"library": figures.library, "clock_hz": 1e12 / figures.period_ps}
        about |= energy_summary(found, figures, switching)
        about["data"] = None if data is None else {"images": len(data.images)}
    return as_dictionary(found) | {"energy": about}


def as_dictionary(found: Analysis) -> Document:
    """All figures, as the JSON has them."""
    workload, platform, bits = found.workload, found.platform, found.bits
    config = platform.config
    others = array_shapes(workload, config, bits, images=found.images)
    array = asdict(config) | {"peak_macs": config.peak_macs}
    return {
        "version": VERSION,
        "truncmac": __version__,
        "workload": {
            "name": workload.name,
            "layers": len(workload.layers),
            "macs": workload.macs,
        },
        "platform": {"name": platform.name, "clock_hz": platform.clock_hz}
        | asdict(platform.memory),
        "array": array,
        "images": found.images,
        "goal": found.goal,
        "bits": list(bits),
        "totals": found.total_records(),
        "layers": found.layer_records(),
        "reference": _reference(found, others),
        "shapes": [_shape(shape, bits) for shape in others],
        "folding": [_folding(f, bits) for f in foldings(workload, config, bits)],
    }


def _by_k(bits: Sequence[int], values: Sequence[float]) -> dict[str, float]:
    return {str(k): value for k, value in zip(bits, values, strict=True)}


def _shape(shape: ArrayShape, bits: Sequence[int]) -> Document:
    names = ("rows", "cols", "requantisers")
    return {name: getattr(shape.config, name) for name in names} | {
        "cycles": _by_k(bits, shape.cycles)
    }


def _folding(folding: Folding, bits: Sequence[int]) -> Document:
    return {
        "layer": folding.layer.name,
        "images": folding.images,
        "alone": _by_k(bits, folding.alone),
        "folded": _by_k(bits, folding.folded),
        "columns_fill": folding.columns_fill,
    }


def _reference(found: Analysis, others: Sequence[ArrayShape]) -> Document:
    """SCALE-Sim's cycles on the 8-bit array of equal throughput, if it is one of whole MACs."""
    config = found.platform.config
    (ours,) = [shape.cycles for shape in others if shape.config == config]
    entry: Document = {"ours": _by_k(found.bits, ours), "rows": None, "cols": None, "cycles": None}
    if float(config.peak_macs).is_integer():
        rows, cols = square_array(int(config.peak_macs))
        layers = [replace(layer, rows=layer.rows * found.images) for layer in found.workload.layers]
        cycles = scale_sim_cycles(layers, rows, cols)
        entry |= {"rows": rows, "cols": cols, "cycles": cycles}
    return entry
