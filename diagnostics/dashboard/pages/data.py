"""Did we read your data right? Data in, columns checked, the cleaning shown, and the start of a run."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import streamlit as st

import diagnostics
from diagnostics.dashboard import corrections, state
from diagnostics.dashboard.corrections import Picks
from diagnostics.dashboard.inbox import Chosen, from_paths, from_uploads, write_choices
from diagnostics.dashboard.reading import outcome, propose_columns
from diagnostics.dashboard.widgets import effort, error, plain, section, show, title
from diagnostics.dataset import rejected_csv, retold
from diagnostics.errors import TenbinError
from diagnostics.report.model import Folded
from diagnostics.report.reading import first_coverage, funnel, reading_answer, reading_points, reading_remarks
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder, RunRequest
from diagnostics.schema import Dataset, FileNote, Progress

__all__ = ["page"]

_TABLES = ["csv", "tsv", "txt", "xlsx", "xls", "xlsm", "xlsb", "ods", "parquet", "json", "jsonl", "ndjson", "gz", "zip"]
_UPLOADS = {"catalog": _TABLES, "interactions": _TABLES, "images": ["zip"]}
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
        with st.expander(plain(words("dashboard.data.file_card", name=note.name, rows=note.rows))):
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
            functools.partial(retold, path, words.lang),
            path.name,
            "text/csv",
            key=f"rejected-{path.name}",
            icon=":material/download:",
            on_click="ignore",
        )


# ---------------------------------------------------------------- a person's own data


def _own_data(words: Words) -> None:
    chosen = _choose(words)
    if chosen is None:
        return
    with st.expander(plain(words("dashboard.data.reuse"))):
        picks = corrections.saved(words)
    if st.session_state.get("edits_of") != chosen:  # other data: what was changed for the last ones means nothing here
        st.session_state["edits_of"], st.session_state["edits"] = chosen, {"events": {}, "ratings": {}}
    for kind, changed in st.session_state["edits"].items():
        picks[kind] |= changed
    if not corrections.sheets(chosen, picks, words):
        return
    try:
        summary = st.container()  # the first answer stands above the columns that it depends on
        proposed = outcome("propose", repr((chosen.state, picks)), _proposing(chosen, picks))
        if proposed is None or not corrections.table(proposed[0], proposed[1], picks, words):
            return
        dataset = outcome("read", repr((chosen.state, picks)), _reading(chosen, picks))
        if dataset is None:
            return
    except TenbinError as problem:
        if corrections.ask_sheet(problem, chosen):
            st.rerun()
        error(problem, words.lang)
        return
    with summary:
        _first_answer(dataset, words)
        corrections.count_events(dataset, picks, words)
    _show_reading(dataset, picks, words)
    _start(chosen, picks, dataset, words)


def _choose(words: Words) -> Chosen | None:
    upload, local = st.tabs([words("dashboard.data.upload"), words("dashboard.data.local")])
    with upload:
        st.caption(plain(words("dashboard.data.upload_text")))
        files = [
            column.file_uploader(words(f"dashboard.data.{name}"), kinds, key=f"upload-{name}")
            for column, (name, kinds) in zip(st.columns(3), _UPLOADS.items(), strict=True)
        ]
    with local:
        st.caption(plain(words("dashboard.data.local_text")))
        catalog, interactions, images = (
            st.text_input(words(f"dashboard.data.{name}_path"), key=f"path-{name}") for name in _UPLOADS
        )
        layout = st.selectbox(
            words("dashboard.data.layout"),
            ["auto", *_layouts()],
            key="layout",
            format_func=lambda name: words("dashboard.data.layout_auto") if name == "auto" else words.coded("layout", name),
        )
        st.caption(plain(words("dashboard.data.database")))
    return from_uploads(*files) or from_paths(catalog, interactions, images, layout)


def _layouts() -> list[str]:
    from diagnostics.dataset.formats import FORMATS

    return list(FORMATS)


def _proposing(chosen: Chosen, picks: Picks) -> Callable[[Progress, Callable[[], bool]], Any]:
    """The quick look, with a person's choices so far."""
    choices = {table: dict(entries) for table, entries in picks.items()}
    return lambda progress, cancelled: propose_columns(chosen, choices, progress, cancelled)


