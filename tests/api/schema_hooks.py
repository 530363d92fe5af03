"""What schemathesis is told of the server that it asks, by its environment.

``SCHEMA_KEEPS``: ids that it takes nothing away from, its own token's and person's. ``SCHEMA_FINDS``: the
link name of a service and a connection that are there for whatever is asked properly.
"""

import os
from typing import Any
from uuid import uuid4

import schemathesis

KEPT = frozenset(os.environ["SCHEMA_KEEPS"].split())
FOUND = os.environ["SCHEMA_FINDS"]


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Another id in place of a kept one that a list gave out; what is there in place of a made-up name."""
    asked = case.path_parameters
    for name, value in asked.items():
        if str(value).lower() in KEPT:
            asked[name] = str(uuid4())
    is_proper = case.meta and case.meta.generation.mode.is_positive
    if is_proper and "link_name" in asked and case.method != "DELETE":
        asked["link_name"] = FOUND
