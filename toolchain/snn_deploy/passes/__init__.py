"""The stages between reading and running, one file each; see `pipeline.py` for the line."""
