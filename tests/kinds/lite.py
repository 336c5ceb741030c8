"""Builds small TFLite files, with the package `flatbuffers` alone."""

import flatbuffers
import numpy as np

TYPES = {np.dtype(k): n for k, n in (("f4", 0), ("i4", 2), ("u1", 3), ("i1", 9))}

VERSIONS = {3: 3, 4: 3, 9: 4, 22: 1}  # of the operators with 8-bit integers; others: 2


class Lite:
    """Tensors and operators one after the other; methods give the place of a tensor."""

    def __init__(self, shape, scale=1 / 255, zero=-128, dtype=np.int8, seed=0):
        self.tensors, self.operators, self.rng = [], [], np.random.default_rng(seed)
        self.input = self.tensor((1, *shape), dtype, scale, zero)

    def tensor(self, shape, dtype=np.int8, scale=None, zero=0, data=None, axis=0):
        self.tensors.append((tuple(shape), np.dtype(dtype), scale, zero, data, axis))
        return len(self.tensors) - 1

    def constant(self, array, scale=None, axis=0):
        array = np.asarray(array)
        zero = 0 if scale is None else np.zeros(np.size(scale), int)
        return self.tensor(array.shape, array.dtype, scale, zero, array, axis)

    def op(self, code, inputs, shape, scale=None, zero=0, dtype=np.int8, kind=0, **options):
        """`options` are fields `fN`, each with its form and value."""
        output = self.tensor((1, *shape), dtype, scale, zero)
        self.operators.append((code, inputs, [output], kind, options))
        return output

    def weights(self, shape, axis, count, source):
        """Weights of a scale for each output channel, and a bias."""
        scale = self.rng.uniform(0.003, 0.006, count).astype(np.float32)
        w = self.constant(self.rng.integers(-127, 128, shape).astype(np.int8), scale, axis)
        bias = self.rng.integers(-900, 900, count).astype(np.int32)
        return [w, self.constant(bias, scale * np.float32(self.tensors[source][2]))]

    def bytes(self, output):
        b = flatbuffers.Builder(1024)
        codes = sorted({operator[0] for operator in self.operators})
        buffers = [self._buffer(b, None)]
        tensors = []
        for index, (shape, dtype, scale, zero, data, axis) in enumerate(self.tensors):
            place = 0
            if data is not None:
                place = len(buffers)
                buffers.append(self._buffer(b, np.ascontiguousarray(data).tobytes()))
            quantised = None
            if scale is not None:
                scales = b.CreateNumpyVector(np.atleast_1d(np.asarray(scale, np.float32)))
                zeros = b.CreateNumpyVector(np.atleast_1d(np.asarray(zero, np.int64)))
                b.StartObject(7)
                b.PrependUOffsetTRelativeSlot(2, scales, 0)
                b.PrependUOffsetTRelativeSlot(3, zeros, 0)
                b.PrependInt32Slot(6, axis, 0)
                quantised = b.EndObject()
            sizes = b.CreateNumpyVector(np.array(shape, np.int32))
            name = b.CreateString(f"t{index}")
            b.StartObject(8)
            b.PrependUOffsetTRelativeSlot(0, sizes, 0)
            b.PrependInt8Slot(1, TYPES[dtype], 0)
            b.PrependUint32Slot(2, place, 0)
            b.PrependUOffsetTRelativeSlot(3, name, 0)
            if quantised is not None:
                b.PrependUOffsetTRelativeSlot(4, quantised, 0)
            tensors.append(b.EndObject())
        operators = [self._operator(b, codes, *operator) for operator in self.operators]
        parts = [self._vector(b, tensors), b.CreateNumpyVector(np.array([self.input], np.int32))]
        parts += [b.CreateNumpyVector(np.array([output], np.int32)), self._vector(b, operators)]
        b.StartObject(5)
        for field, part in enumerate(parts):
            b.PrependUOffsetTRelativeSlot(field, part, 0)
        graph = b.EndObject()
        listed = []
        for code in codes:
            b.StartObject(4)
            b.PrependInt8Slot(0, min(code, 127), 0)
            b.PrependInt32Slot(2, VERSIONS.get(code, 2), 1)
            b.PrependInt32Slot(3, code, 0)
            listed.append(b.EndObject())
        parts = self._vector(b, listed), self._vector(b, [graph]), self._vector(b, buffers)
        b.StartObject(5)
        b.PrependUint32Slot(0, 3, 0)
        for field, part in zip((1, 2, 4), parts, strict=True):
            b.PrependUOffsetTRelativeSlot(field, part, 0)
        b.Finish(b.EndObject(), b"TFL3")
        return bytes(b.Output())

    def _buffer(self, b, data):
        vector = None if data is None else b.CreateByteVector(data)
        b.StartObject(3)
        if vector is not None:
            b.PrependUOffsetTRelativeSlot(0, vector, 0)
        return b.EndObject()

    def _vector(self, b, offsets):
        b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            b.PrependUOffsetTRelative(offset)
        return b.EndVector()

    def _operator(self, b, codes, code, inputs, outputs, kind, options):
        b.StartObject(12)
        for field, (form, value) in options.items():
            getattr(b, f"Prepend{form}Slot")(int(field[1:]), value, None)
        found = b.EndObject()
        given = b.CreateNumpyVector(np.array(inputs, np.int32))
        made = b.CreateNumpyVector(np.array(outputs, np.int32))
        b.StartObject(9)
        b.PrependUint32Slot(0, codes.index(code), 0)
        b.PrependUOffsetTRelativeSlot(1, given, 0)
        b.PrependUOffsetTRelativeSlot(2, made, 0)
        b.PrependUint8Slot(3, kind, 0)
        b.PrependUOffsetTRelativeSlot(4, found, 0)
        return b.EndObject()


