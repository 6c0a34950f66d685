"""Reading in the background, so that a page stays awake: a bar, the name of the step, and a Cancel that cancels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from diagnostics.dashboard import state
from diagnostics.dashboard.inbox import Choices, Chosen
from diagnostics.dashboard.widgets import plain
from diagnostics.dataset.columns import Proposal
from diagnostics.errors import Cancelled
from diagnostics.schema import Progress

__all__ = ["Job", "outcome", "propose_columns"]

_PATIENCE_S = 1.0  # what ends sooner needs no bar
_LOOK_EVERY_S = 0.5

Work = Callable[[Progress, Callable[[], bool]], Any]


class Job:
    """One piece of work in a thread of its own. ``key`` says what it is about: another key is another job."""

    def __init__(self, key: str, work: Work) -> None:
        self.key = key
        self.step, self.done = "read", 0.0
        self.result: Any = None
        self.error: Exception | None = None
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work(self._tell, self._stop.is_set)
        except Exception as error:
            self.error = error

    def _tell(self, step: str, done: float) -> None:
        if self._stop.is_set():
            raise Cancelled
        self.step, self.done = step, done

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Ask it to stop at its next step."""
        self._stop.set()


def outcome(name: str, key: str, work: Work) -> Any:
    """What a job came to; None while it works or when it was cancelled, which the page then shows by itself.

    ``name`` is one place on the page: a new key there cancels the job of the old one.

    Raises
    ------
    TenbinError
        As the work.
    """
    jobs = st.session_state.setdefault("jobs", {})
    job = jobs.get(name)
    if job is None or job.key != key:
        if job is not None:
            job.cancel()
        job = jobs[name] = Job(key, work)
    if not job.wait(_PATIENCE_S):
        _watch(name)
        return None
    if isinstance(job.error, Cancelled):
        words = state.words()
        st.info(words("dashboard.data.cancelled"), icon=":material/pause_circle:")
        if st.button(words("dashboard.data.read_again"), key=f"again-{name}"):
            del jobs[name]
            st.rerun()
        return None
    if job.error is not None:
        raise job.error
    return job.result


@st.fragment(run_every=_LOOK_EVERY_S)
def _watch(name: str) -> None:
    """The bar of a job while it works; the whole page anew when it has ended."""
    words, job = state.words(), st.session_state["jobs"].get(name)
    if job is None or job.wait(0.0):
        st.rerun(scope="app")
    with st.container(border=True, key=f"reading-{name}"):
        st.markdown(f":material/progress_activity: **{plain(words.coded('step', job.step))}**")
        st.progress(min(max(job.done, 0.0), 1.0))
        if st.button(words("dashboard.live.cancel"), icon=":material/cancel:", key=f"cancel-{name}"):
            job.cancel()


def propose_columns(
    chosen: Chosen, choices: Choices, progress: Progress, cancelled: Callable[[], bool]
) -> tuple[Proposal, Mapping[str, tuple[str, tuple[str, ...]]]]:
    """A quick look at the beginning of both tables: roles and open questions, and each table's name and columns.

    Raises
    ------
    TenbinError
        As ``read_dataset``, but not for a missing column.
    """
    from diagnostics.dataset.mapping import read_mapping
    from diagnostics.dataset.opening import PREVIEW_ROWS, Steps, open_shop, proposed

    mapped = read_mapping(choices)
    shop = open_shop(chosen.catalog, chosen.interactions, mapped, chosen.format, Steps(progress, cancelled), max_rows=PREVIEW_ROWS)
    tables = {"catalog": shop.catalog, "interactions": shop.interactions}
    columns = {name: (table.name, tuple(str(column) for column in table.frame.columns)) for name, table in tables.items()}
    return proposed(shop, mapped), columns
