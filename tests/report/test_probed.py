"""What the trainings decided is told in both languages: kept or changed rates, chosen methods, and how each training ended."""

from __future__ import annotations

import pytest

from diagnostics.report.probed import choice_lines, endings, rate_lines
from diagnostics.report.words import Words
from diagnostics.schema import BalancerChoice, RateChoice, Trial
from tests.report.example import example


def _rate(chosen):
    tried = tuple(
        Trial(learning_rate=rate, epochs=9, validation=value) for rate, value in ((0.002, 0.2), (0.006, 0.25), (0.02, None))
    )
    return RateChoice(backbone="vbpr", learning_rate=chosen, default=0.002, tried=tried)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_rates_choices_and_endings_are_told(lang):
    diagnosis, words = example(), Words(lang)
    told = []
    for chosen in (0.002, 0.006):
        protocol = diagnosis.protocol.model_copy(update={"learning_rates": (_rate(chosen),)})
        (line,) = rate_lines(diagnosis.model_copy(update={"protocol": protocol}), words)
        assert all(part in line.text for part in ("VBPR", "0.002", "0.006", "25.0%", "–"))  # the one that diverged is a dash
        told.append(line.text)
    assert told[0] != told[1]

    result = diagnosis.balancing.results[0]
    lines = []
    for name, value in (("agm", 0.21), ("none", 0.2)):
        choice = BalancerChoice(backbone="vbpr", balancer=name, strength=3.0, validation=value, plain=0.2, tried=_rate(1).tried)
        balancing = diagnosis.balancing.model_copy(update={"results": (result.model_copy(update={"choice": choice}),)})
        lines += [line.text for line in choice_lines(diagnosis.model_copy(update={"balancing": balancing}), words)]
    assert "AGM" in lines[0] and "21.0%" in lines[0] and "AGM" not in lines[1]

    arm = diagnosis.arms[0].model_copy(update={"convergence": {"converged": 4, "rising": 1}, "best_epochs": (3, 30, 8)})
    (row,) = endings(diagnosis.model_copy(update={"arms": (arm,)}), words).rows
    assert (row[3].text, row[4].text) == (str(len(arm.seeds)), "8")
    assert "4" in row[5].text and "1" in row[5].text


@pytest.mark.parametrize(("lang", "rate"), [("en", "learning rate"), ("ja", "学習率")])
def test_what_is_being_trained_is_told_apart_from_what_is_being_tried(lang, rate):
    words, joint = Words(lang), "vbpr:text+image"
    plain, trial = words.training(f"{joint}:none"), words.training(f"{joint}:none:rate 0.333")
    heat, final = words.training(f"{joint}:agm:heat 3"), words.training(f"{joint}:auto:final 1")
    assert rate in trial and rate not in plain + heat + final
    assert heat != final != words.training(f"{joint}:auto") and "AGM" in heat
    assert words.training(f"{joint}:none:fast-text") == plain
    assert words.training("") == ""
