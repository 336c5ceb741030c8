"""The network and test images that come with the package: handwritten digits."""

from pathlib import Path

from .dataset import load_images
from .network import Network
from .network_file import load
from .types import Codes, Labels

__all__ = ["BUILTIN_IMAGES", "BUILTIN_NETWORK", "builtin_images", "builtin_network"]

DATA = Path(__file__).parent / "data"
BUILTIN_NETWORK = DATA / "digits.safetensors"
BUILTIN_IMAGES = DATA / "digits_test.safetensors"


def builtin_network() -> Network:
    """The network for digits that comes with the package."""
    return load(BUILTIN_NETWORK)


def builtin_images() -> tuple[Codes, Labels | None]:
    """The test images of the shipped network, uint8 codes (n, 1, 8, 8), and their labels (n,)."""
    return load_images(BUILTIN_IMAGES)
