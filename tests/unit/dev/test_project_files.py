"""trivet.dev.project_files: which files are watched."""

from pathlib import Path

from trivet.dev.changes import CSS, PYTHON
from trivet.dev.project_files import ProjectFiles


def make(root: Path, *names: str, **texts: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get("text", ""))


def names(files: ProjectFiles, root: Path) -> set[str]:
    return {str(Path(path).relative_to(root)) for path, _ in files.files()}


def test_tools_folders_and_environments_are_left_out(tmp_path: Path) -> None:
    make(
        tmp_path,
        *("shop.py", "shop/views.py", "my env/pyvenv.cfg", "my env/lib/tool.py"),
        *(".venv/lib/a.py", "node_modules/a/b.py", "shop/__pycache__/c.py", "shop.egg-info/d.py"),
    )
    files = ProjectFiles([tmp_path])
    assert names(files, tmp_path) == {"shop.py", "shop/views.py"}
    assert {Path(folder).name for folder in files.folders()} == {tmp_path.name, "shop"}
    assert files.kind(str(tmp_path / "my env/lib/tool.py")) is None
    assert not files.is_watched_folder(str(tmp_path / "node_modules"))
    assert files.is_watched_folder(str(tmp_path / "shop"))


def test_gitignore_counts_from_the_repository_to_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "backend"
    make(tmp_path, ".git/HEAD")
    make(tmp_path, ".gitignore", text="*_generated.py\nbuild/\n")
    make(root, "a.py", "a_generated.py", "build/b.py", "kept/c_generated.py", "kept/d.py")
    make(root, "kept/.gitignore", text="!c_generated.py\nd.py\n")
    assert names(ProjectFiles([root]), root) == {"a.py", "kept/c_generated.py"}


def test_a_gitignore_above_a_project_without_a_repository_means_nothing(tmp_path: Path) -> None:
    make(tmp_path, ".gitignore", text="*.py\n")
    make(tmp_path / "project", "a.py")
    assert names(ProjectFiles([tmp_path / "project"]), tmp_path / "project") == {"a.py"}


def test_an_app_in_a_folder_that_is_ignored_is_watched_by_its_own_rules(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    make(tmp_path, ".gitignore", text="scratch/\n*.css")
    make(tmp_path, "scratch/try/app.py", "scratch/try/templates/a.html", "scratch/try/b.css")
    make(tmp_path, "scratch/try/.gitignore", text="secret.py")
    make(tmp_path, "scratch/try/secret.py")
    root = tmp_path / "scratch/try"
    assert names(ProjectFiles([root]), root) == {"app.py", "templates/a.html", "b.css"}
    assert names(ProjectFiles([tmp_path]), tmp_path) == set()


def test_a_changed_gitignore_is_read_again(tmp_path: Path) -> None:
    make(tmp_path, "a.py")
    files = ProjectFiles([tmp_path])
    assert files.kind(str(tmp_path / "a.py")) == PYTHON
    make(tmp_path, ".gitignore", text="a.py\n")
    files.forget_gitignore()
    assert files.kind(str(tmp_path / "a.py")) is None


def test_extra_files_are_code_whatever_they_are_called(tmp_path: Path) -> None:
    make(tmp_path, "config/a.yaml", "config/b.toml", "site.css")
    files = ProjectFiles([tmp_path], extra=["config/*.yaml"])
    assert dict(files.files()) == {
        str(tmp_path / "config/a.yaml"): PYTHON,
        str(tmp_path / "site.css"): CSS,
    }
    assert str(tmp_path / "config") in set(files.folders())


def test_ignored_patterns_are_those_of_gitignore(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "migrations/b.py", "c_test.py")
    assert names(ProjectFiles([tmp_path], ignore=["migrations/", "*_test.py"]), tmp_path) == {
        "a.py"
    }


def test_what_was_imported_is_watched_although_it_is_ignored(tmp_path: Path) -> None:
    make(tmp_path, ".gitignore", text="local.py\n")
    make(tmp_path, "local.py")
    files = ProjectFiles([tmp_path])
    local = str(tmp_path / "local.py")
    assert files.kind(local) is None
    files.also.add(local)
    assert files.kind(local) == PYTHON
    assert (local, PYTHON) in set(files.files())


def test_a_root_inside_of_another_one_is_looked_at_once_and_by_its_own_rules(
    tmp_path: Path,
) -> None:
    make(tmp_path, "shop.py", "build/web/app.py", "build/other.py")
    (tmp_path / ".git").mkdir()
    make(tmp_path, ".gitignore", text="other.py")
    files = ProjectFiles([tmp_path / "build/web", tmp_path])
    found = [Path(path).name for path, _ in files.files()]
    assert sorted(found) == ["app.py", "shop.py"]
    assert len(list(files.folders())) == 3


def test_files_elsewhere_are_nothing(tmp_path: Path) -> None:
    assert ProjectFiles([tmp_path / "project"]).kind(str(tmp_path / "other.py")) is None
    assert ProjectFiles([tmp_path / "project"]).kind(str(tmp_path / "project2/a.py")) is None
