"""Unreadable: everything that NumPy was seen to raise on files that were cut or flipped."""

import tokenize
import zipfile
import zlib

BROKEN = (
    ValueError, TypeError, LookupError, ArithmeticError, EOFError, OSError, MemoryError,
    RuntimeError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def reason(error: BaseException) -> str:
    """Return what an exception says, in one short line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
