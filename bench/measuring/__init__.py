"""What the benchmark scripts share: how to measure, and where results go."""
