"""A network as an accelerator's host needs it: weight and parameter memories, and a C header.

Weights lie chunk-major, one column tile after the other. At k bits the first ceil(k / planes)
chunks of each column tile are read, and nothing of the others. Parameters exist once for each k.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from truncmac.golden import (
    Gemm,
    Network,
    check_dense,
    check_reduction,
    check_rounding,
    memory_image,
    network_gemms,
    pack_weights,
)
from truncmac.golden.files import file_name
from truncmac.hw.config import ArrayConfig, chunk_count
from truncmac.sim.image_header import image_lines

from .host import job_registers
from .memories import Words, check_gemm, hex_lines, parameter_memory

__all__ = ["deployment"]


@dataclass(frozen=True)
class _LayerFiles:
    """The memories of one layer: words (n, bytes), by file name without its ending.

    `weights` is the name of the weights' memory; `parameters` has the names of the parameters'
    memories, by k.
    """

    gemm: Gemm
    weights: str
    parameters: Mapping[int, str]
    memories: Mapping[str, Words]


def deployment(network: Network, config: ArrayConfig, bits: Sequence[int]) -> dict[str, bytes]:
    """Return the files of `network` for the array of `config`, by name.

    Each layer has `NN_LAYER.weights`, and for each k `NN_LAYER.kK.parameters`. Both exist as `.hex`
    (a word a line, for $readmemh) and as `.bin` (the bytes that a DMA would send; each word is
    padded to whole bytes, and its lowest byte comes first). `network.h` describes them, and
    `network_data.h` has the bytes as C arrays.

    Raises
    ------
    ValueError
        If a layer does not fit the array, or there are no parameters for one of `bits`.
    """
    check_rounding(network)
    check_reduction(network, config.max_reduction)
    check_dense(network, "the array's driver")
    layers = list(_layers(network, config, bits))
    files = {}
    for layer in layers:
        for name, words in layer.memories.items():
            files[f"{name}.hex"] = hex_lines(words)
            files[f"{name}.bin"] = words.tobytes()
    files["network.h"] = _header(network, config, bits, layers).encode()
    files["network_data.h"] = _data_header(network, bits, layers).encode()
    return files


def _layers(network: Network, config: ArrayConfig, bits: Sequence[int]) -> Iterator[_LayerFiles]:
    image = network.image
    zeros = np.zeros((1, image.channels, image.height, image.width), np.uint8)
    found = [network_gemms(network, zeros, k) for k in bits]
    for index, gemms in enumerate(zip(*found, strict=True)):
        first = gemms[0]
        stem = f"{index:02}_{file_name(first.name)}"
        packed = pack_weights(
            first.codes, columns=config.cols, lanes=config.lanes, planes=config.planes
        )
        words = memory_image(packed)
        weights = f"{stem}.weights"
        memories = {weights: words.reshape(-1, words.shape[-1])}
        parameters = {}
        for k, gemm in zip(bits, gemms, strict=True):
            check_gemm(gemm, config)
            if gemm.requant is not None:
                parameters[k] = f"{stem}.k{k}.parameters"
                memories[parameters[k]] = parameter_memory(gemm, config)
        yield _LayerFiles(first, weights, parameters, memories)


def _header(
    network: Network, config: ArrayConfig, bits: Sequence[int], layers: Sequence[_LayerFiles]
) -> str:
    """Return C arrays of what a driver needs for each layer, such as its job's register values."""
    chunks = [chunk_count(k, config.planes) for k in range(1, 9)]
    lines = [
        f"/* Network {_text(network.name)} on {config.rows} x {config.cols} PEs, {config.lanes} "
        f"lanes x {config.planes} planes; generated. */",
        "#ifndef TRUNCMAC_NETWORK_H",
        "#define TRUNCMAC_NETWORK_H",
        "#include <stdint.h>",
        "",
        *image_lines(network),
        f"#define TRUNCMAC_LAYERS {len(layers)}",
        "/* Chunks of a weight at k = 1..8: a column tile's first so many are read */",
        f"static const uint8_t truncmac_chunks[8] = {{{', '.join(map(str, chunks))}}};",
        "",
        "struct truncmac_layer {",
        "  const char *name;",
        "  uint32_t reduction;        /* K */",
        "  uint32_t columns;          /* N: output channels */",
        "  uint32_t rows;             /* M: output pixels of one image */",
        "  uint32_t beats, row_tiles, column_tiles; /* the job's registers, for one image */",
        "  uint32_t chunk_bytes;      /* of a chunk of one column tile's weights */",
        "  uint32_t tile_bytes;       /* of all its chunks: the distance of column tiles */",
        "  uint8_t own_bits;          /* k of its own, or 0: it follows the network's */",
        "  uint8_t output_bits;       /* of its codes, or 0: it gives sums */",
        "  uint8_t residual;          /* takes residual codes */",
        "};",
        "",
        "static const struct truncmac_layer truncmac_layers[TRUNCMAC_LAYERS] = {",
    ]
    for layer, product in zip(layers, network.products, strict=True):
        gemm = layer.gemm
        registers = job_registers(gemm, config)
        word = config.weight_word_bytes
        chunk = registers["beats"] * word
        values = [
            *(gemm.reduction, gemm.columns, gemm.rows),
            *(registers["beats"], registers["row_tiles"], registers["column_tiles"]),
            *(chunk, chunk * config.chunks),
            *(product.bits or 0, product.out_bits or 0, int(product.residual is not None)),
        ]
        lines.append(f"  {{{_text(product.name)}, {', '.join(map(str, values))}}},")
    lines += ["};", "", f"/* Parameters exist for k = {', '.join(map(str, bits))} */", "#endif", ""]
    return "\n".join(lines)


