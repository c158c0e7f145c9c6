"""trivet.cli.output: streams that cannot be written to."""

import sys

import pytest

from trivet.cli.output import complain, show
from trivet.errors import HostError


def test_without_standard_output_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    show("text")


def test_without_standard_error_a_complaint_goes_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    complain("text")
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_disk_is_the_machine_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(HostError, match="standard output cannot be written: No space left"):
            show("text")
