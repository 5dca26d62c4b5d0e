"""Backends, one file each: a `Program` in, files for one kind of chip out."""
