"""The templates of the forms, which stand beside this file."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates(*, autoescape: bool) -> Environment:
    """Return the templates; a name that is not given is an error.

    Args:
        autoescape: Whether values are escaped for HTML.
    """
    return Environment(
        loader=PackageLoader(__package__, "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=autoescape,
    )
