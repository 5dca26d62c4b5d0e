"""Origins: for every number in report.json, the counter or the source it comes from.

A key is the path of a number or of a part that holds numbers; "[]" stands for any index;
the longest that fits counts. A text starts with its kind::

    given        by the user: model, input, options
    count        events or neurons counted in a simulator or a mapped network
    coefficient  a board's or a price list's number; its evidence stands at the path in
                 brackets
    derived      worked out from other numbers, as said
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

ORIGINS: dict[str, str] = {
    "seed": "given: --seed",
    "model": "given: shapes and step of the model file, as read under `assumptions`",
    "input": "given: samples and steps of the input; compared: samples kept in memory",
    "target": "coefficient: sizes of the board file [target.source]",
    "accuracy": "count: samples whose decoded class is the label, in each simulator",
    "accuracy_by_step": "count: the same, decoded from the first steps only",
    "agreement": "count: samples for which both simulators give the same class",
    "example": "count: output of one sample in the chip simulator",
    "estimates": (
        "derived: from the values of single samples by the method named beside it; the "
        "value itself is that of `accuracy`, `latency` or `energy`"
    ),
    "support[].relative_operations": (
        "derived: operations counted in the neuron's integer step over those of lif"
    ),
    "layers[].shape": "given: shape of the population in the model file",
    "layers[].neurons": "given: product of the shape",
    "layers[].cores": "count: pieces of the population, one core each",
    "layers[].synapses": "count: stored synapses of the integer network",
    "layers[].synops": "count: counters synops_*, mean per inference",
    "layers[].spikes": "count: non-zero outputs in the chip simulator, per sample",
    "layers[].rate": "derived: spikes / neurons / steps",
    "layers[].agreement": "count: outputs that are equal in two simulators, as a share",
    "fidelity": "count: outputs that differ between two stages",
    "fidelity.samples": "given: samples of the input that were kept in memory",
    "utilization.cores": "count: cores that hold a piece",
    "utilization.chips": "count: chips that hold a piece",
    "utilization.resources[]": "count: words and groups that the mapper needs, over cores",
    "utilization.resources[].limit": "coefficient: pool of the board file [target.source]",
    "utilization.pieces[]": "count: words, groups and neurons of one piece",
    "utilization.pieces[].core": "derived: chosen by the placer, with the seed",
    "utilization.pieces[].chip": "derived: core / cores per chip",
    "utilization.pieces[].synops": "count: counters synops_*, mean per inference",
    "losses": "derived: float parameters against their integers",
    "ranges[].limit": "coefficient: state widths of the board file [target.source]",
    "ranges[].bound": "derived: interval analysis of the integer network",
    "ranges[].measured": "count: largest magnitude in the simulators",
    "latency": "coefficient: event counts through the time model [latency.source]",
    "latency.steps": "given: model steps of a sample",
    "latency.behind": "derived: level of the last output after retiming",
    "latency.frame": "derived: steps + guard, padded as the board demands",
    "latency.course[].first": "derived: number of a chip step",
    "latency.course[].last": "derived: number of a chip step",
    "energy.samples": "given: samples of the input",
    "energy.steps": "given: model steps of a sample",
    "energy.accounts[].lines[].count": "count: the counter named in `counter` beside it",
    "energy.accounts[].lines[].price": (
        "coefficient: of the board file [energy.accounts[].lines[].source]"
    ),
    "energy.accounts[].lines[].voltage": (
        "coefficient: of the board file [energy.accounts[].lines[].source]"
    ),
    "energy.accounts[].lines[].joules": (
        "coefficient: count x price [energy.accounts[].lines[].source]"
    ),
    "energy.accounts[].lines[].parts": (
        "coefficient: the population's count x price [energy.accounts[].lines[].source]"
    ),
    "energy.accounts[].totals": (
        "coefficient: sum of the lines of one scope [energy.accounts[].source]"
    ),
    "energy.accounts[].dynamic": (
        "coefficient: sum of the lines of core and noc [energy.accounts[].source]"
    ),
    "energy.static[].count": "derived: time of an inference x units powered",
    "energy.static[].price": "coefficient: of the board file [energy.static[].source]",
    "energy.static[].joules": "coefficient: count x price [energy.static[].source]",
    "energy.interval": "derived: smallest and largest `dynamic` of the accounts",
    "software.samples": "given: samples that were counted",
    "software.steps": "given: model steps of a sample",
    "software.ann_passes": "derived: 1, or the steps where the input changes or recurs",
    "software.tallies": "count: as the tool in `definition` counts, on the float network",
    "software.energies[].bits": "coefficient: operand width [software.energies[].source]",
    "software.energies[].joules": "coefficient: count x price [software.energies[].source]",
    "software.energies[].parts": "coefficient: count x price [software.energies[].source]",
    "graded[].bits": "derived: width of the payloads that the integer network sends",
    "graded[]": "count: payloads and synapses met by graded spikes in the chip simulator",
    "settled": "count: model steps after which the decoded class changes no more",
    "endings[]": "count: samples and model steps in the chip simulator",
    "endings[].window": "given: --exit-when-stable",
    "endings[].answer_s": "coefficient: counts through the time model [latency.source]",
    "endings[].inference_s": "coefficient: counts through the time model [latency.source]",
    "endings[].energy": "derived: counts times the prices of `energy.accounts`",
    "tuning": "given: --max-drop, --finetune, --finetune-epochs, --weight-bits and --seed",
    "tuning.held_out": "derived: a tenth of the samples, drawn with the seed",
    "tuning.course": "count: cross entropy and correct classes of held-out samples",
    "tuning.best": "derived: the epoch with most correct, then least loss, held out",
    "tuning.float_correct": "count: samples right in the float network, before",
    "tuning.chip_correct": "count: samples right in the chip simulator, before",
    "tuning.tested": "given: samples of the input",
    "verified": "count: values of the emitted program against the integer simulator",
}


def numbers(value: Any, path: Path = ()) -> Iterator[tuple[Path, float]]:
    """Yield every number in decoded JSON with its path, e.g. ("layers", 0, "rate")."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from numbers(part, (*path, name))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from numbers(part, (*path, i))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def origin(path: Path, origins: dict[str, str]) -> tuple[str, str] | None:
    """Return the key in `origins` that fits the path of a number best, and its text."""
    fitting = [key for key in origins if _fits(key, path)]
    if not fitting:
        return None
    best = max(fitting, key=lambda key: len(segments(key)))
    return best, origins[best]


def segments(key: str) -> Sequence[str]:
    """Return the parts of a key: names, and "[]" for any index."""
    return key.replace("[]", ".[]").split(".")


def evidence(path: Path, text: str) -> Path | None:
    """Return where the evidence stands that an origin's text names in brackets: its
    indices are those of the number; None if it names none."""
    if not text.endswith("]") or "[" not in text:
        return None
    indices = iter([part for part in path if isinstance(part, int)])
    named = text[text.index(" [") + 2 : -1]
    return tuple(next(indices) if s == "[]" else s for s in segments(named))


def _fits(key: str, path: Path) -> bool:
    wanted = segments(key)
    if len(wanted) > len(path):
        return False
    return all(
        isinstance(part, int) if want == "[]" else part == want
        for want, part in zip(wanted, path, strict=False)
    )
