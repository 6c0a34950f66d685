"""A person's word against ours: which sheet, which column, what an event counts; kept as what a mapping file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from diagnostics.dashboard.inbox import Chosen, keep
from diagnostics.dashboard.widgets import error, plain
from diagnostics.dataset import read_mapping
from diagnostics.dataset.columns import NEEDED, REPEATABLE, Proposal
from diagnostics.dataset.mapping import ROLES
from diagnostics.errors import TenbinError
from diagnostics.report.words import Words
from diagnostics.schema import ColumnRole, Dataset, Question

__all__ = ["Picks", "ask_sheet", "count_events", "saved", "sheets", "table"]

_MOST_EVENTS = 12
_WIDTHS = (2, 3, 3, 4)
_NUMBERS_IN_A_ROW = 4

Picks = dict[str, dict[str, Any]]
"""As ``inbox.Choices``, in the making."""


# ---------------------------------------------------------------- a saved mapping, and sheets


def saved(words: Words) -> Picks:
    """The mapping that a person saved earlier and brings back; nothing without one."""
    picks: Picks = {"catalog": {}, "interactions": {}, "events": {}, "ratings": {}}
    upload = st.file_uploader(words("dashboard.data.mapping"), ["toml"], key="upload-mapping")
    if upload is None:
        return picks
    try:
        found = read_mapping(keep(upload))
    except TenbinError as problem:
        error(problem, words.lang)
        return picks
    for name, roles in found.roles.items():
        picks[name] |= roles
    for name, sheet in found.sheets.items():
        picks[name]["sheet"] = sheet
    picks["events"] |= found.events
    if found.rating_threshold is not None:
        picks["ratings"]["threshold"] = found.rating_threshold
    return picks


def sheets(chosen: Chosen, picks: Picks, words: Words) -> bool:
    """The sheets that files were found to hold, to choose from; False while one is not chosen."""
    complete = True
    for name, source in chosen.tables.items():
        choices = st.session_state.get("sheets", {}).get((name, str(source)))
        if choices is not None and "sheet" not in picks[name]:
            label = words("dashboard.data.sheet", file=Path(str(source)).name)
            one = st.selectbox(
                label,
                choices,
                None,
                key=f"sheet-{name}-{source}",
                placeholder=words("dashboard.data.choose"),
            )
            if one is None:
                complete = False
            else:
                picks[name]["sheet"] = one
    return complete


def ask_sheet(problem: TenbinError, chosen: Chosen) -> bool:
    """Note that a file holds several tables, so that the next run of the page asks which; False for any other problem."""
    if problem.code not in ("E_CHOOSE_SHEET", "E_CHOOSE_MEMBER"):
        return False
    asked = st.session_state.setdefault("sheets", {})
    for name, source in chosen.tables.items():
        key = (name, str(source))
        if Path(str(source)).name == problem.values["file"] and asked.get(key) != problem.values["choices"]:
            asked[key] = problem.values["choices"]
            return True
    return False


# ---------------------------------------------------------------- questions and columns


def table(proposal: Proposal, columns: Mapping[str, tuple[str, Sequence[str]]], picks: Picks, words: Words) -> bool:
    """Open questions first, then our field | your column | samples | why; what differs from ours goes into ``picks``.

    ``columns``: table -> its file's name and columns. False while a question that reading cannot do without is open.
    """
    complete = True
    if proposal.questions:
        st.subheader(plain(words("dashboard.data.questions")), anchor=False)
    for question in proposal.questions:
        name = next(name for name, (file, _) in columns.items() if file == question.file)
        complete &= _ask(question, name, picks, words)
    if not columns:
        return complete
    st.subheader(plain(words("report.data.columns")), anchor=False)
    st.markdown(plain(words("dashboard.data.correct")))
    asked = {(question.file, question.role) for question in proposal.questions}
    for name, (file, names) in columns.items():
        ours = {role: [entry for entry in proposal.roles if (entry.role, entry.file) == (role, file)] for role in ROLES[name]}
        found = [role for role in ROLES[name] if ours[role]]
        absent = [role for role in ROLES[name] if not ours[role] and (file, role) not in asked]
        with st.container(border=True, key=f"columns-{name}"):
            st.markdown(f"**{plain(words(f'dashboard.data.{name}'))}** · {plain(file)}")
            for place, title in zip(st.columns(_WIDTHS), ("role", "column", "samples", "because"), strict=True):
                place.markdown(f":gray[{plain(words(f'report.data.{title}'))}]")
            _picks(name, found, names, ours, picks, words)
            if absent:
                listed = words.series([words.coded("reading", f"role.{role}") for role in absent])
                with st.expander(plain(words("dashboard.data.not_found", roles=listed))):
                    _picks(name, absent, names, ours, picks, words)
    return complete


def _ask(question: Question, name: str, picks: Picks, words: Words) -> bool:
    """One question with its candidates, each with three samples and what speaks for it."""
    said = {candidate.column: candidate for candidate in question.candidates}
    none = "" if question.role not in NEEDED else None
    options = [*said, *([none] if none is not None else [])]
    with st.container(border=True, key=f"question-{name}-{question.role}"):
        chosen = st.radio(
            words.coded("reading", f"question.{question.role}"),
            options,
            None,
            key=f"answer-{name}-{question.role}-{'|'.join(said)}",
            format_func=lambda column: plain(column) if column else words("dashboard.data.none"),
            captions=[_caption(said[column], words) if column else "" for column in options],
        )
    if chosen is not None:
        picks[name][question.role] = (chosen,) if chosen else ()
    return chosen is not None or question.role not in NEEDED


def _caption(candidate: ColumnRole, words: Words) -> str:
    return plain(words("dashboard.data.candidate", samples=words.samples(candidate), because=words.message(candidate.reason)))


def _picks(
    name: str, roles: list[str], columns: Sequence[str], ours: Mapping[str, list[ColumnRole]], picks: Picks, words: Words
) -> None:
    """One row per role of a table; what a person chose otherwise than we did goes into ``picks``."""
    for role in roles:
        picked = _pick(name, role, list(columns), ours[role], words)
        if picked != tuple(entry.column for entry in ours[role]):
            picks[name][role] = picked


def _pick(name: str, role: str, columns: list[str], ours: list[ColumnRole], words: Words) -> tuple[str, ...]:
    field, column, samples, because = st.columns(_WIDTHS, vertical_alignment="center")
    label = words.coded("reading", f"role.{role}")
    field.markdown(plain(label))
    key = f"role-{name}-{role}-{'|'.join(columns)}"
    defaults = [entry.column for entry in ours if entry.column in columns]
    if role in REPEATABLE:
        picked = tuple(
            column.multiselect(
                label, columns, defaults, key=key, label_visibility="collapsed", placeholder=words("dashboard.data.none")
            )
        )
    else:
        index = columns.index(defaults[0]) + 1 if defaults else 0
        one = column.selectbox(
            label,
            ["", *columns],
            index,
            key=key,
            label_visibility="collapsed",
            format_func=lambda name: name or words("dashboard.data.none"),
        )
        picked = (one,) if one else ()
    if picked == tuple(defaults) and ours:
        samples.caption(plain(words.samples(ours[0])))
        because.caption(plain(words("report.data.sure", score=ours[0].score, because=words.message(ours[0].reason))))
    elif picked:
        because.caption(plain(words("dashboard.data.your_choice")))
    return picked


# ---------------------------------------------------------------- events and ratings


def count_events(dataset: Dataset, picks: Picks, words: Words) -> None:
    """What one event counts and which rating is a liking, to be changed; a change is read anew at once."""
    notes, edits = dataset.notes, st.session_state.setdefault("edits", {"events": {}, "ratings": {}})
    if not notes.event_weights and notes.rating_threshold is None:
        return
    st.subheader(plain(words("dashboard.data.events")), anchor=False)
    if notes.event_weights:
        st.markdown(plain(words("dashboard.data.events_text")))
    asked = [
        ("events", event, weight, words("dashboard.data.event", event=plain(event)))
        for event, weight in list(notes.event_weights.items())[:_MOST_EVENTS]
    ]
    if notes.rating_threshold is not None:
        asked.append(("ratings", "threshold", notes.rating_threshold, words("dashboard.data.rating")))
    for start in range(0, len(asked), _NUMBERS_IN_A_ROW):
        for place, number in zip(st.columns(_NUMBERS_IN_A_ROW), asked[start : start + _NUMBERS_IN_A_ROW], strict=False):
            with place:
                _number(*number, edits)


def _number(kind: str, name: str, value: float, label: str, edits: Picks) -> None:
    key = f"{kind}-{name}"
    given = st.number_input(label, 0.0, None, float(value), 0.1 if kind == "events" else 1.0, format="%g", key=key)
    if given != float(value) and edits[kind].get(name) != given:
        edits[kind][name] = given
        st.rerun()
