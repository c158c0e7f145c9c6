"""trivet.cli.gunicorn_flags: the table agrees with Trivet's own flags."""

from trivet.cli.flags import CONFIG_FLAGS, MEANINGS
from trivet.cli.gunicorn_flags import GUNICORN_FLAGS


def test_no_flag_that_trivet_has_is_said_to_be_missing() -> None:
    assert not {*MEANINGS, *CONFIG_FLAGS} & set(GUNICORN_FLAGS), (
        "a setting was added: remove its flag from cli/gunicorn_flags.py"
    )


def test_every_flag_that_a_hint_recommends_exists() -> None:
    for hint in GUNICORN_FLAGS.values():
        for word in hint.replace(",", " ").replace(";", " ").split():
            if word.startswith("--"):
                assert word in MEANINGS
