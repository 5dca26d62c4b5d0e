"""What a surrogate function does in forward: tried out around the threshold."""

from collections.abc import Callable
from typing import Any

import torch

from snn_deploy.frontends.torch.session import Session

PROBE = (-1.0, -0.01, 0.0, 0.01, 1.0)  # membranes, measured from the threshold
ABOVE = [0.0, 0.0, 0.0, 1.0, 1.0]  # what they give if v > threshold fires
AT = [0.0, 0.0, 1.0, 1.0, 1.0]  # what they give if v >= threshold fires


def fires_at_threshold(session: Session, module: Any, function: Callable[..., Any]) -> bool:
    """Return whether `function` of v - threshold fires at 0; refuse one that is no step."""
    try:
        with torch.no_grad():
            fired = function(torch.tensor(PROBE)).double().tolist()
    except Exception as error:
        fired = f"{type(error).__name__}: {error}"
    if fired not in (AT, ABOVE):
        session.refuse(
            f"{session.name_of(module)!r}: its surrogate function gives {fired} for "
            f"membranes {list(PROBE)} around the threshold instead of spikes; use one that "
            "spikes in forward (SpikingJelly: spiking=True)"
        )
    return bool(fired == AT)