def _data_header(network: Network, bits: Sequence[int], layers: Sequence[_LayerFiles]) -> str:
    """Return the memories as C arrays, with tables of them by layer, and by layer and k."""
    lines = [
        f"/* Weights and parameters of network {_text(network.name)}; generated. */",
        "#ifndef TRUNCMAC_NETWORK_DATA_H",
        "#define TRUNCMAC_NETWORK_DATA_H",
        '#include "network.h"',
        "",
        "struct truncmac_bytes {",
        "  const uint8_t *data; /* as in the .bin file of the same place; 0: there are none */",
        "  uint32_t size;",
        "};",
        "",
    ]
    weights, parameters = [], []
    for index, layer in enumerate(layers):
        lines += _array(f"truncmac_weights_{index:02}", layer.memories[layer.weights])
        weights.append(_reference(f"truncmac_weights_{index:02}"))
        row = []
        for k in bits:
            name = f"truncmac_parameters_{index:02}_k{k}"
            if k in layer.parameters:
                lines += _array(name, layer.memories[layer.parameters[k]])
            row.append(_reference(name) if k in layer.parameters else "{0, 0}")
        parameters.append(f"{{{', '.join(row)}}}")
    widths = ", ".join(map(str, bits))
    lines += [
        f"#define TRUNCMAC_WIDTHS {len(bits)}",
        f"static const uint8_t truncmac_widths[TRUNCMAC_WIDTHS] = {{{widths}}};",
        "static const struct truncmac_bytes truncmac_weights[TRUNCMAC_LAYERS] = {",
        *(f"  {entry}," for entry in weights),
        "};",
        "static const struct truncmac_bytes",
        "    truncmac_parameters[TRUNCMAC_LAYERS][TRUNCMAC_WIDTHS] = {",
        *(f"  {entry}," for entry in parameters),
        "};",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _array(name: str, words: Words) -> list[str]:
    """Return a C array of the bytes of memory words."""
    values = words.ravel().tolist()
    rows = [",".join(map(str, values[i : i + 24])) for i in range(0, len(values), 24)]
    return [f"static const uint8_t {name}[{len(values)}] = {{", *(f"{row}," for row in rows), "};"]


def _reference(name: str) -> str:
    return f"{{{name}, sizeof {name}}}"


def _text(name: str) -> str:
    """Return a name as a C string, which cannot end a comment either."""
    return '"' + re.sub(r'[^ -~]|[\\"*?]', "_", name) + '"'
