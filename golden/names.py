"""From a name to a network and its images: the shipped network, an example, or a file."""

from dataclasses import dataclass
from pathlib import Path

from .builtin import builtin_images, builtin_network
from .dataset import Images, read_images
from .examples import EXAMPLES, example_images, example_network
from .network import ImageSpec, Network
from .network_file import load
from .pictures import load_pictures, picture_labels
from .types import Codes, Labels

__all__ = ["DIGITS", "Pictures", "given_images", "images_by_name", "network_by_name"]

DIGITS = "digits"


@dataclass(frozen=True)
class Pictures:
    """A folder of pictures, which are read when it is known what the network takes."""

    folder: Path
    limits: None = None  # pixels have no others than 0 and 255

    @property
    def labels(self) -> Labels | None:
        """The class of each picture, or None; see `load_pictures`."""
        return picture_labels(self.folder)

    def codes(self, image: ImageSpec) -> Codes:
        """The codes, uint8 (n, C, H, W)."""
        return load_pictures(self.folder, image)[0]


def given_images(data: Path) -> Images | Pictures:
    """The images in a file or in a folder of pictures; both have `codes`, `labels` and `limits`."""
    return Pictures(data) if data.is_dir() else read_images(data)


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
    network : the network of that name, which says what code a pixel or a real number has;
        pictures are scaled to its size
    examples : how many images to make for an example; 0: an example has no images
    ask : what the user can do if the name has no images

    Raises
    ------
    ValueError
        If the name has no images. The message says `ask`, and names the file that training put
        beside the network.
    """
    if data is not None:
        images = given_images(data)
        return images.codes(network.image), images.labels
    if name in EXAMPLES and examples:
        return example_images(name, examples), None
    if name == DIGITS:
        return builtin_images()
    beside = Path(name).with_name("images.safetensors")
    hint = f", such as {beside}" if beside.is_file() else ""
    raise ValueError(f"{name}: {ask}{hint}")
