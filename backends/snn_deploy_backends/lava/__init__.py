"""Lava: `backend` is the backend, `options` what may be said to it."""
