"""Many arrays in the place of one: each size is a column with a row for each array."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from truncmac.hw.config import ArrayConfig

__all__ = ["ConfigColumns"]


class ConfigColumns:
    """Stands for an `ArrayConfig` in elementwise formulas: its attributes are arrays (n, 1).

    Parameters
    ----------
    configs : n arrays; each object that is there several times is asked once
    """

    def __init__(self, configs: Sequence[ArrayConfig]) -> None:
        known = {id(config): config for config in configs}
        number = {one: place for place, one in enumerate(known)}
        self.different = list(known.values())
        self.places = np.array([number[id(config)] for config in configs], np.intp)

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        column = np.array([getattr(config, name) for config in self.different])
        column = column[self.places][:, None]
        setattr(self, name, column)
        return column
