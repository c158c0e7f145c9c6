"""What `trivet` promises to the outside is what it has."""

import pytest

import trivet


def test_the_public_names_are_these() -> None:
    # A name that is added here is a promise; one that goes needs a deprecation first.
    assert set(trivet.__all__) == {"Settings", "TrivetError", "__version__", "serve"}


@pytest.mark.parametrize("name", trivet.__all__)
def test_every_public_name_can_be_imported_and_is_listed(name: str) -> None:
    assert getattr(trivet, name) is not None
    assert name in dir(trivet)


@pytest.mark.parametrize("name", [name for name in trivet.__all__ if name != "__version__"])
def test_every_public_name_is_documented(name: str) -> None:
    assert getattr(trivet, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'trivet' has no attribute 'run'"):
        trivet.run  # noqa: B018 — that it is missing is what is tested
