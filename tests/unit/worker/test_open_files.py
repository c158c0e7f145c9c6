"""Descriptors that have run out, as the user is told of it."""

import errno
import os

import pytest

from trivet.errors import TooFewFiles
from trivet.worker.open_files import check_limit, has_run_out


@pytest.mark.parametrize(
    ("error", "ran_out"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), True),
        (OSError(errno.ENFILE, os.strerror(errno.ENFILE)), True),
        (OSError("Too many open files (os error 24)"), True),
        (OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)), False),
    ],
)
def test_only_some_errors_mean_that_files_have_run_out(error: OSError, ran_out: bool) -> None:
    assert has_run_out(error) == ran_out


def test_a_limit_below_the_need_is_refused_with_both_numbers() -> None:
    with pytest.raises(TooFewFiles, match="12 files, and Trivet needs 34") as caught:
        check_limit(12, 34)
    assert "ulimit -n" in str(caught.value.hint)


@pytest.mark.parametrize("limit", [34, 1024, -1])
def test_a_limit_that_suffices_or_is_none_is_taken(limit: int) -> None:
    check_limit(limit, 34)
