import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from tests.golden.networks import small_network
from truncmac.golden import builtin_network, execute, pack_weights, prefix, unpack_weights
from truncmac.hw.config import ArrayConfig
from truncmac.hw.requantiser import parameters_layout
from truncmac.sim.axi.deployment import deployment

CONFIG = ArrayConfig(4, 4, 3, 2, 300, 2)


@pytest.mark.parametrize("bits", [8, 3, 1])
def test_weights_are_read_back_from_the_prefix_of_each_tile(bits):
    network = builtin_network()
    files = deployment(network, CONFIG, [8])
    for index, layer in enumerate(network.products):
        codes = network.codes(layer)
        data = np.frombuffer(files[f"{index:02}_{layer.name}.weights.bin"], np.uint8)
        beats = -(-codes.shape[0] // CONFIG.lanes)
        tiles = -(-codes.shape[1] // CONFIG.cols)
        words = data.reshape(tiles, CONFIG.chunks, beats, -1)[:, : -(-bits // CONFIG.planes)]
        planes = np.unpackbits(words, axis=-1, bitorder="little")
        planes = planes[..., : CONFIG.cols * CONFIG.lanes * CONFIG.planes]
        chunks = planes.reshape(*words.shape[:3], CONFIG.cols, CONFIG.lanes, CONFIG.planes)
        values = (chunks << np.arange(CONFIG.planes, dtype=np.uint8)).sum(-1).astype(np.uint8)
        packed = pack_weights(codes, columns=CONFIG.cols, lanes=CONFIG.lanes, planes=CONFIG.planes)
        np.testing.assert_array_equal(values, prefix(packed, bits))
        whole = np.zeros_like(packed)
        whole[:, : values.shape[1]] = values
        back = unpack_weights(whole, *codes.shape, bits)
        np.testing.assert_array_equal(back, codes >> (8 - bits))


def test_parameters_are_those_of_each_bit_width():
    network = builtin_network()
    files = deployment(network, CONFIG, network.bit_widths)
    layout = parameters_layout(CONFIG)
    size = -(-layout.size // 8)
    for index, layer in enumerate(network.products[:-1]):
        for bits in network.bit_widths:
            data = files[f"{index:02}_{layer.name}.k{bits}.parameters.bin"]
            words = [
                int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)
            ]
            count = len(network.tensors[f"{layer.name}.codes"])
            assert len(words) == -(-count // CONFIG.cols) * CONFIG.cols
            for name in ("multiplier", "bias", "shift"):
                found = [getattr(layout.from_bits(word), name) for word in words[:count]]
                assert found == network.tensors[f"{layer.name}.b{bits}.{name}"].tolist()
    assert not any("linear.k" in name for name in files)  # logits leave as sums


def test_simulators_read_the_hex_files(tmp_path):
    """Icarus prints what $readmemh made of them."""
    network = small_network()
    files = deployment(network, CONFIG, [8])
    name = "00_first.weights"
    (tmp_path / f"{name}.hex").write_bytes(files[f"{name}.hex"])
    word = CONFIG.cols * CONFIG.lanes * CONFIG.planes
    count = len(files[f"{name}.hex"].split())
    (tmp_path / "read.v").write_text(
        f"module read; reg [{word - 1}:0] m [0:{count - 1}]; integer i; initial begin "
        f'$readmemh("{name}.hex", m); for (i = 0; i < {count}; i = i + 1) $display("%h", m[i]); '
        "end endmodule"
    )
    iverilog, vvp = shutil.which("iverilog"), shutil.which("vvp")
    subprocess.run([iverilog, "-o", "read", "read.v"], cwd=tmp_path, check=True)
    run = subprocess.run([vvp, "read"], cwd=tmp_path, capture_output=True, text=True, check=True)
    data = files[f"{name}.bin"]
    size = len(data) // count
    expected = [int.from_bytes(data[i : i + size], "little") for i in range(0, len(data), size)]
    assert [int(line, 16) for line in run.stdout.split()] == expected


def test_a_c_program_reads_the_header(tmp_path):
    network = small_network()
    (tmp_path / "network.h").write_bytes(deployment(network, CONFIG, [8, 2])["network.h"])
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "network.h"\nint main(void) {'
        "for (int i = 0; i < TRUNCMAC_LAYERS; i++) { const struct truncmac_layer *l = "
        '&truncmac_layers[i]; printf("%s %u %u %u %u %u %u %u %u %u\\n", l->name, l->reduction, '
        "l->columns, l->rows, l->beats, l->tile_bytes, l->own_bits, l->output_bits, l->residual, "
        "truncmac_chunks[2]); } return 0; }"
    )
    compiler = shutil.which("gcc") or shutil.which("cc")
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    run = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True)
    gemms = []
    execute(network, np.zeros((1, 2, 7, 6), np.uint8), 8, on_gemm=gemms.append)
    products = network.products
    files = deployment(network, CONFIG, [8])
    for index, (line, gemm, layer) in enumerate(
        zip(run.stdout.splitlines(), gemms, products, strict=True)
    ):
        tiles = -(-gemm.columns // CONFIG.cols)
        size = len(files[f"{index:02}_{gemm.name}.weights.bin"]) // tiles
        own, out = layer.bits or 0, layer.out_bits or 0
        expected = [gemm.reduction, gemm.columns, gemm.rows, -(-gemm.reduction // CONFIG.lanes)]
        expected += [size, own, out, int(layer.residual is not None), 2]
        assert line.split() == [gemm.name, *map(str, expected)]


def test_a_c_program_finds_the_bytes_of_the_memories_in_the_arrays(tmp_path):
    """Names that would end a string, a comment or a path are no harm."""
    network = small_network()
    first = replace(network.layers[0], name='../a"*/')
    others = [
        replace(layer, input=first.name) if layer.input == "first" else layer
        for layer in network.layers[1:]
    ]
    others[0] = replace(others[0], residual=first.name)
    tensors = {name.replace("first", first.name): t for name, t in network.tensors.items()}
    network = replace(network, name="a*/b", layers=(first, *others), tensors=tensors)
    files = deployment(network, CONFIG, [8, 2])
    stem = "00____a___-bc96fe9541"  # what is left of the name, and a digest of the whole
    assert f"{stem}.weights.bin" in files
    for name in ("network.h", "network_data.h"):
        (tmp_path / name).write_bytes(files[name])
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "network_data.h"\n'
        "static void put(struct truncmac_bytes b) { unsigned long sum = 0; "
        "for (uint32_t i = 0; i < b.size; i++) sum += (i % 251 + 1) * b.data[i]; "
        'printf("%u %lu\\n", (unsigned)b.size, sum); }\n'
        "int main(void) { for (int l = 0; l < TRUNCMAC_LAYERS; l++) { put(truncmac_weights[l]); "
        "for (int k = 0; k < TRUNCMAC_WIDTHS; k++) put(truncmac_parameters[l][k]); } return 0; }"
    )
    compiler = shutil.which("gcc") or shutil.which("cc")
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    run = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True)
    expected = []
    for index, layer in enumerate(network.products):
        stem = stem if index == 0 else f"{index:02}_{layer.name}"
        for name in ("weights", "k8.parameters", "k2.parameters"):
            data = np.frombuffer(files.get(f"{stem}.{name}.bin", b""), np.uint8).astype(np.int64)
            total = int((data * (np.arange(len(data)) % 251 + 1)).sum())
            expected.append(f"{len(data)} {total}")
    assert run.stdout.splitlines() == expected
    assert expected[-2:] == ["0 0", "0 0"]  # logits leave as sums


def test_a_layer_that_does_not_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="Layer 'conv2' has reduction K = 144"):
        deployment(builtin_network(), ArrayConfig(max_reduction=143), [8])
