"""The error tree: each error is also the built-in one that a user would catch."""

import pytest

from cgrad import errors


@pytest.mark.parametrize(
    ("error", "bases"),
    [
        (errors.ShapeError, (ValueError,)),
        (errors.DTypeError, (TypeError,)),
        (errors.GradientError, ()),
        (errors.CostError, (errors.GradientError, TypeError, ValueError)),
        (errors.DisconnectedInputError, (errors.GradientError, ValueError)),
        (errors.BuildError, (RuntimeError,)),
        (errors.CallError, (TypeError,)),
        (errors.IndexBoundsError, (IndexError,)),
        (errors.ConfigError, (ValueError,)),
        (errors.CacheError, (OSError,)),
    ],
)
def test_tree(error, bases):
    assert issubclass(error, (errors.CgradError, *bases))
    for base in bases:
        assert issubclass(error, base)


def test_build_error_carries_what_happened():
    error = errors.BuildError("no", command=["cc", "x.c"], stderr="bad", line_number=3, c_line="x")
    assert (error.command, error.stderr, error.line_number, error.c_line) == (
        ("cc", "x.c"), "bad", 3, "x",
    )  # fmt: skip
    assert str(error) == "no"


def test_everything_is_exported():
    public = {name for name in vars(errors) if name[0].isupper() and name != "Sequence"}
    assert public == set(errors.__all__)
