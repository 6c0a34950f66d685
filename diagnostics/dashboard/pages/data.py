"""Did we read your data right? Files in, columns checked, the cleaning shown, and the start of a run."""

from __future__ import annotations

from typing import Literal, cast

import streamlit as st

import diagnostics
from diagnostics.config import PRESETS
from diagnostics.dashboard import state
from diagnostics.dashboard.inbox import Chosen, from_paths, from_uploads, write_choices
from diagnostics.dashboard.widgets import error, plain, preset, section, show, title
from diagnostics.errors import TenbinError
from diagnostics.report.measured import funnel
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder, RunRequest
from diagnostics.schema import ColumnRole, Dataset, FileNote

__all__ = ["page"]

_TABLES = {"catalog": ["csv", "tsv", "txt", "parquet"], "interactions": ["csv", "tsv", "txt", "parquet"], "images": ["zip"]}

_DELIMITERS = {",": "delimiter.comma", "\t": "delimiter.tab", ";": "delimiter.semicolon", "|": "delimiter.bar"}


def page() -> None:
    """Show how the files were read, or take new ones and start a run."""
    words, folder = state.words(), state.run()
    report = state.report(folder, words.lang) if folder is not None else None
    if folder is not None and report is not None:
        found = report.section("data")
        title(words("dashboard.data.title"), found.answer)
        _file_cards(report.diagnosis.reading.files, words)
        section(found, words.lang, "data", heading=False)
        _rejected(folder, words)
        with st.expander(plain(words("dashboard.data.other"))):
            _own_data(words)
    elif folder is not None and folder.status() in ("queued", "running"):
        title(words("dashboard.data.title"), words("dashboard.data.working"))
        with st.expander(plain(words("dashboard.data.other"))):
            _own_data(words)
    else:
        title(words("dashboard.data.title"), words("dashboard.data.empty"))
        _own_data(words)


def _file_cards(files: tuple[FileNote, ...], words: Words) -> None:
    shown = [note for note in files if note.columns or note.preview]
    for note in shown:
        with st.expander(plain(words("dashboard.data.file_card", name=note.name, rows=note.rows)), icon=":material/table:"):
            st.caption(
                plain(
                    words(
                        "dashboard.data.file_how",
                        format=words.coded("report.format", note.format),
                        encoding=note.encoding or words("dashboard.data.unknown"),
                        delimiter=words(f"dashboard.{_DELIMITERS.get(note.delimiter or '', 'data.unknown')}"),
                    )
                )
            )
            rows = [dict(zip(note.columns, row, strict=False)) for row in note.preview]
            if rows:
                st.dataframe(rows, hide_index=True)


def _rejected(folder: RunFolder, words: Words) -> None:
    files = sorted((folder.path / "rejected").glob("*.csv"))
    for path in files:
        st.download_button(
            plain(words("dashboard.data.rejected", name=path.stem)),
            path.read_bytes(),
            path.name,
            "text/csv",
            key=f"rejected-{path.name}",
            icon=":material/download:",
            on_click="ignore",
        )


# ---------------------------------------------------------------- a person's own files


def _own_data(words: Words) -> None:
    chosen = _choose(words)
    if chosen is None:
        return
    try:
        choices = _correct(chosen, words)
        dataset = _read(chosen, choices, words)
    except TenbinError as problem:
        error(problem, words.lang)
        return
    _show_reading(dataset, words)
    _start(chosen, choices, dataset, words)


def _choose(words: Words) -> Chosen | None:
    upload, local = st.tabs([words("dashboard.data.upload"), words("dashboard.data.local")])
    with upload:
        st.caption(plain(words("dashboard.data.upload_text")))
        files = [
            column.file_uploader(words(f"dashboard.data.{name}"), kinds, key=f"upload-{name}")
            for column, (name, kinds) in zip(st.columns(3), _TABLES.items(), strict=True)
        ]
    with local:
        st.caption(plain(words("dashboard.data.local_text")))
        paths = [st.text_input(words(f"dashboard.data.{name}_path"), key=f"path-{name}") for name in _TABLES]
    return from_uploads(*files) or from_paths(*paths)


