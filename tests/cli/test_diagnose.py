"""A whole diagnosis from the command line: what it writes, that it repeats, and that the contract accepts it."""

from __future__ import annotations

import json
import types
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from diagnostics.__main__ import main
from diagnostics.messages import text
from diagnostics.runs import RunFolder
from diagnostics.schema import Diagnosis


def _result(folder) -> dict[str, Any]:
    record = json.loads((folder / "diagnosis.json").read_bytes())
    record["provenance"].pop("timing")
    record["provenance"].pop("created_at")
    return record


def test_it_writes_what_the_contract_promises(diagnosed):
    out = diagnosed("one")
    written = {path.name for path in out.iterdir()}
    assert {"diagnosis.json", "profile.json", "report.en.html", "rejected", "request.json"} <= written
    diagnosis = RunFolder(out).diagnosis()
    assert diagnosis is not None
    assert diagnosis.dataset.n_items == 60
    assert diagnosis.dataset.n_users == 120
    assert sum(sum(reasons.values()) for reasons in diagnosis.dataset.rows_set_aside.values()) == 2
    rejected = "".join(path.read_text(encoding="utf-8-sig") for path in (out / "rejected").iterdir())
    assert "no such item" in rejected
    assert "not a date" in rejected
    assert [modality.name for modality in diagnosis.modalities] == ["text", "attributes", "style"]
    assert {"read_catalog", "encode_text", "profile", "probe", "diagnose"} <= set(diagnosis.provenance.timing)
    assert RunFolder(out).status() == "finished"
    assert RunFolder(out).outcome() == {"status": "finished", "exit_code": 0, "code": None, "words": {}}


def test_the_same_request_gives_the_same_bytes(diagnosed):
    one, two = _result(diagnosed("one")), _result(diagnosed("two"))
    assert json.dumps(one) == json.dumps(two)
    assert (diagnosed("one") / "profile.json").read_bytes() == (diagnosed("two") / "profile.json").read_bytes()


def test_one_process_or_two_make_no_difference(diagnosed, inputs, shop, tmp_path):
    vectors = ["--features", f"style={shop / 'style.npy'}"]
    assert main(["diagnose", *inputs, *vectors, "--out", str(tmp_path), "--seeds", "1", "--threads", "1"]) == 0
    assert json.dumps(_result(tmp_path)) == json.dumps(_result(diagnosed("one")))


def test_a_second_run_in_the_same_folder_trains_nothing_again(diagnosed, inputs, shop):
    out = diagnosed("one")
    results = {path: path.stat().st_mtime_ns for path in (out / "run" / "results").iterdir()}
    before = _result(out)
    vectors = ["--features", f"style={shop / 'style.npy'}"]
    assert main(["diagnose", *inputs, *vectors, "--out", str(out), "--seeds", "1", "--report", "html,json"]) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "run" / "results").iterdir()} == results
    assert _result(out) == before


