"""What a conversion did, for people (conversion.md) and for programs (conversion.json)."""

import json
from typing import Any

import numpy as np

from snn_deploy.arrays import IntArray
from snn_deploy.conversion.convert import Converted
from snn_deploy.conversion.integers.units import Moved, on_eight_bits

LEGEND = (
    "Scales are moved so that a level is an odd whole number (theta) of the unit of its",
    "sum. Levels equal: the share of levels that are those of the quantized model with its",
    "own scales, on the calibration samples. Used: how many different ones there were.",
)


def summary(made: Converted) -> dict[str, Any]:
    """Return all there is to say, as plain numbers, lists and strings; None: unknown."""
    ann, agreement = made.ann, made.agreement
    return {
        "source": ann.source,
        "method": made.method.name,
        "exact": made.method.exact,
        "steps": made.steps,
        "decode": "final",
        "input": {
            "name": ann.port.name,
            "shape": list(ann.port.shape),
            "levels": [ann.port.low, ann.port.high],
            "scale": ann.port.scale,
        },
        "readout": {
            "name": ann.output,
            "scale": ann.layer(ann.output).scale.tolist(),
            "scales_differ": bool(np.ptp(ann.layer(ann.output).scale) > 0),
        },
        "dropped": list(made.dropped),
        "layers": [_layer(made, m) for m in made.moved],
        "calibration_samples": agreement.samples,
        "predictions_equal_to_quantized_model": agreement.predictions,
        "predictions_equal_to_float_model": made.float_agreement,
        "steps_to_rest": _spread(made.rest),
    }


def _layer(made: Converted, moved: Moved) -> dict[str, Any]:
    layer, agreement = made.ann.layer(moved.layer), made.agreement
    return {
        "name": moved.layer,
        "shape": list(layer.shape),
        "levels": None if layer.theta is None else [layer.low, layer.high],
        "theta": None if moved.theta is None else list(moved.theta),
        "weights_multiplied_by": moved.finer,
        "scale_moved": moved.scale,
        "gain_moved": moved.gain,
        "bias_moved": moved.bias,
        "levels_equal": agreement.levels.get(moved.layer),
        "largest_difference": agreement.largest.get(moved.layer),
        "levels_used": agreement.levels_used.get(moved.layer),
    }


def _spread(rest: IntArray) -> dict[str, float] | None:
    if not rest.size:
        return None
    low, middle, high = (float(v) for v in np.quantile(rest, [0.0, 0.5, 1.0]))
    return {"samples": rest.size, "smallest": low, "median": middle, "largest": high}


def as_json(made: Converted) -> str:
    """Return conversion.json: the same bytes for the same conversion."""
    return json.dumps(summary(made), indent=2) + "\n"


def as_markdown(made: Converted, command: str) -> str:
    """Return conversion.md; command: how to deploy what was written."""
    facts = summary(made)
    return "\n".join([
        f"# Conversion of {facts['source']}",
        "",
        *(f"* {line}" for line in sentences(made)),
        "",
        "| layer | levels | theta | scale moved | gain moved | levels equal | used |",
        "|---|---|---|---|---|---|---|",
        *(_row(layer) for layer in facts["layers"]),
        "",
        *LEGEND,
        "",
        f"    {command}",
        "",
    ])  # fmt: skip


def sentences(made: Converted) -> tuple[str, ...]:
    """Return the outcome in words, one fact per sentence."""
    facts, rest = summary(made), _spread(made.rest)
    lines = [
        f"method {made.method.name}: {made.method.summary}",
        f"{made.steps} step{'s' * (made.steps > 1)} per sample"
        + (" and step of the sequence" if made.ann.recurrent else ""),
        "predictions equal those of the quantized model on "
        f"{made.agreement.predictions:.2%} of {made.agreement.samples} calibration samples",
    ]
    if made.float_agreement is not None:
        lines.append(f"and those of the float model on {made.float_agreement:.2%}")
    if rest is not None:
        lines.append(
            f"at rest after {rest['smallest']:g} to {rest['largest']:g} steps, median "
            f"{rest['median']:g}, on {rest['samples']} samples; one that took more than "
            f"{made.steps} would be cut short, which deploying with --until-quiet shows"
        )
    wide = [layer.name for layer in made.ann.layers if not on_eight_bits(layer)]
    if wide:
        lines.append(
            f"weights of {', '.join(map(repr, wide))} take more than 8 bits; the chip "
            "rounds them, so that it is not exact; put a QuantIdentity on all sides but "
            "one of their sums"
        )
    if made.method.exact:
        lines.append("exact: at rest the network has computed the integers of the ANN")
    lines += [f"the {x} at the end is left out: it moves no class" for x in made.dropped]
    if facts["readout"]["scales_differ"]:
        lines.append(
            "the classes of the readout have different scales, so the largest membrane is "
            "not always the answer; multiply by readout.scale of conversion.json first"
        )
    return tuple(lines)


def _row(layer: dict[str, Any]) -> str:
    theta = "-" if layer["theta"] is None else _span(layer["theta"])
    levels = "-" if layer["levels"] is None else _span(layer["levels"])
    equal, used = layer["levels_equal"], layer["levels_used"]
    cells = (
        layer["name"], levels, theta, f"{layer['scale_moved']:+.2%}",
        f"{layer['gain_moved']:.2%}", "-" if equal is None else f"{equal:.2%}",
        "-" if used is None else str(used),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _span(ends: list[int]) -> str:
    low, high = ends
    return str(low) if low == high else f"{low}..{high}"
