"""Configurations of other servers become ours, and nothing is lost without a word."""

import re
from pathlib import Path

import pytest

from tests.projects import write_project
from trivet.errors import ConfigurationUnreadable, InvalidSetting
from trivet.foreign.files import from_file
from trivet.foreign.gunicorn_file import read_arguments
from trivet.foreign.mapping import Translation, as_toml
from trivet.settings.resolve import Resolved, resolve


def translated(directory: Path, name: str, text: str, **environ: str) -> Translation:
    write_project(directory, {name: text})
    return from_file(str(directory / name), environ)


def resolved(directory: Path, toml: str) -> Resolved:
    (directory / "trivet.toml").write_text(toml)
    return resolve(flags={}, keywords={}, environ={}, directory=directory)


GUNICORN = """
    import os
    bind = ["0.0.0.0:9000", "unix:/run/shop.sock"]
    workers = int(os.cpu_count() * 0 + 3)
    keepalive = 5
    worker_class = "gevent"
    accesslog = "-"
    loglevel = "CRITICAL"
    forwarded_allow_ips = "*"
    limit_request_line = 4094
    def post_fork(server, worker): pass
    unrelated = 1
"""


def test_a_gunicorn_file_becomes_our_settings(tmp_path: Path) -> None:
    found = translated(tmp_path, "gunicorn.conf.py", GUNICORN)
    assert found.settings == {
        "bind": ["0.0.0.0:9000", "unix:/run/shop.sock"],
        "workers": 3,
        "keep_alive": "5s",
        "request_line_limit": "4094B",
        "access_log_file": "-",
        "log_level": "error",
    }
    reasons = dict(found.left_out)
    assert set(reasons) == {"worker_class", "forwarded_allow_ips", "post_fork"}
    assert "trusts everybody" in reasons["forwarded_allow_ips"]


@pytest.mark.parametrize(
    ("given", "prefix"),
    [("", "gunicorn"), ("statsd_prefix = 'shop.'", "shop.gunicorn")],
    ids=["no-prefix", "prefix"],
)
def test_names_of_statistics_stay_what_they_were_with_gunicorn(
    tmp_path: Path, given: str, prefix: str
) -> None:
    text = f"statsd_host = 'localhost:8125'\ndogstatsd_tags = 'env:live'\n{given}\n"
    found = translated(tmp_path, "gunicorn.conf.py", text)
    assert found.settings == {
        "statsd": ["localhost:8125"],
        "statsd_prefix": prefix,
        "statsd_tags": "env:live",
    }
    assert found.given["statsd_prefix"].value == prefix


def test_a_hook_of_gunicorn_is_left_out_with_what_to_write(tmp_path: Path) -> None:
    text = "def when_ready(server): pass\ncapture_output = True\n"
    found = translated(tmp_path, "gunicorn.conf.py", text)
    assert found.settings == {"worker_output": "tagged"}
    ((name, reason),) = found.left_out
    assert name == "when_ready"
    assert "give its name as MODULE:FUNCTION" in reason


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("accesslog = None", {"access_log": False}),
        ("accesslog = '/var/log/a.log'", {"access_log_file": "/var/log/a.log"}),
        ("accesslog = '/dev/stdout'", {"access_log_file": "-"}),
        ("access_log_format = '%(h)s %(D)s'", {"access_log_format": "%(h)s %(D)s"}),
    ],
)
def test_the_access_log_of_gunicorn_is_ours(
    tmp_path: Path, text: str, settings: dict[str, object]
) -> None:
    found = translated(tmp_path, "gunicorn.conf.py", text)
    assert found.settings == settings
    assert not found.left_out
    ours = resolved(tmp_path, as_toml(found)).settings
    assert {name: getattr(ours, name) for name in settings} == settings


def test_a_format_that_only_python_can_write_is_refused_with_its_place(tmp_path: Path) -> None:
    text = "access_log_format = '%(h)s %({wsgi.errors}e)s'"
    with pytest.raises(InvalidSetting, match=r"access_log_format is .*at character 7: "):
        translated(tmp_path, "gunicorn.conf.py", text)


def test_the_toml_that_is_written_says_the_same(tmp_path: Path) -> None:
    found = translated(tmp_path, "gunicorn.conf.py", GUNICORN)
    settings = resolved(tmp_path, as_toml(found)).settings
    for name, given in found.given.items():
        assert getattr(settings, name) == given.value
    assert "#   worker_class: there is one kind of worker" in as_toml(found)


def test_the_variable_is_stronger_than_the_file(tmp_path: Path) -> None:
    arguments = "--workers=7 -b :1 --bind :2 --no-control-socket shop:app"
    found = translated(tmp_path, "g.conf.py", "workers = 2", GUNICORN_CMD_ARGS=arguments)
    assert found.settings == {
        "workers": 7,
        "bind": [":1", ":2"],
        "control": "off",
        "app": "shop:app",
    }


def test_the_variable_alone_is_read_when_told_to() -> None:
    assert from_file("-", {"GUNICORN_CMD_ARGS": "-w4"}).settings == {"workers": 4}


