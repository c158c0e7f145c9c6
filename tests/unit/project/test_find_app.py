"""Finding the application without importing anything of the user's."""

import sys
from pathlib import Path

import pytest

from tests.projects import write_project
from tests.unprivileged import without_root
from trivet.errors import AppNotFound
from trivet.project.find_app import AppChoice, find_app

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FACTORY = "def create_app(): ...\n"


def found(directory: Path, files: dict[str, str], target: str = "", **environ: str) -> AppChoice:
    return find_app(target, write_project(directory, files), environ)


def not_found(
    directory: Path, files: dict[str, str], target: str = "", **environ: str
) -> AppNotFound:
    with pytest.raises(AppNotFound) as caught:
        found(directory, files, target, **environ)
    return caught.value


# --- APP is given ---


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("shop.wsgi:app", "shop.wsgi:app"),
        ("shop.wsgi:holder.app", "shop.wsgi:holder.app"),
        ("shop.wsgi", "shop.wsgi:app"),
        ("shop:create_app()", "shop:create_app()"),
        ('shop:create_app("eu", key=1)', "shop:create_app('eu', key=1)"),
        ("shop", "shop:create_app()"),
        ("shop/wsgi.py", "shop.wsgi:app"),
        ("shop/wsgi", "shop.wsgi:app"),
        ("shop/wsgi.py:other", "shop.wsgi:other"),
        ("./shop", "shop:create_app()"),
        ("shop/__init__.py", "shop:create_app()"),
        ("other.py:make()", "other:make()"),
    ],
)
def test_every_form_of_app_names_a_module_and_an_attribute(
    tmp_path: Path, target: str, name: str
) -> None:
    files = {"shop/__init__.py": FACTORY, "shop/wsgi.py": FLASK, "other.py": ""}
    choice = found(tmp_path, files, target)
    assert (choice.name, choice.directory_to_add) == (name, tmp_path)


def test_an_attribute_that_the_user_wrote_is_marked_as_such(tmp_path: Path) -> None:
    assert found(tmp_path, {"app.py": FLASK}, "app:app").named
    assert not found(tmp_path, {"app.py": FLASK}, "app").named


def test_a_factory_that_the_text_shows_is_called_without_arguments(tmp_path: Path) -> None:
    assert found(tmp_path, {"app.py": FACTORY}, "app").call == ((), {})


def test_a_module_whose_text_shows_nothing_is_left_to_the_import(tmp_path: Path) -> None:
    choice = found(tmp_path, {"app.py": "globals()['app'] = 1"}, "app.py")
    assert (choice.module, choice.attribute) == ("app", None)


def test_a_directory_is_searched_as_if_trivet_ran_there(tmp_path: Path) -> None:
    choice = found(tmp_path, {"examples/blog/app.py": FLASK}, "examples/blog")
    assert (choice.name, choice.directory_to_add) == ("app:app", tmp_path / "examples/blog")


def test_flask_app_of_the_environment_means_nothing_in_another_directory(tmp_path: Path) -> None:
    choice = found(tmp_path, {"blog/app.py": FLASK}, "blog", FLASK_APP="nonsense")
    assert choice.name == "app:app"


def test_an_attribute_of_a_directory_is_one_of_the_module_found_there(tmp_path: Path) -> None:
    assert found(tmp_path, {"blog/app.py": FLASK}, "blog:admin").name == "app:admin"


def test_a_package_that_makes_no_app_itself_may_have_a_file_that_does(tmp_path: Path) -> None:
    choice = found(tmp_path, {"shop/__init__.py": "", "shop/app.py": FLASK}, "shop")
    assert choice.name == "shop.app:app"


def test_the_current_directory_can_be_named(tmp_path: Path) -> None:
    assert found(tmp_path, {"app.py": FLASK}, ".").name == "app:app"


def test_a_package_goes_before_a_file_of_its_name_as_in_an_import(tmp_path: Path) -> None:
    files = {"shop.py": FLASK, "shop/__init__.py": FACTORY}
    assert found(tmp_path, files, "shop").name == "shop:create_app()"


def test_relative_paths_begin_at_the_given_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, {"blog/app.py": FLASK})
    monkeypatch.chdir(tmp_path)
    assert find_app("app.py", Path("blog"), {}).directory_to_add == tmp_path / "blog"


def test_nothing_of_the_user_is_imported(tmp_path: Path) -> None:
    found(tmp_path, {"never_imported.py": "raise AssertionError\napp = 1 + 1"}, "never_imported")
    assert "never_imported" not in sys.modules


def test_a_missing_file_suggests_the_near_one(tmp_path: Path) -> None:
    error = not_found(tmp_path, {"shop/application.py": FLASK}, "shop/aplication.py")
    assert str(error) == "there is no file or directory shop/aplication.py"
    assert error.hint == "did you mean application.py?"


