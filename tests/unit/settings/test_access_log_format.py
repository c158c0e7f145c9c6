"""trivet.settings.access_log_format: gunicorn's format strings taken apart."""

import gunicorn.config
import pytest

from trivet.settings.access_log_format import PRESETS, VALUES, WORDS, AccessLogFormat, take_apart


def test_a_format_is_text_and_values_in_their_order() -> None:
    assert take_apart('%(h)s "%(r)s" %%%(s)d%({X-Forwarded-For}i)s') == (
        ("value", "h"),
        ("text", ' "'),
        ("value", "r"),
        ("text", '" %'),
        ("value", "s"),
        ("request", "x-forwarded-for"),
    )


@pytest.mark.parametrize(
    ("format", "part"),
    [
        ("%({User-Agent}i)s", ("request", "user-agent")),
        ("%({ETag}o)s", ("answer", "etag")),
        ("%({HTTP_X_SHOP}e)s", ("request", "x-shop")),
        ("%({CONTENT_TYPE}e)s", ("request", "content-type")),
        ("%({remote_addr}e)s", ("value", "h")),
        ("%({RAW_URI}e)s", ("value", "target")),
    ],
)
def test_fields_and_variables_are_named_in_braces(format: str, part: tuple[str, str]) -> None:
    assert take_apart(format) == (part,)


@pytest.mark.parametrize("letter", [name for name in VALUES if len(name) == 1])
def test_every_letter_of_gunicorn_is_known(letter: str) -> None:
    assert take_apart(f"%({letter})s") == (("value", letter),)
    assert f"| {letter}  " in gunicorn.config.AccessLogFormat.desc


def test_gunicorn_has_no_letter_more() -> None:
    lines = gunicorn.config.AccessLogFormat.desc.splitlines()
    names = [line.split("|")[1].strip() for line in lines if line.startswith("| ")][1:]
    braces = {"{header}i", "{header}o", "{variable}e"}
    assert set(names) - braces == {name for name in VALUES if len(name) == 1}
    assert PRESETS["combined"] == gunicorn.config.AccessLogFormat.default


@pytest.mark.parametrize(
    ("format", "complaint"),
    [
        ("%(z)s", r"at character 1: %\(z\)s is not known; there are h, l, u, t"),
        ("%(h)s %x", "at character 7: begins nothing: expected .*%% for a percent sign"),
        ("100%", "at character 4: begins nothing"),
        ("%(h)s %(r", "at character 7: begins a .* no closing parenthesis"),
        ("%(h)5s", r"at character 5: expected an s after %\(h\)"),
        ("%(r)d", r"at character 1: %\(r\)d is no number"),
        ("%({x}q)s", r"at character 1: %\(\{x\}q\)s is not known; expected %\(\{NAME\}i\)s"),
        ("%({}i)s", "has no name between its braces"),
        ("%({x y}i)s", "x y cannot be the name of a field"),
        ("%({REMOTE_USER}e)s", "what the application puts into its environ is not seen here"),
        ("%({PATHINFO}e)s", r"did you mean PATH_INFO\?"),
        ("%%", "every line would be the same"),
        ("%(h)s\n", "at character 6: is a control character"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(format: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        AccessLogFormat().from_text(format)


@pytest.mark.parametrize("word", WORDS)
def test_words_are_read_in_any_case(word: str) -> None:
    assert AccessLogFormat().from_text(f" {word.upper()} ") == word


@pytest.mark.parametrize("preset", PRESETS.values())
def test_presets_are_formats(preset: str) -> None:
    assert take_apart(preset)


def test_a_word_that_is_none_is_corrected() -> None:
    kind = AccessLogFormat()
    with pytest.raises(ValueError, match="expected auto, text, json, logfmt, common, combined, or"):
        kind.from_text("combind")
    assert kind.correction("combind") == "combined"


def test_tabs_may_separate_values() -> None:
    assert take_apart("%(h)s\t%(s)s")[1] == ("text", "\t")
