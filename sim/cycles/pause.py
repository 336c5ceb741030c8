"""When a stream of the core goes on: at random, and by a rule."""

__all__ = ["Pause"]


class Pause:
    """Decides whether a stream goes on in a cycle: at random, and `gap` cycles after each word.

    Parameters
    ----------
    gap : cycles that the stream needs for a word
    sink : whether it takes words from the core; then `gap` counts from when a word is offered
    """

    def __init__(self, gap: int, *, sink: bool = False) -> None:
        self.gap = gap
        self.sink = sink
        self.drawn = True
        self.left = gap - 1 if sink else 0

    @property
    def go(self) -> bool:
        """Whether the stream's own side is ready."""
        return self.drawn and self.left == 0

    def tick(self, draw: bool, *, taken: bool, offered: bool = True) -> None:
        """Pass a cycle.

        Parameters
        ----------
        draw : whether the stream may go on if it draws in this cycle
        taken : whether a word was taken
        offered : whether a word was offered to a sink
        """
        if self.sink or not self.drawn or taken:
            self.drawn = draw
        if taken:
            self.left = self.gap - 1
        elif self.left and (offered or not self.sink):
            self.left -= 1
