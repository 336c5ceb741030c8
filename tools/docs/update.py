"""Writes what the documents take from the code: pictures, and the blocks between markers.

What commands print, and the files that they make, are tools.docs.run's to write.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tools.docs import descriptors, interfaces
from tools.docs.axi_costs import axi_cost_table
from tools.docs.command_reference import command_reference
from tools.docs.energy_tables import energy_tables, stalls
from tools.docs.explore_tables import prediction_table
from tools.docs.glossary import glossary_words
from tools.docs.notebook import tutorial_notebook
from tools.docs.npu_blocks import npu_blocks_picture
from tools.docs.npu_run import npu_run_picture
from tools.docs.report_tables import reference_table
from tools.docs.rooms import room_table, whole_rooms
from tools.docs.tiles import picture as tiles_picture
from tools.docs.timing import picture
from tools.docs.truncation import picture as truncation_picture
from tools.docs.waveform import picture as waveform_picture
from truncmac.golden import builtin_images, builtin_network, network_accuracy
from truncmac.golden.files import write_bytes
from truncmac.hw.axi.registers import register_table
from truncmac.hw.npu.interface import npu_register_table
from truncmac.hw.streams import stream_table

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"] + [
    ROOT / "docs" / f"{name}.md"
    for name in (
        "explanation/energy",
        "howto/explore",
        "howto/report",
        "reference/axi",
        "reference/glossary",
        "reference/npu",
        "reference/npu-program",
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


def _truncmac(arguments):
    command = [sys.executable, "-c", "from truncmac.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


BLOCKS = {
    "results": results,
    "streams": stream_table,
    "words": glossary_words,
    "rooms": room_table,
    "whole": whole_rooms,
    "registers": register_table,
    "command-fields": interfaces.command_table,
    "parameter-fields": interfaces.parameter_table,
    "counter-fields": interfaces.counter_table,
    "core-ports": interfaces.core_port_table,
    "payload-widths": interfaces.width_table,
    "result-order": interfaces.result_order_table,
    "axi-costs": axi_cost_table,
    "axi-ports": interfaces.axi_port_table,
    "axi-words": interfaces.axi_word_table,
    "npu-ports": interfaces.npu_port_table,
    "npu-registers": npu_register_table,
    "npu-regions": descriptors.region_table,
    "npu-parameters": descriptors.program_parameter_table,
    "npu-descriptors": descriptors.descriptor_table,
    "npu-faults": descriptors.fault_table,
    "targets": targets,
    "reference": reference_table,
    "energy": energy_tables,
    "stalls": stalls,
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
        "pictures/npu_blocks.svg": npu_blocks_picture(),
        "pictures/npu_run.svg": npu_run_picture(),
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
