"""One attack, in a process of its own: `python -m bench.abuse.throw NAME`, run by ``bench.abuse.run``.

Reads the target as a line of JSON, says ``ready``, begins at the next line and prints what became of it. It
yields the processor to whoever else wants it, as if it sat on another machine.
"""

import asyncio
import json
import os
import sys
import time

from bench.abuse.attacks import ALL, Attack
from bench.abuse.stage import NotStaged, Target

NICENESS = 5


def main() -> None:
    """Ends by itself when the attack's time is over."""
    attack = next(attack for attack in ALL if attack.name == sys.argv[1])
    target = _read_target(sys.stdin.readline())
    os.nice(NICENESS)
    _say("ready")
    sys.stdin.readline()
    _say(asyncio.run(_throw(attack, target)))


async def _throw(attack: Attack, target: Target) -> str:
    try:
        return await attack.throw(target, time.monotonic() + attack.seconds)
    except (NotStaged, TimeoutError) as error:
        return f"could not be thrown ({type(error).__name__}: {error})"


def _read_target(line: str) -> Target:
    told = json.loads(line)
    return Target(**{**told, "gang": tuple(told["gang"])})


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
