"""Did we read your data right? Files, columns, events, and every row that was not used, for the report and for the Data page."""

from __future__ import annotations

from diagnostics.report.evidence import split_chart
from diagnostics.report.model import Block, Cell, Column, Figure, Folded, Icon, Point, Points, Section, Table
from diagnostics.report.words import Words
from diagnostics.schema import Dataset, Diagnosis, ReadingNotes

__all__ = ["data_section", "first_coverage", "funnel", "how_much", "reading_answer", "reading_points", "reading_remarks"]

_NOT_AS_THEY_STAND = {
    "merged_duplicates": "interactions",
    "weak_pairs": "interactions",
    "items_without_interactions": "catalog",
    "images_unmatched": "images",
}
"""What else was merged or unmatched, and the file that it is about."""


def data_section(diagnosis: Diagnosis, words: Words) -> Section:
    """How the files were read, which column played which role, what was set aside, and which part tested the models."""
    dataset = diagnosis.dataset
    answer = reading_answer(
        words,
        items=dataset.n_items,
        users=dataset.n_users,
        interactions=dataset.n_interactions,
        purchases=dataset.n_purchases,
        set_aside=sum(sum(reasons.values()) for reasons in dataset.rows_set_aside.values()),
    )
    reading = diagnosis.reading
    files = Table(
        (Column(words("report.data.file")), Column(words("report.data.format")), Column(words("report.data.rows"), True)),
        tuple(
            (
                Cell(note.name),
                Cell(words.series([part for part in (words.coded("report.format", note.format), note.encoding) if part])),
                Cell(words.number(note.rows, "count")),
            )
            for note in reading.files
        ),
    )
    blocks: list[Block] = [Figure(split_chart(diagnosis, words), words.coded("split_reason", diagnosis.protocol.split_reason))]
    noted = reading_points(reading, words)
    if noted.items:
        blocks.append(noted)
    lost = funnel(reading, words)
    if lost.rows:
        blocks.append(lost)
    remarks = reading_remarks(reading, words)
    if remarks.items:
        blocks.append(Folded(words("report.data.remarks", count=len(remarks.items)), (remarks,)))
    folded = tuple(table for table in (files, _columns(reading, words)) if table.rows)
    if folded:
        blocks.append(Folded(words("report.data.columns"), folded))
    return Section("data", words("report.data.title"), answer, tuple(blocks))


def reading_answer(words: Words, *, items: int, users: int, interactions: int, purchases: int | None, set_aside: int) -> str:
    """The reading in two sentences: how much was used, and how many rows were not."""
    used = how_much("report.data.answer", words, items=items, users=users, interactions=interactions, purchases=purchases)
    aside = words("report.data.set_aside", count=set_aside) if set_aside else words("report.data.all_used")
    return words.join_sentences([used, aside])


def how_much(key: str, words: Words, *, interactions: int, purchases: int | None, **values: int) -> str:
    """How much was read, in the words of ``key``, or of ``<key>_events`` where not every event is a purchase."""
    if purchases is None or purchases == interactions:
        return words(key, interactions=interactions, **values)
    return words(f"{key}_events", interactions=interactions, purchases=purchases, **values)


def funnel(reading: ReadingNotes, words: Words) -> Table:
    """Every row that was not used, by reason, and what else was merged or unmatched."""
    columns = (Column(words("report.data.file")), Column(words("report.data.reason")), Column(words("report.data.count"), True))
    names: dict[str, str] = {file.role: file.name for file in reversed(reading.files)}
    found = [(entry.file, words.coded("set_aside", entry.reason), entry.count) for entry in reading.set_aside]
    found += [
        (names.get(role, ""), words(f"report.data.{field}"), getattr(reading, field)) for field, role in _NOT_AS_THEY_STAND.items()
    ]
    rows = tuple((Cell(file), Cell(said), Cell(words.number(count, "count"))) for file, said, count in found if count)
    caption = words("report.data.funnel_saved" if reading.set_aside else "report.data.funnel_caption") if rows else ""
    return Table(columns, rows, caption)


def reading_points(reading: ReadingNotes, words: Words) -> Points:
    """What a person should know about the reading: the layout recognised, a sample taken, what events and ratings count for."""
    said: list[tuple[str, Icon]] = []
    if reading.published_format:
        layout = words.coded("layout", reading.published_format)
        said.append((words("report.data.layout", format=layout), "info"))
    if reading.sampled is not None:
        whole = reading.sampled.items_kept == reading.sampled.items
        key = "report.data.sampled" if whole else "report.data.sampled_catalog"
        said.append((words(key, **reading.sampled.model_dump()), "warning"))
    if reading.event_weights:
        counted = [words("report.data.event", event=event, weight=weight) for event, weight in reading.event_weights.items()]
        said.append((words("report.data.events", events=counted), "info"))
    if reading.rating_threshold is not None:
        said.append((words("report.data.ratings", threshold=reading.rating_threshold), "info"))
    return Points(tuple(Point(sentence, "", icon) for sentence, icon in said))


def reading_remarks(reading: ReadingNotes, words: Words) -> Points:
    """What else was noticed: columns left out and why, repairs that were made, how dates were read."""
    return Points(tuple(Point(words.message(remark), "", "info") for remark in reading.remarks))


def first_coverage(dataset: Dataset, words: Words) -> Table:
    """Which kinds of information were found and on how many products, before anything is looked at more closely."""
    columns = (
        Column(words("report.column.modality")),
        Column(words("report.patterns.items"), True),
        Column(words("report.column.coverage")),
    )
    rows = tuple(
        (
            Cell(words.modality(modality.name)),
            Cell(words.number(int(modality.present.sum()), "count")),
            Cell(words.number(float(modality.present.mean())), float(modality.present.mean())),
        )
        for modality in dataset.catalog.modalities
    )
    return Table(columns, rows, words("report.data.coverage_caption"))


def _columns(reading: ReadingNotes, words: Words) -> Table:
    titles = tuple(Column(words(f"report.data.{name}")) for name in ("role", "column", "samples", "because"))
    rows = tuple(
        (
            Cell(words.coded("reading", f"role.{role.role}")),
            Cell(role.column, note=role.file),
            Cell(words.samples(role)),
            Cell(words("report.data.sure", score=role.score, because=words.message(role.reason))),
        )
        for role in reading.columns
    )
    return Table(titles, rows)
