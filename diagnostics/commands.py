"""The work behind the commands, by calls to the façade: read, profile, probe, judge, write, with progress and Cancel throughout."""

from __future__ import annotations

import difflib
import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import diagnostics as tenbin
from diagnostics.console import Session
from diagnostics.errors import Cancelled, TenbinError
from diagnostics.messages import text
from diagnostics.runs import RunRequest, demand_cluster, demand_device
from diagnostics.schema import Arm, Dataset, ProbePlan, Profile
from diagnostics.validation import ValidationRequest

if TYPE_CHECKING:
    from diagnostics.probe import ProbeRun

__all__ = ["diagnose", "expect", "formats", "named_files", "profile", "train", "validate"]


def diagnose(request: RunRequest, out: Path, json_progress: bool) -> None:
    """From files to a verdict and its reports, with everything that was measured on the way kept in ``out``."""
    from diagnostics.probe import jobs
    from diagnostics.probe.arms import ENSEMBLE
    from models.backbones import HISTORY_ONLY

    with Session(out, request, json_progress) as session:
        demand_device(request.device, request.cluster)
        if request.cluster:
            demand_cluster(request.cluster)
        if request.backbones and set(request.backbones) <= HISTORY_ONLY:
            raise TenbinError("E_ONLY_HISTORY", found=request.backbones[0])
        session.wait_for_turn()
        dataset = _read(session, request)
        session.folder.forget_results()
        measured = _profile(session, dataset, request)
        plan = tenbin.plan_probe(
            dataset,
            preset=request.preset,
            backbones=request.backbones,
            balancers=request.balancers,
            n_seeds=request.seeds,
            seed=request.seed,
            slow_training=request.slow_training,
            profile=measured,
            threads=request.threads,
        )
        said = "trainings_gpu" if request.device else "trainings_at_most" if plan.options["may_end_early"] else "trainings"
        session.say(f"cli.{said}", count=sum(job.arm.balancer != ENSEMBLE for job in jobs(plan)), left=plan.eta_s)
        for backbone, code in dict.fromkeys((refusal.backbone, refusal.code) for refusal in plan.refused):
            left_out = [one.balancer for one in plan.refused if (one.backbone, one.code) == (backbone, code)]
            why = text(f"not_checked_reason.{code}", request.lang)
            session.say("cli.left_out", backbone=backbone, balancers=left_out, why=why)
        run = _probe(session, dataset, plan, request, measured)
        if run.status == "cancelled":
            if not run.results:
                raise Cancelled
            session.wrap_up()
        session.step("diagnose", 0.0)
        diagnosis = tenbin.diagnose(dataset, measured, run)
        session.step("diagnose", 1.0)
        timing = {**diagnosis.provenance.timing, **session.timing}
        provenance = diagnosis.provenance.model_copy(update={"timing": timing})
        diagnosis = diagnosis.model_copy(update={"provenance": provenance})
        session.step("write_report", 0.0)
        written = [session.folder.write_text("diagnosis.json", diagnosis.model_dump_json(indent=2) + "\n")]
        written += tenbin.write_report(diagnosis, out, formats=request.report, lang=request.lang)
        session.step("write_report", 1.0)
        if run.status == "cancelled":
            raise Cancelled
    session.say("cli.verdict", sentence=diagnosis.verdict.sentence[request.lang], action=diagnosis.verdict.action)
    _say_reading(session, request, dataset)
    _say_files(session, written)


def profile(request: RunRequest, out: Path, json_progress: bool) -> None:
    """What the data say before any training: ``profile.json``, the worklists, and a few lines in words."""
    from diagnostics.report.profiled import summary_lines
    from diagnostics.report.words import Words

    with Session(out, request, json_progress) as session:
        dataset = _read(session, request)
        session.folder.forget_results()
        measured = _profile(session, dataset, request)
    for line in summary_lines(measured, Words(request.lang)):
        session.say("cli.line", line=line)
    _say_reading(session, request, dataset)
    _say_files(session, [session.folder.path / "profile.json"])


