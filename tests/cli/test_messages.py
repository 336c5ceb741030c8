"""What a user meets who makes a mistake: one line that says what, where, and what to do.

Each row is the arguments, a part of the message, and the exit code; the files are in `FILES`.
"""

import importlib.util
import json
import sys

import numpy as np
import pytest

from truncmac.golden import BUILTIN_IMAGES, BUILTIN_NETWORK, save_images


def edited(**entries):
    """The shipped network's file with other entries in its description."""
    data = BUILTIN_NETWORK.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    description = json.loads(header["__metadata__"]["truncmac"]) | entries
    header["__metadata__"]["truncmac"] = json.dumps(description)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


WHOLE = BUILTIN_NETWORK.read_bytes()
TEXT = b"hello world\n" * 20
NETWORKS = {
    "empty.safetensors": b"",
    "text.safetensors": TEXT,
    "cut.safetensors": WHOLE[: len(WHOLE) // 2],
    "head.safetensors": WHOLE[:100],
    "newer.safetensors": edited(version=99),
    "other.safetensors": edited(format="another"),
    "marked.safetensors": edited(name="[/b]"),
}
FILES = NETWORKS | {
    "file": b"x",
    "empty.npy": b"",
    "text.npz": TEXT,
    "cut.npz": b"PK\3\4" + TEXT,
    "images.npy": BUILTIN_IMAGES.read_bytes()[:99],
    "list.json": b"[1]",
    "text.json": TEXT,
    "layers.json": b'{"nolayer": 4}',
    "nine.json": b'{"conv2": 9}',
    "latin.toml": b"workloads = '\xff'",
    "text.toml": TEXT,
    "empty.csv": b"",
    "text.csv": TEXT,
    "empty.lib": b"",
    "text.lib": TEXT,
    "empty.onnx": b"",
    "text.onnx": TEXT,
    "text.pt": TEXT,
}
NOT_WHOLE = "not a whole safetensors file"
NO_FILE = "no such file or directory. Check the path; relative ones begin at"
A_NUMBER = "Input should be a valid integer"

A_NETWORK = [
    ("nope.safetensors", f"nope.safetensors: {NO_FILE}"),
    ("nope", "Network must be a file, or one of digits, resnet18, resnet20, not 'nope'"),
    ("folder", "folder: a folder, not a safetensors file. Name a file in it"),
    ("empty.safetensors", f"empty.safetensors: {NOT_WHOLE}"),
    ("text.safetensors", f"text.safetensors: {NOT_WHOLE}"),
    ("cut.safetensors", f"cut.safetensors: {NOT_WHOLE}"),
    ("head.safetensors", f"head.safetensors: {NOT_WHOLE}"),
    ("text.pt", f"text.pt: {NOT_WHOLE}"),
    (
        "newer.safetensors",
        "format version must be in 1..2, not 99; read it with the truncmac release",
    ),
    ("other.safetensors", "format must be 'truncmac-network', not 'another'"),
    (str(BUILTIN_IMAGES), "not a truncmac network: its metadata has no entry 'truncmac'"),
]
IMAGES = [
    ("nope.npz", f"nope.npz: {NO_FILE}"),
    ("empty.npy", "empty.npy: not a whole file of NumPy arrays"),
    ("text.npz", "text.npz: not a whole file of NumPy arrays"),
    ("cut.npz", "cut.npz: not a whole file of NumPy arrays"),
    ("images.npy", "images.npy: not a whole file of NumPy arrays"),
    ("cut.safetensors", f"cut.safetensors: {NOT_WHOLE}"),
    (str(BUILTIN_NETWORK), "must hold the tensors images and, if known, labels, not"),
]
BITS = [
    *(("0", "'0'"), ("9", "'9'"), ("-1", "'-1'"), ("x", "'x'"), ("1.5", "'1.5'"), ("", "''")),
    *(("8,", "''"), ("8,,4", "''"), ("all,8", "'all'")),
]
SIZES = [
    ("--rows", "0", "rows must be in 1..256, not 0"),
    ("--cols", "-1", "cols must be in 1..256, not -1"),
    ("--lanes", "1000000", "lanes must be in 1..256, not 1000000"),
    ("--planes", "3", "planes must be 1, 2, 4 or 8, not 3"),
    ("--max-reduction", "0", "max_reduction must be in 1..1048576, not 0"),
    ("--requantisers", "3", "requantisers must divide cols = 8, or be twice as many, not be 3"),
    ("--multiplier-bits", "33", "multiplier_bits must be in 2..32, not 33"),
    ("--rows", "x", f"Invalid value for '--rows': {A_NUMBER}"),
    ("--rows", "1.5", f"Invalid value for '--rows': {A_NUMBER}"),
    ("--rows", "", f"Invalid value for '--rows': {A_NUMBER}"),
]
FOLDERS = {
    "rtl": ["--out"],
    "export": ["--out"],
    "compile": ["--out"],
    "infer": ["--dump"],
    "report": ["--out"],
    "explore": ["--out"],
    "train": ["--out"],
    "fpga": ["--out"],
    "characterise --liberty text.lib": ["--cache"],
}
PLACES = {
    "inspect": ["--plot"],
    "allocate": ["--plot", "--export"],
    "explore": ["--plot"],
    "import text.onnx": ["--out"],
    "report --format html": ["--out"],
    "sim": ["--waves"],
    "characterise --liberty text.lib": ["--out"],
}
NO_FOLDER = "file: not a directory. A part of the path is a file; name another place"

TABLE = [
    *((f"{c} {n}", m)
      for c in ("inspect", "infer", "compile", "export", "allocate") for n, m in A_NETWORK),
    *((f"{c} --data {n}", m) for c in ("infer", "allocate") for n, m in IMAGES),
    *(([*c.split(), "-k", k], f"Bit-width k must be in 1..8, not {m}")
      for c in ("infer", "sim", "inspect", "compile", "export", "report") for k, m in BITS),
    *(([c, option, value], m) for c in ("rtl", "sim") for option, value, m in SIZES),
    *((f"{c} {o} {p}", NO_FOLDER) for c in FOLDERS for o in FOLDERS[c] for p in ("file", "file/x")),
    *((f"{c} {o} file/x.vcd", NO_FOLDER) for c in PLACES for o in PLACES[c] if c == "sim"),
    *((f"{c} {o} file/x.svg", NO_FOLDER) for c in PLACES for o in PLACES[c] if c != "sim"),
    *((f"{c} {o} folder", "folder: is a directory. Name a file in it")
      for c in PLACES for o in PLACES[c]),
    *((f"{c} --plot x.vcd", "x.vcd: a picture must end in .svg, .png or .pdf")
      for c in ("inspect", "allocate", "explore")),
    ("infer --data folder", "folder: holds no pictures (.png, .jpg, .jpeg)"),
    ("infer marked.safetensors", "marked.safetensors: give its images with --data, such as images"),
    ("infer -k 3", "The network has no parameters for k = 3, only for 1, 2, 4, 8"),
    ("infer -k 8,8", "Bit-width k = 8 is named twice in '8,8'"),
    ("infer -k nope.json", f"nope.json: {NO_FILE}"),
    ("infer -k list.json", "list.json: must map names of layers to bit-widths"),
    ("infer -k text.json", "text.json: is not whole JSON"),
    ("infer -k latin.toml", "latin.toml: is not whole TOML"),
    ("infer -k nine.json", "nine.json: k of layer 'conv2' must be in 1..8, not 9"),
    ("infer -k layers.json", "Bit-widths must be given for the layers without a k of their own, "
     "conv2, conv3, conv4, not for nolayer"),
    ("infer --on x", "Invalid value for '--on': 'x' is not one of 'golden', 'both', 'rtl', "),
    ("infer a b", "Got unexpected extra argument(s) (b); see truncmac infer --help"),
    ("sim --seed -1", "Invalid value for '--seed'"),
    ("sim --groups 3", "--groups is for --top npu"),
    ("sim --top npu -k 3", "Bit-width k of a random network must be one of 8, 5, 2, 1, not 3"),
    ("sim --top npu --stall 1", "Share of pauses of ar must be in 0.0..0.99, not 1.0"),
    ("sim --stall nan", "Stall share of tiles must be in 0.0..0.99, not nan"),
    ("export --format x", "Invalid value for '--format': 'x' is not one of 'memories', 'qonnx', "),
    ("rtl --bus-width 32", "--bus-width is for --top axi and --top npu: the core has plain "),
    ("rtl --depth 64", "--depth is for --top npu"),
    ("rtl --top axi --groups 3", "--groups is for --top npu"),
    ("rtl --top npu --bus-width 32", "bus_width must be 64, 128 or 256, not 32"),
    ("rtl --top npu --rows 3", "rows of an NPU must be a power of two, not 3"),
    ("infer --outstanding 2", "--outstanding is for --on npu"),
    ("infer --on npu --groups 2", "groups must be in 3..8, not 2"),
    ("infer --on npu --max-reduction 64", "Build it with --max-reduction"),
    ("rtl --top axi --bus-width 0", "must be one of 32, 64, 128, 256, 512, not 0"),
    ("rtl --top axi --bus-width 33", "must be one of 32, 64, 128, 256, 512, not 33"),
    ("report nope", "Workload must be one of resnet20, resnet18"),
    ("report nope.csv", f"nope.csv: {NO_FILE}"),
    ("report empty.csv", "empty.csv, line 1: the first line must be the header"),
    ("report text.csv", "text.csv, line 2: a line must have a name and 3 numbers"),
    ("report text.onnx", "text.onnx: not a whole ONNX file. Copy or export it again"),
    ("report bert-base@0", "Sequence length of bert-base must be a whole number in 1..1048576"),
    ("report --platform x", "'--platform': 'x' is not one of 'edge', 'fpga', 'datacentre'; see "),
    ("report --energy nope", "--energy must be one of asap7, ihp-sg13g2, sky130, none, or a .json"),
    ("report --energy list.json", "list.json: must be a file that truncmac characterise wrote"),
    ("report --energy text.json", "text.json: must be a file that truncmac characterise wrote"),
    ("report --energy nope.json", f"nope.json: {NO_FILE}"),
    ("report --clock-mhz nan", "The clock must be more than 0 Hz and finite, not nan"),
    ("report --images 0", "Invalid value for '--images'"),
    ("allocate --budget x", "Budget must be a number, or a share such as 60%, not 'x'"),
    ("allocate --export x", "--export must come with --budget, which chooses what is written"),
    ("allocate --calibrate 999", "--calibrate must be less than the 450 images, not 999"),
    ("import", "Missing argument 'source'; see truncmac import --help"),
    ("import nope.onnx", f"nope.onnx: {NO_FILE}"),
    ("import nope", f"nope: {NO_FILE}"),
    ("import file", "file: must be a folder of arrays, or a file that ends in .onnx, .tflite, .pt"),
    ("import folder", "there must be a file network.json; docs/howto/import.md says what is in it"),
    ("import empty.onnx", "empty.onnx: 0 bytes; an ONNX file has 1 to"),
    ("import text.onnx", "text.onnx: not a whole ONNX file. Copy or export it again"),
    ("import cut.safetensors", f"cut.safetensors: {NOT_WHOLE}"),
    ("import newer.safetensors", "newer.safetensors: is a network file already"),
    ("import text.pt --image 3,32", "Image must be its channels, height and width, such as"),
    ("import text.onnx --act-bits 9", "Invalid value for '--act-bits'"),
    ("train --seed -1", "Invalid value for '--seed'"),
    ("train --network x", "for '--network': 'x' is not one of 'cnn', 'mlp', 'resnet18"),
    ("train --dataset cifar10 --data folder", "CIFAR-10 not found: there is no folder/data_batch_"),
    ("train --dataset folders --data folder", "Pass the folder that holds train/ and val/"),
    ("train --study --trials", "Choose one of --study and --trials"),
    ("train --resume --out new", "new/checkpoint.safetensors: no such file; leave out --resume"),
    ("characterise", "Missing option '--liberty'; see truncmac characterise --help"),
    ("characterise --liberty nope.lib", f"nope.lib: {NO_FILE}"),
    ("characterise --liberty folder", "folder: is a directory. Name a file in it"),
    ("characterise --liberty empty.lib", "empty.lib: must be a Liberty file"),
    ("characterise --liberty text.lib", "text.lib: must be a Liberty file"),
    (
        "characterise --liberty text.lib --fit-size x",
        "Size must be ROWSxCOLS, such as 8x8 or 8x4:4, not 'x'",
    ),
    ("characterise --liberty text.lib --shapes 8x1 --out x", "--out must not come with --shapes"),
    ("explore nope.toml", f"nope.toml: {NO_FILE}"),
    ("explore folder", "folder: is a directory. Name a file in it"),
    ("explore text.toml", "text.toml: must be a TOML file"),
    ("explore latin.toml", "latin.toml: must be a TOML file"),
    ("explore --workloads x", "Workload must be one of resnet20, resnet18"),
    ("explore --rows 8..4", "rows must be a rising range such as 4..16, 4..32+4 or 4..64x2"),
    ("explore --clock-mhz 0", "clock_mhz must be numbers of more than 0, not '0'"),
    ("explore --where x", "--where must be a column and its bound, such as 'images_per_s>=30' "),
    ("explore --objectives x", "An objective must be one of activation_kib"),
    ("explore --library nope", "Library must be one of asap7, ihp-sg13g2, sky130, or a file"),
    ("explore --point list.json#1", "list.json: must be written by truncmac explore"),
    ("explore --point x", "--point must be FILE#POINT, such as front.json#12, not 'x'"),
    ("fpga --device x", "'x'"),
    ("fpga --designs list.json", "list.json"),
    ("fpga --designs nope.json", f"nope.json: {NO_FILE}"),
    ("doctor --extra x", "--extra must be one of report, train, onnx"),
    ("nonsense", "No such command 'nonsense'; see truncmac --help"),
    ("infer --nonsense", "No such option: --nonsense"),
]  # fmt: skip


@pytest.fixture
def files(tmp_path):
    """Each wrong file of `FILES`, and an empty folder, where the command runs."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    save_images(tmp_path / "images.safetensors", np.zeros((1, 1, 8, 8), np.uint8))
    return sorted(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("args", "message"),
    TABLE,
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_mistake_is_one_line_and_exit_code_2(run, files, tmp_path, args, message):
    code, out, errors = run(*(args.split() if isinstance(args, str) else args))
    assert (code, out) == (2, "")
    assert errors.startswith("truncmac: ")
    assert errors.count("\n") == 1
    assert message in errors
    assert sorted(tmp_path.rglob("*")) == files  # nothing is written


@pytest.mark.parametrize("command", ["inspect", "infer --images 1 --data images.safetensors -k 8"])
def test_names_are_shown_as_they_are(run, files, command):
    name, *options = command.split()
    code, out, errors = run(name, "marked.safetensors", *options)
    assert (code, errors) == (0, "")
    assert "Network [/b]" in out


@pytest.mark.parametrize(
    ("args", "package", "extra"),
    [
        ("inspect --plot x.svg", "matplotlib", "report"),
        ("allocate --plot x.svg", "matplotlib", "report"),
        ("export --format qonnx", "onnx", "onnx"),
        ("export --format onnx", "onnx", "onnx"),
        ("infer --on onnxruntime -k 8", "onnxruntime", "runtime"),
        ("import text.onnx", "onnx", "onnx"),
        ("characterise --liberty text.lib", "libparse", "energy"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    run, files, monkeypatch, args, package, extra
):
    assert importlib.util.find_spec(package)
    for name in [name for name in sys.modules if name.split(".")[0] in (package, "truncmac")]:
        if name.split(".")[0] == package or name.startswith("truncmac.onnx"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    code, _, errors = run(*args.split())
    assert code == 2
    assert errors.count("\n") == 1
    assert package.replace("_", "-") in errors.replace("_", "-")
    assert "-m pip install" in errors
    assert f"[{extra}]'" in errors
