"""Queues by their number of entries: when an entry that came in can be seen to leave."""

__all__ = ["BufferedQueue"]


class BufferedQueue:
    """A queue whose memory is read a cycle before an entry leaves.

    An entry that comes while nothing waits can leave two cycles later.

    Parameters
    ----------
    depth : entries that it holds, with the one that is read
    """

    def __init__(self, depth: int) -> None:
        self.inner = depth - 1
        self.level = 0  # entries that are not read
        self.ready = False  # one is read

    @property
    def room(self) -> bool:
        """Whether an entry may come."""
        return self.level != self.inner

    def tick(self, *, came: bool, left: bool) -> None:
        """Pass a cycle in which an entry came, and one left that was `ready`."""
        reads = self.level > 0 and (not self.ready or left)
        self.level += came - reads
        self.ready = reads or (self.ready and not left)
