"""What a NIR file tells of each framework's neurons, cell by cell, as the profiles have it."""

from snn_deploy.frontends.nir.frameworks.profile import Profile
from snn_deploy.frontends.nir.profiles import PROFILES

COLUMNS = {  # by the name of the option that says it, or of the assumption
    "reset": "reset",
    "threshold": "fires at",
    "order": "current that charges the membrane",
    "spikes_per_step": "spikes per step",
    "floor": "lowest membrane",
    "start": "first membrane",
    "norm_input": "input of LIF",
}
WHOLE = ("snntorch", "rockpool")  # whatever tau is, and r follows from it
STARTS = {"zero": "0", "v_reset": "`v_reset` of the file", "v_leak": "`v_leak` of the file"}


def cell(profile: Profile, column: str) -> str:
    """Return what a cell of the table says; what begins with "asked" no file tells."""
    if column in profile.lost:
        flag = "--" + column.replace("_", "-")
        return f"asked: `{flag} {'|'.join(profile.lost[column])}`".replace("|", "\\|")
    usual = {
        "reset": "`v_reset` of the file" if profile.reset == "v_reset" else profile.reset,
        "threshold": "v >= threshold" if profile.inclusive else "v > threshold",
        "order": "of this step" if profile.current_first else "of the step before",
        "spikes_per_step": "one",
        "floor": "none",
        "start": STARTS[profile.starts_at],
        "norm_input": "whole" if profile.name in WHOLE else "`r` of the file",
    }
    return usual[column]


def table() -> str:
    """Return the table as Markdown, a row for each profile."""
    rows = [
        ["", *COLUMNS.values()],
        ["---"] * (len(COLUMNS) + 1),
        *([f"`{p.name}`", *(cell(p, c) for c in COLUMNS)] for p in PROFILES.values()),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
