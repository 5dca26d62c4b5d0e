"""Origins (placeholder table is filled below)."""

ORIGINS: dict[str, str] = {}