def _correct(chosen: Chosen, words: Words) -> dict[str, dict[str, tuple[str, ...]]]:
    """The mapping table: our field, your column, samples and the reason; what a person changes is handed to the reader."""
    from diagnostics.dataset import propose
    from diagnostics.dataset.columns import CATALOG_ROLES, INTERACTION_ROLES, REPEATABLE
    from diagnostics.dataset.guard import read_table

    proposed = propose(chosen.catalog, chosen.interactions)
    choices: dict[str, dict[str, tuple[str, ...]]] = {}
    st.subheader(plain(words("report.data.columns")), anchor=False)
    st.markdown(plain(words("dashboard.data.correct")))
    for table, path, roles in (
        ("catalog", chosen.catalog, CATALOG_ROLES),
        ("interactions", chosen.interactions, INTERACTION_ROLES),
    ):
        preview = read_table(path, cast(Literal["catalog", "interactions"], table), max_rows=5)
        columns = [str(name) for name in preview.frame.columns]
        st.markdown(f"**{plain(words(f'dashboard.data.{table}'))}**")
        choices[table] = {}
        for role in roles:
            ours = [entry for entry in proposed if entry.role == role and entry.file == preview.name]
            picked = _pick(table, role, columns, ours, role in REPEATABLE, words)
            if picked != tuple(entry.column for entry in ours):
                choices[table][role] = picked
    return choices


def _pick(table: str, role: str, columns: list[str], ours: list[ColumnRole], several: bool, words: Words) -> tuple[str, ...]:
    field, column, samples, because = st.columns([2, 3, 3, 4], vertical_alignment="center")
    label = words.coded("reading", f"role.{role}")
    field.markdown(plain(label))
    key = f"role-{table}-{role}-{'|'.join(columns)}"
    defaults = [entry.column for entry in ours if entry.column in columns]
    if several:
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
        because.caption(plain(words.message(ours[0].reason)))
    elif picked:
        because.caption(plain(words("dashboard.data.your_choice")))
    return picked


def _read(chosen: Chosen, choices: dict[str, dict[str, tuple[str, ...]]], words: Words) -> Dataset:
    """Read the files once per state of them; kept out of Streamlit's caches, which would pickle them."""
    files = [path for path in (chosen.catalog, chosen.interactions, chosen.images) if path is not None]
    key = repr((chosen, choices, [path.stat().st_mtime_ns if path.exists() else None for path in files]))
    if st.session_state.get("read_key") != key:
        with st.spinner(words("dashboard.data.reading")):
            dataset = diagnostics.read_dataset(chosen.catalog, chosen.interactions, images=chosen.images, mapping=choices)
        st.session_state["read_key"], st.session_state["read"] = key, dataset
    return cast(Dataset, st.session_state["read"])


def _show_reading(dataset: Dataset, words: Words) -> None:
    st.subheader(plain(words("dashboard.data.was_read")), anchor=False)
    answer = words(
        "report.data.answer",
        items=dataset.catalog.n_items,
        users=dataset.log.n_users,
        interactions=dataset.log.n_rows,
        set_aside=sum(entry.count for entry in dataset.notes.set_aside),
    )
    st.markdown(plain(answer))
    _file_cards(dataset.notes.files, words)
    show(funnel(dataset.notes, words), words.lang, "funnel")
    for name, table in dataset.rejected.items():
        st.download_button(
            plain(words("dashboard.data.rejected", name=name)),
            table.to_csv(index=False).encode("utf-8-sig"),
            f"{name}.rejected.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _start(chosen: Chosen, choices: dict[str, dict[str, tuple[str, ...]]], dataset: Dataset, words: Words) -> None:
    st.subheader(plain(words("dashboard.start.title")), anchor=False)
    try:
        seconds = {name: diagnostics.plan_probe(dataset, preset=name).eta_s for name in PRESETS}
    except TenbinError as problem:  # nothing to learn from: better said now than minutes into a run
        error(problem, words.lang)
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    chosen_preset = left.selectbox(
        words("dashboard.start.preset"),
        list(PRESETS),
        format_func=lambda name: preset(name, seconds[name], words),
    )
    if right.button(words("dashboard.start.start"), type="primary", width="stretch"):
        request = RunRequest(
            catalog=chosen.catalog,
            interactions=chosen.interactions,
            images=chosen.images,
            mapping=write_choices(choices),
            preset=cast(Literal["quick", "standard", "thorough"], chosen_preset),
            lang=cast(Literal["en", "ja"], words.lang),
            report=("html", "json"),
        )
        state.start_run(request)
        st.switch_page(st.session_state["pages"]["probe"])