def _reading(chosen: Chosen, picks: Picks) -> Callable[[Progress, Callable[[], bool]], Dataset]:
    """The whole reading, with a person's choices."""
    mapping = {table: dict(entries) for table, entries in picks.items()}

    def work(progress: Progress, cancelled: Callable[[], bool]) -> Dataset:
        return diagnostics.read_dataset(
            chosen.catalog,
            chosen.interactions,
            images=chosen.images,
            mapping=mapping,
            format=chosen.format,
            progress=progress,
            cancelled=cancelled,
        )

    return work


def _first_answer(dataset: Dataset, words: Words) -> None:
    """How much was read, which kinds of information there are, and what a person should know about it."""
    from diagnostics.dataset.events import n_purchases

    st.subheader(plain(words("dashboard.data.was_read")), anchor=False)
    answer = reading_answer(
        words,
        items=dataset.catalog.n_items,
        users=dataset.log.n_users,
        interactions=dataset.log.n_rows,
        purchases=n_purchases(dataset.log),
        set_aside=sum(entry.count for entry in dataset.notes.set_aside),
    )
    st.markdown(plain(answer))
    show(first_coverage(dataset, words), words.lang, "first")
    show(reading_points(dataset.notes, words), words.lang, "noted")


def _show_reading(dataset: Dataset, picks: Picks, words: Words) -> None:
    _file_cards(dataset.notes.files, words)
    show(funnel(dataset.notes, words), words.lang, "funnel")
    remarks = reading_remarks(dataset.notes, words)
    if remarks.items:
        show(Folded(words("report.data.remarks", count=len(remarks.items)), (remarks,)), words.lang, "remarks")
    for name, table in dataset.rejected.items():
        st.download_button(
            plain(words("dashboard.data.rejected", name=name)),
            functools.partial(rejected_csv, table, words.lang),
            f"{name}.rejected.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    st.download_button(
        words("dashboard.data.save_mapping"),
        _mapping_text(dataset, picks),
        "mapping.toml",
        "application/toml",
        icon=":material/save:",
        on_click="ignore",
    )


def _mapping_text(dataset: Dataset, picks: Picks) -> bytes:
    """Everything that was settled for these data, to be brought back with next month's."""
    from diagnostics.dataset import write_mapping

    notes = dataset.notes
    names = {role: next((file.name for file in notes.files if file.role == role), "") for role in ("catalog", "interactions")}
    with tempfile.TemporaryDirectory() as folder:
        path = write_mapping(
            notes.columns,
            names["catalog"],
            names["interactions"],
            Path(folder) / "mapping.toml",
            sheets={table: str(picks[table]["sheet"]) for table in names if "sheet" in picks[table]},
            events=notes.event_weights,
            rating_threshold=notes.rating_threshold,
        )
        return path.read_bytes()


def _start(chosen: Chosen, picks: Picks, dataset: Dataset, words: Words) -> None:
    st.subheader(plain(words("dashboard.start.title")), anchor=False)
    try:
        asked = effort(lambda name, slow: diagnostics.plan_probe(dataset, preset=name, slow_training=slow).eta_s, words)
    except TenbinError as problem:  # nothing to learn from: better said now than minutes into a run
        error(problem, words.lang)
        return
    if asked is not None:
        chosen_preset, slow = asked
        request = RunRequest(
            catalog=chosen.catalog,
            interactions=chosen.interactions,
            images=chosen.images,
            mapping=write_choices(picks),
            format=chosen.format,
            preset=cast(Literal["quick", "standard", "thorough"], chosen_preset),
            slow_training=slow,
            lang=cast(Literal["en", "ja"], words.lang),
            report=("html", "json"),
        )
        state.start_run(request)
        st.switch_page(st.session_state["pages"]["probe"])
