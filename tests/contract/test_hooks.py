"""The hooks that are called, their settings, and what their guide says of them agree."""

import re
from pathlib import Path

from trivet.app.hooks import HOOKS, SUPERVISOR, HookCall
from trivet.settings.table import SPECS

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "hooks.md"


def test_every_hook_is_a_setting_and_the_other_way_round() -> None:
    settings = {name for name, spec in SPECS.items() if spec.group == "Hooks"}
    assert set(HOOKS) == settings, (
        "HOOKS in python/trivet/app/hooks.py and the group Hooks of python/trivet/settings/table.py"
        f" differ in {sorted(set(HOOKS) ^ settings)}"
    )


def test_the_help_says_in_which_process_a_hook_runs() -> None:
    for name, hook in HOOKS.items():
        place = "in the supervisor" if hook.process == SUPERVISOR else "in a worker"
        assert place in SPECS[name].help, f"say {place!r} in the help of {name}"


def test_every_hook_is_called_somewhere() -> None:
    sources = [path.read_text() for path in (ROOT / "python" / "trivet").rglob("*.py")]
    uncalled = [
        name
        for name in HOOKS
        if not any(re.search(rf'\.(run|run_at_start|run_hook)\(\s*"{name}"', it) for it in sources)
    ]
    assert uncalled == [], "call it at its moment, or take it out of HOOKS"


def test_the_guide_has_a_row_for_each_hook_with_its_moment_and_attributes() -> None:
    text = GUIDE.read_text()
    for name, hook in HOOKS.items():
        fields = ", ".join(f"`{field}`" for field in hook.fields) or "–"
        row = f"| `{name}` | {hook.process} | {hook.when} | {fields} |"
        assert row in text, f"write in {GUIDE.relative_to(ROOT)}:\n{row}"


def test_a_call_has_the_attributes_that_hooks_name() -> None:
    for hook in HOOKS.values():
        assert set(hook.fields) <= set(HookCall.__slots__)
