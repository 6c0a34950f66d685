"""How the dashboard looks: the signs that stand beside words, and the few rules of style that Streamlit's theme cannot say."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

__all__ = ["ICONS", "LOGO", "TAB_ICON", "apply", "base"]

LOGO = Path(__file__).with_name("logo.svg")
TAB_ICON = Path(__file__).with_name("icon.svg")  # a named icon would be fetched from the network

ICONS = {
    "": "",
    "check": ":material/check_circle:",
    "star": ":material/star:",
    "balance": ":material/balance:",
    "fix": ":material/build:",
    "skip": ":material/skip_next:",
    "question": ":material/help:",
    "warning": ":material/warning:",
    "problem": ":material/error:",
    "info": ":material/info:",
    "low": ":material/trending_down:",
    "copy": ":material/content_copy:",
    "gap": ":material/data_alert:",
    "off": ":material/do_not_disturb_on:",
}
"""A report's sign -> Streamlit's own icon font, which comes with it and needs no network."""

_STYLE = """<style>
.stMainBlockContainer { max-width: 1080px; padding-top: 3.2rem; padding-bottom: 5rem; }
.stMarkdown p, .stMarkdown li { line-height: 1.65; }
.stMarkdown table { width: 100%; font-variant-numeric: tabular-nums; font-size: .92rem; border: none; }
.stMarkdown table th { font-weight: 600; opacity: .8; border: none !important;
  border-bottom: 1px solid rgba(128,140,152,.45) !important; }
.stMarkdown table td { border: none !important; border-bottom: 1px solid rgba(128,140,152,.22) !important; vertical-align: top; }
.stMarkdown table td:first-child { min-width: 4.8em; }
.st-key-verdict { border-left: 4px solid #2f86bd; border-radius: 8px; padding: 1.5rem 1.8rem; background: rgba(128,150,170,.10); }
.st-key-verdict h3 { padding: 0 0 .5rem; font-size: 1.4rem; line-height: 1.5; }
[class*="st-key-fact-"] h3 { font-size: 1.75rem; padding: 0; white-space: nowrap; font-variant-numeric: tabular-nums; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: .76; }
.tenbin-bars { width: 100%; border-collapse: collapse; table-layout: fixed; font-size: .92rem; font-variant-numeric: tabular-nums; }
.tenbin-bars th, .tenbin-bars td { text-align: left; vertical-align: top; padding: .45rem .7rem .45rem 0;
  border-bottom: 1px solid rgba(128,140,152,.22); overflow-wrap: anywhere; }
.tenbin-bars th { font-weight: 600; opacity: .8; }
.tenbin-bars small { display: block; margin-top: .25rem; opacity: .76; line-height: 1.45; }
.tenbin-bars .bar { height: 6px; margin-top: .3rem; border-radius: 3px; background: rgba(128,140,152,.22); overflow: hidden; }
.tenbin-bars .bar div { height: 100%; background: #2f86bd; }
.stMultiSelect .react-aria-ComboBox, .stMultiSelect div:has(> [data-testid="stMultiSelectTagsContainer"]) {
  height: auto; max-height: none; }
[data-testid="stMultiSelectTagsContainer"] { flex-wrap: wrap; height: auto; overflow: visible; padding: .25rem 0; }
.stMarkdown td[style*="right"], .stMarkdown td:has([role="img"]) { white-space: nowrap; }
.stMarkdown td span[style*="font-size"] { display: block; }
[data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
</style>"""


def apply(choose_file: str) -> None:
    """Put our style on the page. It holds no user text; ``choose_file`` is our word for a button whose own is always English."""
    button = '[data-testid="stFileUploaderDropzone"] button p'
    st.html(
        f"{_STYLE}<style>{button} {{ font-size: 0; }} {button}::after {{ font-size: .9rem; content: '{choose_file}'; }}</style>"
    )


def base() -> str:
    """``light`` or ``dark``, as the reader has it."""
    return "dark" if st.context.theme.type == "dark" else "light"
