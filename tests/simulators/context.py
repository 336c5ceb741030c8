"""Plays benches that are written for Amaranth's simulator on ports of another simulator."""

from amaranth.hdl import Const, Shape, Value, ValueCastable
from amaranth.hdl._ast import Operator, Slice
from amaranth.lib.wiring import Flow


class Ports:
    """The ports of a component by their signals, and what its inputs are set to.

    Parameters
    ----------
    component : Component
    access : object with `write(port, integer)`, `read(port)`, `settle()` and `edge()`
    """

    def __init__(self, component, access):
        self.access = access
        self.inputs, self.names = {}, {}
        self.settled = False
        for path, member, value in component.signature.flatten(component):
            signal = Value.cast(value)
            self.names[id(signal)] = "__".join(map(str, path))
            if member.flow is Flow.In:
                self.inputs[id(signal)] = signal.init
                access.write(self.names[id(signal)], signal.init, len(signal))

    def set(self, target, value):
        """Set an input, or a part of one."""
        if isinstance(target, ValueCastable):
            value = Const.cast(target.shape().const(value)).value
        signal, start, width = place(Value.cast(target))
        mask = (1 << width) - 1 << start
        value = self.inputs[id(signal)] & ~mask | int(value) << start & mask
        self.inputs[id(signal)] = value
        self.access.write(self.names[id(signal)], value, len(signal))
        self.settled = False

    def get(self, target):
        """The value of a port, or of a part of one, as Amaranth's simulator gives it."""
        if not self.settled:
            self.access.settle()
            self.settled = True
        value = Value.cast(target)
        signal, start, width = place(value)
        found = self.access.read(self.names[id(signal)]) >> start & ((1 << width) - 1)
        if isinstance(target, ValueCastable):
            return target.shape().from_bits(found)
        return Const(found, Shape(width, value.shape().signed)).value

    def edge(self):
        """Let a rising edge of the clock come, and what follows it."""
        self.access.edge()
        self.settled = False


def place(value):
    """Signal of which a value is a part, its first bit there, and its bits."""
    if isinstance(value, Slice):
        signal, start, _ = place(value.value)
        return signal, start + value.start, len(value)
    if isinstance(value, Operator) and value.operator in ("s", "u"):
        signal, start, _ = place(value.operands[0])
        return signal, start, len(value)
    return value, 0, len(value)


class Context:
    """What a bench gets: `set`, `get` and `tick`."""

    def __init__(self, ports):
        self.set, self.get = ports.set, ports.get

    def tick(self):
        return Tick()


class Tick:
    """Waits for edges, as Amaranth's triggers do; what is sampled is from just before the edge."""

    def __init__(self, values=()):
        self.values = values

    def sample(self, *values):
        return Tick((*self.values, *values))

    def __await__(self):
        return (yield self)

    async def repeat(self, count):
        for _ in range(count):
            found = await self
        return found[2:]

    async def until(self, condition):
        done = False
        while not done:
            *found, done = await self.sample(condition)
        return tuple(found[2:])

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self


def play(ports, testbenches, background, cycles):
    """Run benches to their end, those in the background as long as there are others."""
    context = Context(ports)
    waiting = {}  # by bench, the tick for which it waits
    left = [bench(context) for bench in testbenches]
    others = [bench(context) for bench in background]
    for bench in (*left, *others):
        step(bench, None, left, waiting)
    for _ in range(cycles):
        if not left:
            break
        found = {
            bench: (True, False, *(ports.get(value) for value in tick.values))
            for bench, tick in waiting.items()
        }
        ports.edge()
        for bench, values in found.items():
            del waiting[bench]
            step(bench, values, left, waiting)
    for bench in (*left, *others):
        bench.close()
    if left:
        raise TimeoutError(f"not finished after {cycles} cycles")


def step(bench, values, left, waiting):
    """Let a bench go on to its next tick, or to its end."""
    try:
        waiting[bench] = bench.send(values)
    except StopIteration:
        if bench in left:
            left.remove(bench)
