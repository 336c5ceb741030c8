"""Writes what the documents take from the code: pictures, and the blocks between markers."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tools.docs.command_reference import command_reference
from tools.docs.energy_tables import energy_tables, stalls
from tools.docs.explore_tables import prediction_table
from tools.docs.notebook import tutorial_notebook
from tools.docs.report_tables import reference_table
from tools.docs.tiles import picture as tiles_picture
from tools.docs.timing import picture
from tools.docs.truncation import picture as truncation_picture
from tools.docs.waveform import picture as waveform_picture
from truncmac.golden import builtin_images, builtin_network, network_accuracy
from truncmac.golden.files import write_bytes
from truncmac.hw.axi.registers import register_table
from truncmac.hw.streams import stream_table

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md"] + [
    ROOT / "docs" / f"{name}.md"
    for name in (
        "explanation/energy",
        "howto/explore",
        "howto/report",
        "howto/workloads",
        "reference/axi",
        "reference/streams",
    )
]


def targets():
    """What `make help` prints."""
    make = shutil.which("make") or "make"
    result = subprocess.run([make, "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line for line in result.stdout.splitlines() if not line.startswith("make[")]
    return "```\n" + "\n".join(lines) + "\n```\n"


def results():
    """A row for each k: the shipped network's accuracy, and its cycles and energy by the models."""
    array = ["--rows", "8", "--cols", "8", "--lanes", "8", "--planes", "1", "-k", "8,4,2,1"]
    report = json.loads(_truncmac(["report", "digits", *array, "--format", "json"]))
    network, (images, labels) = builtin_network(), builtin_images()
    rows = [
        "| k | accuracy | cycles | speed-up | energy of the core, uJ |",
        "|---|---|---|---|---|",
    ]
    for total in report["totals"]:
        accuracy = network_accuracy(network, images, labels, total["k"])
        rows.append(
            f"| {total['k']} | {accuracy:.2%} | {total['cycles']:,} | {total['speedup']:.2f} | "
            f"{total['energy_pj'] / 1e6:.2f} |"
        )
    return "\n".join(rows) + "\n"


def _truncmac(arguments, **options):
    command = [sys.executable, "-c", "from truncmac.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


def allocation():
    """What `truncmac allocate` prints."""
    text, _ = printed(
        "allocate --budget 40% --plot front.svg --export mixed.safetensors",
        columns=100,
    )
    return text


EXPLORE_ENERGY = r"""explore --workloads digits -k 8,4,2,1 --front workload \
    --rows 4..16x2 --cols 4..16x2 --lanes 4,8,16,32 --planes 1,2,8 \
    --objectives energy_uj,area_mm2 --where 'accuracy>=0.85' --where 'images_per_s>=10000' \
    --out build/energy --plot energy.svg"""


@cache
def explored_energy():
    """What `truncmac explore` prints of the question of energy, and its picture."""
    return printed(EXPLORE_ENERGY, columns=120, picture="energy.svg")


def printed(command, columns, picture=None):
    """A command of truncmac and what it prints, as a document shows it; and a file it writes."""
    arguments = shlex.split(command.replace("\\\n", " "))
    environment = os.environ | {"COLUMNS": str(columns)}
    with tempfile.TemporaryDirectory() as folder:
        shown = _truncmac(arguments, cwd=folder, env=environment)
        drawn = (Path(folder) / picture).read_text() if picture else ""
    lines = "\n".join(line.rstrip() for line in shown.splitlines())
    return f"```console\n$ truncmac {command}\n```\n\n```\n{lines}\n```\n", drawn


BLOCKS = {
    "results": results,
    "streams": stream_table,
    "registers": register_table,
    "targets": targets,
    "allocate": allocation,
    "report": lambda: printed("report digits --format table", columns=80)[0],
    "reference": reference_table,
    "energy": energy_tables,
    "stalls": stalls,
    "explore-energy": lambda: explored_energy()[0],
    "predictions": prediction_table,
}


def updated(text):
    """`text` with each block NAME between <!-- NAME --> and <!-- /NAME --> made anew."""
    for name, make in BLOCKS.items():
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if end:
            text = f"{before}{start}\n{make()}\n{end}{after}"
    return text


def files():
    """Each generated file's content, by path."""
    documents = {path: updated(path.read_text()) for path in DOCUMENTS}
    drawn = {
        "pictures/timing.svg": picture(),
        "pictures/truncation.svg": truncation_picture(),
        "pictures/tiles.svg": tiles_picture(),
        "pictures/waveform.svg": waveform_picture(),
        "pictures/explore_energy.svg": explored_energy()[1],
        "reference/cli.md": command_reference(),
        "tutorial.ipynb": tutorial_notebook(),
    }
    return documents | {ROOT / "docs" / name: text for name, text in drawn.items()}


if __name__ == "__main__":
    stale = {
        path: text
        for path, text in files().items()
        if not path.exists() or path.read_text() != text
    }
    if "--check" in sys.argv:
        sys.exit(f"Out of date, run make docs: {', '.join(map(str, stale))}" if stale else 0)
    for path, text in stale.items():
        write_bytes(path, text.encode())
