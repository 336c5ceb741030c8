"""A writer that is killed, many times: `python -m tests.faults.kills KIND FOLDER COUNT`.

A child writes content 0 and content 1 in turn for as long as it lives, which SIGKILL ends at
another moment each time; then every file must be whole, as content 0 or 1 has it. Prints as JSON
how often a file was of either, and what was wrong.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

MOST = 5  # times as many kills as asked for, until both contents were found


def export(folder):
    """The memories of a network for an array, parameters of two bit-widths exchanged."""
    from truncmac.golden import builtin_network
    from truncmac.golden.files import write_all
    from truncmac.hw.config import ArrayConfig
    from truncmac.sim.axi.deployment import deployment

    network = builtin_network()
    arrays = [ArrayConfig(4, 4, lanes, 1, requantisers=4) for lanes in (4, 8)]
    sets = [deployment(network, config, [8]) for config in arrays]
    files = [{folder / name: data for name, data in some.items()} for some in sets]
    return [lambda some=some: write_all(some) for some in files]


def checkpoint(folder):
    """The state of a training run before its first epoch and after."""
    from truncmac.model.checkpoint import new_model, save_checkpoint
    from truncmac.model.data import digits
    from truncmac.model.recipes import Recipe
    from truncmac.model.training import Trainer

    split, recipe = digits(), Recipe(epochs=1)
    trainers = [Trainer(new_model("mlp", split.shape, recipe), split, recipe) for _ in range(2)]
    trainers[1].train_epoch()
    path = folder / "checkpoint.safetensors"
    return [lambda trainer=trainer: save_checkpoint(path, trainer, "mlp") for trainer in trainers]


def exploration(folder):
    """Rows of a chunk, of two sets of designs."""
    from tests.sim.explore.exploring import evaluator_for
    from truncmac.sim.explore.chunks import Chunk
    from truncmac.sim.explore.folder import ExplorationFolder
    from truncmac.sim.explore.workers import evaluate_chunk

    evaluator = evaluator_for()
    whole = ExplorationFolder(folder, evaluator)
    chunks = [Chunk(0, range(8)), Chunk(0, range(8, 16))]
    results = [evaluate_chunk(evaluator, chunk) for chunk in chunks]
    return [lambda result=result: whole.write(result) for result in results]


def measurement(folder):
    """What a characterisation keeps of a run, of two kinds; a file of 2 MB, as netlists have."""
    from truncmac.golden.files import keep, kept

    contents = [bytes([n]) * (2 << 20) for n in (1, 2)]
    path = folder / "run.json"

    def write(content):
        if kept(path) not in (None, *contents):
            raise AssertionError("what was kept is neither")
        keep(path, content)

    return [lambda content=content: write(content) for content in contents]


def careless(folder):
    """A file that is written where it stands: what a reader must not find is found."""
    return [lambda n=n: (folder / "file").write_bytes(bytes([n]) * (20 << 20)) for n in (1, 2)]


CASES = {case.__name__: case for case in (export, checkpoint, exploration, measurement, careless)}


def contents(folder):
    """Bytes of each file that is there under its own name."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    return {path.name: path.read_bytes() for path in files}


def live(write):
    """Write until killed."""
    while True:
        for each in write:
            each()


def main(kind, folder, count):
    """Kill, look, and again: `count` times, and on until files were found of both contents."""
    write = CASES[kind](folder)
    whole, took = [], []
    for each in write:
        each()  # the first time takes longest, and is not what the moments are drawn from
        start = time.monotonic()
        each()
        took.append(time.monotonic() - start)
        whole.append(contents(folder))
    noise = random.Random(0)
    seen, wrong = [0, 0], []
    killed = 0
    while killed < count or (min(seen) == 0 and killed < MOST * count):
        child = os.fork()
        if child == 0:
            live(write)
        time.sleep(noise.uniform(0, 3 * sum(took)))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            wrong.append(f"the writer ended by itself, {status}")
        killed += 1
        for name, data in contents(folder).items():
            if data not in (whole[0].get(name), whole[1].get(name)):
                wrong.append(f"{name}: {len(data)} bytes of neither")
            else:
                seen[data == whole[1][name]] += 1
    print(json.dumps({"kills": killed, "seen": seen, "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
