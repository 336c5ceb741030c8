"""Graphs of all kinds with changed parts: an error of ours, or a network that is valid and runs."""

import json
import random

import numpy as np
import pytest

from tests.kinds.kinds import KINDS
from truncmac.golden import NetworkFileError, execute
from truncmac.golden.description import description_of, from_description
from truncmac.onnx.importing import from_graph
from truncmac.onnx.options import Options
from truncmac.onnx.read import parse
from truncmac.onnx.registry import HANDLERS

OPERATIONS = sorted(HANDLERS)
NUMBERS = (-1, 0, 1, 2, 3, 7, 255, 65_537, 1 << 40)


def _numbers(rng, model):
    """Another number in an attribute, or in a small constant of whole numbers."""
    node = rng.choice(model.graph.node)
    if node.attribute and rng.random() < 0.7:
        attribute = rng.choice(node.attribute)
        if attribute.ints:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)
            if rng.random() < 0.3:
                attribute.ints.append(rng.choice(NUMBERS))
        else:
            attribute.i = rng.choice(NUMBERS)
        return
    tensor = rng.choice(model.graph.initializer)
    data = bytearray(tensor.raw_data)
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)
        tensor.raw_data = bytes(data)


def _wires(rng, model):
    """Another input of a node, one less, or one more."""
    node = rng.choice(model.graph.node)
    names = [*node.input, "x", *(entry.name for entry in model.graph.initializer)]
    names += [name for other in model.graph.node for name in other.output]
    choice = rng.random()
    if choice < 0.6 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)
    elif choice < 0.8 and node.input:
        del node.input[rng.randrange(len(node.input))]
    else:
        node.input.append(rng.choice(names))


def _operations(rng, model):
    rng.choice(model.graph.node).op_type = rng.choice(OPERATIONS)


def _shapes(rng, model):
    """Another size of the input or of a constant."""
    shape = model.graph.input[0].type.tensor_type.shape.dim
    tensor = rng.choice(model.graph.initializer)
    if rng.random() < 0.5 or not tensor.dims:
        rng.choice(shape).dim_value = rng.choice(NUMBERS)
    else:
        dims = list(tensor.dims)
        rng.shuffle(dims)
        del tensor.dims[:]
        tensor.dims.extend(dims + [1] * rng.randrange(2))


CHANGES = (_numbers, _wires, _operations, _shapes)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_changed_parts_give_an_error_or_a_valid_network(name):
    rng = random.Random(name)
    whole = KINDS[name]().SerializeToString()
    for _ in range(12):
        model = type(KINDS["plain"]()).FromString(whole)
        for _ in range(rng.choice((1, 1, 2, 3))):
            rng.choice(CHANGES)(rng, model)
        try:
            network = from_graph(parse(model), Options(widths=(8,))).network
            described = json.loads(json.dumps(description_of(network)))
            again = from_description(described, network.tensors)
        except (ValueError, OverflowError, NetworkFileError):
            continue
        image = network.image
        if image.channels * image.height * image.width < 1 << 12:
            codes = np.zeros((1, image.channels, image.height, image.width), np.uint8)
            assert execute(again, codes, 8).logits.size