def train(request: RunRequest, out: Path, json_progress: bool, modalities: str | None, asked: dict[str, Any]) -> None:
    """One arm, for measuring. ``modalities``: names separated by commas, None for all; ``asked``: what replaces the preset's."""
    from diagnostics.probe.arms import refusals
    from models.backbones import HISTORY_ONLY

    for option, names in (("--backbone", request.backbones), ("--balancer", request.balancers)):
        if len(names or ()) > 1:
            raise TenbinError("E_ONE_ARM", what=option, found=list(names or ()))
    with Session(out, request, json_progress) as session:
        dataset = _read(session, request)
        session.folder.forget_results()
        known = [modality.name for modality in dataset.catalog.modalities]
        chosen = known if modalities is None else [name.strip() for name in modalities.split(",") if name.strip()]
        for name in chosen:
            expect("--modalities", name, known)
        plan = tenbin.plan_probe(
            dataset, preset="quick", backbones=request.backbones, balancers=request.balancers, n_seeds=1, seed=request.seed
        )
        (backbone,), (balancer,) = request.backbones or ("vbpr",), request.balancers or ("none",)
        content = () if backbone in HISTORY_ONLY else tuple(name for name in known if name in chosen)
        if balancer != "none":
            for code in refusals(backbone, content, [balancer]).values():
                why = [{"code": f"not_checked_reason.{code}", "values": {}}]
                raise TenbinError("E_METHOD_REFUSED", backbone=backbone, balancer=balancer, why=why)
        arm = Arm(backbone=backbone, modalities=content, balancer=balancer)
        # What is asked for and nothing else: no trials of learning rates, no epoch more.
        options = {**plan.options, "rates": [], "extension": 1.0}
        plan = plan.model_copy(update={"arms": (*_teachers(plan, arm), arm), "options": options, **asked})
        run = _probe(session, dataset, plan, request)
        if run.status == "cancelled":
            raise Cancelled
        measured = {"seed": request.seed, **_measured(run, arm)}
        path = session.folder.write_text("run.json", json.dumps(measured, indent=1))
    if measured["convergence"] in ("rising", "diverged"):
        session.say(f"cli.{measured['convergence']}", epochs=len(measured["epochs"]))
    _say_reading(session, request, dataset)
    session.say("cli.wrote", files=[str(path)])


def validate(request: ValidationRequest, out: Path, json_progress: bool) -> None:
    """The planted benchmark: ``validation.json``, and its main figures in words."""
    from diagnostics.validation.benchmark import validate as judge_worlds

    with Session(out, request, json_progress) as session:

        def tell(done: float, eta_s: float | None) -> None:
            session.step("validate", done, eta_s=eta_s)

        found = judge_worlds(request, out, tell=tell, cancelled=session.cancelled)
    if found.n_judged < found.n_asked:
        session.say("cli.validation.crashed", count=found.n_asked - found.n_judged)
    for name in (
        "cause_named",
        "action_named",
        "modality_named",
        "false_alarms",
        "rebalance_confirmed",
        "gain_found",
        "held_back",
        "flips",
        "real_cause_named",
    ):
        share = getattr(found, name)
        if share.value is None:
            session.say("cli.validation.nothing", what=text(f"cli.validation.{name}", request.lang))
        else:
            values = {"value": share.value, "low": share.low, "high": share.high, "count": share.n}
            session.say("cli.validation.share", what=text(f"cli.validation.{name}", request.lang), **values)
    session.say("cli.wrote", files=[str(out / "validation.json")])


def _profile(session: Session, dataset: Dataset, request: RunRequest) -> Profile:
    lists = session.folder.path / "worklists"
    measured = tenbin.profile(dataset, seed=request.seed, worklists=lists, progress=session.step, cancelled=session.cancelled)
    session.folder.write_text("profile.json", measured.model_dump_json(indent=2) + "\n")
    return measured


def _say_files(session: Session, written: Sequence[Path]) -> None:
    lists = sorted((session.folder.path / "worklists").glob("*.csv"))
    session.say("cli.wrote", files=[str(path) for path in dict.fromkeys(written)])
    if lists:
        session.say("cli.worklists", count=len(lists), folder=str(lists[0].parent))


