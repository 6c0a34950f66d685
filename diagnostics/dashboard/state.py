"""What a page knows: the reader's language and the run in the URL. All else lives in the run's folder; a reload loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from diagnostics.errors import TenbinError
from diagnostics.messages import LANGUAGES
from diagnostics.report import Report, build
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder, RunRequest, attach, start
from diagnostics.schema import Diagnosis, ImageSource

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["diagnosis", "forget_run", "lang", "picture", "report", "run", "start_run", "start_sample", "sync", "words"]

_KEPT = ("lang", "run")


def sync() -> None:
    """Keep language and run in the URL: moving between pages empties it, the session remembers.

    All at once, so that a reload never meets a URL with half of them.
    """
    told = {name: st.query_params[name] for name in _KEPT if name in st.query_params}
    st.session_state.update(told)
    lost = {name: st.session_state[name] for name in _KEPT if name in st.session_state and name not in told}
    if lost:
        st.query_params.update(lost)


def lang() -> str:
    """The language of the screen: the reader's choice, else the browser's."""
    chosen = st.session_state.get("lang")
    if chosen in LANGUAGES:
        return str(chosen)
    return "ja" if (st.context.locale or "").lower().startswith("ja") else "en"


def words() -> Words:
    """The words of the screen's language."""
    return Words(lang())


def run() -> RunFolder | None:
    """The run whose token is in the URL; None when there is none.

    Raises
    ------
    TenbinError
        ``E_NO_SUCH_RUN``: the token names no run on this computer.
    """
    token = st.session_state.get("run")
    return attach(str(token)) if token else None


def start_run(request: RunRequest) -> None:
    """Start a run, or attach to the same one, and remember its token."""
    folder = start(request)
    st.session_state["run"] = folder.token
    st.query_params["run"] = folder.token


def start_sample(shop: str) -> None:
    """Start the quick diagnosis of a shop that comes with the product."""
    from sample_data import ensure

    folder = Path(ensure(shop))
    start_run(
        RunRequest(
            catalog=folder / "catalog.csv",
            interactions=folder / "transactions.csv",
            images=folder / "images",
            lang="ja" if lang() == "ja" else "en",
            report=("html", "json"),
        )
    )


def forget_run() -> None:
    """Back to the empty state; the run itself stays on disk."""
    st.session_state.pop("run", None)
    if "run" in st.query_params:
        del st.query_params["run"]


def diagnosis(folder: RunFolder) -> Diagnosis | None:
    """The finished result of a run, read once; None while there is none."""
    path = folder.path / "diagnosis.json"
    return _read_diagnosis(str(folder.path), path.stat().st_mtime_ns) if path.exists() else None


def report(folder: RunFolder, language: str) -> Report | None:
    """The report of a run in one language, built once."""
    path = folder.path / "diagnosis.json"
    return _build_report(str(folder.path), path.stat().st_mtime_ns, language) if path.exists() else None


# A resource, not data: Streamlit pickles data, and these records are frozen anyway.
@st.cache_resource(max_entries=8, show_spinner=False)
def _read_diagnosis(folder: str, changed: int) -> Diagnosis | None:
    return RunFolder(Path(folder)).diagnosis()


def picture(folder: RunFolder, item: str) -> npt.NDArray[np.uint8] | None:
    """One item's picture as the encoder sees it, uint8 (224, 224, 3); None when it, or the files of the run, cannot be read."""
    from models.encoders.image import look

    found = diagnosis(folder)
    if found is None:
        return None
    path = folder.path / "diagnosis.json"
    source = _pictures(str(folder.path), path.stat().st_mtime_ns).get(item)
    return None if source is None else look(source.read).pixels


@st.cache_resource(max_entries=4, show_spinner=False)
def _pictures(folder: str, changed: int) -> Mapping[str, ImageSource]:
    """Item -> where its picture is, found again in the run's own files; empty when these have moved or changed beyond use."""
    from diagnostics.dataset import picture_sources

    run_folder = RunFolder(Path(folder))
    found, asked = run_folder.diagnosis(), RunRequest.model_validate(run_folder.request())
    if found is None or asked.images is None or not isinstance(asked.catalog, Path):
        return {}
    try:
        return picture_sources(asked.catalog, asked.images, found.reading)
    except (TenbinError, OSError):
        return {}


@st.cache_resource(max_entries=16, show_spinner=False)
def _build_report(folder: str, changed: int, language: str) -> Report:
    found = _read_diagnosis(folder, changed)
    if found is None:
        raise TenbinError("E_NO_SUCH_RUN", found=Path(folder).name)
    return build(found, language)
