"""The house rules that a program can check."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, calls, imports, module_name, project_files, python_files, tree

LIMIT = 400
NETWORK = {"requests", "httpx", "aiohttp", "socket", "ftplib", "smtplib", "telnetlib", "urllib.request", "http.client", "urllib3"}
UNSAFE_FORMATS = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "yaml", "joblib"}
EVERYTHING = ("app.py", "diagnostics", "models", "sample_data", "tests")


MEANINGLESS = {"utils", "util", "helpers", "helper", "common", "misc"}


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def test_no_file_is_long():
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*EVERYTHING)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LIMIT} == {}


def test_no_file_has_a_name_that_says_nothing():
    assert [
        path for path in python_files(*EVERYTHING) if path.stem in {"utils", "util", "helpers", "helper", "common", "misc"}
    ] == []


def public_names(path: Path) -> set[str] | None:
    """What a module lists in ``__all__``; None when it has none."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return None


def test_every_public_name_has_a_docstring():
    without = []
    for path in python_files():
        body, public = tree(path).body, public_names(path) or set()
        assert ast.get_docstring(tree(path)) or not body, f"{path.relative_to(ROOT)} does not say what it is for"
        for node in body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and node.name in public
            if named and not ast.get_docstring(node):
                without.append(f"{where(path, node)} {node.name}")
    assert without == []


def test_every_module_says_what_is_public():
    silent = []
    for path in python_files("diagnostics", "models"):
        defined = [node.name for node in tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        is_script = "pages" in path.parts  # Streamlit runs a page, nobody imports it
        if any(not name.startswith("_") for name in defined) and public_names(path) is None and not is_script:
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def test_nothing_unsafe_is_imported():
    for path in python_files():
        for imported, line in imports(path):
            tops = {imported, imported.split(".")[0]}
            tops -= {"joblib"} if module_name(path) == "diagnostics.runs.cluster" else set()  # to a cluster; never to a file
            assert not tops & (NETWORK | UNSAFE_FORMATS), f"{path.relative_to(ROOT)}:{line} imports {imported}"


@pytest.mark.parametrize("name", ["eval", "exec", "compile", "__import__"])
def test_no_text_is_run_as_a_program(name):
    for path in python_files():
        for call in calls(path, name):
            assert not isinstance(call.func, ast.Name), where(path, call)


def test_no_unsafe_argument_is_passed():
    forbidden = {"allow_pickle", "unsafe_allow_html", "shell", "weights_only", "unsafe_allow_javascript"}
    for path in python_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                    assert keyword.arg not in forbidden or (off and keyword.arg != "weights_only"), where(path, node)
                assert ast.unparse(node.func) not in {"torch.load", "os.system", "os.popen"}, where(path, node)


def test_numpy_never_unpickles():
    for path in python_files():
        for call in calls(path, "load"):
            if ast.unparse(call.func) in {"np.load", "numpy.load"}:
                assert any(keyword.arg == "allow_pickle" for keyword in call.keywords), where(path, call)


def test_no_error_is_swallowed():
    for path in python_files(*EVERYTHING):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                silent = all(isinstance(part, ast.Pass) for part in node.body)
                assert node.type is not None, f"{where(path, node)} catches everything"
                assert not silent, f"{where(path, node)} hides an error"


def test_the_core_never_prints():
    for path in python_files():
        if module_name(path) not in {"diagnostics.__main__", "diagnostics.console"}:
            assert [where(path, call) for call in calls(path, "print") if isinstance(call.func, ast.Name)] == []


def test_text_files_are_opened_with_their_encoding_named():
    for path in python_files():
        for name in ("open", "read_text", "write_text"):
            for call in calls(path, name):
                if name == "write_text" and ast.unparse(call.func).endswith("folder.write_text"):
                    continue  # RunFolder.write_text, which always writes UTF-8
                first = 1 if isinstance(call.func, ast.Name) else 0
                mode = call.args[first].value if len(call.args) > first and isinstance(call.args[first], ast.Constant) else "r"
                opens_text = name != "open" or (isinstance(mode, str) and "b" not in mode)
                if opens_text and ast.unparse(call.func) not in {"os.open", "Image.open", "archive.open"}:
                    assert any(keyword.arg == "encoding" for keyword in call.keywords), where(path, call)


def test_no_file_names_a_machine_or_a_package_host():
    hosts = "|".join(
        [r"py" + r"pi\.org", r"python" + r"hosted", r"npm" + r"js\.(org|com)", r"deb\." + r"debian", r"conda\." + "anaconda"]
    )
    folders = "|".join(["/wo" + "rk/", "/ro" + "ot/", "/ho" + r"me/\w", "/Use" + r"rs/\w", r"C:\\Use" + "rs"])
    pattern = re.compile(f"{hosts}|{folders}", re.IGNORECASE)
    found = []
    for path in project_files():
        data = path.read_bytes()
        if b"\0" not in data[:4096]:
            found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in pattern.finditer(data.decode("utf-8", "replace"))]
    assert found == []


def test_only_what_the_user_fixed_is_at_the_top():
    allowed = {"app.py", "diagnostics", "models", "sample_data", "tests", "requirements.txt", "README.md"}
    allowed |= {"pyproject.toml", "Makefile", "LICENSE", ".ci", ".streamlit", ".gitignore", "Dockerfile"}
    assert {path.relative_to(ROOT).parts[0] for path in project_files()} - allowed == set()
