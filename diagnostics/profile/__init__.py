"""What the data says before any training: coverage, faults, the vectors' health, and each modality's own strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnostics.schema import Dataset, FeatureBlock, Profile, Progress

if TYPE_CHECKING:
    from diagnostics.profile.checks import Check
    from diagnostics.profile.kinship import Kinship

__all__ = ["profile"]


def profile(dataset: Dataset, features: Sequence[FeatureBlock], *, seed: int = 0, progress: Progress | None = None) -> Profile:
    """Describe every modality of a data set from its values alone.

    Parameters
    ----------
    features : one block per modality of the catalog, as ``diagnostics.dataset.features.encode`` gives them
    seed : for the samples, the shuffles and the intervals
    progress : called with ``profile`` and the share done

    Notes
    -----
    Cost: dominated by the stand-alone rankings, (1 + shuffles) x users x items x dimensions multiplications per modality.
    Source: METHOD section 5, A1 to A9; what these data do not allow stands in ``not_checked``.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # numbers that do not depend on the machine's cores, and no waiting where a core is busy
        return _profile(dataset, features, seed, progress or (lambda code, done: None))


def _profile(dataset: Dataset, features: Sequence[FeatureBlock], seed: int, progress: Progress) -> Profile:
    from diagnostics.dataset.engine import Engine
    from diagnostics.profile.findings import modality_findings, not_checked, shop_findings, signal_findings
    from diagnostics.profile.health import feature_health
    from diagnostics.profile.kinship import Kinship
    from diagnostics.profile.signals import measure_signals
    from diagnostics.profile.standalone import Ranking, baselines
    from diagnostics.profile.tables import from_dataset
    from diagnostics.schema import ModalityProfile

    steps = 2 + len(features) * (len(features) + 1) // 2  # modalities and pairs of them
    done = 0

    def step() -> None:
        nonlocal done
        progress("profile", done / steps)
        done += 1

    step()
    kinship = Kinship(dataset, seed=seed)
    checks = [_check(dataset, block, kinship) for block in features]
    real = {block.name: block.present & ~check.disguised for block, check in zip(features, checks, strict=True)}
    disguised = {block.name: block.present & check.disguised for block, check in zip(features, checks, strict=True)}
    with Engine() as engine:
        tables = from_dataset(engine, dataset, real, disguised)
    healths = feature_health(features, seed=seed)
    step()
    ranking = Ranking(dataset.split, seed)
    floors = baselines(ranking) if len(ranking.targets.users) else {}
    step()
    signals = measure_signals(dataset, features, real, healths, ranking, seed=seed, step=step)
    given = {modality.name: modality.present for modality in dataset.catalog.modalities}
    modalities, findings = [], []
    for block, check in zip(features, checks, strict=True):
        described = signals.of[block.name].added_to(
            ModalityProfile(
                name=block.name,
                kind=block.kind,
                coverage=tables.coverage[block.name],
                segments=tables.segments[block.name],
                issues=tuple(check.issues),
                standalone=signals.of[block.name].standalone,
                stand_in_item_ids=tuple(
                    dataset.catalog.item_ids[check.disguised | (given.get(block.name, block.present) & ~block.present)]
                ),
            )
        )
        modalities.append(described)
        findings += modality_findings(dataset, described, real[block.name], check)
        findings += signal_findings(dataset, described, real[block.name], signals)
    return Profile(
        modalities=tuple(modalities),
        tables=tables.summary,
        baselines=floors,
        patterns=tables.patterns,
        n_test_users=len(ranking.targets.users),
        redundancy=signals.redundancy,
        shared_information=signals.shared_information,
        findings=(*findings, *shop_findings(dataset, signals)),
        not_checked=not_checked(ranking, signals),
    )


def _check(dataset: Dataset, block: FeatureBlock, kinship: Kinship) -> Check:
    """Look at one modality's raw values, or at the vectors where the shop gave vectors."""
    from diagnostics.profile.attributes import check_attributes
    from diagnostics.profile.checks import Check
    from diagnostics.profile.pictures import check_pictures
    from diagnostics.profile.text import check_texts
    from diagnostics.profile.vectors import check_vectors

    check = Check(dataset.catalog, block.name)
    if block.name in dataset.catalog.vectors or block.kind == "vector":
        check_vectors(check, block, kinship)
    elif block.kind == "text":
        check_texts(check, kinship)
    elif block.kind == "image":
        check_pictures(check, block, kinship)
    else:
        check_attributes(check)
    return check
