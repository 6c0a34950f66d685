"""Four people start at once on one server: all runs finish, and the pages answer while the cores train."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch
from urllib.request import urlopen

from diagnostics.messages import text
from diagnostics.runs import RunRequest, start
from tests.faults.runs import ROOT, until

__all__ = ["analysts"]


def analysts(shop: Path, folder: Path, count: int = 4) -> dict[str, float]:
    """Starts ``count`` runs and walks between pages in a real browser until all have finished; the seconds that pages took."""
    from playwright.sync_api import sync_playwright

    path = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    assert path is not None, "no Chromium on this machine"
    home = folder / "home"
    home.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless", "true"]
    with (home / "server.log").open("wb") as log, patch.dict(os.environ, {"TENBIN_HOME": str(home)}):
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            until(lambda: _healthy(address), 60)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
                page = browser.new_page(viewport={"width": 1440, "height": 2400}, locale="en-GB")
                asked = [RunRequest(catalog=shop / "catalog.csv", interactions=shop / "log.csv", seed=n) for n in range(count)]
                runs = [start(request) for request in asked]
                began, took, waited = time.monotonic(), [], set()
                page.goto(f"{address}/?run={runs[0].token}&lang=en")
                page.get_by_role("heading", name=text("dashboard.overview.title", "en")).wait_for()
                names = ("data", "overview", "modalities", "probe")
                while any(run.outcome() is None for run in runs):
                    assert time.monotonic() - began < 600
                    waited |= {run.token for run in runs if run.place}
                    name = names[len(took) % len(names)]
                    clicked = time.monotonic()
                    page.get_by_test_id("stSidebarNav").get_by_text(text(f"dashboard.nav.{name}", "en"), exact=True).click()
                    page.get_by_role("heading", name=text(f"dashboard.{name}.title", "en")).wait_for()
                    took.append(time.monotonic() - clicked)
                    page.wait_for_timeout(300)
                browser.close()
        finally:
            server.terminate()
            server.wait(10)
    assert all(run.status() == "finished" for run in runs)
    took.sort()
    return {
        "runs": len(runs),
        "finished": sum(run.status() == "finished" for run in runs),
        "waited_in_the_queue": len(waited),
        "pages": len(took),
        "median_s": round(took[len(took) // 2], 2),
        "p95_s": round(took[int(0.95 * (len(took) - 1))], 2),
        "slowest_s": round(took[-1], 2),
        "all_finished_after_s": round(time.monotonic() - began, 1),
    }


def _healthy(address: str) -> bool:
    try:
        with urlopen(f"{address}/_stcore/health", timeout=1) as answer:  # noqa: S310  (our own address)
            return bool(answer.status == 200)
    except OSError:
        return False
