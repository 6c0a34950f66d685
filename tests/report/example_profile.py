"""The measured part of the example: a shop whose descriptions stopped in June, whose cheap goods lack photos, with variants."""

from __future__ import annotations

from diagnostics.schema import (
    Absence,
    AbsenceDriver,
    ColumnSummary,
    Coverage,
    Estimate,
    FeatureHealth,
    Finding,
    Homophily,
    ModalityProfile,
    NewItemCeiling,
    PresencePattern,
    Profile,
    QualityIssue,
    Redundancy,
    SegmentCoverage,
    SharedInformation,
    Standalone,
    TableSummary,
)

__all__ = ["USERS", "coverage", "estimate", "profile", "standalone"]

USERS = 5214

_STRENGTH = {"text": 0.131, "image": 0.062, "attributes": 0.088}
_FLOOR = {"text": 0.011, "image": 0.010, "attributes": 0.012}
_SHARE = {"text": 0.996, "image": 0.945, "attributes": 1.0}
_MONTHS = ("2020-01", "2020-02", "2020-03", "2020-04", "2020-05", "2020-06", "2020-08")


def estimate(value: float, spread: float, unit: str = "share") -> Estimate:
    """A number with a symmetric interval."""
    return Estimate(value=value, low=value - spread, high=value + spread, n=USERS, unit=unit)


def profile(names: tuple[str, ...], item: str) -> Profile:
    """``names``: text, image and attributes under whatever names; ``item``: the shop's own word wherever one can stand."""
    text, image, attributes = names
    source = dict(zip(names, ("text", "image", "attributes"), strict=True))
    return Profile(
        modalities=tuple(_modality(entry, source[entry], item) for entry in names),
        tables=_tables(item),
        redundancy=(
            _redundancy(text, image, 0.07, 0.31),
            _redundancy(text, attributes, 0.64, 0.42),
        ),
        shared_information=(
            _information(text, image, 0.41, 0.05, 0.16, 0.08),
            _information(text, attributes, 0.22, 0.09, 0.35, 0.03),
        ),
        baselines={
            "random": {"recall_at_20": estimate(0.0021, 0.0004), "ndcg_at_20": estimate(0.0009, 0.0002)},
            "popularity": {"recall_at_20": estimate(0.055, 0.003), "ndcg_at_20": estimate(0.024, 0.002)},
            "item_knn": {"recall_at_20": estimate(0.094, 0.004), "ndcg_at_20": estimate(0.047, 0.003)},
        },
        patterns=(
            PresencePattern(modalities=names, items=9301, interactions=0.948),
            PresencePattern(modalities=(text, attributes), items=512, interactions=0.043),
            PresencePattern(modalities=(attributes,), items=41, interactions=0.009),
        ),
        n_test_users=USERS,
        findings=(
            Finding(code="variants_share_text", severity="info", modality=text, values={"count": 640}),
            Finding(
                code="placeholder_pictures",
                severity="warning",
                modality=image,
                values={"count": 212, "share": 0.021, "groups": 3, "largest": 120},
                item_ids=(item,),
            ),
        ),
    )


def coverage(source: str) -> Coverage:
    """What share of the example's products has it."""
    share = _SHARE[source]
    return Coverage(items=share, interactions=min(share + 0.03, 1.0), revenue=share, disguised=0.021 if source == "image" else 0.0)


def standalone(source: str) -> Standalone:
    """What it reaches alone, against the same shuffled."""
    return Standalone(
        recall_at_20=estimate(_STRENGTH[source], 0.004),
        permuted_floor=estimate(_FLOOR[source], 0.001),
        lift=estimate(_STRENGTH[source] - _FLOOR[source], 0.004, "points"),
    )


def _modality(name: str, source: str, item: str) -> ModalityProfile:
    return ModalityProfile(
        name=name,
        kind="vector" if name != source else source,
        coverage=coverage(source),
        issues=_issues(source, item),
        health=_health(source),
        standalone=standalone(source),
        standalone_collapsed=_collapsed() if source == "text" else None,
        segments=_segments(source, item),
        absence=_absence(item) if source == "image" else None,
        homophily=Homophily(overlap=estimate(0.12, 0.01), chance=estimate(0.004, 0.001), lift=estimate(0.116, 0.01, "points")),
        new_item_ceiling=NewItemCeiling(r2=estimate(0.21, 0.02), floor=estimate(0.0, 0.004)),
        languages={"en": 0.931, "ja": 0.05, "und": 0.019} if source == "text" else {},
    )


