"""A web server of two processes for the tests: ``python -m tests.ops.mortal FOLDER``.

``/`` tells which process answers. One started while ``FOLDER/broken`` is there ends at once, as when the
database is away. It prints its port.
"""

import os
import sys
from pathlib import Path
from typing import Any

import uvicorn

from config import first_start
from config.web_processes import WebProcesses


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI."""
    if scope["type"] == "lifespan":
        await receive()
        is_broken = (Path(os.environ["MORTAL"]) / "broken").exists()
        await send({"type": f"lifespan.startup.{'failed' if is_broken else 'complete'}"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


def main() -> None:
    """Serve until SIGTERM."""
    os.environ["MORTAL"] = sys.argv[1]
    listener = first_start.listen("127.0.0.1", 0)
    listener.listen()
    listener.set_inheritable(True)
    print(listener.getsockname()[1], flush=True)  # noqa: T201
    config = uvicorn.Config("tests.ops.mortal:application", workers=2, lifespan="on", log_config=None)
    WebProcesses(config, [listener]).run()


if __name__ == "__main__":
    main()
