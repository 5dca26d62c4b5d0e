"""Everything that can go wrong, as one tree; each leaf names its exit code.

    DeployError
    |-- InputError        2  a model, data file or argument that cannot be read or is
    ambiguous |   `-- BoardError    2  no such board, or a board file that does not describe
    one |-- DoesNotFitError   3  the network is understood but the target cannot hold or
    express it `-- BudgetError       4  a required accuracy, energy or latency is not met

A message is one line: who, what with numbers, why, what to do. The command line prints it
without a traceback; anything that is not a DeployError is a bug of ours and exits with 1.
"""


class DeployError(Exception):
    """Base of every error a user can cause."""

    exit_code = 2


class InputError(DeployError):
    """A model, a data file or an argument that cannot be read, or that means two things."""

    exit_code = 2


class BoardError(InputError):
    """No such board, or a file that does not describe one."""


class DoesNotFitError(DeployError):
    """The target cannot hold or express this network.

    Args of the constructor: `violations`, one sentence each; all are shown at once.
    """

    exit_code = 3

    def __init__(self, *violations: str) -> None:
        super().__init__("\n".join(violations))
        self.violations = violations


class BudgetError(DeployError):
    """A required accuracy, energy or latency is not met."""

    exit_code = 4