def test_a_result_satisfies_the_contract(diagnosed, shared):
    jsonschema = pytest.importorskip("jsonschema")
    contract = json.loads((shared / "contract" / "diagnosis.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(contract)
    record = json.loads((diagnosed("one") / "diagnosis.json").read_bytes())
    errors = [
        f"{'/'.join(map(str, error.path))}: {error.message}"
        for error in jsonschema.Draft202012Validator(contract).iter_errors(record)
    ]
    assert errors == []


def test_a_result_survives_reading_and_writing(diagnosed):
    text = (diagnosed("one") / "diagnosis.json").read_text(encoding="utf-8")
    assert Diagnosis.model_validate_json(text).model_dump_json(indent=2) == text.rstrip("\n")


def _codes(schema: dict[str, Any], *path: str) -> set[str]:
    for step in path:
        schema = schema[step]
    return set(schema["enum"])


CODES = {
    "action": {"leave", "rebalance", "fix_data", "skip_content", "undetermined"},
    "status": {"dominant", "healthy", "suppressed", "uninformative", "redundant", "incomplete", "unused", "undetermined"},
    "cause": {"missing", "uninformative", "redundant", "suppressed", "slow", "scale_mismatch", "overfitting", "unused"},
    "kind": {"text", "image", "attributes", "vector", "id"},
    "split": {"time", "user", "given"},
    "confidence": {"high", "medium", "low"},
}


def test_our_records_know_every_code_of_the_contract():
    ours = Diagnosis.model_json_schema()["$defs"]
    assert _codes(ours, "Verdict", "properties", "action") == CODES["action"]
    assert _codes(ours, "Verdict", "properties", "confidence") == CODES["confidence"]
    assert _codes(ours, "ModalityResult", "properties", "status") == CODES["status"]
    assert _codes(ours, "ModalityResult", "properties", "kind") == CODES["kind"]
    assert _codes(ours, "Cause", "properties", "code") == CODES["cause"]
    assert _codes(ours, "Protocol", "properties", "split") == CODES["split"]


def _records(model: Any) -> list[type[BaseModel]]:
    """The records inside an annotation."""
    if get_origin(model) in (tuple, dict, list, types.UnionType):
        return [found for part in get_args(model) for found in _records(part)]
    return [model] if isinstance(model, type) and issubclass(model, BaseModel) else []


def _lacking(schema: dict[str, Any], model: type[BaseModel], place: str = "") -> list[str]:
    """Names of the contract that our record does not have, or that the contract requires and ours may leave out of a file."""
    lacking = []
    for name, inner in schema.get("properties", {}).items():
        if name not in model.model_fields:
            lacking.append(f"{place}{name}")
            continue
        inner = inner.get("items", inner)
        for record in _records(model.model_fields[name].annotation):
            lacking += _lacking(inner, record, f"{place}{name}.")
    return lacking


def test_our_records_have_every_field_of_the_contract(shared):
    contract = json.loads((shared / "contract" / "diagnosis.schema.json").read_bytes())
    assert _lacking(contract, Diagnosis) == []
    modality = contract["properties"]["modalities"]["items"]["properties"]
    verdict = contract["properties"]["verdict"]["properties"]
    assert set(verdict["action"]["enum"]) == CODES["action"]
    assert set(modality["status"]["enum"]) == CODES["status"]
    assert set(modality["causes"]["items"]["properties"]["code"]["enum"]) == CODES["cause"]
    assert set(modality["kind"]["enum"]) == CODES["kind"]
    assert set(contract["properties"]["protocol"]["properties"]["split"]["enum"]) == CODES["split"]
    assert set(contract["$defs"]["confidence"]["enum"]) == CODES["confidence"]


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_what_events_and_ratings_count_is_said_at_the_end(lang, shop, tmp_path, capsys):
    rows = (shop / "log.csv").read_text(encoding="utf-8").splitlines()
    told = [f"{row},{'view' if at % 4 else 'purchase'},{1 + at % 5}" for at, row in enumerate(rows[1:])]
    log = tmp_path / "log.csv"
    log.write_text("\n".join([f"{rows[0]},event_type,rating", *told]), encoding="utf-8")
    given = ["profile", "--catalog", str(shop / "catalog.csv"), "--interactions", str(log), "--lang", lang]
    assert main([*given, "--out", str(tmp_path / "words")]) == 0
    said = capsys.readouterr().out.splitlines()
    weights, liked = text("report.data.event", lang, event="view", weight=0.2), text("report.data.ratings", lang, threshold=4.0)
    (counted,) = [line for line in said if weights in line]
    assert liked in said and said.index(liked) > said.index(counted) > 2
    (file,) = (tmp_path / "words" / "rejected").glob("*.csv")
    assert f"low_rating,{text('set_aside.low_rating', lang)}" in file.read_text(encoding="utf-8-sig")
    assert main([*given, "--out", str(tmp_path / "lines"), "--json-progress"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"message": "cli.note", "note": counted} in lines
