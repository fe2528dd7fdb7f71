"""Checks the shapes and dtypes in signatures during the test run (a pytest plugin, named in pyproject.toml).

Only annotations that hold a tensor's shape are checked. With the others, a test that hands over a wrong value
to see our own message for it would meet the checker's instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

SHAPED = re.compile(r"\b(?:Bool|Float|Float32|Float64|Int|Int8|Int32|Int64|Integer|Num|Shaped)\[")
CHECKED = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with those of its arguments checked whose annotation holds a shape."""
    annotations = getattr(function, "__annotations__", {})
    shaped = {name: annotation for name, annotation in annotations.items() if SHAPED.search(str(annotation))}
    if not shaped:
        return function
    function.__annotations__ = shaped
    return CHECKED(function)


install_import_hook("valuelocate", f"{__name__}.check")
