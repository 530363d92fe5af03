"""Draw static/img/brands.svg: a symbol for each icon that the catalogue names, from npm's simple-icons.

Run by `make icons`, where npm is; the picture is committed. A brand that the set has not is left to its
letters on a tile: nothing is drawn to look like it.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SET = "simple-icons@16.37.0"
SPRITE = ROOT / "static" / "img" / "brands.svg"
NOTE = """<!-- Icons of brands, from {set} (https://simpleicons.org), released under CC0 1.0.
     The brands and their marks are their owners'; they are shown to tell services apart. -->
"""


def wanted() -> list[str]:
    """The icons that entries name, each once."""
    entries = (tomllib.loads(path.read_text()) for path in (ROOT / "services" / "catalogue").glob("*.toml"))
    return sorted({entry["icon"] for entry in entries if entry.get("icon")})


def shapes(archive: Path) -> dict[str, str]:
    """The paths of each icon in the set; all are drawn on 24 by 24."""
    found: dict[str, str] = {}
    with tarfile.open(archive) as package:
        for member in package:
            if match := re.fullmatch(r"package/icons/([a-z0-9]+)\.svg", member.name):
                file = package.extractfile(member)
                assert file is not None
                found[match[1]] = "".join(re.findall(r"<path[^>]*/>", file.read().decode()))
    return found


def main() -> None:
    """Write the sprite; an icon that the set has not is an error."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", SET, "--silent", "--pack-destination", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        drawn = shapes(archive)
    if missing := [name for name in wanted() if not drawn.get(name)]:
        sys.exit(f"{SET} has no icon of this name: {', '.join(missing)}")
    symbols = [
        f'  <symbol id="{name}" viewBox="0 0 24 24" fill="currentColor">{drawn[name]}</symbol>\n'
        for name in wanted()
    ]
    head = NOTE.format(set=SET) + '<svg xmlns="http://www.w3.org/2000/svg">\n'
    SPRITE.write_text(f"{head}{''.join(symbols)}</svg>\n", encoding="utf-8")


if __name__ == "__main__":
    main()
