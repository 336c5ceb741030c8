"""The table of runs that the energy model's errors are of: tests/sim/energy/data/runs.json.

Runs are grouped by array and layer. Each has what the model needs to predict it, which no library
changes, and the energy that was measured with each library.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.places import Counts
from truncmac.sim.energy.runs import LayerRun
from truncmac.sim.energy.switching import Switching

__all__ = ["TABLE", "RunTable", "SynthesisedArray", "read_table", "write_table"]

TABLE = Path(__file__).parents[1] / "tests" / "sim" / "energy" / "data" / "runs.json"

DIGITS = 6  # of each number: more would claim too much
# What a layer has, and each of its runs: fields of the run, of its counts, of its switching
LAYER = ("network", "layer", "held_out", "paused", "rows_used", "columns_used")
LAYER_MACS = ("macs", "layer_macs")
LAYER_COUNTS = ("beats", "tiles", "sets", "residual_rows", "raw_tiles")
RUN = ("network_bits", "bits")
RUN_COUNTS = ("cycles", "chunks", "waiting", "held")
SWITCHING = ("density", "weight_toggles", "adder_toggles", "sum_toggles")
OF_LAYER = (*LAYER, *LAYER_MACS, *LAYER_COUNTS)
OF_RUN = (*RUN, *RUN_COUNTS, *SWITCHING)


@dataclass(frozen=True)
class SynthesisedArray:
    """An array that was synthesised only to see how well the figures predict it.

    Attributes
    ----------
    area_um2 : cell area by place
    """

    config: ArrayConfig
    area_um2: Mapping[str, float]


@dataclass(frozen=True)
class RunTable:
    """Runs, and arrays that no figures are made from, each by library."""

    runs: dict[str, Sequence[LayerRun]] = field(default_factory=dict)
    arrays: dict[str, Sequence[SynthesisedArray]] = field(default_factory=dict)

    def runs_of(self, library: str, lanes: int, planes: int) -> list[LayerRun]:
        """Runs of one PE shape in one library."""
        runs = self.runs.get(library, ())
        return [run for run in runs if _shape(run.config) == (lanes, planes)]

    def arrays_of(self, library: str, lanes: int, planes: int) -> list[SynthesisedArray]:
        """Arrays of one PE shape in one library."""
        arrays = self.arrays.get(library, ())
        return [array for array in arrays if _shape(array.config) == (lanes, planes)]

    def with_shape(
        self,
        library: str,
        lanes: int,
        planes: int,
        runs: Sequence[LayerRun],
        arrays: Sequence[SynthesisedArray],
    ) -> "RunTable":
        """The table with these runs and arrays in the place of all that it has of the shape."""
        kept_runs = [r for r in self.runs.get(library, ()) if _shape(r.config) != (lanes, planes)]
        kept = [a for a in self.arrays.get(library, ()) if _shape(a.config) != (lanes, planes)]
        return RunTable(
            self.runs | {library: [*kept_runs, *runs]}, self.arrays | {library: [*kept, *arrays]}
        )


def _shape(config: ArrayConfig) -> tuple[int, int]:
    return config.lanes, config.planes


def read_table(path: Path = TABLE) -> RunTable:
    """The table that a file has."""
    data = json.loads(path.read_text())
    libraries = data["of_run"][len(OF_RUN) :]
    runs: dict[str, list[LayerRun]] = {library: [] for library in libraries}
    arrays: dict[str, list[SynthesisedArray]] = {library: [] for library in libraries}
    for array in data["arrays"]:
        config = ArrayConfig(**array["config"])
        for library, area in array["area_um2"].items():
            arrays[library].append(SynthesisedArray(config, area))
        for layer in array["layers"]:
            known = dict(zip(data["of_layer"], layer["layer"], strict=True))
            for numbers in layer["runs"]:
                line = known | dict(zip(data["of_run"], numbers, strict=True))
                for library in libraries:
                    if line[library] is not None:
                        runs[library].append(_run(config, line, line[library]))
    return RunTable(runs, arrays)


def _run(config: ArrayConfig, line: Mapping[str, Any], measured_pj: float) -> LayerRun:
    def named(names: Sequence[str]) -> dict[str, Any]:
        return {name: line[name] for name in names}

    return LayerRun(
        **named((*LAYER, *LAYER_MACS, *RUN)),
        config=config,
        counts=Counts(**named((*LAYER_COUNTS, *RUN_COUNTS))),
        switching=Switching(**named(SWITCHING)),
        measured_pj=measured_pj,
    )


def write_table(table: RunTable, path: Path = TABLE) -> None:
    """Write the table, a line for each run."""
    libraries = sorted(table.runs | table.arrays)
    every = {run.config for runs in table.runs.values() for run in runs}
    every |= {array.config for arrays in table.arrays.values() for array in arrays}
    configs = sorted(every, key=lambda c: (c.lanes, c.planes, c.rows * c.cols, c.rows, c.name))
    data = {
        "of_layer": OF_LAYER,
        "of_run": [*OF_RUN, *libraries],
        "arrays": [
            {
                "config": asdict(config),
                "area_um2": {
                    library: {place: _short(area) for place, area in array.area_um2.items()}
                    for library in libraries
                    for array in table.arrays.get(library, ())
                    if array.config == config
                },
                "layers": _layers(table, libraries, config),
            }
            for config in configs
        ],
    }
    text = json.dumps(data, indent=0)
    a_line_each = re.sub(r"\[[^][{}]*\]", lambda numbers: "".join(numbers[0].split()), text)
    write_bytes(path, f"{a_line_each}\n".encode())


def _layers(table: RunTable, libraries: Sequence[str], config: ArrayConfig) -> list[dict[str, Any]]:
    """Layers of an array with their runs, those that differ in the measured energy alone joined."""
    layers: dict[tuple[Any, ...], dict[tuple[Any, ...], dict[str, float]]] = {}
    for library in libraries:
        for run in table.runs.get(library, ()):
            if run.config == config:
                known = vars(run) | vars(run.counts) | vars(run.switching)
                layer = tuple(_short(known[name]) for name in OF_LAYER)
                line = tuple(_short(known[name]) for name in OF_RUN)
                layers.setdefault(layer, {}).setdefault(line, {})[library] = _short(run.measured_pj)
    return [
        {
            "layer": layer,
            "runs": [[*line, *map(measured.get, libraries)] for line, measured in lines.items()],
        }
        for layer, lines in layers.items()
    ]


def _short(value: Any) -> Any:
    """A number of `DIGITS` digits, or the value as it is."""
    if isinstance(value, float):
        value = float(f"{value:.{DIGITS}g}")
        return int(value) if value.is_integer() else value
    return value
