"""The verb `gate`: deploy what deploy.yaml lists, and fail where it costs too much."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from snn_deploy.cli.printing import print_json
from snn_deploy.cli.progress import progress
from snn_deploy.compare.gate import Verdict, judge, with_goals
from snn_deploy.compare.gate_file import Deployment, Gated, read_gate_file
from snn_deploy.compare.verdict import (
    annotations,
    junit,
    sentence,
    step_summary,
    verdict_section,
)
from snn_deploy.errors import BudgetError, DoesNotFitError, InputError, speaking
from snn_deploy.files.folder import write_file
from snn_deploy.files.targets import check_file, files_in
from snn_deploy.pipeline.backends import backend_options
from snn_deploy.pipeline.checks import read_by
from snn_deploy.pipeline.deploy import carry_out
from snn_deploy.report.forms.screen import screen, show_section
from snn_deploy.report.report import Report, read_report, to_json


def run_gate(
    file: Path,
    *,
    json: bool,
    baseline: Path | None = None,
    junit_file: Path | None = None,
    out: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Judge every deployment of `file` and print the verdicts, as JSON if wanted.

    baseline: a report.json, or a folder with NAME.json of each deployment. out: folder in
    which to put such files of this run. environment: where GitHub says that it is there.

    Raises:
        InputError: Something cannot be read, or a budget cannot be judged.
        BudgetError: Something failed; everything is out by then.
    """
    gated = read_gate_file(file, backend_options)
    deployments = [each.deployment for each in gated]
    check_targets(file, gated, baseline, junit_file, out)
    before = {d.title: find_baseline(d, baseline, len(deployments)) for d in deployments}
    verdicts = []
    for each in gated:
        d, goal = each.deployment, each.request.goal
        with speaking(each.words), naming(f"{file}: {d.title}"):
            budgets = with_goals(d.budgets, goal)
            report = _report(each)
            findings = judge(report, budgets, before[d.title], d.regression)
        verdicts.append(Verdict(d.title, report.target.name, findings))
        if out is not None:
            write_file(out / f"{d.title}.json", to_json(report))
    if junit_file is not None:
        write_file(junit_file, junit(verdicts), "junit")
    _print(verdicts, json)
    _tell_github(verdicts, file, environment, quiet=json)
    failed = [sentence(v, f) for v in verdicts for f in v.failed]
    if failed:
        raise BudgetError("\n".join(failed))


def check_targets(
    file: Path,
    gated: Sequence[Gated],
    baseline: Path | None,
    junit_file: Path | None,
    out: Path | None,
) -> None:
    """Refuse to write what cannot be written, or what is read; `out` may be the baseline,
    which is read before it is renewed.

    Raises:
        InputError: As said.
    """
    deployments = [each.deployment for each in gated]
    read = files_in(file)
    for each in gated:
        read += read_by(each.request, each.deployment.model, each.deployment.target)
    if out is not None:
        for d in deployments:
            check_file(out / f"{d.title}.json", "out", read)
    if junit_file is not None:
        read += files_in(baseline, *(d.baseline for d in deployments))
        check_file(junit_file, "junit", read)


@contextmanager
def naming(who: str) -> Iterator[None]:
    """Put the name of a deployment before whatever is wrong with it."""
    try:
        yield
    except DoesNotFitError as error:
        raise DoesNotFitError(*(f"{who}: {v}" for v in error.violations)) from error
    except InputError as error:
        raise type(error)(f"{who}: {error}") from error


def find_baseline(d: Deployment, given: Path | None, deployments: int) -> Report | None:
    """Return the report to compare with: as given on the command line, or in the file.

    Raises:
        InputError: It is missing, or one file is given for several deployments.
    """
    if given is None:
        return None if d.baseline is None else read_report(Path(d.baseline))
    if given.is_dir():
        return read_report(given / f"{d.title}.json")
    if deployments > 1:
        raise InputError(
            f"--baseline {given}: is one file, but there are {deployments} deployments; "
            f"give a folder with NAME.json of each, as `gate --out` writes"
        )
    return read_report(given)


def _report(each: Gated) -> Report:
    d = each.deployment
    with progress() as told:
        return carry_out(
            each.request,
            d.model,
            d.target,
            progress=lambda stage: told(f"{d.title}: {stage}"),
        )


def _print(verdicts: list[Verdict], json: bool) -> None:
    if json:
        rows = [
            {
                "name": v.name,
                "target": v.target,
                "passed": not v.failed,
                "findings": [
                    {**msgspec.to_builtins(f), "passed": f.passed} for f in v.findings
                ],
            }
            for v in verdicts
        ]
        print_json(rows)
    else:
        for verdict in verdicts:
            show_section(verdict_section(verdict), screen())
    sys.stdout.flush()


def _tell_github(
    verdicts: list[Verdict], file: Path, environment: Mapping[str, str], *, quiet: bool
) -> None:
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    stream = sys.stderr if quiet else sys.stdout
    for line in annotations(verdicts, file.as_posix()):
        stream.write(line + "\n")
    summary = environment.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(step_summary(verdicts))
