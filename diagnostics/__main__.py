"""The command line, ``python -m diagnostics``: the same engine as the dashboard, without a screen.

Exit status: 0 done; 2 the request or the data cannot be used (one message on standard error, code first); 3 cancelled, what was
finished is kept; 1 a fault of ours, whose trace stands in ``log.txt`` of the run's folder and nowhere else.
"""

from __future__ import annotations

import difflib
import json
import statistics
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import diagnostics as tenbin
from diagnostics.config import home
from diagnostics.console import CANCELLED, DONE, FAULT, UNUSABLE, Fault, Session, language_of, misused, translate
from diagnostics.errors import Cancelled, TenbinError
from diagnostics.messages import text
from diagnostics.runs import RunFolder, RunRequest, append_text, attach, runs
from diagnostics.schema import Arm, Dataset, ProbePlan

if TYPE_CHECKING:
    from diagnostics.probe import ProbeRun

__all__ = ["main"]


# The words of every option and command are `cli.option.<name>` and `cli.command.<name>`; see console.translate.
CatalogOption = Annotated[Path, typer.Option("--catalog")]
InteractionsOption = Annotated[Path, typer.Option("--interactions")]
OutOption = Annotated[Path, typer.Option("--out")]
ImagesOption = Annotated[Path | None, typer.Option("--images")]
FeaturesOption = Annotated[list[str] | None, typer.Option("--features", metavar="NAME=FILE")]
MappingOption = Annotated[Path | None, typer.Option("--mapping")]
FormatOption = Annotated[str, typer.Option("--format")]
SplitOption = Annotated[Literal["auto", "time", "user"], typer.Option("--split")]
SeedOption = Annotated[int, typer.Option("--seed", min=0)]
ThreadsOption = Annotated[int | None, typer.Option("--threads", min=1)]
LangOption = Annotated[Literal["en", "ja"], typer.Option("--lang")]
JsonOption = Annotated[bool, typer.Option("--json-progress")]
RunArgument = Annotated[str, typer.Argument(metavar="ID")]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
runs_app = typer.Typer(rich_markup_mode=None)
app.add_typer(runs_app, name="runs")


# ---------------------------------------------------------------- commands


@app.command("diagnose")
def _diagnose(
    catalog: CatalogOption,
    interactions: InteractionsOption,
    out: OutOption,
    images: ImagesOption = None,
    features: FeaturesOption = None,
    mapping: MappingOption = None,
    format: FormatOption = "auto",
    split: SplitOption = "auto",
    preset: Annotated[Literal["quick", "standard", "thorough"], typer.Option("--preset")] = "quick",
    backbone: Annotated[list[str] | None, typer.Option("--backbone")] = None,
    balancer: Annotated[list[str] | None, typer.Option("--balancer")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1)] = None,
    seed: SeedOption = 0,
    lang: LangOption = "en",
    report: Annotated[str, typer.Option("--report")] = "html",
    threads: ThreadsOption = None,
    json_progress: JsonOption = False,
) -> None:
    request = RunRequest(
        catalog=catalog,
        interactions=interactions,
        images=images,
        features=_named_files(features),
        mapping=mapping,
        format=format,
        split=split,
        preset=preset,
        backbones=tuple(backbone or ["vbpr"]),
        balancers=tuple(balancer or ["ckd"]),
        seeds=seeds,
        seed=seed,
        lang=lang,
        report=_formats(report),
        threads=threads,
    )
    _run_diagnosis(request, out, json_progress)


@app.command("profile")
def _profile(
    catalog: CatalogOption,
    interactions: InteractionsOption,
    out: OutOption,
    images: ImagesOption = None,
    features: FeaturesOption = None,
    mapping: MappingOption = None,
    format: FormatOption = "auto",
    split: SplitOption = "auto",
    seed: SeedOption = 0,
    lang: LangOption = "en",
    json_progress: JsonOption = False,
) -> None:
    request = RunRequest(
        catalog=catalog,
        interactions=interactions,
        images=images,
        features=_named_files(features),
        mapping=mapping,
        format=format,
        split=split,
        seed=seed,
        lang=lang,
    )
    with Session(out, request, json_progress) as session:
        dataset = _read(session, request)
        profile = tenbin.profile(dataset, seed=seed, progress=session.step)
        path = session.folder.write_text("profile.json", profile.model_dump_json(indent=2) + "\n")
    session.say("cli.wrote", files=[str(path)])


