"""Does every kind of information pull its weight? The verdict on one screen, or the way to it."""

from __future__ import annotations

import streamlit as st

from diagnostics.dashboard import state
from diagnostics.dashboard.live import cut_short, ended_badly, watch
from diagnostics.dashboard.widgets import plain, section, title, verdict
from diagnostics.report import Report
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder

__all__ = ["page"]


def page() -> None:
    """Show the verdict, the run on its way to it, or the ways to begin."""
    words, folder = state.words(), state.run()
    if folder is None:
        _welcome(words)
        return
    report = state.report(folder, words.lang)
    if report is not None:
        cut_short(folder, words)
        _verdict(report, words)
    elif folder.status() in ("queued", "running"):
        title(words("dashboard.overview.title"), words("dashboard.overview.working"))
        watch(folder.token, curves=False)
    else:
        _no_result(folder, words)


def _welcome(words: Words) -> None:
    title(words("dashboard.overview.title"), words("dashboard.overview.welcome"))
    st.space("small")
    cards = st.columns(3)
    shops = sorted(("en", "ja"), key=lambda shop: shop != words.lang)  # the reader's own language first
    for column, shop in zip(cards, shops, strict=False):
        with column, st.container(border=True, height="stretch", vertical_alignment="distribute", key=f"card-{shop}"):
            st.markdown(f":material/storefront: **{plain(words(f'dashboard.overview.sample_{shop}'))}**")
            st.markdown(plain(words(f"dashboard.overview.sample_{shop}_text")))
            clicked = st.button(words("dashboard.overview.try"), key=f"try-{shop}", type="primary", width="stretch")
        if clicked:
            with st.spinner(words("dashboard.overview.preparing")):
                state.start_sample(shop)
            st.rerun()
    with cards[2], st.container(border=True, height="stretch", vertical_alignment="distribute", key="card-own"):
        st.markdown(f":material/folder_open: **{plain(words('dashboard.overview.own'))}**")
        st.markdown(plain(words("dashboard.overview.own_text")))
        if st.button(words("dashboard.overview.open"), key="open-own", width="stretch"):
            st.switch_page(st.session_state["pages"]["data"])
    st.space("small")
    st.subheader(plain(words("dashboard.overview.get_title")), anchor=False)
    for name, icon in (("verdict", "balance"), ("causes", "search"), ("report", "description")):
        st.markdown(f":material/{icon}: {plain(words(f'dashboard.overview.get_{name}'))}")


def _verdict(report: Report, words: Words) -> None:
    st.header(plain(words("dashboard.overview.title")), anchor=False)
    st.caption(plain(report.subtitle))
    verdict(report.headline)
    st.space("small")
    section(report.section("overview"), words.lang, "overview", heading=False)
    limits = report.section("limits")
    with st.expander(plain(limits.title) + " " + plain(limits.answer)):
        section(limits, words.lang, "overview", heading=False)
    st.caption(plain(report.section("overview").answer))
    st.subheader(plain(words("dashboard.overview.more")), anchor=False)
    pages = st.session_state["pages"]
    for column, name in zip(st.columns(4), ("data", "modalities", "probe", "report"), strict=True):
        column.page_link(pages[name], label=words(f"dashboard.nav.{name}"))
    if st.button(words("dashboard.overview.again"), icon=":material/restart_alt:"):
        state.forget_run()
        st.rerun()


def _no_result(folder: RunFolder, words: Words) -> None:
    title(words("dashboard.overview.title"), words("dashboard.overview.no_result"))
    ended_badly(folder, words)
