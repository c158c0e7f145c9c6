"""trivet.settings.function_names: a function by its dotted name."""

import pytest

from trivet.settings.function_names import FunctionName


@pytest.mark.parametrize("name", ["hooks:ready", "shop.hooks:Ready.tell", ""])
def test_a_module_and_a_function_are_a_name(name: str) -> None:
    assert FunctionName().from_text(name) == name


@pytest.mark.parametrize(
    "text", ["hooks", "hooks.ready", ":ready", "hooks:", "hooks:ready()", "a b:c"]
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a function such as shop.hooks:when_ready$"):
        FunctionName().from_text(text)