@pytest.mark.parametrize("text", ["--wrkers 2", "--workers"])
def test_what_is_no_flag_of_gunicorn_is_told(text: str) -> None:
    with pytest.raises(ConfigurationUnreadable, match="GUNICORN_CMD_ARGS"):
        read_arguments(text)


def test_a_file_that_raises_is_told_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnreadable, match="ZeroDivisionError") as told:
        translated(tmp_path, "gunicorn.conf.py", "threads = 2\nworkers = 1 / 0")
    assert re.match(
        r'  File ".*gunicorn\.conf\.py", line 2, in <module>\n    workers = 1', told.value.details
    )
    assert "runpy" not in told.value.details


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "gunicorn.conf.py"
    with pytest.raises(ConfigurationUnreadable, match=r"cannot be read: No such file") as told:
        from_file(str(missing), {})
    assert not told.value.details


def test_a_value_that_cannot_be_right_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="workers is"):
        translated(tmp_path, "gunicorn.conf.py", "workers = -3")


def test_other_places_are_stronger_than_a_foreign_file(tmp_path: Path) -> None:
    found = translated(tmp_path, "gunicorn.conf.py", "workers = 2\nthreads = 9")
    (tmp_path / "trivet.toml").write_text("workers = 5")
    settings = resolve(
        flags={}, keywords={}, environ={}, directory=tmp_path, foreign=found.given
    ).settings
    assert (settings.workers, settings.threads) == (5, 9)


def test_a_uwsgi_file_becomes_our_settings(tmp_path: Path) -> None:
    text = """
        [uwsgi]
        http-socket = 127.0.0.1:9090
        http-socket = /run/shop.sock
        base = shop
        module = %(base):app
        processes = $(COUNT)
        disable-logging = true
        harakiri-verbose = true
        nonsense = 1
    """
    found = translated(tmp_path, "uwsgi.ini", text, COUNT="4")
    assert found.settings == {
        "bind": ["127.0.0.1:9090", "unix:/run/shop.sock"],
        "app": "shop:app",
        "workers": 4,
        "access_log": False,
    }
    assert {name for name, _ in found.left_out} == {"base", "harakiri-verbose", "nonsense"}


UWSGI_COMBINED = (
    '%(addr) - %(user) [%(ltime)] "%(method) %(uri) %(proto)" %(status) %(size) "%(referer)"'
)


def test_the_request_log_of_uwsgi_is_our_access_log(tmp_path: Path) -> None:
    text = f"""
        [uwsgi]
        req-logger = file:/var/log/shop/requests.log
        log-format = {UWSGI_COMBINED} %(msecs)ms 100% %(var.HTTP_X_SHOP)
        chmod-socket = 660
    """
    found = translated(tmp_path, "uwsgi.ini", text)
    assert found.settings == {
        "access_log_file": "/var/log/shop/requests.log",
        "access_log_format": '%(h)s - %(u)s %(t)s "%(m)s %(target)s %(H)s" %(s)s %(B)s "%(f)s"'
        " %(M)sms 100%% %({HTTP_X_SHOP}e)s",
        "socket_mode": "660",
    }
    assert not found.left_out
    ours = resolved(tmp_path, as_toml(found)).settings
    assert {name: getattr(ours, name) for name in found.settings} == found.settings


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("log-format = %(addr) %(switches)", "nothing says what %(switches) does"),
        ("log-format = nothing", "access_log_format would be nothing, which has no %(…)s"),
        ("log-format = %(var.shop.user)", "access_log_format would be %({shop.user}e)s, at char"),
        ("req-logger = syslog:shop", "access_log_file takes the path of a file"),
        ("logto = /var/log/shop.log", "access_log_file is the file of the access log, log_file"),
    ],
)
def test_what_a_log_of_uwsgi_cannot_be_here_is_left_out_with_the_reason(
    tmp_path: Path, line: str, reason: str
) -> None:
    found = translated(tmp_path, "uwsgi.ini", f"[uwsgi]\n{line}\n")
    assert not found.settings
    ((_, told),) = found.left_out
    assert told.startswith(reason)


def test_a_uwsgi_yaml_becomes_our_settings(tmp_path: Path) -> None:
    text = "uwsgi:\n  http: :8080\n  threads: 8  # each\n  master: true\n"
    found = translated(tmp_path, "uwsgi.yaml", text)
    assert found.settings == {"bind": [":8080"], "threads": 8}


def test_a_section_of_waitress_becomes_our_settings(tmp_path: Path) -> None:
    text = """
        [app:main]
        use = egg:shop
        [server:main]
        use = egg:waitress#main
        listen = *:6543 localhost:6544
        threads = 6
        url_prefix = shop/
        trusted_proxy = 10.0.0.1
    """
    found = translated(tmp_path, "production.ini", text)
    assert found.settings == {
        "bind": [":6543", "localhost:6544"],
        "threads": 6,
        "root_path": "/shop",
        "trusted_proxies": ["10.0.0.1"],
    }


def test_a_file_of_nobody_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnreadable, match="no section"):
        translated(tmp_path, "tox.ini", "[tox]\nenvlist = py\n")
