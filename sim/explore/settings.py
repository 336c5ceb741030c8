"""Settings of an exploration, from a TOML file or from options, checked into a `Spec`."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from truncmac.golden.files import check_input, read_toml

from .space import AXES_OF, Top, axis_values
from .spec import Bound, Spec

__all__ = ["load_settings", "spec_of"]

MOST_BYTES = 1 << 20  # of a file of settings
MOST_IMAGES = 1 << 16
DEFAULTS: Mapping[str, object] = {
    "workloads": "digits",
    "bits": "8,4,2,1",
    "objectives": "images_per_s,peak_macs",
    "space": {
        "rows": "4..16x2",
        "cols": "4..16x2",
        "lanes": "4..16x2",
        "planes": "1,2",
        "requantisers": "auto",
        "activation_kib": 128,
        "weight_kib": 128,
        "dram_gb_s": 3.2,
        "bus_width": "64..256x2",
        "groups": 3,
        "depth": "512..4096x2",
        "clock_mhz": 100,
    },
}


def load_settings(path: Path) -> dict[str, Any]:
    """Read the settings of a TOML file; `spec_of` checks them.

    Raises
    ------
    ValueError
        If the file is not TOML: names the file and the line.
    OSError
        If the file cannot be read.
    """
    if check_input(path).stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: the most that is read is {MOST_BYTES} bytes")
    try:
        return read_toml(path.read_bytes().decode())
    except ValueError as error:
        raise ValueError(f"{path}: must be a TOML file: {error}") from error


def spec_of(settings: Mapping[str, Any], source: str = "settings") -> Spec:
    """Make a spec of settings; `DEFAULTS` hold for what they leave out.

    Parameters
    ----------
    settings : as in a TOML file: fields of `Spec`, and the tables space, constraints and search
    source : where the settings come from, for messages

    Raises
    ------
    ValueError
        Names the source and the key that is wrong, and what it must be.
    """
    known = {f.name for f in fields(Spec)} - {"method", "trials", "seed"} | {"search"}
    try:
        search = _table(settings, "search")
        _check_keys(settings, known)
        top: Any = settings.get("top", "core")
        _check_keys(search, {"method", "trials", "seed"}, "[search]: ")
        return Spec(
            workloads=_names("workloads", settings),
            bits=_bits(settings.get("bits", DEFAULTS["bits"])),
            top=top,
            space=_space(_table(settings, "space"), top),
            objectives=_names("objectives", settings),
            constraints=_bounds(_table(settings, "constraints")),
            front=settings.get("front", "each"),
            images=_whole("images", settings.get("images", 1), 1, MOST_IMAGES),
            data=_text("data", settings.get("data"), "a file's name"),
            library=_text("library", settings.get("library"), "a name"),
            fpga=_text("fpga", settings.get("fpga"), "a folder's name"),
            method=search.get("method"),
            trials=_whole("trials", search.get("trials", 2000), 1, 1 << 31),
            seed=_whole("seed", search.get("seed", 0), 0, (1 << 32) - 1),
        )
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


def _table(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = settings.get(name, {})
    if not isinstance(table, Mapping):
        raise ValueError(f"{name} must be a table, [{name}], not {table!r}")
    return table


def _check_keys(given: Mapping[str, Any], known: Iterable[str], where: str = "") -> None:
    for key in given:
        if key not in known:
            raise ValueError(f"{where}a key must be one of {', '.join(sorted(known))}, not {key!r}")


def _names(what: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    given = settings.get(what, DEFAULTS[what])
    if isinstance(given, str):
        given = [name.strip() for name in given.split(",")]
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise ValueError(f"{what} must be a list of names, not {given!r}")
    return tuple(given)


def _bits(given: object) -> tuple[int, ...]:
    if given == "all":
        return tuple(range(8, 0, -1))
    parts: Any = given.split(",") if isinstance(given, str) else given
    bits: tuple[Any, ...] = tuple(
        int(part) if isinstance(part, str) and part.strip().isdecimal() else part
        for part in (parts if isinstance(parts, list) else [parts])
    )
    wrong = [k for k in bits if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= 8]
    if wrong or not bits or len(set(bits)) < len(bits):
        raise ValueError(f"bits must be of 1..8, each once, or 'all', not {given!r}")
    return bits


def _space(given: Mapping[str, Any], top: Top) -> dict[str, tuple[float, ...]]:
    axes = AXES_OF.get(top, ())  # another top is refused with the spec
    if axes:
        _check_keys(given, axes, "[space]: ")
    defaults: Any = DEFAULTS["space"]
    return {name: axis_values(name, given.get(name, defaults[name])) for name in axes}


def _bounds(given: Mapping[str, Any]) -> dict[str, Bound]:
    bounds = {}
    for name, bound in given.items():
        valid = isinstance(bound, Mapping) and bound and set(bound) <= {"min", "max"}
        if not valid or not all(
            isinstance(value, int | float) and not isinstance(value, bool) and value == value
            for value in bound.values()
        ):
            raise ValueError(
                f"constraint {name} must be such as {{ min = 1, max = 2 }}, not {bound!r}"
            )
        bounds[name] = Bound(**{key: float(value) for key, value in bound.items()})
    return bounds


def _whole(what: str, given: object, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise ValueError(f"{what} must be a whole number in {least}..{most}, not {given!r}")
    return given


def _text(what: str, given: object, kind: str) -> str | None:
    if given is not None and not isinstance(given, str):
        raise ValueError(f"{what} must be {kind}, not {given!r}")
    return given
