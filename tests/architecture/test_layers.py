"""Who may import whom, as the design's table says; checked over every import statement, lazy ones included."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT, imports, module_name, python_files

LAYERS = {
    "diagnostics.schema": 0,
    "diagnostics.errors": 0,
    "diagnostics.config": 0,
    "diagnostics.seeds": 0,
    "diagnostics.messages": 0,
    "sample_data": 1,
    "models": 1,
    "diagnostics.stats": 1,
    "diagnostics.dataset": 2,
    "diagnostics.profile": 3,
    "diagnostics.probe": 3,
    "diagnostics.runs": 4,
    "diagnostics.verdict": 5,
    "diagnostics.business": 5,
    "diagnostics.report": 6,
    "diagnostics": 6.5,  # the façade: calls what is below it, is called by what is above
    "diagnostics.validation": 6.6,  # puts the façade's verdicts to the test as a user would get them
    "diagnostics.console": 7,
    "diagnostics.commands": 7,
    "diagnostics.dashboard": 7,
    "diagnostics.__main__": 7,
    "app": 7,
}


def layer(module: str) -> float | None:
    """The layer of a module of ours, by its longest listed prefix; None for what is not ours."""
    parts = module.split(".")
    if parts[0] not in {name.split(".")[0] for name in LAYERS}:
        return None
    if parts[0] == "diagnostics" and len(parts) > 1:
        return LAYERS.get(".".join(parts[:2]))
    return LAYERS[parts[0]]


def test_every_module_has_a_layer():
    assert [module_name(path) for path in python_files() if layer(module_name(path)) is None] == []


def test_a_lower_layer_never_imports_a_higher_one():
    found = []
    for path in python_files():
        own = layer(module_name(path))
        for imported, line in imports(path):
            theirs = layer(imported)
            if theirs is not None and own is not None and theirs > own:
                found.append(f"{path.relative_to(ROOT)}:{line} (layer {own}) imports {imported} (layer {theirs})")
    assert found == []


def test_models_and_sample_data_know_little_of_diagnostics():
    for path in python_files("models", "sample_data"):
        for imported, line in imports(path):
            top = module_name(path).split(".")[0]
            allowed = top == "sample_data" and layer(imported) == 0
            ours = imported.split(".")[0] == "diagnostics"
            assert not ours or allowed, f"{path.relative_to(ROOT)}:{line} imports {imported}"


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("streamlit", ("app", "diagnostics.dashboard")),
        ("plotly", ("diagnostics.report.charts",)),
        ("torch", ("models", "diagnostics.probe", "diagnostics.runs")),
        ("pandas", ("diagnostics", "sample_data")),  # and so not models
        ("typer", ("diagnostics.__main__",)),
    ],
)
def test_a_library_stays_at_home(library, homes):
    for path in python_files():
        for imported, line in imports(path):
            if imported.split(".")[0] == library:
                name = module_name(path)
                assert any(name == home or name.startswith(f"{home}.") for home in homes), f"{path.relative_to(ROOT)}:{line}"


def _modules_after(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after running ``code``."""
    ending = "; import sys, json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + ending], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import diagnostics",
        "import diagnostics.dataset",
        "import diagnostics.runs",
        "import diagnostics.__main__",
        "from streamlit.testing.v1 import AppTest; assert not AppTest.from_file('app.py', default_timeout=60).run().exception",
    ],
)
def test_the_way_in_loads_neither_torch_nor_sklearn(code):
    loaded = _modules_after(code)
    assert "diagnostics" in loaded
    assert not loaded & {"torch", "sklearn", "numba", "onnxruntime"}


def test_a_process_that_trains_vbpr_does_not_wait_for_torch():
    code = "import diagnostics.runs.child, diagnostics.probe, models.backbones as m; assert m.BACKBONES['vbpr'].defaults"
    loaded = _modules_after(code)
    assert "numba" in loaded and not loaded & {"torch", "sklearn"}


def test_a_package_never_takes_the_place_of_the_verb_of_its_name():
    code = "import diagnostics, diagnostics.profile.tables; assert callable(diagnostics.profile)"
    assert "diagnostics" in _modules_after(code)
