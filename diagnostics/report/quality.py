"""What is wrong with the values themselves: faults with score, count and sign; languages; the health of the vectors; columns."""

from __future__ import annotations

from diagnostics.messages.numbers import MISSING
from diagnostics.report.model import Block, Cell, Column, Folded, Icon, Paragraph, Point, Points, Table
from diagnostics.report.words import Words
from diagnostics.schema import ColumnSummary, FeatureHealth, ModalityProfile, Profile, QualityIssue

__all__ = ["column_blocks", "health_table", "issue_table", "language_points", "quality_blocks", "worst_items"]

_LEAST_LANGUAGE = 0.005
_MOST_COMMON = 3
_VALUE_WIDTH = 32  # characters

_HEALTH = {
    "encoder": "plain",
    "dimensions": "count",
    "norm_mean": "score",
    "norm_cv": "ratio",
    "norm_ratio": "ratio",
    "dead_dimensions": "percent",
    "zero_rows": "percent",
    "mean_cosine": "ratio",
    "effective_rank": "score",
    "hubness": "ratio",
    "hub_share": "percent",
}


def quality_blocks(profile: Profile, words: Words) -> tuple[Block, ...]:
    """The faults that were found, in which languages texts are, and for the curious the vectors' health and every column."""
    issues = issue_table(profile, words)
    blocks: list[Block] = [issues] if issues.rows else [Paragraph(words("report.quality.clean"))]
    languages = language_points(profile, words)
    if languages.items:
        blocks += [Paragraph(words("report.quality.languages"), "lead"), languages]
    health = health_table(profile, words)
    if health.rows:
        blocks.append(Folded(words("report.quality.health"), (Paragraph(words("report.quality.health_text")), health)))
    columns = column_blocks(profile, words)
    if columns:
        blocks.append(Folded(words("report.quality.columns"), columns))
    return tuple(blocks)


def issue_table(profile: Profile, words: Words) -> Table:
    """Every fault found, the ones worth acting on first: what it is, on how many products, how bad, what to do."""
    columns = (
        Column(words("report.issues.issue")),
        Column(words("report.issues.count"), True),
        Column(words("report.issues.score"), True),
        Column(words("report.issues.flag")),
    )
    found = [(modality, issue) for modality in profile.modalities for issue in modality.issues if issue.count]
    rows = tuple(
        _issue(modality, issue, words)
        for modality, issue in sorted(found, key=lambda entry: (not entry[1].flagged, -entry[1].share, entry[1].code))
    )
    return Table(columns, rows, words("report.issues.caption") if rows else "")


def _issue(modality: ModalityProfile, issue: QualityIssue, words: Words) -> tuple[Cell, ...]:
    values = {"share": issue.share, "count": issue.count}
    sign: Icon = "warning" if issue.flagged else "info"
    return (
        Cell(
            words("report.issues.of", modality=modality.name, issue=words.coded("issue", issue.code, "title", values)),
            note=words.coded("issue", issue.code, "remedy", values),
        ),
        Cell(words.number(issue.count, "count"), note=words.number(issue.share)),
        Cell(words.number(issue.score, "ratio")),
        Cell(words("report.issues.act" if issue.flagged else "report.issues.note"), icon=sign),
    )


def worst_items(modality: ModalityProfile, words: Words) -> Table:
    """The items behind each quality issue of a modality, at most 20 per issue, worst first."""
    columns = (Column(words("report.worst.issue")), Column(words("report.worst.count"), True), Column(words("report.worst.items")))
    rows = tuple(
        (
            Cell(words.coded("issue", issue.code, "title", {"share": issue.share, "count": issue.count})),
            Cell(words.number(issue.count, "count"), note=words.number(issue.share)),
            Cell(words.series(issue.item_ids) or MISSING),
        )
        for issue in modality.issues
        if issue.count
    )
    return Table(columns, rows)


def language_points(profile: Profile, words: Words) -> Points:
    """In which languages the texts of the products are written, the commonest first."""
    return Points(
        tuple(
            Point(words("report.quality.written_in", modality=modality.name, languages=_languages(modality, words)))
            for modality in profile.modalities
            if modality.languages
        )
    )


def _languages(modality: ModalityProfile, words: Words) -> list[str]:
    ordered = sorted(modality.languages.items(), key=lambda entry: -entry[1])
    shown = [(code, share) for code, share in ordered if share >= _LEAST_LANGUAGE] or ordered[:1]
    return [words("report.quality.language", language=words.coded("language", code), share=share) for code, share in shown]


def health_table(profile: Profile, words: Words) -> Table:
    """The encoded vectors: one row per measure, one column per kind of information."""
    shown = [(modality.name, modality.health) for modality in profile.modalities if modality.health is not None]
    columns = (Column(words("report.health.measure")), *(Column(words.modality(name), True) for name, _ in shown))
    rows = tuple(
        (
            Cell(words(f"report.health.{field}"), note=words(f"report.health.{field}_text")),
            *(Cell(_measure(health, field, how, words)) for _, health in shown),
        )
        for field, how in _HEALTH.items()
        if any(getattr(health, field) is not None for _, health in shown)
    )
    return Table(columns, rows)


def _measure(health: FeatureHealth, field: str, how: str, words: Words) -> str:
    value = getattr(health, field)
    return words.coded("encoder", value) if field == "encoder" else words.number(value, how)


def column_blocks(profile: Profile, words: Words) -> tuple[Block, ...]:
    """Every column of both tables in one line each."""
    if profile.tables is None:
        return ()
    titles = ("column", "kind", "missing", "distinct", "range", "common")
    headings = tuple(Column(words(f"report.columns.{name}"), name in ("missing", "distinct")) for name in titles)
    blocks: list[Block] = []
    for table in ("catalog", "interactions"):
        found = [column for column in profile.tables.columns if column.table == table]
        if found:
            rows = tuple(_column(column, words) for column in found)
            blocks += [Paragraph(words(f"report.columns.{table}"), "lead"), Table(headings, rows)]
    return tuple(blocks)


def _column(column: ColumnSummary, words: Words) -> tuple[Cell, ...]:
    ends = [_cut(end) for end in (column.low, column.middle, column.high) if end is not None]
    common = [words("report.columns.value", value=_cut(value), count=count) for value, count in column.common[:_MOST_COMMON]]
    missing = column.missing / column.rows if column.rows else None
    return (
        Cell(column.column),
        Cell(words(f"report.columns.kind_{column.kind}")),
        Cell(words.number(missing), note=words.number(column.missing, "count")),
        Cell(words.number(column.distinct, "count")),
        Cell(" … ".join(ends) or MISSING),
        Cell(words.series(common) or MISSING),
    )


def _cut(value: str) -> str:
    return value if len(value) <= _VALUE_WIDTH else value[: _VALUE_WIDTH - 1] + "…"
