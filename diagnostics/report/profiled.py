"""What the data say before any training, as a section of the report, as the Modalities page and as a few lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from diagnostics.messages import has
from diagnostics.messages.numbers import MISSING
from diagnostics.report.coverage import coverage_blocks
from diagnostics.report.model import Block, Cell, Column, Folded, Icon, Point, Points, Section, Table
from diagnostics.report.quality import quality_blocks
from diagnostics.report.strength import detectable, said_elsewhere, strength_blocks
from diagnostics.report.words import Words
from diagnostics.schema import Diagnosis, Estimate, Finding, ModalityProfile, Profile, Severity, Standalone

__all__ = [
    "best_alone",
    "by_gravity",
    "finding_points",
    "profile_answer",
    "profile_matrix",
    "profile_section",
    "profile_themes",
    "strongest_alone",
    "summary_lines",
]

_SEVERITY_ICONS: dict[Severity, Icon] = {"problem": "problem", "warning": "warning", "info": "info"}
_MOSTLY, _PARTLY = 0.5, 0.2  # of another kind's content; where the words change, no rule depends on it


def profile_section(diagnosis: Diagnosis, words: Words) -> Section:
    """The matrix for whoever has a minute; coverage, strength and quality folded for whoever asks."""
    profile = diagnosis.profile
    details = tuple(Folded(title, blocks) for title, blocks in profile_themes(profile, words))
    return Section(
        "profile", words("report.profile.title"), profile_answer(profile, words), (profile_matrix(profile, words), *details)
    )


def profile_themes(profile: Profile, words: Words) -> tuple[tuple[str, tuple[Block, ...]], ...]:
    """The details by theme, each a question with its blocks: who has it, what it says, what is wrong with it."""
    return (
        (words("report.profile.coverage"), coverage_blocks(profile, words)),
        (words("report.profile.strength"), strength_blocks(profile, words)),
        (words("report.profile.quality"), quality_blocks(profile, words)),
    )


def profile_answer(profile: Profile, words: Words) -> str:
    """One sentence: which kind says most alone, and how many things to look at were found."""
    if not profile.modalities:
        return words("report.profile.answer_nothing")
    serious = sum(finding.severity != "info" for finding in profile.findings)
    found = words("report.profile.answer_found", count=serious) if serious else words("report.profile.answer_clean")
    alone = strongest_alone({modality.name: modality.standalone for modality in profile.modalities}, words)
    return words.join_sentences([part for part in (alone, _level_by_product(profile, words), found) if part])


def _level_by_product(profile: Profile, words: Words) -> str:
    """Which kinds are level with the strongest, or ahead, once variants count as one product; "" where none is that was not before.

    Compared is what each has above its floor: with fewer products to choose from, every recall is higher.
    """
    alone = {modality.name: modality.standalone for modality in profile.modalities}
    lifts = {
        modality.name: modality.standalone_collapsed.lift
        for modality in profile.modalities
        if modality.standalone_collapsed is not None and modality.standalone_collapsed.lift is not None
    }
    best = best_alone(alone)
    if best is None or best not in lifts or not _clear(alone[best]):
        return ""
    level = [
        name for name, lift in lifts.items() if name != best and name not in _close(alone, best) and _reaches(lift, lifts[best])
    ]
    return words("report.modalities.answer_by_product", others=level) if level else ""


def strongest_alone(strengths: Mapping[str, Standalone], words: Words) -> str:
    """Which kind says most alone, and which cannot be told apart from it; that none is above its shuffled self comes first."""
    best = best_alone(strengths)
    if best is None:
        return words("report.modalities.answer_none")
    alone, close = strengths[best], _close(strengths, best)
    told = {"value": alone.recall_at_20, "floor": alone.permuted_floor}
    said = {name: words.with_interval(estimate, "percent") for name, estimate in told.items()}
    if not _clear(alone):
        return words("report.modalities.answer_unclear", modality=best, **said)
    if close:
        answer = words("report.modalities.answer_close", modality=best, others=close, **said)
    else:
        answer = words("report.modalities.answer", modality=best, **said)
    higher = [name for name, one in strengths.items() if not _clear(one) and _value(one) > _value(alone)]
    return words.join_sentences([answer, words("report.modalities.answer_higher", others=higher)]) if higher else answer


def best_alone(strengths: Mapping[str, Standalone]) -> str | None:
    """The kind with the highest recall, of those clearly above their shuffled selves if there are any; None without a figure."""
    measured = {name: alone for name, alone in strengths.items() if alone.recall_at_20.value is not None}
    clear = {name: alone for name, alone in measured.items() if _clear(alone)}
    return max(clear or measured, key=lambda name: _value(measured[name]), default=None)


def _value(alone: Standalone) -> float:
    return alone.recall_at_20.value or 0.0


def _close(strengths: Mapping[str, Standalone], best: str) -> list[str]:
    """The other kinds whose intervals reach the best one's: no order among these can be told."""
    return [
        name
        for name, alone in strengths.items()
        if name != best and _clear(alone) and _reaches(alone.recall_at_20, strengths[best].recall_at_20)
    ]


def _reaches(one: Estimate, best: Estimate) -> bool:
    """Whether the interval of one figure reaches that of the best."""
    return one.high is not None and best.low is not None and one.high >= best.low


def _clear(alone: Standalone) -> bool:
    """Whether a kind is above the same information shuffled, by the interval of their difference if there is one."""
    own, floor, lift = alone.recall_at_20, alone.permuted_floor, alone.lift
    if lift is not None and lift.low is not None:
        return lift.low > 0
    return own.low is not None and own.low > (floor.high if floor.high is not None else floor.value or 0.0)


