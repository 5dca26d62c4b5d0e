"""What several tests share: networks, oracles, frameworks and files."""