def test_a_missing_module_suggests_the_near_one(tmp_path: Path) -> None:
    error = not_found(tmp_path, {"blogging.py": FLASK}, "bloging:app")
    assert str(error).startswith("'bloging:app': there is no module 'bloging' in ")
    assert error.hint == "did you mean blogging?"


def test_several_applications_in_a_named_module_are_listed(tmp_path: Path) -> None:
    files = {"shops.py": "from flask import Flask\neu = Flask('')\nus = Flask('')\n"}
    error = not_found(tmp_path, files, "shops")
    assert error.details == "shops:eu, shops:us"
    assert error.hint == "say which one, such as shops:eu"


def test_a_colon_without_a_module_is_refused(tmp_path: Path) -> None:
    assert "names no module" in str(not_found(tmp_path, {}, ":app"))


# --- nothing is given ---


@pytest.mark.parametrize("name", ["wsgi", "app", "application", "main"])
def test_the_files_that_servers_agree_on_are_found(tmp_path: Path, name: str) -> None:
    choice = found(tmp_path, {f"{name}.py": FLASK})
    assert choice.name == f"{name}:app"
    assert choice.reason == f"{name}.py has a Flask application called app"


def test_wsgi_py_goes_before_app_py_as_in_flask(tmp_path: Path) -> None:
    assert found(tmp_path, {"app.py": FLASK, "wsgi.py": FLASK}).module == "wsgi"


def test_a_file_that_makes_no_app_is_passed_over(tmp_path: Path) -> None:
    choice = found(tmp_path, {"app.py": "print()", "main.py": FLASK})
    assert choice.module == "main"
    assert "app.py: makes no application" in choice.looked_at


def test_flask_app_goes_before_everything(tmp_path: Path) -> None:
    files = {"app.py": FLASK, "shop.py": FACTORY}
    choice = found(tmp_path, files, FLASK_APP="shop")
    assert choice.name == "shop:create_app()"
    assert choice.reason == "FLASK_APP=shop in the environment; has the factory create_app"


def test_flask_app_is_read_from_flaskenv_and_nothing_else_is(tmp_path: Path) -> None:
    files = {"app.py": FLASK, "shop.py": FLASK, ".flaskenv": "FLASK_APP=shop\nFLASK_DEBUG=1\n"}
    choice = found(tmp_path, files)
    assert choice.module == "shop"
    assert choice.reason.startswith("FLASK_APP=shop in .flaskenv")


def test_a_wrong_flask_app_says_where_it_was_set(tmp_path: Path) -> None:
    error = not_found(tmp_path, {"app.py": FLASK}, FLASK_APP="no_such_shop")
    assert str(error).startswith("FLASK_APP=no_such_shop in the environment: ")


def test_a_django_project_is_found_by_its_manage_py(tmp_path: Path) -> None:
    files = {
        "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "s.settings")',
        "s/__init__.py": "",
        "s/wsgi.py": "from django.core.wsgi import get_wsgi_application\n"
        "application = get_wsgi_application()\n",
    }
    choice = found(tmp_path, files)
    assert (choice.name, choice.directory_to_add) == ("s.wsgi:application", tmp_path)
    assert choice.reason == (
        "manage.py: a Django project with settings s.settings;"
        " has a Django application called application"
    )


def test_a_package_with_a_factory_is_found(tmp_path: Path) -> None:
    choice = found(tmp_path, {"shop/__init__.py": FACTORY, "tests/__init__.py": FACTORY})
    assert choice.name == "shop:create_app()"


def test_a_package_in_the_src_layout_is_found(tmp_path: Path) -> None:
    choice = found(tmp_path, {"src/shop/__init__.py": FACTORY})
    assert (choice.name, choice.directory_to_add) == ("shop:create_app()", tmp_path / "src")


def test_a_file_inside_a_package_is_found(tmp_path: Path) -> None:
    choice = found(tmp_path, {"shop/__init__.py": "", "shop/wsgi.py": FLASK})
    assert choice.name == "shop.wsgi:app"


def test_a_package_called_app_hides_app_py_as_in_an_import(tmp_path: Path) -> None:
    choice = found(tmp_path, {"app/__init__.py": FACTORY, "app.py": FLASK})
    assert choice.name == "app:create_app()"


def test_the_only_other_file_with_an_app_is_found(tmp_path: Path) -> None:
    choice = found(tmp_path, {"hello.py": FLASK, "setup.py": FLASK, "models.py": "x = 1"})
    assert choice.name == "hello:app"


def test_two_other_files_with_an_app_are_listed_and_none_is_chosen(tmp_path: Path) -> None:
    error = not_found(tmp_path, {"one.py": FLASK, "two.py": FLASK})
    assert "found 2 applications" in str(error)
    assert "one:app" in error.details
    assert "two:app" in error.details
    assert error.hint == "say which one, such as `trivet serve one:app`"


