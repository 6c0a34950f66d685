"""``python -m tests.faults [NAME ...]``: every fault in the counts that are promised, one line of JSON for each kind.

Names: disk, checkpoints, kills, killed_runs, cancels, starts, overhead, analysts. Takes about an hour of one core for all of them.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.cli.conftest import write_small_shop
from tests.faults.analysts import analysts
from tests.faults.cancels import cancel
from tests.faults.damage import damage
from tests.faults.disk import fail_everything
from tests.faults.killed_runs import kill_runs
from tests.faults.kills import kill
from tests.faults.overhead import overhead
from tests.faults.starts import start_twice

KINDS: dict[str, Callable[[Path, Path], Mapping[str, float]]] = {
    "disk": lambda shop, folder: fail_everything(folder),
    "checkpoints": lambda shop, folder: damage(folder, 200),
    "kills": lambda shop, folder: kill(folder, 60),
    "killed_runs": lambda shop, folder: kill_runs(shop, folder, 12),
    "cancels": lambda shop, folder: cancel(shop, folder, 50),
    "analysts": lambda shop, folder: analysts(shop, folder),
    "overhead": lambda shop, folder: overhead(folder),
    "starts": lambda shop, folder: start_twice(shop, folder, 10, 20),
}


def main(names: list[str]) -> None:
    """Run the named kinds, or all."""
    for name in names or list(KINDS):
        with tempfile.TemporaryDirectory(prefix="tenbin-faults-") as made:
            place = Path(made)
            shop, folder = place / "shop", place / "faults"
            shop.mkdir()
            folder.mkdir()
            write_small_shop(shop)
            began = time.monotonic()
            counts = KINDS[name](shop, folder)
            print(json.dumps({"faults": name, **counts, "seconds": round(time.monotonic() - began)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
