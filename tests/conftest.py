"""Rich keeps the width that COLUMNS has when a console is made; so all are made without one here.

Otherwise the width of what a command prints would depend on which test imported it first.
"""

import importlib
import os
import pkgutil

from hypothesis import settings

import truncmac

# The same examples in every run; --hypothesis-profile=explore draws others
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("same")

os.environ.pop("COLUMNS", None)
for module in pkgutil.walk_packages(truncmac.__path__, "truncmac."):
    importlib.import_module(module.name)
