"""The command line, ``python -m diagnostics``: the same engine as the dashboard, without a screen.

Exit status: 0 done; 2 the request or the data cannot be used (one message on standard error, code first); 3 cancelled, what was
finished is kept; 1 a fault of ours, whose trace stands in ``log.txt`` of the run's folder and nowhere else.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

import diagnostics as tenbin
from diagnostics import commands
from diagnostics.config import home
from diagnostics.console import CANCELLED, DONE, FAULT, UNUSABLE, Fault, language_of, misused, translate
from diagnostics.errors import Cancelled, TenbinError
from diagnostics.messages import text
from diagnostics.runs import RunFolder, RunRequest, append_text, attach, runs
from diagnostics.validation import ValidationRequest

__all__ = ["main"]


# The words of every option and command are `cli.option.<name>` and `cli.command.<name>`; see console.translate.
CatalogOption = Annotated[str | None, typer.Option("--catalog")]
InteractionsOption = Annotated[str, typer.Option("--interactions")]
OutOption = Annotated[Path, typer.Option("--out")]
ImagesOption = Annotated[Path | None, typer.Option("--images")]
FeaturesOption = Annotated[list[str] | None, typer.Option("--features", metavar="NAME=FILE")]
MappingOption = Annotated[Path | None, typer.Option("--mapping")]
FormatOption = Annotated[str, typer.Option("--format")]
SplitOption = Annotated[Literal["auto", "time", "user"], typer.Option("--split")]
SeedOption = Annotated[int, typer.Option("--seed", min=0)]
ThreadsOption = Annotated[int | None, typer.Option("--threads", min=1)]
LangOption = Annotated[Literal["en", "ja"], typer.Option("--lang")]
ClusterOption = Annotated[str | None, typer.Option("--cluster", metavar="dask://HOST:PORT|ray://HOST:PORT")]
SlowOption = Annotated[bool, typer.Option("--slow-training")]
DeviceOption = Annotated[Literal["cuda"] | None, typer.Option("--device")]
JsonOption = Annotated[bool, typer.Option("--json-progress")]
RunArgument = Annotated[str, typer.Argument(metavar="ID")]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
runs_app = typer.Typer(rich_markup_mode=None)
app.add_typer(runs_app, name="runs")


# ---------------------------------------------------------------- commands


@app.command("diagnose")
def _diagnose(
    interactions: InteractionsOption,
    out: OutOption,
    catalog: CatalogOption = None,
    images: ImagesOption = None,
    features: FeaturesOption = None,
    mapping: MappingOption = None,
    format: FormatOption = "auto",
    split: SplitOption = "auto",
    preset: Annotated[Literal["quick", "standard", "thorough"], typer.Option("--preset")] = "quick",
    backbone: Annotated[list[str] | None, typer.Option("--backbone")] = None,
    balancer: Annotated[list[str] | None, typer.Option("--balancer")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1)] = None,
    slow_training: SlowOption = False,
    seed: SeedOption = 0,
    lang: LangOption = "en",
    report: Annotated[str, typer.Option("--report")] = "html",
    threads: ThreadsOption = None,
    cluster: ClusterOption = None,
    device: DeviceOption = None,
    json_progress: JsonOption = False,
) -> None:
    request = RunRequest(
        catalog=catalog,
        interactions=interactions,
        images=images,
        features=commands.named_files(features),
        mapping=mapping,
        format=format,
        split=split,
        preset=preset,
        backbones=tuple(backbone) if backbone else None,
        balancers=tuple(balancer) if balancer else None,
        seeds=seeds,
        slow_training=slow_training,
        seed=seed,
        lang=lang,
        report=commands.formats(report),
        threads=threads,
        cluster=cluster,
        device=device,
    )
    commands.diagnose(request, out, json_progress)


@app.command("profile")
def _profile(
    interactions: InteractionsOption,
    out: OutOption,
    catalog: CatalogOption = None,
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
        features=commands.named_files(features),
        mapping=mapping,
        format=format,
        split=split,
        seed=seed,
        lang=lang,
    )
    commands.profile(request, out, json_progress)


@app.command("train")
def _train(
    interactions: InteractionsOption,
    out: OutOption,
    catalog: CatalogOption = None,
    modalities: Annotated[str | None, typer.Option("--modalities")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", min=0.0)] = None,
    images: ImagesOption = None,
    features: FeaturesOption = None,
    mapping: MappingOption = None,
    format: FormatOption = "auto",
    split: SplitOption = "auto",
    backbone: Annotated[list[str] | None, typer.Option("--backbone")] = None,
    balancer: Annotated[list[str] | None, typer.Option("--balancer")] = None,
    seed: SeedOption = 0,
    lang: LangOption = "en",
    threads: ThreadsOption = None,
    json_progress: JsonOption = False,
) -> None:
    request = RunRequest(
        catalog=catalog,
        interactions=interactions,
        images=images,
        features=commands.named_files(features),
        mapping=mapping,
        format=format,
        split=split,
        backbones=tuple(backbone or ("vbpr",)),
        balancers=tuple(name for name in balancer or () if name != "none"),
        seeds=1,
        seed=seed,
        lang=lang,
        threads=threads,
    )
    given = {"max_epochs": epochs, "patience": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    asked = {name: value for name, value in given.items() if value is not None}
    commands.train(request, out, json_progress, modalities, asked)


@app.command("report")
def _report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR")],
    formats: Annotated[str, typer.Option("--format")] = "html",
    lang: LangOption = "en",
) -> None:
    names = commands.formats(formats, "--format")
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


@app.command("validate")
def _validate(
    out: OutOption,
    worlds: Annotated[int, typer.Option("--worlds", min=0)] = 100,
    which: Annotated[Literal["development", "held_out"], typer.Option("--set")] = "development",
    preset: Annotated[Literal["quick", "standard", "thorough"], typer.Option("--preset")] = "quick",
    slow_training: SlowOption = False,
    long: Annotated[int, typer.Option("--long", min=0)] = 10,
    sparse: Annotated[int, typer.Option("--sparse", min=0)] = 0,
    eclipsed: Annotated[int, typer.Option("--eclipsed", min=0)] = 0,
    drawn: Annotated[int, typer.Option("--drawn", min=0)] = 0,
    real: Annotated[Path | None, typer.Option("--real")] = None,
    lang: LangOption = "en",
    threads: ThreadsOption = None,
    json_progress: JsonOption = False,
) -> None:
    request = ValidationRequest(
        which=which,
        worlds=worlds,
        long=long,
        sparse=sparse,
        eclipsed=eclipsed,
        drawn=drawn,
        preset=preset,
        slow_training=slow_training,
        shop=real,
        threads=threads,
        lang=lang,
    )
    commands.validate(request, out, json_progress)


@runs_app.command("list")
def _runs_list(lang: LangOption = "en") -> None:
    for folder in runs():
        request = folder.request() or {}
        status, place = folder.status(), folder.place
        waits = status == "queued" and place
        told = text("cli.waits", lang, place=place) if waits else text(f"cli.status.{status}", lang)
        name = Path(request.get("catalog") or request.get("interactions", "")).name
        slowly = "  --slow-training" if request.get("slow_training") else ""
        typer.echo(f"{folder.token}  {told}  {name}  {request.get('preset', '')}{slowly}")


@runs_app.command("show")
def _runs_show(run: RunArgument, lang: LangOption = "en") -> None:
    folder = attach(run)
    shown = {
        "id": folder.token,
        "folder": str(folder.path),
        "status": folder.status(),
        "place": folder.place,
        "request": folder.request(),
        "progress": folder.latest(),
        "outcome": folder.outcome(),
    }
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=1))


@runs_app.command("resume")
def _runs_resume(run: RunArgument, lang: LangOption = "en", json_progress: JsonOption = False) -> None:
    folder = attach(run)
    request = RunRequest.model_validate(folder.request())
    commands.diagnose(request, folder.path, json_progress)


@runs_app.command("cancel")
def _runs_cancel(run: RunArgument, lang: LangOption = "en") -> None:
    attach(run).cancel()
    typer.echo(text("cli.cancel_asked", lang))


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
    status = main()
    if status == CANCELLED:  # all is noted, and a busy interpreter takes a second to take itself apart
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)
