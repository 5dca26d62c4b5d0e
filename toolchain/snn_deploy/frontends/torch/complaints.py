"""What a trace met and no network here does, in one sentence."""

from collections.abc import Collection

from snn_deploy.errors import InputError
from snn_deploy.frontends.torch.known import FRAMEWORKS
from snn_deploy.frontends.torch.session import Session

# How a loop over time takes a tensor apart.
TAKEN_APART = {f"function {f}" for f in ("__getitem__", "__iter__", "unbind", "select")}


def check(session: Session, live: Collection[str] | None = None) -> None:
    """Raise InputError if anything was unsupported or refused; it names all of it.

    live: names on which an output depends; what is unsupported and not among them (a
    teacher, a loss) is stripped. None: everything counts.
    """
    counted = [u for u in session.unsupported if live is None or u in live]
    sentences = list(session.refused)
    if session.steps is None and TAKEN_APART & set(counted):
        first, second = (*session.sample, 0, 0)[:2]
        raise InputError(
            f"{session.title}: its forward takes the sample input {list(session.sample)} "
            f"apart, as a loop over time does; give steps={first}, or steps={second} if "
            "time is its second dimension"
        )
    if counted:
        known = "Linear, Conv, BatchNorm, pooling, neurons of " + ", ".join(FRAMEWORKS)
        sentences.insert(
            0,
            f"no equivalent for {', '.join(counted)}; remove or replace (known are "
            f"{known})",
        )
    if sentences:
        raise InputError(f"{session.title}: " + "; ".join(sentences))
    for name in session.unsupported:
        session.assume("left out", name, "no output depends on it")
