"""Measures a core's netlist: builds it once, runs layers on it, and adds up energy by place."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from truncmac.golden import Gemm
from truncmac.golden.files import keep, kept
from truncmac.golden.types import Reals
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.hw.verilog import TOP, core_verilog
from truncmac.integers import ceil_div
from truncmac.sim.energy.figures import STATED, WIRES
from truncmac.sim.energy.places import PLACES, Counts, place_of
from truncmac.sim.energy.switching import Switching, mean_switching
from truncmac.sim.netlist.fanout import add_buffers
from truncmac.sim.netlist.flat import Netlist, flatten
from truncmac.sim.netlist.gates import PARALLEL_STREAMS, GateSimulator
from truncmac.sim.netlist.glitches import Probe
from truncmac.sim.netlist.library import Library
from truncmac.sim.netlist.mapping import MappingOptions, map_verilog
from truncmac.sim.netlist.power import POWER_PARTS, PowerModel
from truncmac.sim.netlist.timing import Timing, analyse_timing, fo4

from .freshness import rtl_sha256
from .lockstep import GateRun, run_parts
from .parts import parts, used_part

__all__ = [
    "TILES",
    "TIMED_CYCLES",
    "Core",
    "Measured",
    "PlaceEnergy",
    "TimedEnergy",
]


TILES = 6  # of each stream
TIMED_CYCLES = 48  # of each run
NO_PAUSES = (0, 0)
WAITING = ("stalled_activations", "stalled_weights", "stalled_parameters")
VERSION = 9  # of what a cached measurement holds


class PlaceEnergy(NamedTuple):
    """Energy of a place in a run, fJ: of its data, of gated clocks and of the root clock."""

    data_fj: float
    gated_clock_fj: float
    root_clock_fj: float


class TimedEnergy(NamedTuple):
    """Energy of a place in the timed cycles, fJ, without clocks: with delays, and settled."""

    delayed_fj: float
    settled_fj: float


@dataclass(frozen=True)
class Measured:
    """A run of a layer at one bit-width on one netlist. Energies are the mean of all streams.

    Attributes
    ----------
    layer, bits, rows, cols : name and k of the layer, rows and columns of the array
    counts : events of a stream
    switching : what toggled in the data
    rows_used, columns_used : shares of the tiles' rows and columns that hold outputs
    macs : multiply-accumulates of a stream, without those of padding
    layer_macs : multiply-accumulates of the whole layer
    places : energy by place
    timed : energy by place in the timed cycles; zeros in a run with pauses
    totals_fj : energy without leakage and glitches, at each of `WIRES`
    outputs, mismatches : number of outputs that were compared with golden, and that differ
    """

    layer: str
    bits: int
    rows: int
    cols: int
    counts: Counts
    switching: Switching
    rows_used: float
    columns_used: float
    macs: float
    layer_macs: int
    places: dict[str, PlaceEnergy]
    timed: dict[str, TimedEnergy]
    totals_fj: list[float]
    outputs: int
    mismatches: int


class Core:
    """The mapped netlist of a core.

    Parameters
    ----------
    config : ArrayConfig
    library : Library
    options : MappingOptions
    cache : folder for netlists, simulators and measurements
    """

    def __init__(
        self, config: ArrayConfig, library: Library, options: MappingOptions, cache: Path
    ) -> None:
        self.config, self.cache = config, cache
        verilog = core_verilog(config)
        self.rtl_sha256 = rtl_sha256(verilog)
        json_netlist = map_verilog(verilog, TOP, library, options, cache)
        self.netlist: Netlist = flatten(json_netlist, TOP, library)
        add_buffers(self.netlist, fo4(library)[1])
        self.timing: Timing = analyse_timing(self.netlist)
        self.simulator = GateSimulator(self.netlist, cache)
        self.models = [PowerModel(self.netlist, self.timing.mean_slew, scale) for scale in WIRES]
        self._stated = self.models[WIRES.index(STATED)]
        self.probe = Probe(self.netlist, self.timing, self.simulator.kinds)
        self._places = list(PLACES)
        owners = [self._places.index(place_of(scope)) for scope in self.netlist.scopes]
        self.place_of_scope = np.array(owners)
        content = [self.rtl_sha256, repr(options), repr(sorted(library.files.items()))]
        self._key = "\0".join([*content, str(VERSION)])

    def area(self) -> dict[str, float]:
        """Cell area of each place, um2."""
        values = np.array(list(self.netlist.area_by_scope().values()))
        return self._by_place(values)

    def leakage(self) -> dict[str, float]:
        """Leakage of each place, nW."""
        values = np.zeros(len(self.netlist.scopes))
        for group in self.netlist.groups:
            np.add.at(values, group.scopes, group.cell.leakage)
        return self._by_place(values)

    def _by_place(self, values: Reals) -> dict[str, float]:
        total = np.zeros(len(self._places))
        np.add.at(total, self.place_of_scope, values)
        return dict(zip(self._places, total.tolist(), strict=True))

    def measure(
        self,
        gemm: Gemm,
        tiles: int = TILES,
        pauses: tuple[int, int] = NO_PAUSES,
        used: tuple[float, float] | None = None,
    ) -> Measured:
        """Run parts of a layer, or take the measurement from the cache if it is whole there.

        Parameters
        ----------
        tiles : row tiles of a part
        pauses : in how many of 256 cycles the inputs pause, and the results
        used : shares of the tiles' rows and columns that hold outputs; by default they follow from
            the layer's sizes

        Raises
        ------
        RuntimeError
            If the netlist's outputs differ from golden.
        """
        cut = parts(gemm, self.config, tiles)
        digest = hashlib.sha256(self._key.encode())
        used = used or used_part(gemm, self.config)
        run = (gemm.name, gemm.bits, gemm.offset, gemm.macs, tiles, pauses, used)
        digest.update(repr(run).encode())
        for part in cut:
            digest.update(part.activations.tobytes() + part.codes.tobytes())
        file = self.cache / f"run_{digest.hexdigest()[:24]}.json"
        content = kept(file)
        if content is not None:
            return _from_cache(json.loads(content))
        measured = self._run(gemm, cut, pauses, used)
        keep(file, json.dumps(asdict(measured)).encode())
        return measured

    def _run(
        self,
        gemm: Gemm,
        cut: Sequence[Gemm],
        pauses: tuple[int, int],
        used: tuple[float, float],
    ) -> Measured:
        inputs, results = pauses
        probe = self.probe if pauses == NO_PAUSES else None  # what a pause adds has few glitches
        if probe is not None:
            probe.reset(_stride(cut[0], self.config))
        run = run_parts(
            self.simulator,
            cut,
            self.config,
            inputs,
            None if probe is None else probe.reference,
            result_stall=results,
        )
        if run.mismatches:
            raise RuntimeError(
                f"Layer {gemm.name!r}, k = {gemm.bits}: {run.mismatches} of {run.outputs} outputs "
                "of the netlist differ from golden"
            )
        counters = run.counters
        rows_used, columns_used = used
        return Measured(
            layer=gemm.name,
            bits=gemm.bits,
            rows=self.config.rows,
            cols=self.config.cols,
            counts=Counts(
                cycles=counters["cycles"],
                chunks=counters["chunks"],
                beats=counters["beats"],
                tiles=counters["tiles"],
                sets=run.parameter_sets,
                residual_rows=run.residual_rows,
                raw_tiles=counters["tiles"] if gemm.requant is None else 0,
                waiting=sum(counters[name] for name in WAITING),
                held=counters["stalled_output"],
            ),
            switching=mean_switching(cut, self.config, used),
            rows_used=rows_used,
            columns_used=columns_used,
            macs=rows_used * columns_used * run.macs / PARALLEL_STREAMS,
            layer_macs=gemm.macs,
            places=self._place_energies(run),
            timed=self._timed_energies(run, probe),
            totals_fj=[model.energy(run.activity).dynamic_fj for model in self.models],
            outputs=run.outputs,
            mismatches=run.mismatches,
        )

    def _place_energies(self, run: GateRun) -> dict[str, PlaceEnergy]:
        """Energy of each place, with wires as estimated."""
        table = np.zeros((len(self._places), len(PlaceEnergy._fields)))
        columns = {"switching": 0, "internal": 0, "gated_clock": 1, "root_clock": 2}
        stated = self._stated.energy(run.activity).parts
        for index, part in enumerate(POWER_PARTS):
            np.add.at(table[:, columns[part]], self.place_of_scope, stated[:, index])
        rows = table.tolist()
        return {name: PlaceEnergy(*row) for name, row in zip(self._places, rows, strict=True)}

    def _timed_energies(self, run: GateRun, probe: Probe | None) -> dict[str, TimedEnergy]:
        """Energy of each place in the timed cycles, with wires as estimated."""
        table = np.zeros((len(self._places), len(TimedEnergy._fields)))
        if probe is not None:
            timed = probe.activities(run.activity.ones, run.activity.cycles)
            for column, activity in enumerate(timed):
                data = self._stated.energy(activity).parts[:, :2].sum(axis=1)
                np.add.at(table[:, column], self.place_of_scope, data)
        rows = table.tolist()
        return {name: TimedEnergy(*row) for name, row in zip(self._places, rows, strict=True)}


def _from_cache(data: dict[str, Any]) -> Measured:
    known = {
        "counts": Counts(**data["counts"]),
        "switching": Switching(**data["switching"]),
        "places": {name: PlaceEnergy(*own) for name, own in data["places"].items()},
        "timed": {name: TimedEnergy(*own) for name, own in data["timed"].items()},
    }
    return Measured(**data | known)


def _stride(gemm: Gemm, config: ArrayConfig) -> int:
    """Cycles from one timed cycle to the next, such that about `TIMED_CYCLES` are timed."""
    beats = ceil_div(gemm.rows, config.rows) * ceil_div(gemm.reduction, config.lanes)
    return max(1, beats * chunk_count(gemm.bits, config.planes) // TIMED_CYCLES)


def measure_all(
    core: Core, layers: Sequence[Gemm], on_progress: Callable[[], None] = lambda: None
) -> list[Measured]:
    """Measure layers in order."""
    found = []
    for gemm in layers:
        found.append(core.measure(gemm))
        on_progress()
    return found
