"""Reads a program's descriptors ahead, one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass

from truncmac.descriptors import DESCRIPTOR_BYTES, Operation, unpack_descriptor

from .bus import Request

__all__ = ["Descriptor", "DescriptorReader"]


@dataclass(frozen=True)
class Descriptor:
    """An operation and its fields."""

    operation: Operation
    values: Mapping[str, int]


class DescriptorReader:
    """Asks for a descriptor, receives and checks it, tells what may be read ahead, and gives it.

    Parameters
    ----------
    size : bytes of a beat of the bus
    """

    def __init__(self, size: int) -> None:
        self.beats = DESCRIPTOR_BYTES // size
        self.state = "idle"

    def start(self, program: bytes, entry: int) -> None:
        """Read the program whose BEGIN is at `entry` of its region."""
        self.program, self.place, self.beat = program, entry, 0
        self.state = "ask"

    @property
    def request(self) -> Request | None:
        """Of the next descriptor, as an offset of the region, if it is to be asked for."""
        return (self.place, DESCRIPTOR_BYTES) if self.state == "ask" else None

    @property
    def given(self) -> Descriptor | None:
        """The next operation, if it is here."""
        return self.descriptor if self.state == "give" else None

    @property
    def told(self) -> Descriptor | None:
        """A convolution that is told to who reads ahead."""
        return self.descriptor if self.state == "tell" else None

    def waits(self, hears: bool) -> bool:
        """Whether it does nothing until others go on; `hears`: what it tells would be heard."""
        return self.state in ("give", "idle") or (self.state == "tell" and not hears)

    def tick(self, *, asked: bool, beat: bool, heard: bool, taken: bool) -> None:
        """Pass a cycle: it is asked for, a beat comes, what is told is heard, it is taken."""
        if self.state == "ask" and asked:
            self.state = "receive"
        elif self.state == "receive" and beat:
            self.beat += 1
            if self.beat == self.beats:
                self.beat, self.state = 0, "check"
                self._decode()
        elif self.state == "check":
            self.state = "tell" if self.descriptor.operation == Operation.CONV else "give"
        elif self.state == "tell" and heard:
            self.state = "give"
        elif self.state == "give" and taken:
            self.place += DESCRIPTOR_BYTES
            self.state = "idle" if self.descriptor.operation == Operation.END else "ask"

    def _decode(self) -> None:
        operation, values = unpack_descriptor(
            self.program[self.place : self.place + DESCRIPTOR_BYTES]
        )
        self.descriptor = Descriptor(Operation(operation), values)
