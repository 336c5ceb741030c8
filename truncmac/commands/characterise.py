"""What `truncmac characterise` does: plans, measures on workers, and shows what was found."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import Progress
from rich.table import Table

from truncmac.golden import Gemm, Network, each_gemm, images_by_name, network_by_name
from truncmac.golden.files import file_name, write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.characterise.characterise import Characterised, characterise, default_period
from truncmac.sim.characterise.plan import Plan
from truncmac.sim.characterise.sram import sram_figures
from truncmac.sim.energy.figures import WIRES, LayersUsed, MacFigures
from truncmac.sim.jobs import DaskCluster
from truncmac.sim.netlist.liberty import read_liberty
from truncmac.sim.netlist.mapping import DONT_USE, TIMEOUT_S
from truncmac.terminal import Terminal, new_table

from .progress import progress_bar

__all__ = ["CharacteriseRequest", "characterise_all", "characterise_one", "shapes_of"]

console = Terminal()


@dataclass(frozen=True, kw_only=True)
class CharacteriseRequest:
    """What is asked for of one array: its libraries, sizes, workloads and files.

    Attributes
    ----------
    liberty, srams : Liberty files of the cells, and of memory macros
    label : short name of the library
    config : the array whose PEs are measured
    fit_sizes, held_sizes : more arrays of such PEs, as `sized` takes them; the figures are fitted
        to the first and judged by the others
    network, data, images : whose layers run, its images, and how many of them
    held_network, held_images, held_count : the same of a network that only judges; no name for
        none, and how many of its layers, spread; None for all
    bits : the bit-widths k
    period_ps : clock target of synthesis; None: 64 FO4
    dont_use : patterns of cells that synthesis leaves out
    cache, out : a folder of what is done once, and the file to write
    timeout_s : in which Yosys must be done with an array
    """

    liberty: Sequence[Path]
    srams: Sequence[Path]
    label: str
    config: ArrayConfig
    fit_sizes: Sequence[str]
    held_sizes: Sequence[str]
    network: str
    data: Path | None
    images: int
    held_network: str
    held_images: int
    held_count: int | None
    bits: Sequence[int]
    period_ps: float | None
    dont_use: Sequence[str]
    cache: Path
    out: Path
    timeout_s: float = TIMEOUT_S


def characterise_one(request: CharacteriseRequest, *, as_json: bool) -> Characterised:
    """Measure, write and print what was found."""
    plan = plan_of(request)
    silent = as_json or not console.is_terminal
    with Progress(console=console, transient=True, disable=silent) as progress:
        task = progress.add_task("Characterising", total=plan.steps)
        result = characterise(
            plan,
            request.cache,
            request.out,
            lambda what: progress.update(task, description=what, advance=1),
        )
    files = [request.out]
    if request.srams:
        files.append(request.out.with_name(f"{file_name(request.label)}_sram.json"))
        write_bytes(files[1], sram_figures(request.srams, request.label))
    if as_json:
        print(json.dumps(_as_dictionary(result, files), indent=2))
    else:
        _show(result, files)
    return result


def characterise_all(
    requests: Sequence[CharacteriseRequest],
    *,
    scheduler: str | None,
    workers: int | None,
    as_json: bool,
) -> bool:
    """Measure several PE shapes on workers, and print each as it is done; False if one failed.

    A worker reads the files that are named, keeps netlists and runs in the cache, and writes the
    figures: on a cluster the folders must be the same on all machines.

    Parameters
    ----------
    scheduler : address of a Dask scheduler, or None
    workers : processes; 0: this one; None: one for each core
    as_json : print one list when all are done
    """
    count = min(os.cpu_count() or 1, len(requests)) if workers is None else workers
    requests = [_absolute(request) for request in requests]
    found: dict[Path, Characterised | str] = {}  # by the file that was to be written
    with progress_bar(console, quiet=as_json) as progress:
        task = progress.add_task("Characterising", total=len(requests))
        for request, outcome in _outcomes(requests, scheduler, count):
            progress.update(task, advance=1)
            found[request.out] = outcome
            if not as_json:
                _show_outcome(request, outcome)
    if as_json:
        print(json.dumps([_entry(r, found[r.out]) for r in requests], indent=2))
    return not any(isinstance(outcome, str) for outcome in found.values())


def _show_outcome(request: CharacteriseRequest, outcome: Characterised | str) -> None:
    if isinstance(outcome, str):
        config = request.config
        what = f"{config.lanes} lanes x {config.planes} planes: {outcome}"
        console.print(what, soft_wrap=True)
    else:
        _show(outcome, [request.out])


def _entry(request: CharacteriseRequest, outcome: Characterised | str) -> dict[str, Any]:
    if isinstance(outcome, str):
        config = request.config
        return {"lanes": config.lanes, "planes": config.planes, "error": outcome}
    return _as_dictionary(outcome, [request.out])


def _absolute(request: CharacteriseRequest) -> CharacteriseRequest:
    """The same with paths that mean the same in a worker's folder."""
    return replace(
        request,
        liberty=[path.absolute() for path in request.liberty],
        data=None if request.data is None else request.data.absolute(),
        cache=request.cache.absolute(),
        out=request.out.absolute(),
    )