@app.command("train")
def _train(
    catalog: CatalogOption,
    interactions: InteractionsOption,
    out: OutOption,
    modalities: Annotated[str | None, typer.Option("--modalities")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", min=0.0)] = None,
    images: ImagesOption = None,
    features: FeaturesOption = None,
    mapping: MappingOption = None,
    format: FormatOption = "auto",
    split: SplitOption = "auto",
    backbone: Annotated[str, typer.Option("--backbone")] = "vbpr",
    balancer: Annotated[str, typer.Option("--balancer")] = "none",
    seed: SeedOption = 0,
    lang: LangOption = "en",
    threads: ThreadsOption = None,
    json_progress: JsonOption = False,
) -> None:
    request = RunRequest(
        catalog=catalog,
        interactions=interactions,
        images=images,
        features=_named_files(features),
        mapping=mapping,
        format=format,
        split=split,
        backbones=(backbone,),
        balancers=() if balancer == "none" else (balancer,),
        seeds=1,
        seed=seed,
        lang=lang,
        threads=threads,
    )
    with Session(out, request, json_progress) as session:
        dataset = _read(session, request)
        known = [modality.name for modality in dataset.catalog.modalities]
        chosen = known if modalities is None else [name for name in modalities.split(",") if name]
        for name in chosen:
            _expect("--modalities", name, known)
        plan = tenbin.plan_probe(dataset, preset="quick", backbones=(backbone,), balancers=request.balancers, n_seeds=1, seed=seed)
        arm = Arm(backbone=backbone, modalities=tuple(name for name in known if name in chosen), balancer=balancer)
        given = {"max_epochs": epochs, "patience": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
        asked = {name: value for name, value in given.items() if value is not None}
        plan = plan.model_copy(update={"arms": (*_teachers(plan, arm), arm), **asked})
        run = _probe(session, dataset, plan, threads)
        path = session.folder.write_text("run.json", json.dumps(_measured(run, arm), indent=1))
    session.say("cli.wrote", files=[str(path)])


@app.command("report")
def _report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR")],
    formats: Annotated[str, typer.Option("--format")] = "html",
    lang: LangOption = "en",
) -> None:
    names = _formats(formats)
    diagnosis = RunFolder(run_dir).diagnosis()
    if diagnosis is None:
        raise TenbinError("E_NO_DIAGNOSIS", file=str(run_dir / "diagnosis.json"))
    written = tenbin.write_report(diagnosis, run_dir, formats=names, lang=lang)
    typer.echo(text("cli.wrote", lang, files=[str(file) for file in written]))


@app.command("sample")
def _sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    shop: Annotated[Literal["en", "ja"], typer.Option("--shop")] = "en",
    plant: Annotated[str | None, typer.Option("--plant", metavar="CAUSE:MODALITY[:STRENGTH]")] = None,
    seed: SeedOption = 0,
    users: Annotated[int, typer.Option("--users", min=1)] = 1500,
    items: Annotated[int, typer.Option("--items", min=1)] = 600,
    lang: LangOption = "en",
) -> None:
    from sample_data import write_shop

    write_shop(folder, shop=shop, plant=plant, seed=seed, n_users=users, n_items=items)
    typer.echo(text("cli.sample", lang, folder=folder, truth=folder / "truth.json"))


@runs_app.command("list")
def _runs_list(lang: LangOption = "en") -> None:
    for folder in runs():
        request = folder.request() or {}
        status = text(f"cli.status.{folder.status()}", lang)
        typer.echo(f"{folder.token}  {status}  {Path(request.get('catalog', '')).name}  {request.get('preset', '')}")


@runs_app.command("show")
def _runs_show(run: RunArgument, lang: LangOption = "en") -> None:
    folder = attach(run)
    lines = folder.progress()
    shown = {
        "id": folder.token,
        "folder": str(folder.path),
        "status": folder.status(),
        "request": folder.request(),
        "progress": lines[-1] if lines else None,
        "outcome": folder.outcome(),
    }
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=1))


@runs_app.command("resume")
def _runs_resume(run: RunArgument, lang: LangOption = "en", json_progress: JsonOption = False) -> None:
    folder = attach(run)
    request = RunRequest.model_validate(folder.request())
    _run_diagnosis(request, folder.path, json_progress)


@runs_app.command("cancel")
def _runs_cancel(run: RunArgument, lang: LangOption = "en") -> None:
    attach(run).cancel()
    typer.echo(text("cli.cancel_asked", lang))


# ---------------------------------------------------------------- the work, by calls to the façade


def _run_diagnosis(request: RunRequest, out: Path, json_progress: bool) -> None:
    with Session(out, request, json_progress) as session:
        dataset = _read(session, request)
        profile = tenbin.profile(dataset, seed=request.seed, progress=session.step)
        session.folder.write_text("profile.json", profile.model_dump_json(indent=2) + "\n")
        plan = tenbin.plan_probe(
            dataset,
            preset=request.preset,
            backbones=request.backbones,
            balancers=request.balancers,
            n_seeds=request.seeds,
            seed=request.seed,
        )
        run = _probe(session, dataset, plan, request.threads)
        session.step("diagnose", 0.0)
        diagnosis = tenbin.diagnose(dataset, profile, run)
        session.step("diagnose", 1.0)
        timing = {**diagnosis.provenance.timing, **session.timing}
        provenance = diagnosis.provenance.model_copy(update={"timing": timing})
        diagnosis = diagnosis.model_copy(update={"provenance": provenance})
        session.step("write_report", 0.0)
        written = [session.folder.write_text("diagnosis.json", diagnosis.model_dump_json(indent=2) + "\n")]
        written += tenbin.write_report(diagnosis, out, formats=request.report, lang=request.lang)
        session.step("write_report", 1.0)
    session.say("cli.verdict", sentence=diagnosis.verdict.sentence[request.lang], action=diagnosis.verdict.action)
    session.say("cli.wrote", files=[str(path) for path in dict.fromkeys(written)])


