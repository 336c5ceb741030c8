import importlib
import pkgutil

import truncmac.golden


def test_all_public_names_of_the_modules_are_there():
    names = truncmac.golden.__all__
    assert len(names) == len(set(names))
    for name in names:
        assert hasattr(truncmac.golden, name)
    internal = {
        *("channels_last", "described", "description_of", "largest_value", "open_safetensors"),
        "ActivationMemory",
        *("padded", "run_layer", "sides", "spread"),
    }
    apart = {
        "checks",
        "exact",
        "files",
        "legality",
        "text",
        "types",
        "validity",
    }  # no part of the reference
    ours = {"product", "sums", "threads"}  # how the executor is fast
    for module in pkgutil.iter_modules(truncmac.golden.__path__):
        if module.name in apart | ours:
            continue
        public = importlib.import_module(f"truncmac.golden.{module.name}").__all__
        assert set(public) - internal <= set(names), module.name