def _issues(source: str, item: str) -> tuple[QualityIssue, ...]:
    if source == "image":
        return (
            QualityIssue(
                code="placeholder_pictures", count=212, share=0.021, item_ids=(item, "0111565001"), score=0.979, flagged=True
            ),
            QualityIssue(code="dark_picture", count=3, share=0.0003, item_ids=(item,), score=0.9997),
        )
    return ()


def _health(source: str) -> FeatureHealth:
    return FeatureHealth(
        dimensions=512,
        encoder="precomputed",
        norm_mean=1.0,
        norm_cv=0.02,
        norm_ratio=1.1 if source == "text" else None,
        dead_dimensions=0.0,
        mean_cosine=0.31,
        effective_rank=84.2,
        hubness=2.4,
        hub_share=0.08,
    )


def _collapsed() -> Standalone:
    return Standalone(
        recall_at_20=estimate(0.094, 0.004), permuted_floor=estimate(0.011, 0.001), lift=estimate(0.083, 0.004, "points")
    )


def _segments(source: str, item: str) -> tuple[SegmentCoverage, ...]:
    full = _SHARE[source]
    found = [
        SegmentCoverage(by="popularity", segment=name, n_items=n, n_interactions=rows, items=min(full + more, 1.0))
        for name, n, rows, more in (
            ("head", 410, 50_000, 0.05),
            ("middle", 1900, 30_000, 0.01),
            ("tail", 7333, 19_992, -0.01),
            ("unsold", 211, 0, -0.2),
        )
    ]
    for number, category in enumerate((item, "Trousers", "Socks", *(f"Kind {n}" for n in range(14)))):
        lacking = 0.4 / (number + 1) if source == "image" and number < 14 else 0.0
        found.append(
            SegmentCoverage(by="category", segment=category, n_items=900 - 40 * number, n_interactions=9000, items=1 - lacking)
        )
    for number, month in enumerate(_MONTHS):
        items = 0.03 if source == "text" and number >= 5 else full
        found.append(SegmentCoverage(by="launch", segment=month, n_items=1400, n_interactions=9000, items=items))
        found.append(SegmentCoverage(by="month", segment=month, n_items=1400, n_interactions=9000, items=full, interactions=items))
    return tuple(found)


def _absence(item: str) -> Absence:
    return Absence(
        auc=estimate(0.72, 0.02),
        drivers=(
            AbsenceDriver(
                code="less_popular", missing=0.12, missing_elsewhere=0.02, difference=estimate(0.1, 0.01, "points"), n_items=3284
            ),
            AbsenceDriver(
                code="category",
                group=item,
                missing=0.4,
                missing_elsewhere=0.02,
                difference=estimate(0.38, 0.03, "points"),
                n_items=900,
            ),
        ),
    )


def _redundancy(first: str, second: str, forward: float, backward: float) -> Redundancy:
    return Redundancy(
        modalities=(first, second),
        cka=estimate(0.4, 0.02),
        second_from_first=estimate(forward, 0.01),
        first_from_second=estimate(backward, 0.01),
        neighbour_overlap=estimate(0.11, 0.01),
        neighbour_chance=estimate(0.002, 0.001),
        p_value=0.005,
        n_items=9301,
    )


def _information(first: str, second: str, one: float, other: float, shared: float, synergy: float) -> SharedInformation:
    return SharedInformation(
        modalities=(first, second),
        unique_first=estimate(one, 0.02, "bits"),
        unique_second=estimate(other, 0.02, "bits"),
        shared=estimate(shared, 0.02, "bits"),
        synergy=estimate(synergy, 0.02, "bits"),
        total=estimate(one + other + shared + synergy, 0.03, "bits"),
        n_items=9301,
    )


def _tables(item: str) -> TableSummary:
    return TableSummary(
        items=9854,
        interactions=99_992,
        users=6211,
        items_sold=9643,
        first_day="2020-06-01",
        last_day="2020-09-22",
        columns=(
            ColumnSummary(
                table="catalog",
                column=item,
                kind="text",
                rows=9854,
                missing=41,
                distinct=9100,
                low=item,
                middle="M",
                high="Z",
                common=((item, 12), ("Socks", 9)),
            ),
            ColumnSummary(
                table="catalog", column="price", kind="number", rows=9854, missing=0, distinct=97, low="1", middle="19", high="590"
            ),
            ColumnSummary(
                table="interactions", column="t_dat", kind="time", rows=99_992, missing=0, distinct=114, low="2020-06-01"
            ),
        ),
    )