def _read(session: Session, request: RunRequest) -> Dataset:
    """Read the files, and write every row that was set aside, with its reason, where the person can find it."""
    from diagnostics.dataset import write_rejected
    from models.backbones import BACKBONES
    from models.balancers import BALANCERS

    for option, names, known in (("--backbone", request.backbones, BACKBONES), ("--balancer", request.balancers, BALANCERS)):
        for name in names:  # before minutes of reading and measuring
            _expect(option, name, list(known))
    _expect("--format", request.format, ["auto"])
    dataset = tenbin.read_dataset(
        request.catalog,
        request.interactions,
        images=request.images,
        features=request.features or None,
        mapping=request.mapping,
        split=request.split,
        seed=request.seed,
        progress=session.step,
    )
    write_rejected(dataset, session.folder.path / "rejected")
    return dataset


def _probe(session: Session, dataset: Dataset, plan: ProbePlan, threads: int | None) -> ProbeRun:
    run = tenbin.run_probe(dataset, plan, session.folder.path, threads=threads, on_event=session.event, cancelled=session.cancelled)
    if run.status == "cancelled":
        raise Cancelled
    return run


def _teachers(plan: ProbePlan, arm: Arm) -> tuple[Arm, ...]:
    """The arms that ``arm`` distils from, if it does; they must be trained too."""
    from diagnostics.probe import jobs

    needed = {need for job in jobs(plan.model_copy(update={"arms": (arm,)})) for need in job.needs}
    return tuple(dict.fromkeys(job.arm for job in jobs(plan) if job.job_id in needed))


def _measured(run: ProbeRun, arm: Arm) -> dict[str, Any]:
    """What ``train`` writes into ``run.json``: cost and quality of one arm."""
    if run.failures:
        raise TenbinError("E_TRAINING_FAILED", found=next(iter(run.failures.values())))
    epochs = [event for event in run.events if event.kind == "epoch" and event.arm == arm.arm_id]
    shown = {"epoch", "loss", "validation", "branches", "dynamics", "seconds"}
    (summary,) = (summary for summary in run.summaries() if summary.arm_id == arm.arm_id)
    return {
        "arm": arm.arm_id,
        "seed": run.plan.seeds[0],
        "seconds_per_epoch": statistics.median(event.seconds for event in epochs),
        "best_epoch": summary.best_epochs[0],
        "epochs": [event.model_dump(include=shown) for event in epochs],
        "test": {name: getattr(summary, name).model_dump() for name in ("recall_at_20", "ndcg_at_20")},
        "plan": run.plan.model_dump(mode="json"),
    }


# ---------------------------------------------------------------- options


def _named_files(options: Sequence[str] | None) -> dict[str, Path]:
    """``--features NAME=FILE`` as a mapping."""
    named: dict[str, Path] = {}
    for option in options or ():
        name, equals, file = option.partition("=")
        if not (name and equals and file) or name in named:
            raise TenbinError("E_FEATURES_OPTION", found=option)
        named[name] = Path(file)
    return named


def _formats(option: str) -> tuple[str, ...]:
    """``--report html,json`` as names; an unknown one is refused before any work is done."""
    from diagnostics.report import WRITERS

    names = tuple(dict.fromkeys(part.strip() for part in option.split(",") if part.strip()))
    for name in names:
        _expect("--report", name, list(WRITERS))
    return names


def _expect(option: str, found: str, choices: Sequence[str]) -> None:
    """Refuse a name that is not among the choices, and say which is the nearest."""
    if found not in choices:
        nearest = difflib.get_close_matches(found, choices, n=1, cutoff=0)
        raise TenbinError("E_UNKNOWN_CHOICE", what=option, found=found, choices=tuple(choices), nearest=nearest[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; never lets a trace reach the screen."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    lang = language_of(given)
    command = typer.main.get_command(app)
    translate(command, lang)
    try:
        status = command.main(given, prog_name="python -m diagnostics", standalone_mode=False)
        return status if isinstance(status, int) else DONE
    except TenbinError as error:
        return _refuse(error, lang, UNUSABLE)
    except typer.TyperException as error:
        return _refuse(misused(error, command, lang), lang, UNUSABLE)
    except (Cancelled, KeyboardInterrupt, typer.Abort):
        typer.echo(text("cli.cancelled", lang), err=True)
        return CANCELLED
    except Fault as fault:
        return _refuse(fault.words, lang, FAULT)
    except Exception:
        append_text(home() / "log.txt", traceback.format_exc())
        return _refuse(TenbinError("E_INTERNAL", file=str(home() / "log.txt")), lang, FAULT)


def _refuse(error: TenbinError, lang: str, status: int) -> int:
    typer.echo(error.words(lang), err=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
