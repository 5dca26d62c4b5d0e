"""Which folders are packages: found, not listed, so that a new one ships by being there."""

from pathlib import Path

from setuptools import setup

ROOTS = {
    "snn_deploy": "toolchain/snn_deploy",
    "snn_deploy_backends": "backends/snn_deploy_backends",
    "snn_deploy_simulators": "simulators/snn_deploy_simulators",
    "snn_deploy_boards": "boards",
}


def packages(root: Path) -> list[str]:
    """Return the dotted name of every folder with an __init__.py below ROOTS."""
    return sorted(
        ".".join((name, *init.parent.relative_to(root / folder).parts))
        for name, folder in ROOTS.items()
        for init in (root / folder).rglob("__init__.py")
    )


if __name__ == "__main__":
    setup(packages=packages(Path(__file__).parent), package_dir=ROOTS)
