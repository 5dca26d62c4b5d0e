"""Simulators: `reference` (float), `golden` (integers, plainly), `integer` (fast),
`chip`."""
