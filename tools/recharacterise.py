"""Makes the package's figures again, each as its file says, and the table of runs beside them.

`make characterise LIBERTY_DIR=FOLDER` does it. Netlists and runs are kept in the cache, so a call
that was stopped goes on where it was when it is given again.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tools.energy_runs import TABLE, RunTable, SynthesisedArray, read_table, write_table
from truncmac.commands.characterise import CharacteriseRequest, characterise_one
from truncmac.golden.files import write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.characterise.sram import sram_figures
from truncmac.sim.energy.figures import FOLDER, CoreFigures, read_figures
from truncmac.sim.energy.macros import read_srams
from truncmac.sim.netlist.mapping import DONT_USE
from truncmac.terminal import Terminal

__all__ = ["held_request", "main", "remake", "request_of"]

CACHE = Path("build/energy")
console = Terminal()
HELD_BITS = (8, 4, 2, 1)  # at which arrays are measured that no figure is made from


def main(arguments: Sequence[str] = ()) -> int:
    """Make all figures again from the libraries in a folder; 2 if some could not be made."""
    given = list(arguments or sys.argv[1:])
    if len(given) != 1 or not Path(given[0]).is_dir():
        console.print("LIBERTY_DIR must be the folder of the Liberty files, or of their folders")
        return 2
    failed = remake(Path(given[0]))
    for line in failed:
        console.print(line, soft_wrap=True)
    return 2 if failed else 0


def remake(
    libraries: Path, folder: Path = FOLDER, cache: Path = CACHE, table: Path = TABLE
) -> list[str]:
    """Make every file of figures in `folder` again; return a line for each that could not be made.

    A file is replaced when all of it was measured; the others stay as they are. So it is with
    the runs of each PE shape in the table.
    """
    failed = []
    for path in sorted(folder.glob("*.json")):
        if path.name == "published.json":
            continue
        console.print(f"Making {path.name}")
        try:
            if path.stem.endswith("_sram"):
                _remake_srams(path, libraries)
            else:
                request = request_of(read_figures(path), path, libraries, cache)
                _remake_core(request, table)
        except (ValueError, RuntimeError, OSError) as error:
            failed.append(f"{path.name} was not made: {error}")
    return failed


def _remake_srams(path: Path, libraries: Path) -> None:
    known = read_srams(path)
    write_bytes(path, sram_figures(_files(known.files_sha256, libraries), known.library))


def _remake_core(request: CharacteriseRequest, table: Path) -> None:
    """Make a file of figures, and measure the arrays that the table has beside its own."""
    known = read_table(table) if table.exists() else RunTable()
    shape = request.label, request.config.lanes, request.config.planes
    runs = list(characterise_one(request, as_json=False).runs)
    arrays = []
    if others := [array.config for array in known.arrays_of(*shape)]:
        found = characterise_one(held_request(request, others), as_json=False)
        runs += [own for own in found.runs if own.config in others]
        arrays = [
            SynthesisedArray(size.config, size.area_um2_by_place)
            for size in found.figures.figures.sizes
            if size.held_out
        ]
    write_table(known.with_shape(*shape, runs, arrays), table)


def held_request(
    request: CharacteriseRequest, arrays: Sequence[ArrayConfig]
) -> CharacteriseRequest:
    """What measures arrays that no figure is made from, on the layers of the network alone."""
    return replace(
        request,
        held_sizes=[_size(config) for config in arrays],
        held_network="",
        bits=[k for k in request.bits if k in HELD_BITS],
        out=request.cache / f"held_{request.out.name}",
    )


def _files(names: Mapping[str, str], libraries: Path) -> list[Path]:
    """The Liberty files of these names, anywhere in the folder."""
    found = []
    for name in names:
        matches = sorted(libraries.rglob(name))
        if not matches:
            raise ValueError(f"{libraries} must have the Liberty file {name}")
        found.append(matches[0])
    return found


def request_of(
    figures: CoreFigures, out: Path, libraries: Path, cache: Path
) -> CharacteriseRequest:
    """What made a file of figures, by what it says of itself."""
    library, method = figures.provenance.library, figures.provenance.method
    layers = figures.provenance.workload
    first, *others = figures.sizes
    return CharacteriseRequest(
        liberty=_files(library.files_sha256, libraries),
        srams=[],
        label=library.label,
        config=first.config,
        fit_sizes=[_size(size.config) for size in others if not size.held_out],
        held_sizes=[_size(size.config) for size in others if size.held_out],
        network=layers.network,
        data=None,
        images=layers.images,
        held_network=layers.held_out,
        held_images=layers.held_out_images,
        held_count=len(layers.held_out_layers) or None,
        bits=layers.bits,
        period_ps=method.clock_target_ps,
        dont_use=[name for name in method.dont_use if name not in DONT_USE],
        cache=cache,
        out=out,
    )


def _size(config: ArrayConfig) -> str:
    """An array's size, as the command takes it."""
    return f"{config.rows}x{config.cols}:{config.requantisers}"


if __name__ == "__main__":
    raise SystemExit(main())
