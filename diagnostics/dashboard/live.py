"""A run while it works: one bar, the time left, curves that grow, a first read-out marked as such, and a Cancel that cancels."""

from __future__ import annotations

from typing import Any

import streamlit as st

from diagnostics.dashboard import state
from diagnostics.dashboard.widgets import error, plain, show
from diagnostics.errors import TenbinError
from diagnostics.report.evidence import curve_chart, points_from_events, standalone_chart, validation_so_far
from diagnostics.report.model import Figure
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder, RunRequest

__all__ = ["cut_short", "ended_badly", "watch"]

# Where on the one bar each step begins and ends; training takes by far the longest.
_SPANS = {
    "read": (0.0, 0.05),
    "split": (0.05, 0.06),
    "encode": (0.06, 0.25),
    "profile": (0.25, 0.35),
    "probe": (0.35, 0.97),
    "diagnose": (0.97, 0.99),
    "write": (0.99, 1.0),
}


@st.fragment(run_every=1.0)
def watch(token: str, *, curves: bool) -> None:
    """Follow a run until it ends, then show the whole page anew. ``curves``: show learning rather than the first read-out."""
    from diagnostics.runs import attach

    folder, words = attach(token), state.words()
    if folder.status() not in ("queued", "running"):
        st.rerun(scope="app")
    with st.container(border=True, key="live"):
        if folder.place:
            _queue(folder.place, words)
        else:
            _bar(folder, words)
        if st.button(words("dashboard.live.cancel"), icon=":material/cancel:", disabled=folder.cancel_asked):
            folder.cancel()
            st.rerun(scope="fragment")
        if folder.cancel_asked:
            st.caption(plain(words("dashboard.live.cancelling")))
    if curves:
        _curves(folder, words)
    else:
        _first_answer(folder, words)


def _queue(place: int, words: Words) -> None:
    st.markdown(f":material/hourglass_empty: **{plain(words.coded('step', 'queue'))}**")
    st.caption(plain(words("dashboard.live.queue", place=place)))


def _bar(folder: RunFolder, words: Words) -> None:
    last: dict[str, Any] = folder.latest() or {"step": "read", "done": 0.0}
    start, end = _SPANS.get(str(last["step"]).split("_")[0], (0.0, 1.0))
    st.markdown(f":material/progress_activity: **{plain(words.coded('step', str(last['step'])))}**")
    st.progress(min(start + (end - start) * float(last["done"]), 1.0))
    said = [part for part in (words.training(str(last.get("arm") or "")),) if part]
    if last.get("eta_s") is not None:
        said.append(words.time_left(last["eta_s"], last.get("eta_range_s")))
    st.caption(plain(" · ".join(said) or words("dashboard.live.first_moments")))


def _first_answer(folder: RunFolder, words: Words) -> None:
    """What the data alone already say, while models still train."""
    profile = folder.profile()
    if profile is None:
        st.caption(plain(words("dashboard.live.wait_profile")))
        return
    st.subheader(plain(words("dashboard.live.provisional")), anchor=False)
    st.markdown(plain(words("dashboard.live.provisional_text")))
    show(Figure(standalone_chart(profile, words), words("report.modalities.standalone_caption")), words.lang, "live-standalone")


def _curves(folder: RunFolder, words: Words) -> None:
    judged = folder.judged_backbone()
    events = [event for event in folder.events() if event.arm.split(":")[0] == judged]
    points, reached = points_from_events(events), validation_so_far(events)
    if not reached:
        st.caption(plain(words("dashboard.live.wait_curves")))
        return
    st.subheader(plain(words("dashboard.live.provisional")), anchor=False)
    for balancer, (value, count) in reached.items():
        setting = words("chart.curves.plain") if balancer == "none" else words.coded("balancer", balancer)
        st.markdown(plain(words("dashboard.live.so_far", setting=setting, value=value, count=count)))
    if points:  # of models that rank without content there are none
        show(Figure(curve_chart(points, words), words("dashboard.live.curves_caption")), words.lang, "live-curves")


def ended_badly(folder: RunFolder, words: Words) -> None:
    """A run that gave no result: why, and the way on. What it had finished is kept."""
    status = folder.status()
    outcome = folder.outcome() or {}
    if status == "failed":
        told = (outcome.get("words") or {}).get(words.lang) or words("dashboard.ended.failed")
        st.error(plain(told), icon=":material/error:")
    else:
        st.warning(plain(words(f"dashboard.ended.{status}")), icon=":material/pause_circle:")
    left, right = st.columns(2)
    with left:
        _resume(folder, words)
    if right.button(words("dashboard.ended.leave"), icon=":material/home:", width="stretch"):
        state.forget_run()
        st.rerun()


def cut_short(folder: RunFolder, words: Words) -> None:
    """Above the result of a run that was stopped before its end: that it was, and the way on."""
    status = folder.status()
    if status in ("cancelled", "interrupted"):
        st.warning(plain(words(f"dashboard.ended.{status}_result")), icon=":material/pause_circle:")
        _resume(folder, words)


def _resume(folder: RunFolder, words: Words) -> None:
    if st.button(words("dashboard.ended.resume"), type="primary", icon=":material/play_arrow:", width="stretch"):
        try:
            state.start_run(RunRequest.model_validate(folder.request()))
        except TenbinError as problem:
            error(problem, words.lang)
        else:
            st.rerun()
