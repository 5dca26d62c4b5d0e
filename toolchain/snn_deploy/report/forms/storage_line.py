"""How often weights are stored, in words: it decides up to half of memory and energy."""

from snn_deploy.evaluation.uncertainty import wilson
from snn_deploy.ir.quant import Storage


def storage_words(s: Storage) -> tuple[str, str]:
    """Return e.g. "0 of 4", and who decided it on what evidence."""
    why = f"--store-twice {s.method}"
    if s.agreed is not None:
        low, high = wilson(s.agreed, s.samples)
        why += (
            f"; stored once, the answer is that of the float network for {s.agreed} of "
            f"{s.samples} samples ({100 * low:.1f} to {100 * high:.1f} %)"
        )
    return f"{len(s.twice)} of {s.projections}", why
