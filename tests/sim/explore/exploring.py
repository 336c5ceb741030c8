"""A small exploration of digits, for tests."""

from truncmac.sim.explore.evaluators import evaluator_of
from truncmac.sim.explore.folder import ExplorationFolder
from truncmac.sim.explore.run import executor, explore_all
from truncmac.sim.explore.settings import spec_of

SPACE = {"rows": "2..6", "cols": [2, 4, 6], "lanes": 4, "planes": [1, 2], "clock_mhz": "50,100"}
OBJECTIVES = ["images_per_s", "peak_macs", "clock_mhz"]


def evaluator_for(**settings):
    base = {"workloads": "digits", "bits": "8,2", "objectives": OBJECTIVES, "space": SPACE}
    return evaluator_of(spec_of(base | settings))


def run_in(path, evaluator, *, resume=False, how=explore_all):
    folder = ExplorationFolder(path, evaluator)
    folder.begin(resume)
    with executor(folder, None, 0, 1) as run:
        return how(folder, run)


def points(found):
    return {key: front.table["point"].tolist() for key, front in found.fronts.groups.items()}


def part_bytes(folder):
    return {path.name: path.read_bytes() for path in (folder / "parts").iterdir()}
