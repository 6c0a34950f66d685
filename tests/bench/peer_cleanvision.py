"""cleanvision on a folder of pictures, all its checks, two processes."""

from __future__ import annotations

import contextlib
import sys

from cleanvision import Imagelab

from tests.bench.clock import timed

if __name__ == "__main__":
    with timed("cleanvision") as said:
        with contextlib.redirect_stdout(sys.stderr):
            lab = Imagelab(data_path=sys.argv[1])
            lab.find_issues(n_jobs=2, verbose=False)
        summary = lab.issue_summary
        said.append(", ".join(f"{kind} {count}" for kind, count in zip(summary["issue_type"], summary["num_images"], strict=True)))
