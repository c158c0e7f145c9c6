"""URLs that open an editor: the table, own templates, what is refused, containers."""

import pytest

from trivet.dev.editor import EDITORS, choose_editor, editor_url, parse_path_map


def url(wanted: str, path: str = "/app/shop.py", *pairs: str, **environ: str) -> str:
    editor = choose_editor(wanted, environ)
    return editor_url(editor, path, 7, 3, parse_path_map(pairs)) if editor else ""


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("code", "vscode://file/app/shop.py:7:3"),
        ("/usr/bin/code --wait", "vscode://file/app/shop.py:7:3"),
        ("Cursor", "cursor://file/app/shop.py:7:3"),
        ("pycharm", "pycharm://open?file=/app/shop.py&line=7&column=3"),
        ("my-editor://{path}#{line}", "my-editor:///app/shop.py#7"),
        ("vscode://file/__FILE__:__LINE__", "vscode://file//app/shop.py:7"),
        ("vi", ""),
        ("javascript:alert('{path}')", ""),
        ("data:text/html,{path}", ""),
        ("https://evil.example/{path}", ""),
        ("my-editor://nothing", ""),
    ],
)
def test_an_editor_by_name_or_by_url(wanted: str, expected: str) -> None:
    assert url(wanted) == expected


def test_the_environment_is_looked_at_when_none_is_named() -> None:
    assert url("", VISUAL="vim", EDITOR="subl -w").startswith("subl://")
    assert url("", TERM_PROGRAM="vscode").startswith("vscode://")
    assert url("", EDITOR="nano") == ""


def test_paths_of_a_container_become_those_of_the_machine() -> None:
    assert url("code", "/app/a.py", "/app=/home/me/shop") == "vscode://file/home/me/shop/a.py:7:3"
    assert url("code", "/application/a.py", "/app=/x") == "vscode://file/application/a.py:7:3"
    longest = url("code", "/app/lib/a.py", "/app=/x", "/app/lib=/y")
    assert longest == "vscode://file/y/a.py:7:3"


def test_a_path_cannot_leave_its_place_in_the_url() -> None:
    assert url("pycharm", "/app/a b&line=9?#.py").startswith(
        "pycharm://open?file=/app/a%20b%26line%3D9%3F%23.py&line=7"
    )


def test_what_is_no_file_has_no_link() -> None:
    assert url("code", "<string>") == ""


def test_every_editor_has_its_own_words_and_takes_path_and_line() -> None:
    words = [word for editor in EDITORS for word in editor.words]
    assert len(words) == len(set(words))
    assert all("{path}" in editor.url and "{line}" in editor.url for editor in EDITORS)