def finding_points(findings: Sequence[Finding], words: Words) -> Points:
    """Findings in words, the gravest first."""
    return Points(tuple(_finding(entry, words) for entry in by_gravity(findings)))


def by_gravity(findings: Sequence[Finding]) -> list[Finding]:
    """Problems before warnings before remarks."""
    order = list(_SEVERITY_ICONS)
    return sorted(findings, key=lambda entry: order.index(entry.severity))


def _finding(finding: Finding, words: Words) -> Point:
    values = dict(finding.values)
    if finding.modality:
        values.setdefault("modality", finding.modality)
    parts = [words.coded("finding", finding.code, part, values) for part in ("text", "remedy")]
    return Point(
        words.coded("finding", finding.code, "title", values),
        words.join_sentences([part for part in parts if part]),
        _SEVERITY_ICONS[finding.severity],
        words(f"finding.{finding.code}.effect", effect=words.with_interval(finding.effect)) if _told(finding, words) else "",
    )


def _told(finding: Finding, words: Words) -> bool:
    """Whether the size of the finding has words of its own: where its text holds it, it is not said twice."""
    return finding.effect is not None and has(f"finding.{finding.code}.effect", words.lang)


# ---------------------------------------------------------------- the matrix


def profile_matrix(profile: Profile, words: Words) -> Table:
    """Modality x coverage, quality, own signal, redundancy: a number, a bar and a word in each cell."""
    columns = tuple(Column(words(f"report.matrix.{name}")) for name in ("modality", "coverage", "quality", "signal", "redundancy"))
    rows = tuple(
        (
            Cell(words.modality(modality.name)),
            _coverage_cell(modality, words),
            _quality_cell(modality, words),
            _signal_cell(modality, profile, words),
            _redundancy_cell(modality, profile, words),
        )
        for modality in profile.modalities
    )
    return Table(columns, rows)


def _coverage_cell(modality: ModalityProfile, words: Words) -> Cell:
    share = modality.coverage.items
    word = "full" if share == 1.0 else "most" if share >= 0.8 else "part" if share >= 0.4 else "little"
    said = words(f"report.matrix.coverage_{word}")
    if modality.coverage.disguised:
        said = words("report.matrix.disguised", word=said, share=modality.coverage.disguised)
    return Cell(words.number(share), share, said)


def _quality_cell(modality: ModalityProfile, words: Words) -> Cell:
    """The share of items free of the most widespread issue: issues may overlap, so their shares are not added."""
    worst = max(modality.issues, key=lambda issue: issue.share, default=None)
    if worst is None or worst.count == 0:
        if not modality.coverage.items:  # nothing is there in which a fault could be
            return Cell(MISSING, note=words("report.matrix.not_measured"))
        return Cell(words.number(1.0), 1.0, words("report.matrix.quality_clean"))
    sound = 1.0 - worst.share
    return Cell(words.number(sound), sound, words.coded("issue", worst.code, "title", {"share": worst.share, "count": worst.count}))


def _signal_cell(modality: ModalityProfile, profile: Profile, words: Words) -> Cell:
    """The bar is relative to the strongest modality; the word compares with shuffled information, by interval if possible."""
    strengths = [entry.standalone.recall_at_20.value or 0.0 for entry in profile.modalities]
    own = modality.standalone.recall_at_20
    if own.value is None:
        return Cell(MISSING, note=words("report.matrix.not_measured"))
    word = words("report.matrix.signal_clear" if _clear(modality.standalone) else "report.matrix.signal_none")
    if modality.standalone_collapsed is not None:
        word = words("report.matrix.collapsed", word=word, value=words.value(modality.standalone_collapsed.recall_at_20, "percent"))
    return Cell(words.value(own, "percent"), own.value / (max(strengths) or 1.0), _spanned(word, words.interval(own, "percent")))


def _redundancy_cell(modality: ModalityProfile, profile: Profile, words: Words) -> Cell:
    """How much of this kind another one already says: held-out R2 from the kind that foretells it best."""
    if len(profile.modalities) == 1:
        return Cell(MISSING, note=words("report.matrix.only_kind"))
    best = said_elsewhere(profile, modality.name)
    if best is None:
        return Cell(MISSING, note=words("report.matrix.not_measured"))
    other, r2 = best
    share = max(r2.value or 0.0, 0.0)
    word = "mostly" if share >= _MOSTLY else "partly" if share >= _PARTLY else "hardly"
    said = words(f"report.matrix.redundancy_{word}", other=other)
    return Cell(words.value(r2, "percent"), share, _spanned(said, words.interval(r2, "percent")))


def _spanned(word: str, interval: str) -> str:
    return f"{word} · {interval}" if interval else word


# ---------------------------------------------------------------- for a terminal


def summary_lines(profile: Profile, words: Words) -> tuple[str, ...]:
    """What a person at a terminal wants to know: the answer, a line per kind of information, and what was found, in words."""
    lines = [profile_answer(profile, words)]
    for name, *cells in profile_matrix(profile, words).rows:
        titles = (words(f"report.matrix.{title}") for title in ("coverage", "quality", "signal", "redundancy"))
        measured = [
            words("report.profile.summary_value", title=title, value=cell.text, note=cell.note)
            for title, cell in zip(titles, cells, strict=True)
        ]
        lines.append(words("report.profile.summary_line", name=name.text, measured=words.series(measured)))
    if said := detectable(profile, words):
        lines.append(said)
    for point in finding_points(profile.findings, words).items:
        lines.append(words("report.profile.summary_finding", title=point.title, text=point.text))
    return tuple(lines)
