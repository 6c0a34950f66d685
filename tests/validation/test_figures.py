"""Shares counted by hand: a dozen worlds of which something right, wrong or nothing was said."""

from __future__ import annotations

import pytest

from diagnostics.schema import Estimate
from diagnostics.validation.figures import figures
from diagnostics.validation.judging import CRASHED, Judged
from diagnostics.validation.worlds import World


def _said(plant: str, action: str, seed: int, modality: str | None = None, size: str = "small", **more) -> Judged:
    causes = {"image": more.pop("image", []), "text": more.pop("text", [])}
    flips = more.pop("without_seed", [action] * 5)
    return Judged(
        world=World(plant=plant, size=size, seed=seed), action=action, modality=modality, causes=causes, without_seed=flips, **more
    )


def _lift(low: float, method: str = "ckd") -> dict[str, Estimate]:
    return {method: Estimate(value=low + 0.01, low=low, high=low + 0.02)}


def _long(low: float, action: str) -> Judged:
    return _said("none", action, 0, recall=0.4, lifts=_lift(low))


def _also(low: float, action: str) -> dict[str, object]:
    """A long run that was to be, whatever was said before."""
    return {"recall": 0.4, "long": _long(low, action), "long_anyway": True}


JUDGED = [
    _said("missing:image:large", "fix_data", 0, "image", image=["missing", "uninformative"], confidence="high"),
    _said("missing_disguised:text:medium", "fix_data", 1, "image", text=["uninformative"], image=["missing"], confidence="medium"),
    _said("uninformative:text:small", "leave", 2),
    _said("redundant:image:medium", "leave", 3, image=["redundant"], long=_long(-0.01, "leave"), long_anyway=True),
    _said("irrelevant:large", "skip_content", 4, image=["uninformative"], text=["uninformative"]),
    _said("irrelevant:medium", "undetermined", 5, image=["uninformative"], long=_long(-0.01, "skip_content"), long_anyway=True),
    _said("none", "leave", 6, confidence="high", without_seed=["leave", "leave", "undetermined", "leave", "leave"]),
    _said("none", "rebalance", 7, "text", recall=0.4, long=_long(0.009, "rebalance"), long_anyway=True),  # 0.008 is what matters
    _said("none", "rebalance", 12, "text", recall=0.4, long=_long(-0.001, "leave"), long_anyway=True),
    _said("none", "rebalance", 13, method="mmpareto", long=_long(0.009, "rebalance")),  # of ckd, which was not advised
    _said("none", "leave", 8, image=["slow"], considered={"text": ["slow", "unused"]}, **_also(0.001, "undetermined")),
    _said("none", "undetermined", 9, size="tiny", confidence="low"),
    _said("none", "leave", 10, size="tiny", confidence="medium"),
]


@pytest.fixture(scope="module")
def found():
    return figures(JUDGED, which="development", preset="quick", n_asked=13)


def test_what_was_heard_of_sound_worlds_is_counted_by_modality(found):
    assert {cause: share.value for cause, share in found.heard.items() if share.value} == {"slow": 0.2, "unused": 0.1}
    assert found.heard["overfitting"].n == 10  # five sound worlds of two modalities


def test_shares_are_those_counted_by_hand(found):
    counted = {
        "cause_named": (3, 5),
        "action_named": (3, 5),
        "modality_named": (2, 3),
        "false_alarms": (2, 5),
        "rebalance_confirmed": (1, 3),
        "gain_found": (1, 1),  # the other long run was made because ``rebalance`` was said
        "held_back": (1, 2),
        "flips": (1, 2),
        "quick_as_long": (2, 5),
        "never_contrary": (2, 3),
    }
    for name, (count, n) in counted.items():
        share = getattr(found, name)
        assert (share.n, share.value) == (n, pytest.approx(count / n)), name
    assert (found.n_asked, found.n_judged) == (13, 13)


def test_tables_say_what_was_said(found):
    assert found.causes["missing_disguised"] == {"uninformative": 1}
    assert found.causes["irrelevant"] == {"uninformative": 1, "nothing+uninformative": 1}
    assert found.actions["none"] == {"leave": 2, "rebalance": 3}
    assert found.power["uninformative"]["small"].value == 0.0


