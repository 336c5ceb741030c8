"""Energy of a mapped netlist, from its nets' toggles and the library's tables.

A toggle of a net takes C V^2 / 2. The internal energy of cells follows the tables:

- half of a net's toggles rise and half fall;
- slews are those of the static timing, and loads those of the nets;
- an output's energy is the mean over its related pins, weighted by their own toggles;
- where tables hold in certain states, it is the mean over the states by their probabilities, as if
  pins were independent; only at a flip-flop's clock pin, "data differs from state" is as frequent
  as the state's toggles.

Some libraries give a flip-flop's energy twice, at Q and at its inverse; it is counted once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truncmac.golden.types import Reals

from .boolean import Function
from .fanout import clock_nets, loads, sinks, wire_fanout_ff
from .flat import CellGroup, Netlist
from .gates import Activity
from .library import EDGES, Cell, Pin, Power

__all__ = ["POWER_PARTS", "NetlistEnergy", "PowerModel"]


POWER_PARTS = ("switching", "internal", "gated_clock", "root_clock")


@dataclass(frozen=True, eq=False)
class NetlistEnergy:
    """Energy of one stream in a run, fJ.

    Attributes
    ----------
    scopes : names
    parts : array (scopes, POWER_PARTS): nets' switching energy and cells' internal energy; of
        both, what the clock's toggles cost, behind clock gates and before them
    cycles : cycles of the run
    leakage_nw : leakage of the whole netlist
    """

    scopes: Sequence[str]
    parts: Reals
    cycles: int
    leakage_nw: float

    @property
    def dynamic_fj(self) -> float:
        """Energy of all but leakage, fJ."""
        return float(self.parts.sum())

    def leakage_fj(self, period_ps: float) -> float:
        """Return the leakage during the run at a clock period, fJ."""
        return self.leakage_nw * self.cycles * period_ps * 1e-6


class PowerModel:
    """Computes a netlist's energy from activities.

    Parameters
    ----------
    netlist : Netlist
    slew : array (nets,), ps, means of rising and falling slews
    wire_scale : factor on the wire estimate
    """

    def __init__(self, netlist: Netlist, slew: Reals, wire_scale: float = 1.0) -> None:
        self.netlist, self.slew = netlist, slew
        self.load, _ = loads(netlist, wire_scale)
        self.wire = wire_fanout_ff(netlist) * wire_scale
        self.clocks = clock_nets(netlist)
        self.root = netlist.ports["clk"] if "clk" in netlist.ports else np.zeros(0, np.int32)
        self.is_root = np.zeros(netlist.nets, bool)
        self.is_root[self.root] = True
        self.leakage_nw = sum(group.cell.leakage * len(group.pins) for group in netlist.groups)
        self.owner = self._owners()
        self._states: dict[
            tuple[str, str, str | None], dict[str, tuple[Function | None, Reals]]
        ] = {}  # energies of tables, which no activity changes
        self.repeated = {
            group.cell.name: other
            for group in netlist.groups
            if (other := _repeated_output(group.cell, netlist.library.voltage))
        }

    def _owners(self) -> npt.NDArray[np.int64]:
        """Return the scope of each net's driver; for a port's net, of one of its readers."""
        owner = np.zeros(self.netlist.nets, np.int64)
        for group in self.netlist.groups:
            for pin in group.cell.inputs:
                owner[group.nets(pin)] = group.scopes
        for group in self.netlist.groups:
            for pin in group.cell.outputs:
                owner[group.nets(pin)] = group.scopes
        return owner

    def energy(self, activity: Activity) -> NetlistEnergy:
        """Return the energy of one stream, as the mean over all streams."""
        parts = np.zeros((len(self.netlist.scopes), len(POWER_PARTS)))
        toggles = activity.toggles / activity.streams
        ones = activity.ones / (activity.streams * activity.cycles)
        ones = np.where(self.clocks, toggles / (4 * activity.cycles), ones)
        ones[1] = 1.0
        half = 0.5 * self.netlist.library.voltage**2
        data = np.where(self.clocks, 0.0, half * self.load * toggles)
        self._add(parts, self.owner, np.arange(self.netlist.nets), data, "switching")
        for group, _, reader, nets in sinks(self.netlist):  # a clock's load counts at its readers
            load = group.cell.pins[reader].capacitance + self.wire
            clock = np.where(self.clocks[nets], half * load * toggles[nets], 0.0)
            self._add(parts, group.scopes, nets, clock, "switching")
        for group in self.netlist.groups:
            for pin_name in group.names:
                if pin_name == self.repeated.get(group.cell.name):
                    continue
                pin, nets = group.cell.pins[pin_name], group.nets(pin_name)
                internal = toggles[nets] * self._per_toggle(group, pin, toggles, ones)
                self._add(parts, group.scopes, nets, internal, "internal")
        return NetlistEnergy(self.netlist.scopes, parts, activity.cycles, self.leakage_nw)

    def _add(
        self,
        parts: Reals,
        scopes: npt.NDArray[np.integer],
        nets: npt.NDArray[np.integer],
        energy: Reals,
        part: str,
    ) -> None:
        for name, chosen in (
            (part, ~self.clocks[nets]),
            ("gated_clock", self.clocks[nets] & ~self.is_root[nets]),
            ("root_clock", self.is_root[nets]),
        ):
            np.add.at(parts[:, POWER_PARTS.index(name)], scopes[chosen], energy[chosen])

    def _per_toggle(self, group: CellGroup, pin: Pin, toggles: Reals, ones: Reals) -> Reals:
        """Return the internal energy of a pin's toggle, fJ, array (instances,)."""
        nets = group.nets(pin.name)
        if pin.direction == "input":
            return self._mean_over_states(group, pin, pin.powers, None, toggles, ones)
        total, weights = np.zeros(len(nets)), np.zeros(len(nets))
        by_related: dict[str, list[Power]] = {}
        for power in pin.powers:
            for related in power.related:
                by_related.setdefault(related, []).append(power)
        for related, powers in by_related.items():
            if related not in group.names:
                continue
            share = toggles[group.nets(related)] + 1e-9
            total += share * self._mean_over_states(group, pin, powers, related, toggles, ones)
            weights += share
        return np.divide(total, weights, out=total, where=weights > 0)

    def _mean_over_states(
        self,
        group: CellGroup,
        pin: Pin,
        powers: Sequence[Power],
        related: str | None,
        toggles: Reals,
        ones: Reals,
    ) -> Reals:
        key = (group.cell.name, pin.name, related)
        if key not in self._states:
            self._states[key] = self._energies(group, pin, powers, related)
        states = self._states[key]
        total, covered = np.zeros(len(group.pins)), np.zeros(len(group.pins))
        for when, energy in states.values():
            if when is not None:
                share = self._probability(group, pin, when, toggles, ones)
                total += share * energy
                covered += share
        if "" in states:
            return total + np.clip(1.0 - covered, 0.0, 1.0) * states[""][1]
        # An output's states are those in which it can toggle, so their shares are relative
        if pin.direction == "output":
            return np.divide(total, covered, out=np.zeros_like(total), where=covered > 1e-12)
        return total

    def _energies(
        self, group: CellGroup, pin: Pin, powers: Sequence[Power], related: str | None
    ) -> dict[str, tuple[Function | None, Reals]]:
        """Return state and energy of a toggle, fJ, (instances,), by the state's text; "" is any."""
        nets = group.nets(pin.name)
        slew = self.slew[group.nets(related) if related else nets]
        repeated = group.cell.name in self.repeated
        load = np.zeros(len(nets)) if repeated and pin.direction == "output" else self.load[nets]
        states: dict[str, tuple[Function | None, Reals]] = {}
        for power in powers:
            if not power.energy:
                continue
            edges = [power.energy[edge](slew, load) for edge in EDGES if edge in power.energy]
            energy = np.sum(edges, axis=0) / 2
            text = "" if power.when is None else power.when.text
            known = states.get(text)
            states[text] = (power.when, energy if known is None else known[1] + energy)
        return states

    def _probability(
        self, group: CellGroup, pin: Pin, when: Function, toggles: Reals, ones: Reals
    ) -> Reals:
        """Return how often a state holds when `pin` toggles."""
        joint = self._register_states(group, pin, toggles, ones)
        total = np.zeros(len(group.pins))
        table = when.table(when.pins)
        for row in range(1 << len(when.pins)):
            if not table >> row & 1:
                continue
            values = {name: row >> index & 1 for index, name in enumerate(when.pins)}
            total += self._state(group, values, joint, ones)
        return total

    def _state(
        self,
        group: CellGroup,
        values: Mapping[str, int],
        joint: Mapping[tuple[int, int], Reals] | None,
        ones: Reals,
    ) -> Reals:
        register = group.cell.register
        share = np.ones(len(group.pins))
        data: int | None = None
        state: int | None = None
        for name, value in values.items():
            if joint is not None and register is not None:
                if (name,) == register.data.pins:
                    data = value
                    continue
                function = group.cell.pins[name].function if name in group.cell.pins else None
                if function is not None:
                    held = value if function.table(function.pins) == 0b10 else 1 - value
                    if function.pins == (register.inverse,):
                        held = 1 - held
                    if state is not None and state != held:
                        return np.zeros(len(group.pins))
                    state = held
                    continue
            one = ones[group.nets(name)] if name in group.names else np.full(len(share), 0.5)
            share = share * (one if value else 1.0 - one)
        if joint is None:
            return share
        chosen = [
            part
            for (d, q), part in joint.items()
            if (data is None or d == data) and (state is None or q == state)
        ]
        return share * np.sum(chosen, axis=0)

    def _register_states(
        self, group: CellGroup, pin: Pin, toggles: Reals, ones: Reals
    ) -> dict[tuple[int, int], Reals] | None:
        """Return probabilities of (data, state) at an edge of a flip-flop's clock, else None."""
        register = group.cell.register
        if register is None or register.kind != "ff" or pin.name != register.clock:
            return None
        if len(register.data.pins) != 1 or not group.cell.outputs:
            return None
        inverting = register.data.table(register.data.pins) == 0b01
        output = group.cell.outputs[0]
        function = group.cell.pins[output].function
        flip = toggles[group.nets(output)] / np.maximum(toggles[group.nets(pin.name)] / 2, 1e-9)
        flip = np.clip(flip, 0.0, 1.0) / 2
        one = ones[group.nets(output)]
        if function is not None and function.pins == (register.inverse,):
            one = 1.0 - one
        stay_one, stay_zero = np.maximum(one - flip, 0.0), np.maximum(1.0 - one - flip, 0.0)
        rest = np.maximum(stay_one + stay_zero, 1e-12)
        scale = (1.0 - 2 * flip) / rest
        table = {
            (1, 1): stay_one * scale,
            (0, 0): stay_zero * scale,
            (0, 1): flip,
            (1, 0): flip,
        }
        return {(1 - d if inverting else d, q): share for (d, q), share in table.items()}


def _repeated_output(cell: Cell, voltage: float) -> str | None:
    """Return the inverse output of a flip-flop, if both outputs' tables hold its whole energy.

    Such tables were taken with both outputs loaded alike, and only the energy of the own load was
    subtracted. So Q rising equals its inverse falling, and both grow by C V^2 / 2 of the other's
    load.
    """
    register = cell.register
    if register is None or register.kind != "ff" or len(cell.outputs) != 2:
        return None
    first, second = (cell.pins[name] for name in cell.outputs)
    tables = []
    for pin, edge in ((first, "rise"), (second, "fall")):
        found = [p.energy[edge] for p in pin.powers if register.clock in p.related and p.energy]
        if len(found) != 1:
            return None
        tables.append(found[0])
    (a, b), slew = tables, float(tables[0].first[0])
    low, high = float(a.second[0]), float(a.second[-1])
    if high <= low:
        return None
    slope = float(a(slew, high) - a(slew, low)) / (high - low)
    same = abs(float(a(slew, low) - b(slew, low))) < 0.05 * abs(float(a(slew, low)))
    return second.name if same and slope > 0.4 * voltage**2 else None
