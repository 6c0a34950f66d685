"""What does each kind of information bring before any training?"""

from __future__ import annotations

import dataclasses
import functools

import streamlit as st

from diagnostics.dashboard import state
from diagnostics.dashboard.widgets import plain, section, show, title
from diagnostics.dashboard.worklists import Worklist, worklists
from diagnostics.dataset import in_cp932
from diagnostics.profile.checks import WHOLE_SHOP
from diagnostics.report.evidence import coverage_chart, standalone_chart
from diagnostics.report.model import Figure, Section
from diagnostics.report.profiled import by_gravity, finding_points, profile_answer, profile_matrix, profile_themes
from diagnostics.report.quality import worst_items
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder
from diagnostics.schema import Finding, ModalityProfile, Profile

__all__ = ["page"]

_MOST_PICTURES, _PICTURES_IN_A_ROW = 20, 7
_LISTED_AS = {"modality_gaps": "modality_incomplete"}  # one list, whether the gaps are many or few


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
    title(words("dashboard.modalities.title"), profile_answer(profile, words))
    show(profile_matrix(profile, words), words.lang, "matrix")
    lists = worklists(folder.path, words)
    _findings(profile, lists, words)
    themes = profile_themes(profile, words)
    *places, last = st.tabs([words(f"dashboard.modalities.tab_{name}") for name in ("coverage", "strength", "quality", "lists")])
    for index, (place, (question, blocks)) in enumerate(zip(places, themes, strict=True)):
        with place:
            st.subheader(plain(question), anchor=False)
            for number, block in enumerate(blocks):
                show(block, words.lang, f"theme-{index}-{number}")
    with last:
        _worst(folder, profile, lists, words)
    report = state.report(folder, words.lang)
    if report is not None:
        with st.expander(plain(words("dashboard.modalities.after_training"))):
            section(_only_new(report.section("modalities"), profile, words), words.lang, "modalities", heading=False)


def _findings(profile: Profile, lists: tuple[Worklist, ...], words: Words) -> None:
    """What calls for action in words, each with its list to take along; remarks are one click away."""
    found = by_gravity(profile.findings)
    remarks = [finding for finding in found if finding.severity == "info"]
    grave = [finding for finding in found if finding.severity != "info"]
    if grave:
        st.subheader(plain(words("dashboard.modalities.found")), anchor=False)
        for finding in grave:
            _finding(finding, lists, words)
    if remarks:
        with st.expander(plain(words("dashboard.modalities.remarks", count=len(remarks)))):
            for finding in remarks:
                _finding(finding, lists, words)


def _finding(finding: Finding, lists: tuple[Worklist, ...], words: Words) -> None:
    """One finding, and beside it the whole list of the products concerned, where there is one."""
    said, taken = st.columns([5, 1])
    with said:
        show(finding_points((finding,), words), words.lang, "")
    code = _LISTED_AS.get(finding.code, finding.code)
    for entry in (entry for entry in lists if entry.path.stem == f"{finding.modality or WHOLE_SHOP}-{code}"):
        with taken:
            _download(entry, words("dashboard.modalities.list"), f"finding-{finding.code}-{entry.path.name}")


def _worst(folder: RunFolder, profile: Profile, lists: tuple[Worklist, ...], words: Words) -> None:
    """Per kind of information the items behind its faults, as a table, as pictures, and as lists to hand on."""
    st.subheader(plain(words("dashboard.modalities.worst")), anchor=False)
    faulty = [modality for modality in profile.modalities if any(issue.count for issue in modality.issues)]
    if not faulty and not lists:
        st.markdown(plain(words("dashboard.modalities.no_worst")))
        return
    st.markdown(plain(words("dashboard.modalities.worst_text")))
    if lists:
        _encoding(lists, words)
    for modality in faulty:
        with st.expander(plain(words.modality(modality.name))):
            show(worst_items(modality, words), words.lang, f"worst-{modality.name}")
            if modality.kind == "image":
                _pictures(folder, modality, words)
            for entry in (entry for entry in lists if entry.modality == modality.name):
                _worklist(entry, words)
    named = {modality.name for modality in faulty}
    for entry in (entry for entry in lists if entry.modality not in named):
        _worklist(entry, words)


def _worklist(entry: Worklist, words: Words) -> None:
    """One worklist: its first rows to look at, and the whole of it to take along."""
    st.markdown(f"**{plain(entry.title)}**")
    if entry.rows:
        st.dataframe(entry.rows, hide_index=True)
    _download(entry, words("dashboard.modalities.worklist"), f"worklist-{entry.path.name}")


def _encoding(lists: tuple[Worklist, ...], words: Words) -> None:
    """How the lists are written, and which characters older Japanese programs will not see as they are."""
    st.toggle(words("dashboard.modalities.cp932"), key="cp932", help=words("dashboard.modalities.cp932_text"))
    if st.session_state.get("cp932"):
        replaced = {sign: form for entry in lists for sign, form in in_cp932(entry.path)[1].items()}
        told = [words("dashboard.modalities.replaced_sign", sign=sign, form=form) for sign, form in replaced.items()]
        st.caption(
            plain(words("dashboard.modalities.replaced", signs=told) if told else words("dashboard.modalities.none_replaced"))
        )


def _download(entry: Worklist, label: str, key: str) -> None:
    data = functools.partial(_in_cp932, entry) if st.session_state.get("cp932") else entry.path.read_bytes
    st.download_button(label, data, entry.path.name, "text/csv", key=key, icon=":material/download:", on_click="ignore")


def _in_cp932(entry: Worklist) -> bytes:
    return in_cp932(entry.path)[0]


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
