"""Every word that a user can see: there in both languages, with the same placeholders, and asked for by somebody."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from typing import get_args

import pytest

from diagnostics.messages import FORMATS, NAMED, catalog, text
from diagnostics.probe.arms import ENSEMBLE
from diagnostics.schema import Kind
from models.backbones import BACKBONES
from models.balancers import BALANCERS
from models.balancers.protocol import Refused
from tests.architecture.sources import ROOT, calls, python_files, tree

JAPANESE = re.compile("[\u3041-\u30ff\u4e00-\u9fff々〆]")
SAME_IN_BOTH = {"backbone.lightgcn", "dashboard.language.en", "dashboard.language.ja"}  # names, written the same way everywhere


def placeholders(template: str) -> set[tuple[str, str]]:
    return {(name, how or "plain") for _, name, how, _ in string.Formatter().parse(template) if name is not None}


def literals(node: ast.expr) -> Iterator[str]:
    """The strings that an expression can be, as far as they are written out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*literals(node.body), *literals(node.orelse))


def test_both_languages_have_the_same_keys():
    en, ja = set(catalog("en")), set(catalog("ja"))
    assert en - ja == set(), "without Japanese words"
    assert ja - en == set(), "without English words"


def test_both_languages_have_the_same_placeholders_and_every_format_exists():
    for key, template in catalog("en").items():
        assert placeholders(template) == placeholders(catalog("ja")[key]), key
        assert {how for _, how in placeholders(template)} <= {*FORMATS, *NAMED}, key


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_no_words_are_empty_and_none_look_inside_a_value(lang):
    for key, template in catalog(lang).items():
        assert template, key
        assert all(name.isidentifier() for name, _ in placeholders(template)), key


def test_japanese_is_japanese_and_english_is_not():
    for key, template in catalog("ja").items():
        words = re.sub(r"\{[^}]*\}|\b[A-Z0-9]+\b|[\W\d_]", "", template)  # what is left of it without values and abbreviations
        assert not words or JAPANESE.search(words) or key in SAME_IN_BOTH, f"{key}: {template}"
    for key, template in catalog("en").items():
        assert not JAPANESE.search(template) or key in SAME_IN_BOTH, f"{key}: {template}"


def test_every_model_and_every_method_has_a_name_a_label_and_a_sentence():
    methods = {*BALANCERS, ENSEMBLE}
    needed = {f"{start}.{name}" for name in methods for start in ("balancer", "chart.balancer", "explained.balancer")}
    needed |= {f"{start}.{name}" for name in BACKBONES for start in ("backbone", "explained.backbone")}
    assert needed - set(catalog("en")) == set()


def test_every_reason_to_refuse_a_method_has_words():
    written = re.search(r"``code``: (.*)", Refused.__doc__ or "")
    codes = re.findall(r"``(\w+)``", written[1]) if written else []
    assert len(codes) >= 4 and {f"not_checked_reason.{code}" for code in codes} <= set(catalog("en"))


def test_every_error_that_is_raised_has_words_and_all_its_values():
    for path in python_files():
        for call in calls(path, "TenbinError"):
            given = {keyword.arg for keyword in call.keywords}
            for code in literals(call.args[0]):
                place = f"{path.relative_to(ROOT)}:{call.lineno} {code}"
                assert f"error.{code}" in catalog("en"), f"{place} has no words"
                needed = {name for name, _ in placeholders(catalog("en")[f"error.{code}"])}
                assert None in given or needed <= given, f"{place} is not given {needed - given}"


def test_error_words_and_error_codes_are_the_same_set():
    constants = (node for path in python_files() for node in ast.walk(tree(path)) if isinstance(node, ast.Constant))
    codes = {node.value for node in constants if isinstance(node.value, str) and re.fullmatch(r"E_[A-Z0-9_]+", node.value)}
    written = {key.removeprefix("error.") for key in catalog("en") if key.startswith("error.")}
    assert codes - written == set(), "without words"
    assert written - codes == set(), "words for an error that nobody raises"


def test_every_key_that_is_asked_for_by_name_exists():
    for path in python_files():
        for call in calls(path, "text"):
            if not call.args:
                continue
            place = f"{path.relative_to(ROOT)}:{call.lineno}"
            for key in literals(call.args[0]):
                assert "." not in key or key in catalog("en"), f"{place}: {key}"
            if isinstance(call.args[0], ast.JoinedStr) and isinstance(call.args[0].values[0], ast.Constant):
                start = str(call.args[0].values[0].value)
                assert any(key.startswith(start) for key in catalog("en")), f"{place}: nothing starts with {start}"


def test_every_step_of_the_work_has_words():
    steps = {f"encode_{kind}" for kind in get_args(Kind) if kind != "id"}
    for path in python_files("diagnostics", "models"):
        for name in ("progress", "step", "_show"):
            for call in calls(path, name):
                steps |= {code for argument in call.args[:1] for code in literals(argument)}
    assert {"diagnose", "write_report", "probe"} <= steps
    assert {step for step in steps if f"step.{step}" not in catalog("en")} == set()


def test_a_value_with_braces_is_written_as_it_is():
    hostile = "{0.__class__} <script> {x:count}"
    assert hostile in text("error.E_NO_SUCH_RUN", "en", found=hostile)
