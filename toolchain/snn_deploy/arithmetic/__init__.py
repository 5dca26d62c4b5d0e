"""Integer arithmetics, one module each; a board names the one it computes in."""