def network():
    """A network of most operators, and the places of its tensors to compare."""
    lite = Lite((9, 8, 3))
    byte, word = "Int8", "Int32"

    def conv(source, code, shape, axis, size, scale, zero, *, activation=0, stride=1, pads=0):
        parts = [source, *lite.weights(shape, axis, size[2], source)]
        window = {"f0": (byte, pads), "f1": (word, stride), "f2": (word, stride)}
        if code == 4:
            more = {"f3": (word, 1), "f4": (byte, activation), "f5": (word, 1), "f6": (word, 1)}
        else:
            more = {"f3": (byte, activation), "f4": (word, 1), "f5": (word, 1)}
        kind = 2 if code == 4 else 1
        return lite.op(code, parts, size, scale, zero, kind=kind, **window, **more)

    y = conv(lite.input, 3, (8, 3, 3, 3), 0, (5, 4, 8), 0.0117, -128, activation=3, stride=2)
    z = conv(y, 4, (1, 3, 3, 8), 3, (5, 4, 8), 0.0131, -100, activation=1)
    z = conv(z, 3, (8, 1, 1, 8), 0, (5, 4, 8), 0.0171, 5)
    y = lite.op(0, [z, y], (5, 4, 8), 0.0227, -20, kind=11, f0=(byte, 0))
    sigmoid = lite.op(14, [y], (5, 4, 8), 1 / 256, -128)
    swish = lite.op(18, [y, sigmoid], (5, 4, 8), 0.0219, -110, kind=21, f0=(byte, 0))
    window = {f"f{i}": (word, v) for i, v in ((1, 2), (2, 2), (3, 2), (4, 2))}
    p = lite.op(17, [swish], (3, 2, 8), 0.0219, -110, kind=5, f0=(byte, 0), **window, f5=(byte, 0))
    j = lite.op(2, [p, p], (3, 2, 16), 0.0219, -110, kind=10, f0=(word, 3), f1=(byte, 0))
    shape = lite.constant(np.array([1, 96], np.int32))
    f = lite.op(22, [j, shape], (96,), 0.0219, -110, kind=17)
    parts = [f, *lite.weights((10, 96), 0, 10, f)]
    lite.tensors[parts[1]] = (*lite.tensors[parts[1]][:2], 0.0041, 0, *lite.tensors[parts[1]][4:])
    lite.tensors[parts[2]] = (
        *lite.tensors[parts[2]][:2], 0.0041 * 0.0219, 0, *lite.tensors[parts[2]][4:]
    )  # fmt: skip
    logits = lite.op(9, parts, (10,), 0.0617, 7, kind=8, f0=(byte, 0))
    out = lite.op(25, [logits], (10,), 1 / 256, -128, kind=9, f0=("Float32", 1.0))
    return lite, out
