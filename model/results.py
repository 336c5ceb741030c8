"""The results of many training runs in one JSON file, each kept as soon as it is finished."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from truncmac.golden.files import write_bytes
from truncmac.golden.types import Reals
from truncmac.version import __version__

from .recipes import Recipe

__all__ = ["Accuracies", "Results", "describe_runs", "spread"]

FORMAT = "truncmac-training-results"
VERSION = 1

# Accuracies of one run: a list of shares in [0, 1] for each thing that was measured
Accuracies = Mapping[str, Sequence[float]]


def describe_runs(kind: str, network: str, dataset: str, recipe: Recipe) -> dict[str, Any]:
    """What the runs of a file have in common: all but each run's own seed and scheme."""
    common = {k: v for k, v in asdict(recipe).items() if k not in ("seed", "scheme")}
    versions = {
        "truncmac": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    return {
        "kind": kind,
        "network": network,
        "dataset": dataset,
        "recipe": common,
        "versions": versions,
    }


class Results:
    """Runs by name and seed. The file is whole after each run, whatever happens.

    Parameters
    ----------
    path : the JSON file; None: runs are kept in memory alone
    description : see `describe_runs`; it holds what JSON can hold
    go_on : keep the runs that the file has
    writes : write the file; of several processes only the first one does

    Raises
    ------
    ValueError
        If the file is there and `go_on` is not set, if it is not of this format, or if it holds
        other runs: names what differs.
    """

    def __init__(
        self,
        path: Path | None,
        description: Mapping[str, Any],
        *,
        go_on: bool = False,
        writes: bool = True,
    ) -> None:
        self.path = path if writes else None
        self.description: dict[str, Any] = json.loads(json.dumps(description))
        self.runs: dict[tuple[str, int], Accuracies] = {}
        if path is not None and path.exists():
            if not go_on:
                raise ValueError(f"{path} exists: go on with --resume, or choose another --out")
            self.runs = _load(path, self.description)

    def add(self, name: str, seed: int, accuracies: Accuracies) -> None:
        """Keep a finished run."""
        self.runs[name, seed] = {key: list(map(float, v)) for key, v in accuracies.items()}
        if self.path is None:
            return
        runs = [{"name": n, "seed": s, "accuracies": a} for (n, s), a in self.runs.items()]
        whole = {"format": FORMAT, "version": VERSION, **self.description, "runs": runs}
        whole["sha256"] = _digest(whole)
        write_bytes(self.path, (json.dumps(whole, indent=1) + "\n").encode())


def _load(path: Path, description: Mapping[str, Any]) -> dict[tuple[str, int], Accuracies]:
    try:
        whole = json.loads(path.read_bytes())
        if whole["format"] != FORMAT or whole["version"] != VERSION:
            raise ValueError(f"{path}: is no file of training results of version {VERSION}")
        if set(whole) - {"sha256"} != {"format", "version", *description, "runs"}:
            raise KeyError(f"fields are {', '.join(whole)}")
        if "sha256" in whole and whole["sha256"] != _digest(whole):
            raise TypeError("its content has another SHA-256")
        runs: dict[tuple[str, int], Accuracies] = {
            (str(run["name"]), int(run["seed"])): {
                str(key): list(map(float, values)) for key, values in run["accuracies"].items()
            }
            for run in whole["runs"]
        }
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: is damaged: {error!r}; choose another --out") from error
    for name, value in _flat(description).items():
        theirs = _flat(whole).get(name)
        if theirs != value:
            raise ValueError(
                f"{path}: its runs have {name} = {theirs!r}, not {value!r}: choose another --out"
            )
    return runs


def _digest(whole: Mapping[str, Any]) -> str:
    """SHA-256 of all fields but itself."""
    named = {name: value for name, value in whole.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def spread(values: Reals) -> tuple[Reals, ...]:
    """Mean and sample deviation, in percent, over the first axis of shares: that of the seeds.

    The deviation is NaN if there is one seed.
    """
    if len(values) == 1:
        return 100 * values[0], np.full(values.shape[1:], np.nan)
    return 100 * values.mean(axis=0), 100 * values.std(axis=0, ddof=1)
