"""Writes old and new content in turn and is killed, many times: `python kills.py KIND FOLDER`.

Prints a line for each kill: what is on disk then, "old", "new", or what else. The child is a
process of its own, ended by SIGKILL.
"""

KILLS = 25
LONGEST_S = 0.05  # of a child's life


def export_case(folder):
    """Memories of a network for an array, of two bit-widths' parameters."""
    from truncmac.commands import write_files
    from truncmac.golden import builtin_network
    from truncmac.hw.config import ArrayConfig
    from truncmac.sim.deploy import deployment

    contents = [deployment(builtin_network(), ArrayConfig(4, 4), bits) for bits in ([8], [1])]

    def read():
        return {name: (folder / name).read_bytes() for name in contents[0]}

    return [lambda c=content: write_files(folder, c) for content in contents], read, contents


def checkpoint_case(folder):
    """A training run's state after one epoch and after two."""
    import numpy as np
    from safetensors.numpy import load_file, save

    from truncmac.golden import write_bytes

    path = folder / "checkpoint.safetensors"
    contents = [{"w": np.full(200_000, value, np.float32)} for value in (1, 2)]
    texts = [save(content) for content in contents]
    return (
        [lambda t=text: write_bytes(path, t) for text in texts],
        lambda: {"w": load_file(path)["w"].tobytes()},
        [{"w": content["w"].tobytes()} for content in contents],
    )
