"""Rich keeps the width that COLUMNS has when a console is made; so all are made without one here.

Otherwise the width of what a command prints would depend on which test imported it first.
"""

import importlib
import os
import pkgutil

import truncmac

os.environ.pop("COLUMNS", None)
for module in pkgutil.iter_modules(truncmac.__path__):
    if module.name not in ("golden", "hw", "model", "sim"):
        importlib.import_module(f"truncmac.{module.name}")
