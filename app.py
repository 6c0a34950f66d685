"""Tenbin's dashboard: page setup, language and navigation. Start it with ``streamlit run app.py``."""

from __future__ import annotations

import streamlit as st

from diagnostics.dashboard import state, theme
from diagnostics.dashboard.pages import data, modalities, overview, probe, report
from diagnostics.dashboard.widgets import error
from diagnostics.errors import TenbinError
from diagnostics.messages import LANGUAGES

PAGES = {
    "overview": (overview.page, ":material/balance:"),
    "data": (data.page, ":material/table:"),
    "modalities": (modalities.page, ":material/stacks:"),
    "probe": (probe.page, ":material/show_chart:"),
    "report": (report.page, ":material/description:"),
}


def main() -> None:
    state.sync()
    words = state.words()
    st.set_page_config(page_title=words("report.product"), page_icon=theme.TAB_ICON, layout="wide")
    theme.apply(words("dashboard.data.choose_file"))
    st.logo(theme.LOGO, size="large")
    pages = {
        name: st.Page(
            show,
            title=words(f"dashboard.nav.{name}"),
            icon=icon,
            url_path="" if name == "overview" else name,
            default=name == "overview",
        )
        for name, (show, icon) in PAGES.items()
    }
    st.session_state["pages"] = pages
    chosen = st.navigation(list(pages.values()))
    with st.sidebar:
        st.segmented_control(
            words("dashboard.language.label"),
            LANGUAGES,
            default=words.lang,
            format_func=lambda code: words(f"dashboard.language.{code}"),
            key="language_choice",
            on_change=_choose_language,
            required=True,
        )
    try:
        chosen.run()
    except TenbinError as problem:
        error(problem, words.lang)
        if problem.code in ("E_NO_SUCH_RUN", "E_BAD_DIAGNOSIS") and st.button(
            words("dashboard.ended.leave"), icon=":material/home:"
        ):
            state.forget_run()
            st.rerun()


def _choose_language() -> None:
    st.session_state["lang"] = st.query_params["lang"] = st.session_state["language_choice"]


main()