def _read(session: Session, request: RunRequest) -> Dataset:
    """Read the files, and write every row that was set aside, with its reason, where the person can find it."""
    from diagnostics.dataset import write_rejected
    from diagnostics.dataset.formats import FORMATS
    from diagnostics.probe.arms import choices
    from models.backbones import BACKBONES

    for option, names, known in (("--backbone", request.backbones, BACKBONES), ("--balancer", request.balancers, choices())):
        for name in names or ():  # before minutes of reading and measuring
            expect(option, name, list(known))
    expect("--format", request.format, ["auto", *FORMATS])
    asked = request.with_passwords(os.environ)
    dataset = tenbin.read_dataset(
        asked.catalog,
        asked.interactions,
        images=request.images,
        features=request.features or None,
        mapping=request.mapping,
        format=request.format,
        split=request.split,
        seed=request.seed,
        progress=session.step,
        cancelled=session.cancelled,
    )
    write_rejected(dataset, session.folder.path / "rejected", request.lang)
    return dataset


def _say_reading(session: Session, request: RunRequest, dataset: Dataset) -> None:
    """What a person should know about the reading: what events and ratings count, what was not used, and why."""
    from diagnostics.report.reading import reading_points, reading_remarks
    from diagnostics.report.words import Words

    words = Words(request.lang)
    for point in (*reading_points(dataset.notes, words).items, *reading_remarks(dataset.notes, words).items):
        session.say("cli.note", note=point.title)
    for entry in dataset.notes.set_aside:
        session.say("cli.set_aside", file=entry.file, count=entry.count, reason=text(f"set_aside.{entry.reason}", request.lang))
    if dataset.notes.set_aside:
        session.say("cli.rejected", folder=str(session.folder.path / "rejected"))


def _probe(session: Session, dataset: Dataset, plan: ProbePlan, request: RunRequest, measured: Profile | None = None) -> ProbeRun:
    return tenbin.run_probe(
        dataset,
        plan,
        session.folder.path,
        threads=request.threads,
        cluster=request.cluster,
        device=request.device,
        profile=measured,
        on_event=session.event,
        cancelled=session.cancelled,
    )


def _teachers(plan: ProbePlan, arm: Arm) -> tuple[Arm, ...]:
    """The arms that ``arm`` distils from, if it does; they must be trained too."""
    from diagnostics.probe import jobs

    needed = {need for job in jobs(plan.model_copy(update={"arms": (arm,)})) for need in job.needs}
    return tuple(dict.fromkeys(job.arm for job in jobs(plan) if job.job_id in needed and not job.stage))


def _measured(run: ProbeRun, arm: Arm) -> dict[str, Any]:
    """What ``train`` writes into ``run.json``: cost and quality of one arm."""
    for reason in run.failures.values():
        raise TenbinError("E_TRAINING_DIVERGED" if reason == "FloatingPointError" else "E_TRAINING_FAILED", found=reason)
    epochs = [event for event in run.events if event.kind == "epoch" and event.arm == arm.arm_id]
    shown = {"epoch", "loss", "validation", "branches", "dynamics", "seconds"}
    (summary,) = (summary for summary in run.summaries if summary.arm_id == arm.arm_id)
    return {
        "arm": arm.arm_id,
        "seconds_per_epoch": statistics.median(event.seconds for event in epochs),
        "best_epoch": summary.best_epochs[0],
        "convergence": next(iter(summary.convergence)),
        "epochs": [event.model_dump(include=shown) for event in epochs],
        "test": {name: getattr(summary, name).model_dump() for name in ("recall_at_20", "ndcg_at_20")},
        "plan": run.plan.model_dump(mode="json"),
    }


# ---------------------------------------------------------------- options


def named_files(options: Sequence[str] | None) -> dict[str, Path]:
    """``--features NAME=FILE`` as a mapping."""
    named: dict[str, Path] = {}
    for option in options or ():
        name, equals, file = option.partition("=")
        if not (name and equals and file) or name in named:
            raise TenbinError("E_FEATURES_OPTION", found=option)
        named[name] = Path(file)
    return named


def formats(asked: str, option: str = "--report") -> tuple[str, ...]:
    """``html,json`` as names; an unknown one is refused before any work is done."""
    from diagnostics.report import WRITERS

    names = tuple(dict.fromkeys(part.strip() for part in asked.split(",") if part.strip()))
    for name in names:
        expect(option, name, list(WRITERS))
    return names


def expect(option: str, found: str, choices: Sequence[str]) -> None:
    """Refuse a name that is not among the choices, and say which is the nearest."""
    if found not in choices:
        nearest = difflib.get_close_matches(found, choices, n=1, cutoff=0)
        raise TenbinError("E_UNKNOWN_CHOICE", what=option, found=found, choices=tuple(choices), nearest=nearest[0])
