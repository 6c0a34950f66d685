"""What does each kind of information bring before any training?"""

from __future__ import annotations

import dataclasses

import streamlit as st

from diagnostics.dashboard import state
from diagnostics.dashboard.widgets import plain, section, show, title
from diagnostics.report.evidence import coverage_chart, standalone_chart
from diagnostics.report.measured import patterns, profile_matrix, worst_items
from diagnostics.report.model import Figure, Section
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder
from diagnostics.schema import ModalityProfile, Profile

__all__ = ["page"]

_MOST_PICTURES, _PICTURES_IN_A_ROW = 20, 7


def page() -> None:
    """Show what each kind of information brings on its own."""
    words, folder = state.words(), state.run()
    profile = None
    if folder is not None:
        diagnosis = state.diagnosis(folder)
        profile = diagnosis.profile if diagnosis is not None else folder.profile()
    if folder is None or profile is None:
        key = "waiting" if folder is not None and folder.status() in ("queued", "running") else "empty"
        title(words("dashboard.modalities.title"), words(f"dashboard.modalities.{key}"))
        st.page_link(st.session_state["pages"]["overview"], label=words("dashboard.nav.back"), icon=":material/arrow_back:")
        return
    title(words("dashboard.modalities.title"), words("dashboard.modalities.answer"))
    _before_training(folder, profile, words)
    report = state.report(folder, words.lang)
    if report is not None:
        with st.expander(plain(words("dashboard.modalities.after_training"))):
            section(_only_new(report.section("modalities"), profile, words), words.lang, "modalities", heading=False)


def _before_training(folder: RunFolder, profile: Profile, words: Words) -> None:
    show(profile_matrix(profile, words), words.lang, "matrix")
    left, right = st.columns(2, gap="large")
    with left:
        show(Figure(coverage_chart(profile, words), words("report.modalities.coverage_caption")), words.lang, "coverage")
    with right:
        show(Figure(standalone_chart(profile, words), words("report.modalities.standalone_caption")), words.lang, "standalone")
    if profile.patterns:
        st.subheader(plain(words("dashboard.modalities.patterns")), anchor=False)
        show(patterns(profile, words), words.lang, "patterns")
    st.subheader(plain(words("dashboard.modalities.worst")), anchor=False)
    faulty = [modality for modality in profile.modalities if any(issue.count for issue in modality.issues)]
    if not faulty:
        st.markdown(plain(words("dashboard.modalities.no_worst")))
    for modality in faulty:
        with st.expander(plain(words.modality(modality.name))):
            show(worst_items(modality, words), words.lang, f"worst-{modality.name}")
            if modality.kind == "image":
                _pictures(folder, modality, words)


def _pictures(folder: RunFolder, modality: ModalityProfile, words: Words) -> None:
    """The worst items' pictures, where their files are still there; decoded by us, never handed on by path."""
    named = list(dict.fromkeys(item for issue in modality.issues for item in issue.item_ids))
    seen = [(item, picture) for item in named if (picture := state.picture(folder, item)) is not None][:_MOST_PICTURES]
    if not seen:
        return
    st.markdown(f"**{plain(words('dashboard.modalities.pictures'))}**")
    for start in range(0, len(seen), _PICTURES_IN_A_ROW):
        row = seen[start : start + _PICTURES_IN_A_ROW]
        for column, (item, picture) in zip(st.columns(_PICTURES_IN_A_ROW), row, strict=False):
            column.image(picture, caption=plain(item), width="stretch", alt=item)


def _only_new(found: Section, profile: Profile, words: Words) -> Section:
    """The section without the charts that already stand on this page."""
    drawn = {coverage_chart(profile, words).title, standalone_chart(profile, words).title}
    blocks = tuple(block for block in found.blocks if not (isinstance(block, Figure) and block.chart.title in drawn))
    return dataclasses.replace(found, blocks=blocks)
