"""Limits of reading: what would not fit into this machine, and what a damaged file does."""

import os
import tokenize
import zipfile
import zlib

from snn_deploy.errors import InputError, option

MEMORY_SHARE = 0.5  # of the machine's memory, the most that one input may fill; ours

# Everything that NumPy was seen to raise on files that were cut or flipped.
BROKEN = (
    ValueError, TypeError, LookupError, ArithmeticError, EOFError, OSError, MemoryError,
    RuntimeError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def reason(error: BaseException) -> str:
    """Return what an exception says, in one short line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:160] or type(error).__name__


def check_memory(source: str, size: int, what: str = "") -> None:
    """Refuse `size` bytes that `source` holds, or would make if `what` is said.

    Raises:
        InputError: They are more than MEMORY_SHARE of the memory.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size <= MEMORY_SHARE * memory:
        return
    takes = (
        f"takes {size / 2**30:.1f} GiB {what}" if what else f"holds {size / 2**30:.1f} GiB"
    )
    way_out = (
        f"read fewer with {option('samples')}" if what else "split it into several files"
    )
    raise InputError(
        f"{source}: {takes}, more than {MEMORY_SHARE:.0%} of the {memory / 2**30:.1f} GiB "
        f"of memory here; {way_out}"
    )
