"""Small models learn while you watch."""

from __future__ import annotations

import streamlit as st

from diagnostics.config import PRESETS, cores, threshold
from diagnostics.dashboard import state
from diagnostics.dashboard.live import cut_short, ended_badly, watch
from diagnostics.dashboard.widgets import effort, error, plain, section, title
from diagnostics.errors import TenbinError
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder, RunRequest

__all__ = ["page"]


def page() -> None:
    """Show the learning while it happens, and what it came to."""
    words, folder = state.words(), state.run()
    if folder is None:
        title(words("dashboard.probe.title"), words("dashboard.probe.empty"))
        st.page_link(st.session_state["pages"]["overview"], label=words("dashboard.nav.back"), icon=":material/arrow_back:")
        return
    report = state.report(folder, words.lang)
    if report is not None:
        training = report.section("training")
        title(words("dashboard.probe.title"), training.answer)
        cut_short(folder, words)
        section(training, words.lang, "probe", heading=False)
        for name in ("balancing", "rule"):
            section(report.section(name), words.lang, "probe")
        _again(folder, words)
    elif folder.status() in ("queued", "running"):
        title(words("dashboard.probe.title"), words("dashboard.probe.working"))
        watch(folder.token, curves=True)
    else:
        title(words("dashboard.probe.title"), words("dashboard.overview.no_result"))
        ended_badly(folder, words)


def _again(folder: RunFolder, words: Words) -> None:
    """The same data with more effort."""
    st.subheader(plain(words("dashboard.probe.again")), anchor=False)
    st.markdown(plain(words("dashboard.probe.again_text")))
    asked = RunRequest.model_validate(folder.request())
    diagnosis = state.diagnosis(folder)
    measured = diagnosis.provenance.timing.get("probe", 0.0) if diagnosis is not None else 0.0
    epochs = sum(event.seconds for event in folder.events() if event.kind == "epoch") / cores()
    spent = max(measured, epochs)  # a run that was resumed trained longer than its last attempt took
    chosen = effort(lambda name, slow: _seconds(spent, asked, name, slow), words, (asked.preset, asked.slow_training))
    if chosen is not None:
        name, slow = chosen
        try:
            state.start_run(asked.model_copy(update={"preset": name, "slow_training": slow}))
        except TenbinError as problem:
            error(problem, words.lang)
        else:
            st.rerun()


def _seconds(spent: float, asked: RunRequest, name: str, slow: bool) -> float | None:
    """How long a preset's trainings should take, slow ones or not, by what this run's own took; None where no time was noted.

    A longer patience lets models learn on, but most stop long before the limit, so only trainings are counted: every model once
    without and once with each method, as often as it is repeated. What a person asked for stays in any preset.
    """

    def work(preset: str, slow: bool) -> float:
        plan = PRESETS[preset]
        methods = plan.balancers if asked.balancers is None else asked.balancers
        further = 0 if asked.seeds else plan.further_seeds  # of one model
        trainings = ((asked.seeds or plan.seeds) * len(asked.backbones or plan.backbones) + further) * (1 + len(methods))
        return trainings * (threshold("slow_training") if slow else 1)

    return spent * work(name, slow) / work(asked.preset, asked.slow_training) or None
