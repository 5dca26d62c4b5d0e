"""deploy.yaml: what is deployed in CI, and what it may cost.

One deployment at the top level, or several under `deployments`. Paths are relative to the
file. An unknown key is an error that names its path.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import yaml

from snn_deploy.errors import InputError, Words, option, speaking, written
from snn_deploy.options.base import Count, Options, Positive, fields_of
from snn_deploy.options.request import GROUPS, Request, gathered
from snn_deploy.options.verbs import WITHOUT

# Names of backends -> the options of each, of ours in any case.
BackendOptions: TypeAlias = Callable[[Iterable[str]], Mapping[str, type[Options]]]

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[\w.-]+$")]


class Budgets(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a deployment may cost, or must reach; null is not asked for.

    Attributes:
        accuracy: Least, on the chip, 0..1.
        max_drop: Largest loss of accuracy from the float network to the chip, 0..1.
        energy_uj: Largest mean of cores and network on chip, µJ per inference, by set of
            coefficients; of the upper bound without samples. The file says energy_uJ.
        latency_p95_us: Largest time of the answer, µs; 95 % of the samples take no longer.
        cores: Most of them.
        chips: Most of them.
        utilization: Largest share (0..1) of a core's limit, by resource ("synapse",
            "total", ...).
        fidelity: Least share (0..1) of samples that the float network and the chip put into
            the same class.
        max_silent: Largest share (0..1) of samples for which the output of the chip says
            nothing.
        max_tied: Largest share (0..1) of samples for which several classes share the
            largest score on the chip.
    """

    accuracy: Share | None = None
    max_drop: Share | None = None
    energy_uj: dict[str, Positive] = msgspec.field(name="energy_uJ", default_factory=dict)
    latency_p95_us: Positive | None = None
    cores: Count | None = None
    chips: Count | None = None
    utilization: dict[str, Share] = {}
    fidelity: Share | None = None
    max_silent: Share | None = None
    max_tied: Share | None = None


class Regression(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much worse than the baseline a run may be.

    Attributes:
        energy: Largest rise of each coefficient set, as a share of the baseline's joules.
        latency: Largest rise of the answer's 95th percentile, as a share of the baseline's.
        accuracy: Largest drop on the chip, in units of 0..1.
        cores: So many more of them at most.
    """

    energy: Annotated[float, msgspec.Meta(ge=0)] = 0.05
    latency: Annotated[float, msgspec.Meta(ge=0)] = 0.05
    accuracy: Share = 0.01
    cores: Annotated[int, msgspec.Meta(ge=0)] = 0


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model on one target, as it stands in the file.

    Attributes:
        model: Its file.
        target: A board's name or file.
        input: The samples; short for the option `input`.
        name: Of its results; the names of model and target by default.
        options: Every option of `deploy` that a gate takes, by name.
        intake: Options of the input among them, as version 0.1.0 wrote them.
        budgets: What it may cost.
        baseline: A report.json to compare with.
        regression: How much worse than that it may be.
    """

    model: str
    target: str
    input: str | None = None
    name: Name | None = None
    options: dict[str, Any] = {}
    intake: dict[str, Any] = {}
    budgets: Budgets = Budgets()
    baseline: str | None = None
    regression: Regression = Regression()

    @property
    def title(self) -> str:
        return self.name or f"{Path(self.model).stem}-{Path(self.target).stem}"


class GateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several deployments.

    Attributes:
        deployments: One or more, in the order in which they are run.
    """

    deployments: Annotated[tuple[Deployment, ...], msgspec.Meta(min_length=1)]


class Gated(msgspec.Struct, frozen=True):
    """One deployment, ready to run; its paths are relative to where we are.

    Attributes:
        deployment: As it stands in the file, paths apart.
        request: What its options ask for.
        words: How the file writes an option: the path of its key.
    """

    deployment: Deployment
    request: Request
    words: Words


def read_gate_file(file: Path, backends: BackendOptions) -> tuple[Gated, ...]:
    """Read a deploy.yaml.

    Args:
        file: Its path.
        backends: Returns the options of our backends and of those of the given names.

    Raises:
        InputError: It is missing, is no YAML, or has a key or value that cannot be.
    """
    try:
        raw = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: not a readable deploy.yaml ({reason})") from error
    several = isinstance(raw, dict) and "deployments" in raw
    try:
        if several:
            found = msgspec.convert(raw, GateFile).deployments
        else:
            found = (msgspec.convert(raw, Deployment),)
    except msgspec.ValidationError as error:
        raise InputError(f"{file}: {error}") from error
    _check_names(found, file)
    paths = [f"$.deployments[{i}]" if several else "$" for i in range(len(found))]
    return tuple(
        _gated(_beside(d, file.parent), path, file, backends)
        for d, path in zip(found, paths, strict=True)
    )


def _gated(d: Deployment, path: str, file: Path, backends: BackendOptions) -> Gated:
    keys = {key.replace("-", "_"): f"options.{key}" for key in d.options}
    keys |= {key.replace("-", "_"): f"intake.{key}" for key in d.intake}

    def words(name: str, value: object) -> str:
        usual = "input" if name == "input" else f"options.{name.replace('_', '-')}"
        key = f"{path}.{keys.get(name, usual)}"
        return key if value is None else f"{key}: {written(value)}"

    with speaking(words):
        try:
            named = d.options.get("backend")
            own = backends([named] if isinstance(named, str) else [])
            fields = dict(_fields(d, file.parent, own))
            request = gathered(fields, backends=own)
            _refuse_left_out(fields)
        except InputError as error:
            raise InputError(f"{file}: {error}") from error
    return Gated(d, request, words)


def _refuse_left_out(fields: Mapping[str, Any]) -> None:
    for (verb, _, names), why in WITHOUT.items():
        for name in names.split() if verb == "gate" else ():
            if name in fields:
                raise InputError(f"{option(name)}: a gate takes no such option: {why}")


def _fields(
    d: Deployment, folder: Path, backends: Mapping[str, type[Options]]
) -> Iterator[tuple[str, Any]]:
    """Yield the options of a deployment by name, paths relative to where we are."""
    known = {f.name: f for group in GROUPS.values() for f in fields_of(group)}
    known |= {f.name: f for group in backends.values() for f in fields_of(group)}
    if d.input is not None and "input" not in d.options:
        yield "input", d.input
    for key, value in {**d.intake, **d.options}.items():
        name = key.replace("-", "_")
        kind = known[name].kind if name in known and isinstance(value, str) else None
        if kind in (Path, object):
            yield name, str(folder / value)
        elif kind in (int, float):  # YAML 1.1 reads 1e-3 as a text
            yield name, known[name].of_text(value)
        else:
            yield name, value


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
        baseline=None if d.baseline is None else str(folder / d.baseline),
        target=str(folder / d.target) if is_file else d.target,
    )
