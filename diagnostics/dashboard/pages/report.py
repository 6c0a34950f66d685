"""Take it with you: the report in either language, as a file that works offline."""

from __future__ import annotations

import streamlit as st

from diagnostics.dashboard import state
from diagnostics.dashboard.widgets import title
from diagnostics.messages import LANGUAGES
from diagnostics.report import WRITERS

__all__ = ["page"]

_PREVIEW_HEIGHT = 900


def page() -> None:
    """Show the report and hand it out as a file."""
    words, folder = state.words(), state.run()
    report = state.report(folder, words.lang) if folder is not None else None
    if folder is None or report is None:
        waits = folder is not None and folder.status() in ("queued", "running")
        title(words("dashboard.report.title"), words("dashboard.report.under_way" if waits else "dashboard.report.empty"))
        target, label = ("probe", "dashboard.nav.probe") if waits else ("overview", "dashboard.nav.back")
        st.page_link(st.session_state["pages"][target], label=words(label), icon=":material/arrow_back:")
        return
    title(words("dashboard.report.title"), words("dashboard.report.answer"))
    language, *downloads = st.columns([2, *[1] * len(WRITERS)], vertical_alignment="bottom")
    chosen = language.segmented_control(
        words("dashboard.report.language"),
        LANGUAGES,
        default=words.lang,
        format_func=lambda code: words(f"dashboard.language.{code}"),
        required=True,
    )
    shown = state.report(folder, chosen) or report
    for column, (name, writer) in zip(downloads, WRITERS.items(), strict=True):
        column.download_button(
            words(f"dashboard.report.download_{name}"),
            writer.write(shown),
            writer.file_name.format(lang=shown.lang),
            icon=":material/download:",
            type="primary" if name == "html" else "secondary",
            on_click="ignore",
            width="stretch",
        )
    # our own autoescaped file, whose content policy forbids every script
    with st.container(border=True):
        st.iframe(WRITERS["html"].write(shown).decode(), height=_PREVIEW_HEIGHT)
