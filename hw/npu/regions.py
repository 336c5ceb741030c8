"""Where the four regions of memory lie, and what of them a program may touch."""

from amaranth import Array, Signal
from amaranth.lib import data

from truncmac.descriptors import OFFSET_BITS, ROW_BITS, Region

from .bursts import ADDRESS_BITS

__all__ = ["COUNT_BITS", "bytes_layout", "located", "regions_layout"]

COUNT_BITS = ROW_BITS  # of the bytes of a request


def regions_layout():
    """Base and size in bytes of each region, by number; bases are multiples of the bus' bytes."""
    place = data.StructLayout({"base": ADDRESS_BITS, "size": ADDRESS_BITS})
    return data.ArrayLayout(place, len(Region))


def bytes_layout():
    """A request for `bytes` bytes at `address`, whose upper two bits are the region's number."""
    return data.StructLayout({"address": ADDRESS_BITS, "bytes": COUNT_BITS})


def located(m, regions, request, *, name):
    """Address of a request's first byte on the bus, and whether it is within its region."""
    number, offset = request.address[OFFSET_BITS:], request.address[:OFFSET_BITS]
    base = Array(regions[region].base for region in Region)[number]
    size = Array(regions[region].size for region in Region)[number]
    address = Signal(ADDRESS_BITS, name=f"{name}_address")
    end = Signal(OFFSET_BITS + 1, name=f"{name}_end")
    m.d.comb += [address.eq(base + offset), end.eq(offset + request.bytes)]
    return address, end <= size
