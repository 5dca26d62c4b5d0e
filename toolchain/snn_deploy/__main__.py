"""The command: `snn-deploy`, or `python -m snn_deploy`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C ends it with one line, even while it is still
    starting."""
    try:
        from snn_deploy.cli.app import main as run

        run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted; nothing was written\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
