"""A diagnosis made by hand, with numbers like those of a fashion shop: what the report and the screens are developed against."""

from __future__ import annotations

import math

from diagnostics.schema import (
    ArmSummary,
    Balancing,
    BalancingResult,
    Cause,
    ColumnRole,
    Condition,
    CurvePoint,
    DatasetSummary,
    Diagnosis,
    Evidence,
    FileNote,
    Finding,
    Message,
    ModalityResult,
    NextStep,
    NotChecked,
    Protocol,
    Provenance,
    ReadingNotes,
    SetAside,
    Verdict,
)
from tests.report.example_profile import USERS, coverage, estimate, profile, standalone

__all__ = ["HOSTILE", "example"]

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "markdown": "**bold** [link](javascript:alert(1)) $x^2$ :red[hot] | `code`",
    "long": "とても長い名前" * 40,
    "rtl": "\u202eمنتج\u202c",
    "emoji": "👗🧵",
    "template": "{{ 7 * 7 }} {modality}",
}
"""Names a shop could give to a file, a column, an item or a vector, each of which must come out as plain text."""

_UNIMODAL = {"text": 0.127, "image": 0.097, "attributes": 0.109}
_BRANCH = {"text": 0.124, "image": 0.071, "attributes": 0.106}
_CONTRIBUTION = {"text": 0.041, "image": 0.009, "attributes": 0.023}


def example(action: str = "rebalance", name: str = "image", item: str = "0108775015") -> Diagnosis:
    """``rebalance`` (images held back, a confirmed gain) or ``undetermined`` (wide intervals). ``name`` renames the weak
    modality, ``item`` is used as item id, column name and file name wherever the shop's own words appear."""
    clear = action == "rebalance"
    names = ("text", name, "attributes")
    source = dict(zip(names, ("text", "image", "attributes"), strict=True))
    lift = estimate(0.0061, 0.0021 if clear else 0.0093, "points")
    reading = ReadingNotes(
        files=(
            FileNote(
                name=item if item != "0108775015" else "articles.csv",
                role="catalog",
                format="csv",
                encoding="utf-8",
                delimiter=",",
                rows=9854,
                columns=("article_id", "prod_name", "detail_desc", "price"),
                preview=((item, "Strap top", "Jersey top with narrow straps.", "0.0084"),),
            ),
            FileNote(name="transactions.csv", role="interactions", format="csv", encoding="utf-8", delimiter=",", rows=101_233),
        ),
        columns=(
            ColumnRole(
                file="articles.csv", role="item_id", column="article_id", score=0.97, reason=_reason(), samples=(item, "0111565001")
            ),
            ColumnRole(file="articles.csv", role="title", column=item, score=0.9, reason=_reason(), samples=(item,)),
            ColumnRole(
                file="transactions.csv", role="user_id", column="customer_id", score=0.95, reason=_reason(), samples=("a1", "b2")
            ),
        ),
        set_aside=(
            SetAside(file="transactions.csv", reason="unknown_item", count=1204),
            SetAside(file="transactions.csv", reason="bad_time", count=37),
        ),
        merged_duplicates=3121,
        items_without_interactions=211,
        images_unmatched=4,
    )
    return Diagnosis(
        dataset=DatasetSummary(
            fingerprint="3f9a1c77d0e2",
            n_users=6211,
            n_items=9854,
            n_interactions=99_992,
            rows_read={"articles.csv": 9854, "transactions.csv": 101_233},
            rows_set_aside={"transactions.csv": {"unknown_item": 1204, "bad_timestamp": 37}},
            first_timestamp="2020-06-01T00:00:00",
            last_timestamp="2020-09-22T00:00:00",
        ),
        reading=reading,
        protocol=Protocol(
            split="time",
            split_reason="span_long_enough",
            k=20,
            metric="recall",
            backbones=("vbpr",),
            seeds=(0, 1, 2),
            preset="quick",
            n_train=80_120,
            n_validation=9_411,
            n_test=10_461,
            n_test_users=USERS,
            cut_offs=("2020-08-28", "2020-09-10"),
            learning_rate=0.005,
            max_epochs=60,
        ),
        baselines={"random": {"recall_at_20": 0.0021}, "popularity": {"recall_at_20": 0.055}, "item_knn": {"recall_at_20": 0.094}},
        profile=profile(names, item),
        modalities=tuple(_result(entry, source[entry], clear) for entry in names),
        arms=_arms(names),
        balancing=Balancing(
            recommended=True if clear else None,
            method="ckd",
            results=(
                BalancingResult(
                    backbone="vbpr", balancer="ckd", plain=estimate(0.143, 0.004), balanced=estimate(0.1491, 0.004), lift=lift
                ),
            ),
            headroom=estimate(0.0112, 0.0034, "points"),
            minimum_detectable_effect=0.0031,
        ),
        verdict=Verdict(
            action="rebalance" if clear else "undetermined",
            confidence="medium" if clear else "low",
            confidence_reason="not_measured" if clear else "interval_open",
            modality=name if clear else None,
            sentence={
                "en": "Images learn less than they could, and balancing the training raised top-20 recall by 0.61 points."
                if clear
                else "We cannot tell yet whether balancing the training would pay: the interval of the change includes zero.",
                "ja": "画像は本来の力まで学べておらず、偏りを直す学習で上位20件の的中率が0.61ポイント上がりました。"
                if clear
                else "偏りを直す学習に効果があるかは、まだ判断できません。変化の信頼区間がゼロを含んでいます。",
            },
            reasons=(
                Message(code="reason.strongest", values={"modality": "text", "value": 0.041, "low": 0.037, "high": 0.045}),
                Message(
                    code="reason.adds_beyond",
                    values={"modality": name, "base": "text", "value": 0.009, "low": 0.005, "high": 0.013},
                ),
                Message(
                    code="reason.lift",
                    values={"balancer": "ckd", "value": 0.0061, "low": lift.low, "high": lift.high, "smallest": 0.0029},
                ),
            ),
            next_steps=(
                NextStep(code="switch_on", effort="medium", effect=lift, values={"balancer": "ckd"}),
                NextStep(code="more_seeds", effort="small"),
                NextStep(code="pilot", effort="large"),
            ),
            conditions=(
                Condition(code="room_to_improve", value=0.0112, low=0.0078, high=0.0146, threshold=0.0031, holds=True),
                Condition(code="unique_part", value=0.009, low=0.006, high=0.012, threshold=0.0, holds=True, modality=name),
                Condition(code="data_causes_excluded", value=0.0, threshold=0.0, holds=True, modality=name),
                Condition(
                    code="on_off_confirms", value=0.0061, low=lift.low, high=lift.high, threshold=0.0029, holds=clear or None
                ),
            ),
        ),
        findings=(
            Finding(code="variants_share_picture", severity="info", modality=name, values={"count": 640}),
            Finding(
                code="placeholder_pictures",
                severity="warning",
                modality=name,
                values={"count": 212, "share": 0.021, "groups": 3, "largest": 120},
                item_ids=(item,),
            ),
        ),
        not_checked=(
            NotChecked(code="dose_response", reason="not_in_plan"),
            NotChecked(code="other_backbones", reason="not_in_plan"),
        ),
        provenance=Provenance(
            version="0.1.0",
            environment={"python": "3.11.9", "numpy": "2.4.1", "torch": "2.13.0"},
            plan={"preset": "quick"},
            timing={"read": 3.2, "profile": 41.0, "probe": 240.5},
            created_at="2026-11-23T20:44:29",
        ),
    )


