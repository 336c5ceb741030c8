"""Tables of the NPU's program: operations, their fields, parameters and faults."""

from truncmac.descriptors import (
    FIELDS,
    PARAMETER_FIELDS,
    DescriptorField,
    Operation,
    ProgramFault,
    Region,
)

from .interfaces import table

__all__ = ["descriptor_table", "fault_table", "program_parameter_table", "region_table"]

FAULTS = {
    ProgramFault.FORMAT: "the program does not begin with a BEGIN of this format's version",
    ProgramFault.CONFIGURATION: "the program is for an NPU of other sizes",
    ProgramFault.SPACE: "a region that the program needs is larger than the one that it was given",
    ProgramFault.OPERATION: "the operation is unknown or reserved",
    ProgramFault.VALUE: "a field is out of its range",
    ProgramFault.PLACE: "a map reaches beyond the activation memory",
    ProgramFault.GROUPS: "the input is in the group of the output or of the residual",
    ProgramFault.ADDRESS: "an address is outside its region",
    ProgramFault.READ: "the bus answered a read with an error",
    ProgramFault.WRITE: "the bus answered a write with an error",
    ProgramFault.STOPPED: "software ended the program by `control.reset`",
}
REGIONS = {
    Region.PROGRAM: "programs, parameters and weights; only read",
    Region.INPUT: "the image, channels innermost; only read",
    Region.OUTPUT: "what the network gives, channels innermost",
    Region.SCRATCH: "maps that do not fit the activation memory, or are to be looked at",
}


def _bits(field: DescriptorField) -> str:
    high = field.low + field.width - 1
    return f"{field.word}: {field.low}" + (f" to {high}" if high > field.low else "")


def descriptor_table() -> str:
    """Word and bits of each field, its meaning, and the operations that have it."""
    found: dict[DescriptorField, list[str]] = {}
    for operation, fields in FIELDS.items():
        for field in fields:
            found.setdefault(field, []).append(operation.name)
    rows = [
        [
            _bits(field),
            f"`{field.name}`",
            field.meaning + (", signed" if field.signed else ""),
            "all" if len(names) == len(FIELDS) else ", ".join(names),
        ]
        for field, names in sorted(found.items(), key=lambda item: (item[0].word, item[0].low))
    ]
    numbers = ", ".join(f"{operation.value} {operation.name}" for operation in FIELDS)
    reserved = ", ".join(f"{each.value} {each.name}" for each in Operation if each not in FIELDS)
    fields = table(["word: bits", "field", "what it is", "operations"], rows)
    return f"The operations are {numbers}. Reserved are {reserved}.\n\n{fields}"


def program_parameter_table() -> str:
    """Bits of the fields of a channel's 16 bytes."""
    rows = [
        [
            f"{field.low} to {field.low + field.width - 1}",
            f"`{field.name}`",
            field.meaning + (", signed" if field.signed else ""),
        ]
        for field in PARAMETER_FIELDS
    ]
    return table(["bits", "field", "what it is"], rows)


def fault_table() -> str:
    """Error codes, and what they say."""
    rows = [[str(fault.value), fault.name.lower(), text] for fault, text in FAULTS.items()]
    return table(["code", "name", "what is wrong"], rows)


def region_table() -> str:
    """The regions, and what lies in them."""
    rows = [[str(each.value), each.name.lower(), text] for each, text in REGIONS.items()]
    return table(["number", "region", "what lies in it"], rows)