def test_every_world_with_something_wrong_is_listed_and_no_other(found):
    listed = {miss.world: miss.said for miss in found.misses}
    assert set(listed) == {"missing_disguised.text.medium.small.1", "irrelevant.medium.small.5", "none.small.12", "none.small.13"}
    assert listed["none.small.12"] == "rebalance text"


@pytest.mark.parametrize(
    ("gain", "gap", "strength"),
    [(0.009, 0.033, "large"), (0.009, 0.017, "medium"), (0.009, 0.009, "small"), (0.009, 0.007, ""), (0.007, 0.033, "")],
)
def test_a_modality_is_held_back_where_the_long_run_says_so(gain, gap, strength):
    """Of a recall of .4, .008 is what matters."""
    long = _long(gain, "rebalance").model_copy(update={"gaps": {"text": Estimate(value=gap + 0.01, low=gap, high=gap + 0.02)}})
    one = _said("none", "rebalance", 1, "text", size="eclipsed", text=["suppressed", "slow"], long=long, long_anyway=True)
    assert one.suppressed == (("text", strength) if strength else None)
    found = figures([one], which="development", preset="standard", n_asked=1)
    assert found.cause_named.n == found.modality_named.n == (strength in ("medium", "large"))
    assert found.causes == ({"suppressed": {"suppressed": 1}} if strength else {"none": {"nothing+suppressed": 1}})
    other = one.model_copy(update={"causes": {"image": ["suppressed"], "text": ["slow", "suppressed"]}})
    missed = figures([other], which="development", preset="standard", n_asked=1)
    assert [miss.expected for miss in missed.misses] == ["suppressed rebalance"] * (strength in ("medium", "large"))


def test_nothing_is_held_back_without_a_long_run_or_where_a_defect_was_planted():
    long = _long(0.009, "rebalance").model_copy(update={"gaps": {"text": Estimate(value=0.05, low=0.04, high=0.06)}})
    assert _said("none", "leave", 1, size="eclipsed").suppressed is None
    assert _said("missing:image:large", "fix_data", 1, long=long, long_anyway=True).suppressed is None


def test_a_long_run_that_only_the_verdict_asked_for_makes_no_world_suppressed():
    """Else a suppression that is told would count as found, and one that is missed would never be known of."""
    long = _long(0.009, "rebalance").model_copy(update={"gaps": {"text": Estimate(value=0.05, low=0.04, high=0.06)}})
    one = _said("none", "rebalance", 1, "text", text=["suppressed"], long=long)
    assert one.suppressed is None and one.model_copy(update={"long_anyway": True}).suppressed == ("text", "large")


def test_the_cause_alone_is_not_the_answer():
    one = _said("missing:image:large", "undetermined", 0, image=["missing"])
    found = figures([one], which="development", preset="quick", n_asked=1)
    assert (found.cause_named.value, found.action_named.value) == (1.0, 0.0)


def test_what_our_code_failed_on_is_counted_and_counts_as_wrong():
    crashed = [World(plant="missing:image:large", seed=1), World(plant="none", seed=2), World(plant="none", size="tiny", seed=3)]
    said = [Judged(world=world, error=CRASHED) for world in crashed]
    found = figures([*said, *JUDGED], which="development", preset="quick", n_asked=16)
    assert (found.n_asked, found.n_judged) == (16, 13)
    assert (found.cause_named.n, found.held_back.n, found.false_alarms.n) == (6, 3, 6)
    assert found.held_back.value == pytest.approx(1 / 3)
    assert {"missing.image.large.small.1", "none.small.2"} <= {miss.world for miss in found.misses}
    refused = Judged(world=crashed[2], error="E_TOO_FEW_USERS")
    assert figures([refused], which="development", preset="quick", n_asked=1).held_back.value == 1.0


def test_coverage_is_pooled_over_worlds():
    one = JUDGED[6].model_copy(update={"coverage": {"lift": (95, 100)}})
    other = JUDGED[8].model_copy(update={"coverage": {"lift": (190, 200)}})
    pooled = figures([one, other], which="development", preset="quick", n_asked=2).coverage["lift"]
    assert (pooled.value, pooled.n) == (pytest.approx(0.95), 300)
