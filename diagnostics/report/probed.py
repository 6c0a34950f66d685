"""What the trainings decided for themselves, and how each of them ended."""

from __future__ import annotations

from diagnostics.report.model import Cell, Column, Paragraph, Table
from diagnostics.report.words import Words
from diagnostics.schema import ArmSummary, BalancerChoice, Diagnosis, RateChoice

__all__ = ["choice_lines", "endings", "rate_lines"]


def rate_lines(diagnosis: Diagnosis, words: Words) -> tuple[Paragraph, ...]:
    """Per model the learning rate it was trained with, and what the others that were tried reached on validation."""
    return tuple(Paragraph(_rate(choice, words)) for choice in diagnosis.protocol.learning_rates if choice.tried)


def _rate(choice: RateChoice, words: Words) -> str:
    tried = [words("probe.rate_tried", rate=trial.learning_rate, value=trial.validation) for trial in choice.tried]
    values = {"backbone": choice.backbone, "rate": choice.learning_rate, "tried": tried}
    if choice.learning_rate == choice.default:
        return words("probe.rate_kept", count=len(tried), **values)
    return words("probe.rate_changed", default=choice.default, **values)


def choice_lines(diagnosis: Diagnosis, words: Words) -> tuple[Paragraph, ...]:
    """What the automatic choice stands for on each model, and by how much it was ahead on validation."""
    made = [result.choice for result in diagnosis.balancing.results if result.choice is not None]
    return tuple(Paragraph(_choice(choice, words), "note") for choice in made)


def _choice(choice: BalancerChoice, words: Words) -> str:
    values = {"backbone": choice.backbone, "count": len(choice.tried), "plain": choice.plain}
    if choice.balancer == "none":
        return words("probe.auto_none", **values)
    chosen = {"balancer": choice.balancer, "strength": choice.strength, "value": choice.validation}
    return words("probe.auto_chose", **values, **chosen)


def endings(diagnosis: Diagnosis, words: Words) -> Table:
    """Each kind of training: its seeds, its best epoch, in their middle, and how its runs ended."""
    names = ("model", "information", "method", "repetitions", "best_epoch", "ended")
    columns = tuple(Column(words(f"probe.{name}"), name in ("repetitions", "best_epoch")) for name in names)
    rows = tuple(_ending(arm, words) for arm in diagnosis.arms if arm.balancer != "ensemble")
    return Table(columns, rows, words("probe.ended_caption"))


def _ending(arm: ArmSummary, words: Words) -> tuple[Cell, ...]:
    epochs = sorted(arm.best_epochs)
    ended = [words.coded("probe.ending", how, values={"count": count}) for how, count in arm.convergence.items()]
    return (
        Cell(words.coded("backbone", arm.backbone)),
        Cell(words.modalities(tuple(name for name in arm.modalities if name != "id"))),
        Cell(words.coded("balancer", arm.balancer), note=_variant(arm, words)),
        Cell(words.number(len(arm.seeds), "count")),
        Cell(words.number(epochs[len(epochs) // 2] if epochs else None, "count")),
        Cell(words.series(ended)),
    )


def _variant(arm: ArmSummary, words: Words) -> str:
    """What a settling test changed, and of which kind of information alone; nothing where nothing was."""
    if not arm.variant:
        return ""
    test, _, name = arm.variant.partition("-")
    said = words.coded("measure", f"settled_{test}")
    return words("probe.variant_of", variant=said, modality=words.modality(name)) if name else said
