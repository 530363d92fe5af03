"""What schemathesis leaves alone: the token that it asks with and the person whose it is. Named by its
environment; everything else that it makes it may take away."""

import os
from typing import Any
from uuid import uuid4

import schemathesis

KEPT = frozenset(os.environ["SCHEMA_KEEPS"].split())


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Another id in place of a kept one that a list gave out."""
    for name, value in case.path_parameters.items():
        if str(value).lower() in KEPT:
            case.path_parameters[name] = str(uuid4())
