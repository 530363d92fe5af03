"""How many connections to PostgreSQL a process may hold, so that those of all processes together fit.

Needs no Django set up: the settings look here.
"""

from dataclasses import dataclass

from config.environment import refuse

LEAST = 5  # with which a web process does its work; more of it at once then waits
PROBES = 2  # threads that answer /readyz, each with a connection beside the pool
MOST_POOLED, MOST_READERS = 20, 8  # more connections than that make a process no faster


@dataclass(frozen=True, slots=True)
class Share:
    """What one process may hold: ``pooled`` for Django, ``readers`` for the look-up of each call."""

    pooled: int
    readers: int


OF_A_COMMAND = Share(pooled=3, readers=0)  # the worker, the start, whatever is run at the command line
COMMANDS = 2  # of them at once


def of_a_web_process(most: int, processes: int) -> Share:
    """Its part of the ``most`` connections that there may be. Raises ImproperlyConfigured."""
    for_commands = COMMANDS * (OF_A_COMMAND.pooled + OF_A_COMMAND.readers)
    each = (most - for_commands) // processes - PROBES
    if each < LEAST:
        least = LEAST + PROBES
        raise refuse(
            "DATABASE_MAX_CONNECTIONS",
            f"{most} are too few for WEB_WORKERS={processes}: each web process takes {least} at least, the "
            f"worker and commands {for_commands}.",
            f"Raise it to {processes * least + for_commands}, and max_connections of PostgreSQL with it, or "
            "lower WEB_WORKERS.",
        )
    readers = min(MOST_READERS, each // 4)
    return Share(pooled=min(MOST_POOLED, each - readers), readers=readers)