def test_a_file_with_a_syntax_error_is_chosen_so_that_the_import_shows_it(tmp_path: Path) -> None:
    choice = found(tmp_path, {"app.py": "app = Flask("})
    assert (choice.module, choice.attribute) == ("app", None)
    assert choice.reason == "app.py is not valid Python (line 1)"


def test_a_star_import_is_followed_by_importing(tmp_path: Path) -> None:
    choice = found(tmp_path, {"wsgi.py": "from shop.factory import *"})
    assert (choice.module, choice.attribute) == ("wsgi", None)


def test_a_directory_inside_a_package_gives_the_full_module_name(tmp_path: Path) -> None:
    write_project(tmp_path, {"shop/__init__.py": "", "shop/app.py": FLASK})
    choice = find_app("", tmp_path / "shop", {})
    assert (choice.name, choice.directory_to_add) == ("shop.app:app", tmp_path)


def test_an_empty_project_lists_everything_that_was_looked_at(tmp_path: Path) -> None:
    error = not_found(tmp_path, {"app.py": "x = 1"})
    assert str(error) == f"no application found in {tmp_path}"
    assert error.details.splitlines() == [
        "looked at FLASK_APP: not set, neither in the environment nor in .env or .flaskenv",
        "looked at wsgi.py: not there",
        "looked at app.py: makes no application",
        "looked at application.py: not there",
        "looked at main.py: not there",
        "looked at manage.py: not there",
    ]
    assert error.hint is not None
    assert "trivet serve shop:app" in error.hint


@pytest.mark.parametrize(
    ("example", "name"),
    [("blog", "app:app"), ("api", "app:app"), ("files", "app:app"), ("stream", "app:app")],
)
def test_every_example_is_found_by_its_directory(example: str, name: str) -> None:
    repository = Path(__file__).parents[3]
    assert find_app(f"examples/{example}", repository, {}).name == name


def open_to_all(directory: Path) -> None:
    """Let somebody else enter a directory of pytest's, which are for its user alone."""
    for folder in (directory, *directory.parents[:2]):
        folder.chmod(0o755)


@pytest.mark.parametrize("target", ["", "app", "app.py"])
def test_a_file_that_cannot_be_read_is_said_to_be_so(tmp_path: Path, target: str) -> None:
    write_project(tmp_path, {"app.py": FLASK})
    (tmp_path / "app.py").chmod(0o000)
    open_to_all(tmp_path)
    with without_root(), pytest.raises(AppNotFound) as caught:
        find_app(target, tmp_path, {})
    assert str(caught.value) == f"{tmp_path}/app.py cannot be read: Permission denied"


def test_an_unreadable_file_of_another_name_is_in_the_way_of_none(tmp_path: Path) -> None:
    write_project(tmp_path, {"secret.py": FLASK})
    (tmp_path / "secret.py").chmod(0o000)
    open_to_all(tmp_path)
    with without_root(), pytest.raises(AppNotFound) as caught:
        find_app("", tmp_path, {})
    assert "looked at secret.py: cannot be read: Permission denied" in caught.value.details
    write_project(tmp_path, {"shop.py": FLASK})
    with without_root():
        assert find_app("", tmp_path, {}).name == "shop:app"


@pytest.mark.parametrize("target", ["", "shop", "closed", "closed/shop.py"])
def test_a_directory_that_may_not_be_entered_is_said_to_be_so(tmp_path: Path, target: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    open_to_all(tmp_path)
    closed.chmod(0o000)
    directory = tmp_path if target.startswith("closed") else closed
    try:
        with without_root(), pytest.raises(AppNotFound) as caught:
            find_app(target, directory, {})
    finally:
        closed.chmod(0o700)
    assert str(caught.value) == f"the directory {closed} cannot be searched: Permission denied"


def test_a_dot_in_the_place_of_the_colon_is_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)  # as `python -m trivet` does
    assert not_found(tmp_path, {"app.py": FLASK}, "app.app").hint == "did you mean app:app?"


@pytest.mark.parametrize("target", ["/dev/null", "/etc/passwd", "notes.txt", "notes"])
def test_a_file_that_is_not_pythons_is_said_to_be_so(tmp_path: Path, target: str) -> None:
    error = not_found(tmp_path, {"notes.txt": "", "notes": ""}, target)
    assert str(error) == f"{target} is no Python file: its name does not end in .py"


def test_a_module_goes_before_a_file_without_ending(tmp_path: Path) -> None:
    assert found(tmp_path, {"shop": "#!/bin/sh", "shop.py": FLASK}, "shop").name == "shop:app"


def test_a_path_upwards_is_shown_as_the_directory_it_leads_to(tmp_path: Path) -> None:
    write_project(tmp_path, {"inner/notes.txt": ""})
    with pytest.raises(AppNotFound) as caught:
        find_app("..", tmp_path / "inner", {})
    assert str(caught.value) == f"no application found in {tmp_path}"
