"""What each kind of information says about what customers choose: alone, beside chance, and beside the other kinds."""

from __future__ import annotations

from diagnostics.messages.numbers import MISSING
from diagnostics.report.evidence import interval_row, spoken, standalone_chart
from diagnostics.report.figures import IntervalChart, Look, Part, PartsChart, Row, Whole, look_of
from diagnostics.report.model import Block, Cell, Column, Figure, Folded, Paragraph, Table
from diagnostics.report.words import Words
from diagnostics.schema import Estimate, Profile, Redundancy, SharedInformation

__all__ = [
    "ceiling_chart",
    "detectable",
    "homophily_chart",
    "information_chart",
    "overlap_table",
    "said_elsewhere",
    "strength_blocks",
]

_BOTH = Look("#9AA5B1", "square")
_TOGETHER = Look("#CC79A7", "star")


def strength_blocks(profile: Profile, words: Words) -> tuple[Block, ...]:
    """Stand-alone strength, likeness of what is bought together, what two kinds share, and what new items can hope for."""
    blocks: list[Block] = [Figure(standalone_chart(profile, words), words("report.modalities.standalone_caption"))]
    if any(modality.standalone_collapsed is not None for modality in profile.modalities):
        blocks.append(Paragraph(words("report.profile.collapsed"), "note"))
    information = information_chart(profile, words)
    if information.wholes:
        blocks.append(Figure(information, words("report.profile.information_caption")))
    for entry in profile.shared_information:
        if not _tells(entry):
            blocks.append(Paragraph(_open(entry, words), "note"))
    overlap = overlap_table(profile, words)
    if overlap.rows:
        blocks += [Paragraph(words("report.profile.overlap"), "lead"), overlap]
    for chart, name in ((homophily_chart(profile, words), "homophily"), (ceiling_chart(profile, words), "ceiling")):
        if chart.rows:
            blocks.append(Figure(chart, words(f"report.profile.{name}_caption")))
    if said := detectable(profile, words):
        blocks.append(Paragraph(said, "note"))
    folded: list[Block] = [Paragraph(words("report.profile.strength_computed"))]
    bits = _bits_table(profile, words)
    if bits.rows:
        folded.append(bits)
    blocks.append(Folded(words("report.computed"), tuple(folded)))
    return tuple(blocks)


def detectable(profile: Profile, words: Words) -> str:
    """How small a change a comparison by training can show in this shop, before anything is trained; "" where it is not known."""
    if profile.detectable_effect is None:
        return ""
    return words("report.profile.detectable", size=words.size(profile.detectable_effect, "points"), n=profile.n_test_users)


def homophily_chart(profile: Profile, words: Words) -> IntervalChart:
    """Of the ten most similar products, the share that customers also bought together with it, beside chance."""
    names = tuple(modality.name for modality in profile.modalities)
    rows = tuple(
        interval_row(
            words.modality(modality.name),
            modality.homophily.overlap,
            look_of(modality.name, names),
            words,
            "percent",
            modality.homophily.chance.value,
        )
        for modality in profile.modalities
        if modality.homophily is not None
    )
    return _against_chance("homophily", rows, words)


def ceiling_chart(profile: Profile, words: Words) -> IntervalChart:
    """How much of what purchases know of a product its content foresees, for products not seen before."""
    names = tuple(modality.name for modality in profile.modalities)
    rows = tuple(
        interval_row(
            words.modality(modality.name),
            modality.new_item_ceiling.r2,
            look_of(modality.name, names),
            words,
            "percent",
            modality.new_item_ceiling.floor.value,
        )
        for modality in profile.modalities
        if modality.new_item_ceiling is not None
    )
    return _against_chance("ceiling", rows, words)


def _against_chance(name: str, rows: tuple[Row, ...], words: Words) -> IntervalChart:
    title = words(f"chart.{name}.title")
    mark = words(f"chart.{name}.mark")
    return IntervalChart(title, spoken(title, rows, words), "bar", rows, "percent", words(f"chart.{name}.axis"), floor_label=mark)