def _outcomes(
    requests: Sequence[CharacteriseRequest], scheduler: str | None, workers: int
) -> Iterator[tuple[CharacteriseRequest, Characterised | str]]:
    if scheduler is None and workers == 0:
        yield from map(_measured, requests)
        return
    with DaskCluster.connect(scheduler, workers) as cluster:
        yield from cluster.map(_measured, requests)


def _measured(request: CharacteriseRequest) -> tuple[CharacteriseRequest, Characterised | str]:
    """Measure where this is called: what was found, or why it failed."""
    try:
        return request, characterise(plan_of(request), request.cache, request.out)
    except (ValueError, OSError, RuntimeError) as error:
        return request, str(error)


def _show(result: Characterised, files: Sequence[Path]) -> None:
    for table in _tables(result):
        console.print(table)
    for path in files:
        console.print(f"Written: {path}", style="dim", soft_wrap=True)


def plan_of(request: CharacteriseRequest) -> Plan:
    """What to measure: reads the library and the networks."""
    sizes = [request.config, *(sized(request.config, text) for text in request.fit_sizes)]
    held_sizes = [sized(request.config, text) for text in request.held_sizes]
    library = read_liberty(request.liberty)
    held_layers: dict[int, list[Gemm]] = {}
    if request.held_network:
        held_layers = _layers(request.held_network, None, request.held_images, request.bits)
        held_layers = {k: _spread(gemms, request.held_count) for k, gemms in held_layers.items()}
    return Plan(
        library=library,
        label=request.label,
        sizes=sizes,
        held_sizes=held_sizes,
        layers=_layers(request.network, request.data, request.images, request.bits),
        held_layers=held_layers,
        workload=LayersUsed(
            network=request.network,
            images=request.images,
            held_out=request.held_network,
            held_out_images=request.held_images,
            held_out_layers=tuple(gemm.name for gemm in next(iter(held_layers.values()), [])),
            bits=tuple(sorted(request.bits, reverse=True)),
        ),
        period_ps=request.period_ps or default_period(library),
        dont_use=[*DONT_USE, *request.dont_use],
        timeout_s=request.timeout_s,
    )


def sized(config: ArrayConfig, text: str) -> ArrayConfig:
    """The same PEs in an array of another size: ROWSxCOLS, or ROWSxCOLS:REQUANTISERS.

    Raises
    ------
    ValueError
        If it is not given so.
    """
    match = re.fullmatch(r"(\d+)x(\d+)(?::(\d+))?", text)
    if match is None:
        raise ValueError(f"Size must be ROWSxCOLS, such as 8x8 or 8x4:4, not {text!r}")
    rows, cols, units = match.groups()
    requantisers = None if units is None else int(units)
    return replace(config, rows=int(rows), cols=int(cols), requantisers=requantisers)


