"""The integer reference, in NumPy alone; hardware and models are held equal to it.

Quantisation, packing, the network file, its executor, and the way from a name to a network.
Training is in `model`, what hardware costs in `sim`.
"""

from .accuracy import accuracy, network_accuracy, predictions
from .affine import (
    AffineProduct,
    Stream,
    code_parameters,
    exact_codes,
    least_multiplier_bits,
    logit_parameters,
    mean_pool,
    requantisation_tensors,
)
from .arrays import ARRAYS_FORMAT, load_arrays
from .builtin import BUILTIN_IMAGES, BUILTIN_NETWORK, builtin_images, builtin_network
from .certify import certify
from .coders import Concat, DepthToSpace, Lookup, Scale, Upsample
from .coding import (
    ROUNDINGS,
    ImageCoding,
    ImageRounding,
    level_codes,
    pixel_codes,
    pixel_table,
    real_codes,
)
from .dataset import Images, load_images, read_images, save_images
from .description import FORMAT, VERSION, from_description, read_layer
from .errors import NetworkFileError
from .examples import EXAMPLES, example_images, example_network
from .executor import Execution, Executor, execute, layer_bits
from .gemm import Gemm, matmul
from .gemms import each_gemm, network_gemms
from .inspection import LayerInspection, image_formula, inspect_network, plane_information
from .layers import avg_pool, im2col, max_pool, output_size, pool_sums, shortcut
from .maps import Machine, MapPlace, ProgramError
from .mixed import Recalibration, with_layer_bits
from .names import DIGITS, Pictures, given_images, images_by_name, network_by_name
from .network import (
    IMAGE,
    AvgPool,
    CodeLayer,
    CodeRounding,
    Conv2d,
    Flatten,
    ImageSpec,
    Layer,
    Linear,
    MaxPool,
    Network,
    Product,
    Shortcut,
    check_dense,
    check_reduction,
    check_rounding,
    code_bits,
    output_shape,
    shapes,
)
from .network_file import load, save
from .pack import beat_major, memory_image, pack_weights, prefix, unpack_weights
from .pictures import load_pictures, picture_labels
from .product import requantisation
from .program import Traffic, interpret
from .quantise import (
    ALL_WIDTHS,
    WEIGHT_BITS,
    OffsetKind,
    activation_codes,
    check_bits,
    integer_weights,
    truncate,
    weight_codes,
    weight_offset,
    weight_scale,
)
from .requantise import (
    MULTIPLIER_BITS,
    RESIDUAL_EXTRA_BITS,
    Requantisation,
    from_affine,
    requantise,
)
from .setting import Setting
from .types import BitWidths, Pair

__all__ = [
    "ALL_WIDTHS",
    "ARRAYS_FORMAT",
    "BUILTIN_IMAGES",
    "BUILTIN_NETWORK",
    "DIGITS",
    "EXAMPLES",
    "FORMAT",
    "IMAGE",
    "MULTIPLIER_BITS",
    "RESIDUAL_EXTRA_BITS",
    "ROUNDINGS",
    "VERSION",
    "WEIGHT_BITS",
    "AffineProduct",
    "AvgPool",
    "BitWidths",
    "CodeLayer",
    "CodeRounding",
    "Concat",
    "Conv2d",
    "DepthToSpace",
    "Execution",
    "Executor",
    "Flatten",
    "Gemm",
    "ImageCoding",
    "ImageRounding",
    "ImageSpec",
    "Images",
    "Layer",
    "LayerInspection",
    "Linear",
    "Lookup",
    "Machine",
    "MapPlace",
    "MaxPool",
    "Network",
    "NetworkFileError",
    "OffsetKind",
    "Pair",
    "Pictures",
    "Product",
    "ProgramError",
    "Recalibration",
    "Requantisation",
    "Scale",
    "Setting",
    "Shortcut",
    "Stream",
    "Traffic",
    "Upsample",
    "accuracy",
    "activation_codes",
    "avg_pool",
    "beat_major",
    "builtin_images",
    "builtin_network",
    "certify",
    "check_bits",
    "check_dense",
    "check_reduction",
    "check_rounding",
    "code_bits",
    "code_parameters",
    "each_gemm",
    "exact_codes",
    "example_images",
    "example_network",
    "execute",
    "from_affine",
    "from_description",
    "given_images",
    "im2col",
    "image_formula",
    "images_by_name",
    "inspect_network",
    "integer_weights",
    "interpret",
    "layer_bits",
    "least_multiplier_bits",
    "level_codes",
    "load",
    "load_arrays",
    "load_images",
    "load_pictures",
    "logit_parameters",
    "matmul",
    "max_pool",
    "mean_pool",
    "memory_image",
    "network_accuracy",
    "network_by_name",
    "network_gemms",
    "output_shape",
    "output_size",
    "pack_weights",
    "picture_labels",
    "pixel_codes",
    "pixel_table",
    "plane_information",
    "pool_sums",
    "predictions",
    "prefix",
    "read_images",
    "read_layer",
    "real_codes",
    "requantisation",
    "requantisation_tensors",
    "requantise",
    "save",
    "save_images",
    "shapes",
    "shortcut",
    "truncate",
    "unpack_weights",
    "weight_codes",
    "weight_offset",
    "weight_scale",
    "with_layer_bits",
]
