"""``python -m tests.faults.victim ARGUMENTS``: the command line as it is, but every epoch is kept, and faults are let in."""

from __future__ import annotations

import os
import sys

from diagnostics.__main__ import main
from diagnostics.console import CANCELLED
from diagnostics.runs.crew import Crew
from tests.faults.injection import begin

if __name__ == "__main__":
    Crew.module = "tests.faults.victim_child"
    begin("run")
    status = main(sys.argv[1:])
    if status == CANCELLED:  # as diagnostics.__main__ does
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
