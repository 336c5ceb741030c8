"""JSON objects as frozen dataclasses: read and checked by the types of their fields, and written.

Fields may be numbers, texts, truth values, tuples, mappings, other dataclasses, or one of these
or None. A field with a default may be missing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

__all__ = ["plain", "record"]

Record = TypeVar("Record")
DIGITS = 6  # of each number that is written: more would claim too much


def record(kind: type[Record], value: object, where: str) -> Record:
    """Make a dataclass from a JSON object.

    Parameters
    ----------
    kind : the dataclass
    value : the object, as `json` gives it
    where : what errors say before the field, as in "figures.json: "

    Raises
    ------
    ValueError
        If a field is missing, unknown or of another type, or a number is not finite: names it.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where.rstrip('.: ')} must be an object, not {value!r}")
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in value:
        if name not in known:
            raise ValueError(f"{where}{name} is not a known field")
    hints: dict[str, Any] = _hints(kind)  # type: ignore[arg-type]
    found = {}
    for name, field in known.items():
        if name in value:
            found[name] = _typed(hints[name], value[name], f"{where}{name}")
        elif field.default is MISSING:
            raise ValueError(f"{where}{name} is missing")
    try:
        return kind(**found)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}{error}") from None


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(hint: Any, value: object, where: str) -> Any:
    """A value of the type that a field has."""
    if is_dataclass(hint) and isinstance(hint, type):
        return record(hint, value, f"{where}.")
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin is Mapping:
        return _mapping(arguments, value, where)
    if type(None) in arguments:
        return None if value is None else _typed(arguments[0], value, where)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and number and math.isfinite(value):  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    if hint in (int, str, bool) and type(value) is hint:
        return value
    words = {float: "a finite number", int: "an integer", str: "a text", bool: "true or false"}
    raise ValueError(f"{where} must be {words[hint]}, not {value!r}")


def _tuple(kinds: tuple[Any, ...], value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} must be a list, not {value!r}")
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise ValueError(f"{where} must have {len(kinds)} entries, not {len(value)}")
    return tuple(
        _typed(kind, entry, f"{where}[{index}]")
        for index, (kind, entry) in enumerate(zip(kinds, value, strict=True))
    )


def _mapping(kinds: tuple[Any, ...], value: object, where: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be an object, not {value!r}")
    key_of: Callable[[str], Any] = kinds[0]  # str, or a number that a text has
    found = {}
    for name, entry in value.items():
        try:
            key = key_of(name)
        except ValueError:
            raise ValueError(f"{where} must have numbers as names, not {name!r}") from None
        found[key] = _typed(kinds[1], entry, f"{where}.{name}")
    return found


def plain(value: object) -> Any:
    """What `json` writes of a dataclass, and of what its fields hold.

    Numbers have six digits. Fields that may be missing are left out where they are zero or empty.
    """
    if is_dataclass(value):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        needed = {field.name for field in fields(value) if field.default is MISSING}
        return {name: plain(v) for name, v in own.items() if v or name in needed}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
