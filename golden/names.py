"""From a name to a network and its images: the shipped network, an example, or a file."""

from pathlib import Path

from .builtin import builtin_images, builtin_network
from .dataset import load_images
from .examples import EXAMPLES, example_images, example_network
from .network import Network
from .network_file import load
from .pictures import load_pictures
from .types import Codes, Labels

__all__ = ["DIGITS", "images_by_name", "network_by_name"]

DIGITS = "digits"


def network_by_name(name: str) -> Network:
    """The network of a name: the shipped one, an example, or the network in a file.

    Parameters
    ----------
    name : `digits`, a name in `EXAMPLES`, or a path

    Raises
    ------
    ValueError
        If it is neither a name that is known nor a network file.
    """
    if name in EXAMPLES:
        return example_network(name)
    if name == DIGITS:
        return builtin_network()
    path = Path(name)
    if not path.suffix and not path.exists():
        known = ", ".join((DIGITS, *EXAMPLES))
        raise ValueError(f"Network must be a file, or one of {known}, not {name!r}")
    return load(path)


def images_by_name(
    name: str,
    data: Path | None,
    network: Network,
    *,
    examples: int = 0,
    ask: str = "give its images with --data",
) -> tuple[Codes, Labels | None]:
    """The images of a name, uint8 codes (n, C, H, W), and their labels (n,) if known.

    Parameters
    ----------
    name : the network's, as `network_by_name` takes it
    data : a file of images, or a folder of pictures; None: the images that belong to the name
    network : the network of that name; pictures are scaled to its size
    examples : how many images to make for an example; 0: an example has no images
    ask : what the user can do if the name has no images

    Raises
    ------
    ValueError
        If the name has no images. The message says `ask`, and names the file that training put
        beside the network.
    """
    if data is not None:
        return load_pictures(data, network.image) if data.is_dir() else load_images(data)
    if name in EXAMPLES and examples:
        return example_images(name, examples), None
    if name == DIGITS:
        return builtin_images()
    beside = Path(name).with_name("images.safetensors")
    hint = f", such as {beside}" if beside.is_file() else ""
    raise ValueError(f"{name}: {ask}{hint}")
