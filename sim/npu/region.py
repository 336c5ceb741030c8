"""The program's region: programs first, then parameters and weights, each at whole bus beats."""

from truncmac.integers import ceil_div

from .compiled import Section

__all__ = ["RegionWriter", "aligned"]


def aligned(size: int, beat: int) -> int:
    """`size` rounded up to whole beats of the bus, of `beat` bytes each."""
    return ceil_div(size, beat) * beat


class RegionWriter:
    """Gives each section its place, and joins them.

    Parameters
    ----------
    beat : bytes at whose multiples sections begin
    """

    def __init__(self, beat: int) -> None:
        self.beat = beat
        self.sections: list[Section] = []
        self._data: list[bytes | None] = []

    @property
    def size(self) -> int:
        """Bytes up to here."""
        if not self.sections:
            return 0
        last = self.sections[-1]
        return last.offset + aligned(last.size, self.beat)

    def add(self, name: str, data: bytes) -> int:
        """Append a section; its offset."""
        offset = self.reserve(name, len(data))
        self._data[-1] = data
        return offset

    def reserve(self, name: str, size: int) -> int:
        """Append a section that is filled later, in the order of such sections; its offset."""
        self.sections.append(Section(name, self.size, size))
        self._data.append(None)
        return self.sections[-1].offset

    def joined(self, late: list[bytes]) -> bytes:
        """All bytes, with `late` in the sections that were reserved."""
        waiting = iter(late)
        parts = [next(waiting) if data is None else data for data in self._data]
        ends = [*(section.offset for section in self.sections[1:]), self.size]
        return b"".join(
            part.ljust(end - section.offset, b"\0")
            for part, section, end in zip(parts, self.sections, ends, strict=True)
        )
