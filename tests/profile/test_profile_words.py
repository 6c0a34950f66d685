"""Every code that the profile can give has its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagnostics.messages import LANGUAGES, has

SOURCE = "\n".join(
    path.read_text(encoding="utf-8") for path in (Path(__file__).parents[2] / "diagnostics" / "profile").glob("*.py")
)
ISSUES = set(re.findall(r'add_issue\("(\w+)"', SOURCE)) | {"picture_unreadable", "picture_too_large", "mixed_currency", "mixed_tax"}
STAND_INS = set(re.findall(r'add_stand_ins\("(\w+)"', SOURCE))
ISSUES |= STAND_INS
PAIRS = re.findall(r'add_groups\(\s*\("(\w+)", "(\w+)"\)', SOURCE)
FINDINGS = set(re.findall(r'Finding\(\s*code="(\w+)"', SOURCE)) | {code for pair in PAIRS for code in pair} | STAND_INS


def test_the_lists_are_not_empty() -> None:
    assert len(ISSUES) >= 30 and len(PAIRS) == 3 and STAND_INS and len(FINDINGS) >= 10


@pytest.mark.parametrize("lang", LANGUAGES)
def test_words(lang: str) -> None:
    issues = ISSUES | {stand_in for stand_in, _ in PAIRS}
    wanted = [f"issue.{code}.{part}" for code in issues for part in ("title", "text", "remedy")]
    wanted += [f"finding.{code}.{part}" for code in FINDINGS for part in ("title", "text", "remedy")]
    assert [key for key in wanted if not has(key, lang)] == []