def shapes_of(config: ArrayConfig, text: str) -> list[ArrayConfig]:
    """The same array with PEs of other shapes, given as 16x2,8x1: lanes x planes.

    Raises
    ------
    ValueError
        If they are not given so, or one twice.
    """
    parts = [part.strip() for part in text.split(",")]
    found = [re.fullmatch(r"(\d+)x(\d+)", part) for part in parts]
    if None in found or len(set(parts)) < len(parts):
        raise ValueError(
            f"--shapes must be LANESxPLANES, such as 16x2,8x1, and each once, not {text!r}"
        )
    shapes = [tuple(map(int, match.groups())) for match in found if match is not None]
    return [
        replace(config, lanes=lanes, planes=planes, requantisers=None) for lanes, planes in shapes
    ]


def _layers(name: str, data: Path | None, count: int, bits: Sequence[int]) -> dict[int, list[Gemm]]:
    network = network_by_name(name)
    images, _ = images_by_name(name, data, network, examples=count)
    return {k: _gemms(network, images[:count], k) for k in bits}


def _spread(gemms: list[Gemm], count: int | None) -> list[Gemm]:
    """`count` of the layers, evenly spread, the first and the last among them; None for all."""
    if count is None or count >= len(gemms):
        return gemms
    return [gemms[round(i * (len(gemms) - 1) / max(count - 1, 1))] for i in range(count)]


def _gemms(network: Network, images: npt.NDArray[np.uint8], bits: int) -> list[Gemm]:
    gemms: list[Gemm] = []
    each_gemm(network, images, bits, gemms.append)
    return gemms


def _as_dictionary(result: Characterised, files: Sequence[Path]) -> dict[str, Any]:
    """The tables' numbers; the files have all figures."""
    figures = result.figures.figures
    return {
        "library": figures.library,
        "lanes": figures.lanes,
        "planes": figures.planes,
        "bits": [
            _energy_line(k, size, own)
            for k in sorted(figures.bits, reverse=True)
            for size, own in figures.bits[k].measured.items()
        ],
        "sizes": [
            {
                "rows": size.rows,
                "cols": size.cols,
                "area_um2": size.area_um2,
                "period_ps": size.period_ps,
                "longest_path": size.longest_path,
            }
            for size in figures.sizes
        ],
        "held_out": [
            {
                "network": entry.network,
                "size": f"{entry.config.rows}x{entry.config.cols}",
                "k": entry.bits,
                "pj_per_mac": float(f"{entry.pj_per_mac:.6g}"),
                "error": float(f"{entry.error:.6g}"),
            }
            for entry in result.held_out_errors
        ],
        "files": [str(path) for path in files],
    }


def _energy_line(k: int, size: str, own: MacFigures) -> dict[str, Any]:
    """Energy of a MAC at k bits: with the wires as estimated, without, with twice as many."""
    none, one, two = (own.pj_per_mac[scale] for scale in WIRES)
    return {
        "k": k,
        "size": size,
        "pj_per_mac": one,
        "pj_per_mac_wires_x0": none,
        "pj_per_mac_wires_x2": two,
        "pj_per_mac_with_glitches": one * own.glitch_factor,
    }


def _tables(result: Characterised) -> list[Table]:
    found = _as_dictionary(result, [])
    energy = new_table(
        ("k", "size", "pJ/MAC", "wires x0", "wires x2", "with glitches"),
        (
            [str(k), size, *(f"{value:.3f}" for value in values)]
            for k, size, *values in (line.values() for line in found["bits"])
        ),
        words=("k",),
        title=f"{found['lanes']} lanes x {found['planes']} planes, {found['library']}",
    )
    sizes = new_table(
        ("size", "area mm2", "period ns", "longest path"),
        (
            [
                f"{size['rows']} x {size['cols']}",
                f"{size['area_um2'] / 1e6:.3f}",
                f"{size['period_ps'] / 1e3:.2f}",
                size["longest_path"],
            ]
            for size in found["sizes"]
        ),
        words=("size",),
    )
    held = new_table(
        ("held out", "size", "k", "pJ/MAC", "error"),
        (
            [
                *(entry["network"], entry["size"], str(entry["k"])),
                *(f"{entry['pj_per_mac']:.3f}", f"{entry['error']:+.1%}"),
            ]
            for entry in found["held_out"]
        ),
        words=("held out",),
    )
    return [energy, sizes, held] if held.row_count else [energy, sizes]
