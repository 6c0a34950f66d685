"""A training process as it is, but every epoch is kept, however short, and faults are let in."""

from __future__ import annotations

import sys

from diagnostics.runs.child import main
from tests.faults.injection import begin
from tests.faults.keeping import keep_every_epoch

if __name__ == "__main__":
    keep_every_epoch()
    begin("training")
    main(*sys.argv[1:])