def _reason() -> Message:
    return Message(code="reading.reason.name", values={})


def _result(name: str, source: str, clear: bool) -> ModalityResult:
    weak = source == "image"
    gap = estimate(_UNIMODAL[source] - _BRANCH[source], 0.005 if clear else 0.03, "points")
    cause = Cause(
        code="suppressed",
        confidence="medium" if clear else "low",
        evidence=(Evidence(measure="gap", value=gap.value, low=gap.low, high=gap.high, threshold=0.0031, unit="points"),),
    )
    status = {"text": "dominant", "attributes": "healthy", "image": "suppressed" if clear else "undetermined"}[source]
    return ModalityResult(
        name=name,
        kind="vector" if name != source else source,
        status=status,
        coverage=coverage(source),
        quality={"placeholder_pictures": 0.021} if weak else {},
        standalone=standalone(source),
        unimodal=estimate(_UNIMODAL[source], 0.004),
        branch=estimate(_BRANCH[source], 0.004),
        contribution=estimate(_CONTRIBUTION[source], 0.004, "points"),
        contribution_method="shapley",
        gap=gap,
        causes=(cause,) if weak else (),
        curve=tuple(_curve(source)),
    )


def _curve(source: str) -> list[CurvePoint]:
    ends = {"none": _BRANCH[source], "ckd": _BRANCH[source] + (0.017 if source == "image" else 0.001)}
    return [
        CurvePoint(
            backbone="vbpr",
            balancer=balancer,
            seed=seed,
            epoch=epoch,
            value=end * (1 - math.exp(-epoch / (5 if source == "text" else 9))) + 0.002 * math.sin(epoch * 1.7 + seed * 2),
        )
        for balancer, end in ends.items()
        for seed in (0, 1, 2)
        for epoch in range(1, 31 + 3 * seed)
    ]


def _arms(names: tuple[str, ...]) -> tuple[ArmSummary, ...]:
    text, image, attributes = names
    reached = {
        (): 0.070,
        (text,): 0.127,
        (image,): 0.097,
        (attributes,): 0.109,
        (text, image): 0.135,
        (text, attributes): 0.139,
        (image, attributes): 0.117,
        names: 0.143,
    }
    arms = [(known, "none", value) for known, value in reached.items()] + [(names, "ckd", 0.1491)]
    return tuple(
        ArmSummary(
            arm_id=f"vbpr:{'+'.join(known) or 'id'}:{balancer}",
            backbone="vbpr",
            modalities=known,
            balancer=balancer,
            seeds=(0, 1, 2),
            recall_at_20=estimate(value, 0.004),
            ndcg_at_20=estimate(value * 0.55, 0.003),
            best_epochs=(24, 27, 31),
            converged=True,
        )
        for known, balancer, value in arms
    )
