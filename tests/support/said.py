"""What a user says of a framework's file: all that its exporter does not write."""

from typing import Any

from snn_deploy.frontends.nir.profiles import PROFILES


def said(profile: Any, **more: Any) -> dict[str, Any]:
    """Return the options that read a file by a framework's defaults; `more` go before."""
    usual = {name: values[0] for name, values in PROFILES[profile].lost.items()}
    return {"profile": profile, **usual, **more}


def flags(profile: Any, **more: Any) -> tuple[str, ...]:
    """Return the same as words of the command line."""
    named = said(profile, **more).items()
    return tuple(w for k, v in named for w in ("--" + k.replace("_", "-"), str(v)))
