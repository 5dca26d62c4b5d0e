"""The report in its forms: one type, and a writer for the screen and for Markdown."""
