"""deploy.yaml: what is deployed in CI, and what it may cost.

One deployment at the top level, or several under `deployments`. Paths are relative to the
file. An unknown key is an error that names its path.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import yaml

from snn_deploy.errors import InputError
from snn_deploy.options.intake import AS_IT_IS, Intake

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[\w.-]+$")]


class Budgets(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a deployment may cost, or must reach; null is not asked for.

    accuracy: least, on the chip. max_drop: largest loss of accuracy from the float network
    to the chip. energy_uJ: largest mean of cores and network on chip, by coefficient set.
    latency_p95_us: of the answer. cores, chips: most. utilization: largest share of a
    core's limit, by resource ("synapse", "total", ...). fidelity: least share of samples
    that the float network and the chip put into the same class.
    """

    accuracy: Share | None = None
    max_drop: Share | None = None
    energy_uj: dict[str, Positive] = msgspec.field(name="energy_uJ", default_factory=dict)
    latency_p95_us: Positive | None = None
    cores: Count | None = None
    chips: Count | None = None
    utilization: dict[str, Share] = {}
    fidelity: Share | None = None


class Regression(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much worse than the baseline a run may be: rises of energy and latency as shares,
    accuracy as a drop, cores as a number."""

    energy: Annotated[float, msgspec.Meta(ge=0)] = 0.05
    latency: Annotated[float, msgspec.Meta(ge=0)] = 0.05
    accuracy: Share = 0.01
    cores: Annotated[int, msgspec.Meta(ge=0)] = 0


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of `snn-deploy deploy` of the same names."""

    profile: str | None = None
    dt: Positive | None = None
    reset: str | None = None
    threshold: str | None = None
    spikes_per_step: str | None = None
    steps: Count | None = None
    samples: Count | None = None
    batch: Count | None = None
    decode: str | None = None
    partition: str = "intel"
    placement: str = "local"
    time_model: str = "bound"
    weight_bits: Annotated[int, msgspec.Meta(ge=1, le=8)] = 8
    spike_bits: Annotated[int, msgspec.Meta(ge=0)] | None = None
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model on one target. name: of its results; the model's file name by default.
    intake: how the input is read, the options of `deploy` of the same names. baseline: a
    report.json to compare with."""

    model: str
    target: str
    input: str | None = None
    intake: Intake = AS_IT_IS
    name: Name | None = None
    options: Options = Options()
    budgets: Budgets = Budgets()
    baseline: str | None = None
    regression: Regression = Regression()

    @property
    def title(self) -> str:
        return self.name or f"{Path(self.model).stem}-{Path(self.target).stem}"


class GateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several deployments."""

    deployments: Annotated[tuple[Deployment, ...], msgspec.Meta(min_length=1)]


def read_gate_file(file: Path) -> tuple[Deployment, ...]:
    """Read a deploy.yaml; its paths come back relative to where we are.

    Raises:
        InputError: It is missing, is no YAML, or has a key or value that cannot be.
    """
    try:
        raw = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: not a readable deploy.yaml ({reason})") from error
    try:
        if isinstance(raw, dict) and "deployments" in raw:
            found = msgspec.convert(raw, GateFile).deployments
        else:
            found = (msgspec.convert(raw, Deployment),)
    except msgspec.ValidationError as error:
        raise InputError(f"{file}: {error}") from error
    _check_names(found, file)
    return tuple(_beside(d, file.parent) for d in found)


def _check_names(found: tuple[Deployment, ...], file: Path) -> None:
    titles = [d.title for d in found]
    twice = sorted({t for t in titles if titles.count(t) > 1})
    if twice:
        raise InputError(
            f"{file}: {titles.count(twice[0])} deployments are called {twice[0]!r}; give "
            f"each a `name` of its own"
        )


def _beside(d: Deployment, folder: Path) -> Deployment:
    is_file = d.target.endswith((".yaml", ".yml"))
    return msgspec.structs.replace(
        d,
        model=str(folder / d.model),
        input=None if d.input is None else str(folder / d.input),
        intake=_labels_beside(d.intake, folder),
        baseline=None if d.baseline is None else str(folder / d.baseline),
        target=str(folder / d.target) if is_file else d.target,
    )


def _labels_beside(intake: Intake, folder: Path) -> Intake:
    if intake.labels is None:
        return intake
    return msgspec.structs.replace(intake, labels=str(folder / intake.labels))
