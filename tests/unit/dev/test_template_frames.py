"""Django's template errors are shown at the template's line; Jinja2's are tested in a browser."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
from pathlib import Path
folder = Path.cwd()
import django
from django.conf import settings
settings.configure(DEBUG={debug}, TEMPLATES=[{{"BACKEND":
    "django.template.backends.django.DjangoTemplates", "DIRS": [str(folder / "templates")]}}])
django.setup()
from django.template.loader import render_to_string
from tests.unit.dev.pages import dev_session
from trivet.dev.collect import collect
def broken():
    raise LookupError("no weight")
try:
    render_to_string("order.html", {{"order": {{"customer": "Ada"}}, "weight": broken}})
except Exception as error:
    frames = collect(error, dev_session(folder))[0].error.frames
    place = [frame for frame in frames if frame.kind == "template"][-1]
    print(json.dumps([place.kind, place.shown_file, place.line,
                      [each.name for each in place.variables]]))
"""


@pytest.mark.parametrize(
    ("debug", "text", "line"),
    [
        (True, "{{ order.customer }}\n\n{{ weight }}\n", 3),
        (False, "{{ order.customer }}\n\n{{ weight }}\n", 3),
        # Without its debug mode Django does not say where a template cannot be compiled.
        (True, "a\n{% for x %}\n", 2),
    ],
)
def test_an_error_in_djangos_template_is_at_its_line(
    debug: bool, text: str, line: int, tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "order.html").write_text(text)
    repository = Path(__file__).parents[3]
    paths = [str(repository / "python"), str(repository)]
    code = f"import sys; sys.path[:0] = {paths!r}\n{SCRIPT.format(debug=debug)}"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    kind, file, found, names = json.loads(result.stdout)
    assert (kind, file, found) == ("template", "templates/order.html", line)
    assert ("order" in names) == (line == 3)
