"""What every area's tests share: the repository's root, the shared data where it is present, and a home of their own."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as every training has; two threads beside other work wait for one another
signal.signal(signal.SIGINT, signal.default_int_handler)  # workers of xdist ignore it, and so would what tests start and interrupt


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data and the contract; the test is skipped where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is absent")
    return folder


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the cache and the runs of the person who runs it; one test run shares one cache of encodings."""
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path_factory.getbasetemp() / "home"))


@pytest.fixture
def torch_as_it_was() -> Iterator[None]:
    """Models that are stacked ask their whole process for determinism."""
    yield
    import torch

    torch.use_deterministic_algorithms(mode=False)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium for browser tests; they are skipped where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).exists():
        pytest.skip("no Chromium: browser tests are skipped")
    return path