def information_chart(profile: Profile, words: Words) -> PartsChart:
    """What two kinds of information tell about joint purchases, in parts: only one, only the other, both, only together.

    A pair whose total may be nothing has no parts, and is left out.
    """
    names = tuple(modality.name for modality in profile.modalities)
    wholes = []
    for entry in filter(_tells, profile.shared_information):
        first, second = entry.modalities
        parts = (
            ("only", first, entry.unique_first, look_of(first, names)),
            ("only", second, entry.unique_second, look_of(second, names)),
            ("both", "", entry.shared, _BOTH),
            ("together", "", entry.synergy, _TOGETHER),
        )
        wholes.append(
            Whole(
                words("chart.information.pair", modality=first, other=second),
                tuple(_part(kind, name, estimate, entry.total.value or 1.0, look, words) for kind, name, estimate, look in parts),
            )
        )
    title = words("chart.information.title")
    said = [
        words("chart.alt_row", label=whole.title, value=words.series([f"{part.label} {part.text}" for part in whole.parts]))
        for whole in wholes
    ]
    return PartsChart(title, words("chart.alt", title=title, rows=said), tuple(wholes))


def _tells(entry: SharedInformation) -> bool:
    """Whether the two together tell anything, their interval considered; only then are there parts of it."""
    return entry.total.low is not None and entry.total.low > 0


def _open(entry: SharedInformation, words: Words) -> str:
    first, second = entry.modalities
    pair = words("chart.information.pair", modality=first, other=second)
    value, interval = words.value(entry.total, "score"), words.interval(entry.total, "score") or MISSING
    return words("report.profile.information_open", pair=pair, value=value, interval=interval)


def _part(kind: str, name: str, estimate: Estimate, total: float, look: Look, words: Words) -> Part:
    """One part as a share of the total, with its interval; below nothing, which only chance can make, is nothing."""
    share, low, high = (None if bits is None else max(bits, 0.0) / total for bits in (estimate.value, estimate.low, estimate.high))
    label = words("chart.information.only", modality=name) if kind == "only" else words(f"chart.information.{kind}")
    text = words("chart.information.part", value=words.number(share), interval=words.span(low, high, "percent") or MISSING)
    return Part(label, share or 0.0, text, look)


def overlap_table(profile: Profile, words: Words) -> Table:
    """How much each kind of information can be foretold from another, with the likeness of neighbours beside chance."""
    columns = (
        Column(words("report.overlap.pair")),
        Column(words("report.overlap.foretold"), True),
        Column(words("report.overlap.neighbours"), True),
        Column(words("report.overlap.alignment"), True),
        Column(words("report.overlap.items"), True),
    )
    rows: list[tuple[Cell, ...]] = []
    for entry in profile.redundancy:
        first, second = entry.modalities
        for source, target, r2 in ((first, second, entry.second_from_first), (second, first, entry.first_from_second)):
            rows.append(
                (
                    Cell(words("report.overlap.from", modality=target, other=source)),
                    Cell(words.value(r2, "percent"), note=words.interval(r2, "percent")),
                    _neighbours(entry, words),
                    Cell(words.value(entry.cka, "ratio"), note=words.interval(entry.cka, "ratio")),
                    Cell(words.number(entry.n_items, "count")),
                )
            )
    return Table(columns, tuple(rows), words("report.overlap.caption") if rows else "")


def _neighbours(entry: Redundancy, words: Words) -> Cell:
    chance = words("report.overlap.chance", value=words.value(entry.neighbour_chance, "percent"))
    return Cell(words.value(entry.neighbour_overlap, "percent"), note=chance)


def _bits_table(profile: Profile, words: Words) -> Table:
    """The parts of the information chart with their intervals, in bits."""
    titles = ("pair", "unique_first", "unique_second", "shared", "synergy", "total", "items")
    columns = tuple(Column(words(f"report.information.{name}"), name != "pair") for name in titles)
    rows = tuple(
        (
            Cell(words("chart.information.pair", modality=entry.modalities[0], other=entry.modalities[1])),
            *(_bits(estimate, words) for estimate in _parts_of(entry)),
            Cell(words.number(entry.n_items, "count")),
        )
        for entry in profile.shared_information
    )
    return Table(columns, rows)


def _parts_of(entry: SharedInformation) -> tuple[Estimate, ...]:
    return entry.unique_first, entry.unique_second, entry.shared, entry.synergy, entry.total


def _bits(estimate: Estimate, words: Words) -> Cell:
    return Cell(words.value(estimate, "score") if estimate.value is not None else MISSING, note=words.interval(estimate, "score"))


def said_elsewhere(profile: Profile, name: str) -> tuple[str, Estimate] | None:
    """The other kind that foretells ``name`` best and how well (R2 on held-out items); None where no pair was measured."""
    found = [
        (other, r2)
        for entry in profile.redundancy
        for target, other, r2 in (
            (entry.modalities[1], entry.modalities[0], entry.second_from_first),
            (entry.modalities[0], entry.modalities[1], entry.first_from_second),
        )
        if target == name and r2.value is not None
    ]
    return max(found, key=lambda entry: entry[1].value or 0.0, default=None)
