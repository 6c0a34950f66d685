"""Draws the blocks of a report on the screen. User text only ever passes through ``plain``, which takes markdown's meaning away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import escape

import streamlit as st

from diagnostics.config import PRESETS, threshold
from diagnostics.dashboard.theme import ICONS, base
from diagnostics.errors import TenbinError
from diagnostics.report.model import Block, Cell, Facts, Figure, Folded, Headline, Paragraph, Points, Section, Table
from diagnostics.report.words import Words

__all__ = ["effort", "error", "plain", "section", "show", "title", "verdict"]

_JOINER = "\u2060"  # invisible; keeps ":x:", "http://", "www." and "a@b" from becoming icons and links


def plain(text: str) -> str:
    """Text as it is, whatever it holds: markdown, directives, formulas, icons and links all lose their meaning."""
    text = re.sub(r"(?<=:)(?=\S)|(?<=[wW]{3})(?=\.)|(?<=@)", _JOINER, " ".join(text.split()))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def title(question: str, answer: str) -> None:
    """The page's question and its answer in one sentence."""
    st.header(plain(question), anchor=False)
    st.markdown(plain(answer))


def error(problem: TenbinError, lang: str) -> None:
    """What went wrong and the cure, in words; the trace stays in the log."""
    lines = problem.words(lang).splitlines()  # what a mapping file would hold stands on lines of its own
    st.error("  \n".join(plain(line) for line in lines), icon=":material/error:")


def effort(
    seconds: Callable[[str, bool], float | None], words: Words, now: tuple[str, bool] | None = None
) -> tuple[str, bool] | None:
    """Asks for a preset and whether to train slowly; returns them once a run shall start. What is so ``now`` cannot be chosen anew.

    ``seconds``: the time that such trainings are expected to take here, where that is known.
    """
    names = list(PRESETS)
    before, slowly = now or (names[0], False)
    slow = st.toggle(words("dashboard.start.slow_training"), slowly, help=words("dashboard.start.slow_training_text"))
    kept = f"effort-{before}"  # the browser would go on showing the label of before, so a change of labels makes a new box
    labels = {name: _preset(name, slow, seconds(name, slow), words) for name in names}
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    chosen = left.selectbox(
        words("dashboard.start.preset"),
        names,
        index=names.index(st.session_state.get(kept, before)),
        format_func=labels.__getitem__,
        key=f"{kept}-{slow}-{words.lang}",
    )
    st.session_state[kept] = chosen
    pressed = right.button(words("dashboard.start.start"), type="primary", width="stretch", disabled=(chosen, slow) == now)
    return (chosen, slow) if pressed else None


def _preset(name: str, slow: bool, seconds: float | None, words: Words) -> str:
    """A preset with what it costs."""
    epochs = PRESETS[name].max_epochs * (int(threshold("slow_training")) if slow else 1)
    values = {"preset": words(f"report.preset.{name}"), "seeds": PRESETS[name].seeds, "epochs": epochs}
    if seconds is None:
        return words("dashboard.start.preset_is", **values)
    return words("dashboard.start.preset_takes", **values, left=seconds)


def verdict(headline: Headline) -> None:
    """The verdict card: sign and word, the sentence, how sure we are and why."""
    with st.container(key="verdict"):
        st.markdown(f"{ICONS[headline.icon]} **{plain(headline.action)}**")
        st.subheader(plain(headline.sentence), anchor=False)
        st.markdown(plain(headline.paragraph))
        st.markdown(
            f":gray[{ICONS[headline.confidence_icon]}] **{plain(headline.confidence)}** :gray[{plain(headline.confidence_reason)}]"
        )


def section(found: Section, lang: str, key: str, *, heading: bool = True) -> None:
    """A section of the report; as the page's own content it needs no second heading."""
    if heading:
        st.subheader(plain(found.title), anchor=False)
        st.markdown(plain(found.answer))
    for index, block in enumerate(found.blocks):
        show(block, lang, f"{key}-{found.key}-{index}")


def show(block: Block, lang: str, key: str) -> None:
    """One block of a report. ``key`` must be unique on the page."""
    if isinstance(block, Paragraph):
        if block.tone == "lead":
            st.subheader(plain(block.text), anchor=False)
        else:
            (st.caption if block.tone == "note" else st.markdown)(plain(block.text))
    elif isinstance(block, Facts):
        _facts(block, key)
    elif isinstance(block, Points):
        st.markdown("\n\n".join(_points(block)))
    elif isinstance(block, Table):
        if block.rows:
            st.html(_bars(block)) if block.has_bars else st.markdown(_table(block))
        if block.caption:
            st.caption(plain(block.caption))
    elif isinstance(block, Figure):
        from diagnostics.report.charts import figure

        st.markdown(f"**{plain(block.chart.title)}**")
        drawn = figure(block.chart, lang, base())
        st.plotly_chart(drawn, theme=None, key=key, config={"displayModeBar": False}, alt=block.chart.alt)
        if block.caption:
            st.caption(plain(block.caption))
    elif isinstance(block, Folded):
        with st.expander(plain(block.title)):
            for index, inner in enumerate(block.blocks):
                show(inner, lang, f"{key}-{index}")


def _facts(block: Facts, key: str) -> None:
    for index, (column, fact) in enumerate(zip(st.columns(len(block.items)), block.items, strict=True)):
        with column, st.container(border=True, height="stretch", key=f"fact-{key}-{index}"):
            st.markdown(f"**{plain(fact.label)}**")
            st.subheader(plain(fact.value), anchor=False)
            st.caption(plain(fact.interval))
            st.caption(plain(fact.note))


def _points(block: Points) -> Iterable[str]:
    for number, point in enumerate(block.items, start=1):
        sign = f"{number}\\." if block.ordered else ICONS[point.icon]
        head = f"**{plain(point.title)}**" if point.text or point.aside else plain(point.title)
        aside = f" :gray[{plain(point.aside)}]" if point.aside else ""
        yield f"{sign} {head}{aside}" + (f"  \n{plain(point.text)}" if point.text else "")


def _cell(cell: Cell) -> str:
    sign = f"{ICONS[cell.icon]} " if cell.icon else ""
    note = f" :small[:gray[{plain(cell.note)}]]" if cell.note else ""
    return f"{sign}{plain(cell.text)}{note}"


def _table(table: Table) -> str:
    """The table in markdown, numbers to the right."""
    head = "| " + " | ".join(plain(column.title) for column in table.columns) + " |"
    rule = "|" + "|".join("---:" if column.numeric else ":---" for column in table.columns) + "|"
    return "\n".join([head, rule, *("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in table.rows)])


def _bars(table: Table) -> str:
    """A matrix as a table of our own: in each cell the number, a bar and a word. Everything a shop wrote is escaped."""
    head = "".join(f"<th>{escape(column.title)}</th>" for column in table.columns)
    rows = "".join(f"<tr>{''.join(map(_barred, row))}</tr>" for row in table.rows)
    return f'<table class="tenbin-bars"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _barred(cell: Cell) -> str:
    share = 0.0 if cell.bar is None else 100 * min(max(cell.bar, 0.0), 1.0)
    bar = "" if cell.bar is None else f'<div class="bar"><div style="width:{share:.1f}%"></div></div>'
    note = f"<small>{escape(cell.note)}</small>" if cell.note else ""
    return f"<td><b>{escape(cell.text)}</b>{bar}{note}</td>"
