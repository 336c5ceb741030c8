"""Who has a bank in a cycle: windows first, then others in their order."""

from collections.abc import Callable

__all__ = ["Bank", "Banks"]

Bank = tuple[int, int]  # group and bank


class Banks:
    """A cycle of the activation memory: a bank does one thing in it.

    Parameters
    ----------
    group : that windows are read from, -1: none
    windows : gives a bit for each of its banks that is read; called when it matters
    """

    def __init__(self, group: int, windows: Callable[[], int]) -> None:
        self.group, self.windows = group, windows
        self.busy: set[Bank] = set()

    def take(self, bank: Bank | None) -> bool:
        """Whether the bank is free for who asks now; it is not for those who ask later."""
        if bank is None:
            return False
        granted = bank not in self.busy
        if granted and bank[0] == self.group:
            granted = not self.windows() >> bank[1] & 1
        self.busy.add(bank)
        return granted
