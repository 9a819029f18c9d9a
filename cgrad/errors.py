"""The exceptions and the warning that cgrad raises.

Responsible for: one tree of names, each of which is also the built-in exception a user would
catch. Not responsible for: the texts, which are written where the mistake is found.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BadValueError",
    "BoundCallError",
    "BuildError",
    "CacheError",
    "CallError",
    "CgradError",
    "CgradWarning",
    "ConfigError",
    "CostError",
    "DTypeError",
    "DisconnectedInputError",
    "GradientError",
    "IndexBoundsError",
    "NoCompilerError",
    "NullTypeGradError",
    "OfflineError",
    "RankError",
    "RewriteError",
    "ShapeError",
]


class CgradError(Exception):
    """Every error of cgrad."""


class CgradWarning(UserWarning):
    """Something went wrong that costs speed or disk space, never a result."""


class ShapeError(CgradError, ValueError):
    """Shapes or ranks that do not fit together."""


class DTypeError(CgradError, TypeError):
    """A dtype that an operation cannot take, or a cast that would lose values."""


class GradientError(CgradError):
    """A derivative that does not exist or is not defined here."""


class CostError(GradientError, TypeError, ValueError):
    """The gradient of something that is not a scalar."""


class DisconnectedInputError(GradientError, ValueError):
    """A derivative with respect to something the result does not depend on."""


class NullTypeGradError(GradientError, TypeError):
    """A derivative that is undefined."""


class CallError(CgradError, TypeError):
    """A compiled function was called with arguments it cannot take."""


class RankError(ShapeError, CallError):
    """An array with a number of axes other than the one declared."""


class IndexBoundsError(CgradError, IndexError):
    """An index outside its axis, found while a compiled function ran."""


class BadValueError(CgradError, ValueError):
    """An argument whose values an operation cannot take, found while a compiled function ran."""


class BoundCallError(CgradError, RuntimeError):
    """A bound call was made while another one of the same object runs."""


class ConfigError(CgradError, ValueError):
    """A setting (environment variable) whose value makes no sense."""


class CacheError(CgradError, OSError):
    """No place on disk could be used, not even a private temporary directory."""


class RewriteError(CgradError, RuntimeError):
    """A rewrite rule broke its contract, or rules undo each other: a mistake in the rules."""


class BuildError(CgradError, RuntimeError):
    """The C compiler is missing or failed.

    ``command`` is the command line that was run (empty if none was), ``stderr`` what the
    compiler wrote, ``line_number`` and ``c_line`` the first line of the C source it complained
    about, if it named one.
    """

    def __init__(
        self,
        message: str,
        *,
        command: Sequence[str] = (),
        stderr: str = "",
        line_number: int | None = None,
        c_line: str | None = None,
    ) -> None:
        super().__init__(message)
        self.command = tuple(command)
        self.stderr = stderr
        self.line_number = line_number
        self.c_line = c_line


class NoCompilerError(BuildError):
    """Something must be compiled and there is no C compiler."""


class OfflineError(BuildError):
    """Something must be compiled and CGRAD_OFFLINE=1 forbids it."""
