"""Runs that the dashboard starts: found again by a token, never started twice, never outside Tenbin's own folder."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from pathlib import Path

import pytest

from diagnostics.config import home
from diagnostics.dataset.warehouse import parse_url
from diagnostics.errors import TenbinError
from diagnostics.runs import RunFolder, RunRequest, attach, runs, start, supervisor


@pytest.fixture
def request_of(tmp_path, monkeypatch):
    """A request whose catalog is empty: its run ends quickly and says why."""
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path / "home"))
    catalog, log = tmp_path / "catalog.csv", tmp_path / "log.csv"
    catalog.write_text("")
    log.write_text("user_id,item_id\nu,i\n")
    return lambda **more: RunRequest(**{"catalog": catalog, "interactions": log, **more})


def _ended(folder: RunFolder) -> dict:
    deadline = time.monotonic() + 300
    while folder.outcome() is None:
        assert time.monotonic() < deadline, (folder.path / "log.txt").read_text()
        time.sleep(0.05)
    return folder.outcome() or {}


def test_a_run_that_cannot_work_says_so_in_both_languages(request_of):
    folder = start(request_of())
    assert folder.path.parent == home() / "runs"
    outcome = _ended(folder)
    assert folder.status() == "failed"
    assert outcome["exit_code"] == 2
    assert outcome["code"] == "E_EMPTY_FILE"
    assert outcome["words"]["en"].startswith("E_EMPTY_FILE: ")
    assert outcome["words"]["ja"] != outcome["words"]["en"]
    assert attach(folder.token) == folder
    assert runs() == (folder,)


def test_starting_twice_at_once_starts_one_process(request_of):
    folders: list[RunFolder] = []
    presses = [threading.Thread(target=lambda: folders.append(start(request_of()))) for _ in range(4)]
    for press in presses:
        press.start()
    for press in presses:
        press.join()
    assert len({folder.token for folder in folders}) == 1
    for process in supervisor._children:  # the outcome stands before the words are in the log
        process.wait(timeout=300)
    assert (folders[0].path / "log.txt").read_text().count("E_EMPTY_FILE") == 1
    assert not (folders[0].path / "starting").exists()


def test_a_failed_run_starts_again(request_of):
    folder = start(request_of())
    _ended(folder)
    again = start(request_of())
    assert again == folder
    deadline = time.monotonic() + 300  # until the new outcome is there, the old one still stands
    while (folder.path / "log.txt").read_text().count("E_EMPTY_FILE") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert _ended(again)["code"] == "E_EMPTY_FILE"


def test_a_finished_run_is_attached_to(request_of):
    folder = RunFolder(home() / "runs" / request_of().token)
    folder.begin(request_of().resolved().model_dump_json())
    folder.claim(1)
    folder.end("finished", 0)
    before = (folder.path / "pid.json").read_text()
    assert start(request_of()) == folder
    assert (folder.path / "pid.json").read_text() == before


def test_the_token_depends_on_what_is_asked_and_on_the_files_but_not_on_words(request_of, tmp_path):
    token = request_of().token
    assert token == request_of().token
    assert token == request_of(lang="ja", report=("json",), threads=2).token
    assert token != request_of(seed=1).token
    assert token != request_of(features={"style": tmp_path / "style.npy"}).token
    (tmp_path / "log.csv").write_text("user_id,item_id\nu,i\nv,i\n")
    assert token != request_of().token


def test_a_request_survives_its_way_through_the_command_line(request_of, tmp_path, monkeypatch):
    import diagnostics.__main__ as command_line
    from diagnostics import commands

    asked = request_of(
        images=tmp_path,
        features={"style": tmp_path / "a b=c.npy"},
        seeds=2,
        seed=7,
        split="user",
        balancers=("ckd", "none"),
        slow_training=True,
        lang="ja",
        threads=1,
    )
    given = []
    monkeypatch.setattr(commands, "diagnose", lambda request, out, as_json: given.append((request, out, as_json)))
    assert command_line.main(["diagnose", *asked.arguments(), "--out", str(tmp_path / "out"), "--json-progress"]) == 0
    assert given == [(asked, tmp_path / "out", True)]
    assert RunRequest.model_validate_json(asked.model_dump_json()) == asked


def test_a_url_stays_the_text_it_is_and_a_folder_may_bring_the_catalog(tmp_path):
    url = "sqlite:///shop.db?table=orders"
    asked = RunRequest(catalog=None, interactions=url).resolved()
    assert asked.interactions == url and "--catalog" not in asked.arguments()
    assert asked.arguments()[:2] == ["--interactions", url]
    assert RunRequest(interactions="orders.csv").interactions == Path("orders.csv")
    assert RunRequest.model_validate_json(asked.model_dump_json()) == asked


def test_a_database_in_the_current_folder_is_found_from_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (address,) = [RunRequest(interactions="sqlite://my shop.db?query=SELECT '?' FROM a").resolved().interactions]
    assert parse_url(address).path == tmp_path / "my shop.db" and parse_url(address).query == "SELECT '?' FROM a"


def test_a_password_is_neither_stored_nor_on_the_command_line_and_names_no_run(request_of, monkeypatch):
    spawned = []
    url = "postgresql://ana:hunter2@localhost:1/shop?table=orders"
    monkeypatch.setattr(supervisor, "_spawn_detached", lambda *given: spawned.append(given) or _Process())
    folder = start(request_of(interactions=url))
    arguments, _, given = spawned[0]
    assert given == {"TENBIN_INTERACTIONS_PASSWORD": "hunter2"} and "hunter2" not in " ".join(arguments)
    assert b"hunter2" not in b"".join(path.read_bytes() for path in folder.path.rglob("*") if path.is_file())
    assert request_of(interactions=url).token == request_of(interactions=url.replace("hunter2", "other")).token


def test_each_database_has_its_own_password(request_of):
    urls = {name: f"postgresql://ana:{name}%40@localhost:1/shop?table=a&port=1" for name in ("catalog", "interactions")}
    request = request_of(**urls)
    started = request.without_passwords().with_passwords(request.passwords)
    for name in urls:
        assert parse_url(getattr(started, name)) == dataclasses.replace(
            parse_url(urls[name]), shown=parse_url(getattr(started, name)).shown
        )
        assert parse_url(getattr(started, name)).server["password"] == f"{name}@"
        assert "@localhost" in parse_url(getattr(started, name)).shown and f"{name}@" not in repr(parse_url(getattr(started, name)))
    assert request.with_passwords({"TENBIN_CATALOG_PASSWORD": "other"}) == request  # what the address says comes first


class _Process:
    pid = os.getpid()

    def poll(self) -> None:
        return None


@pytest.mark.parametrize("token", ["", "..", "../runs", "a" * 15, "A" * 16, "0" * 16, "0123456789abcde/", "0123456789abcdef\n"])
def test_a_token_is_never_a_path(token, request_of):
    (home() / "runs").mkdir(parents=True)
    with pytest.raises(TenbinError) as error:
        attach(token)
    assert error.value.code == "E_NO_SUCH_RUN"
