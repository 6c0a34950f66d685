"""What the data says before any training: coverage, faults, the vectors' health, and each modality's own strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.schema import Dataset, FeatureBlock, Profile, Progress

if TYPE_CHECKING:
    from diagnostics.profile.checks import Check, Worklist
    from diagnostics.profile.kinship import Kinship

__all__ = ["profile"]


def profile(
    dataset: Dataset,
    features: Sequence[FeatureBlock],
    *,
    seed: int = 0,
    worklists: Path | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Profile:
    """Describe every modality of a data set from its values alone.

    Parameters
    ----------
    features : one block per modality of the catalog, as ``diagnostics.dataset.features.encode`` gives them
    seed : for the samples, the shuffles and the intervals
    worklists : a folder for the lists to work through, one CSV per issue and finding; none are written without it
    progress : called with ``profile`` and the share done
    cancelled : asked as often as progress is told, also within long measures; True stops

    Raises
    ------
    Cancelled
        ``cancelled`` said so; nothing has been written.

    Notes
    -----
    Cost: dominated by the stand-alone rankings, at most 2 x ``standalone_scores`` x dimensions multiplications per modality.
    Source: METHOD section 5, A1 to A9; what these data do not allow stands in ``not_checked``.
    """
    from threadpoolctl import threadpool_limits

    from diagnostics.profile.worklists import write_worklists

    with threadpool_limits(1):  # numbers that do not depend on the machine's cores, and no waiting where a core is busy
        found, lists = _profile(dataset, features, seed, progress or (lambda code, done: None), cancelled or (lambda: False))
    if worklists is not None:
        write_worklists(worklists, dataset, lists)
    return found


def _profile(
    dataset: Dataset, features: Sequence[FeatureBlock], seed: int, progress: Progress, cancelled: Callable[[], bool]
) -> tuple[Profile, list[Worklist]]:
    from diagnostics.profile.descriptions import DESCRIPTION, description_gaps
    from diagnostics.profile.findings import modality_findings, not_checked, shop_findings, signal_findings
    from diagnostics.profile.health import feature_health
    from diagnostics.profile.kinship import Kinship
    from diagnostics.profile.signals import measure_signals
    from diagnostics.profile.standalone import Ranking, baselines
    from diagnostics.profile.steps import Steps
    from diagnostics.profile.tables import measure_tables
    from diagnostics.profile.worklists import gap_worklists
    from diagnostics.schema import ModalityProfile
    from diagnostics.stats import planned_detectable_effect

    n = len(features)
    steps = Steps(4 + 2 * n + n * (n - 1) // 2, progress, cancelled)  # ties, checks, tables, baselines, products; signals and pairs
    steps.tell(0.0)
    kinship = Kinship(dataset, seed=seed)
    checks = []
    for block in features:
        steps.next()
        checks.append(_check(dataset, block, kinship))
    steps.next()
    real = {block.name: block.present & ~check.unreal for block, check in zip(features, checks, strict=True)}
    disguised = {block.name: block.present & check.disguised for block, check in zip(features, checks, strict=True)}
    masks = real, disguised
    for check in checks:
        if check.described is not None and check.blank is not None:
            masks = real | {DESCRIPTION: check.described}, disguised | {DESCRIPTION: ~check.described & ~check.blank}
    tables = measure_tables(dataset, *masks, parts=(DESCRIPTION,), step=steps.within(0.0, 0.9), cancelled=cancelled)
    healths = feature_health(features, seed=seed)
    steps.next()
    ranking = Ranking(dataset.split, seed)
    floors = baselines(ranking, tell=steps.tell) if len(ranking.targets.users) else {}
    steps.next()
    signals = measure_signals(dataset, features, real, healths, ranking, seed=seed, steps=steps)
    given = {modality.name: modality.present for modality in dataset.catalog.modalities}
    modalities, findings, worklists = [], [], []
    for block, check in zip(features, checks, strict=True):
        described = signals.of[block.name].added_to(
            ModalityProfile(
                name=block.name,
                kind=block.kind,
                coverage=tables.coverage[block.name],
                segments=tables.segments[block.name],
                issues=tuple(check.issues),
                languages=check.languages,
                lengths=check.lengths,
                standalone=signals.of[block.name].standalone,
                description=description_gaps(dataset, check, real[block.name], tables, signals.traits, seed=seed),
                stand_in_item_ids=tuple(
                    dataset.catalog.item_ids[check.unreal | (given.get(block.name, block.present) & ~block.present)]
                ),
            )
        )
        modalities.append(described)
        findings += modality_findings(dataset, described, real[block.name], check)
        findings += signal_findings(dataset, described, real[block.name], signals, check)
        worklists += [*check.worklists, *gap_worklists(dataset, check, block.present)]
    of_shop, more = shop_findings(dataset, signals)
    found = Profile(
        modalities=tuple(modalities),
        tables=tables.summary,
        sampled=dataset.notes.sampled,
        baselines=floors,
        patterns=tables.patterns,
        n_test_users=len(ranking.targets.users),
        redundancy=signals.redundancy,
        shared_information=signals.shared_information,
        findings=(*findings, *of_shop),
        not_checked=not_checked(ranking, signals),
    )
    foretold = [modality.standalone.recall_at_20.value or 0.0 for modality in modalities]
    tests = ranking.targets.counts[ranking.targets.users]
    detectable = planned_detectable_effect(tests, max(found.popularity, *foretold))
    return found.model_copy(update={"detectable_effect": detectable}), [*worklists, *more]


def _check(dataset: Dataset, block: FeatureBlock, kinship: Kinship) -> Check:
    """Look at one modality's raw values, or at the vectors where the shop gave vectors."""
    from diagnostics.profile.attributes import check_attributes
    from diagnostics.profile.checks import Check
    from diagnostics.profile.pictures import check_pictures
    from diagnostics.profile.text import check_texts
    from diagnostics.profile.vectors import check_vectors

    check = Check(dataset.catalog, block.name)
    if block.kind == "image":
        check_pictures(check, block, kinship)
    if block.name in dataset.catalog.vectors or block.kind == "vector":
        check_vectors(check, block, kinship)
    elif block.kind == "text":
        check_texts(check, kinship)
    elif block.kind == "attributes":
        check_attributes(check)
    return check
