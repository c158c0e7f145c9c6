"""The error page in a real browser: read it, use it, mend the error; pictures for the docs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PICTURES, DevSite, StartSite

pytestmark = pytest.mark.system

OpenPage = Callable[..., Any]
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


def unlocked(new_page: OpenPage, site: DevSite, **options: Any) -> Any:
    """A tab that has followed the terminal's link."""
    page = new_page(viewport=DESKTOP, **options)
    page.goto(site.console_link)
    assert page.url == site.url()
    return page


def evaluate(page: Any, code: str) -> str:
    """Type code into the console of the frame that is open; what it answers."""
    console = page.locator("details.frame[open] form.console").first
    before = console.locator(".out pre:not(.typed)").count()
    console.locator("textarea").fill(code)
    console.locator("textarea").press("Control+Enter")
    console.locator(".out pre:not(.typed)").nth(before).wait_for()
    return str(console.locator(".out pre:not(.typed)").last.text_content())


def test_the_page_opens_at_the_last_frame_of_the_project(new_page: OpenPage, shop: DevSite) -> None:
    page = new_page(viewport=DESKTOP)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if "Content Security" in said.text else None,
    )
    response = page.goto(shop.url("/orders/7?from=mail"))
    assert response.status == 500
    assert page.locator("h1 .kind").text_content() == "TypeError"
    opened = page.locator("details.frame[open]")
    assert opened.count() == 1
    assert opened.locator(".file").text_content() == "prices.py:7"
    assert opened.locator("mark").text_content() == "quantity * price"
    assert opened.locator(".used th").all_text_contents() == ["total", "quantity", "price"]
    assert page.get_by_text("6 frames in flask").is_visible()
    assert page.get_by_text("looking for order 7").last.is_visible()
    assert page.get_by_text("/orders/<int:number> → order").is_visible()
    assert "hunter2" not in page.locator("aside").inner_text()
    assert complaints == []


def test_everything_is_readable_without_scripts(new_page: OpenPage, shop: DevSite) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(shop.url("/chained"))
    assert page.get_by_text("There is no order 99").first.is_visible()
    assert page.get_by_text("Caused by", exact=True).is_visible()
    page.locator("details.frame", has_text="chained").last.locator("summary").click()
    assert page.locator("#trace").get_by_text("return ORDERS[99]").last.is_visible()
    page.get_by_text("As text").click()
    assert "### LookupError" in page.locator("#copy-markdown").inner_text()
    assert not page.locator("form.console").first.is_visible()
    assert not page.get_by_role("button", name="Copy as curl").is_visible()
    page.get_by_text("Try again").click()
    assert page.get_by_text("There is no order 99").first.is_visible()


def test_a_template_error_is_at_the_templates_line(new_page: OpenPage, shop: DevSite) -> None:
    page = new_page()
    page.goto(shop.url("/template"))
    opened = page.locator("details.frame[open]")
    assert opened.locator(".file").text_content() == "templates/broken.html:6"
    assert "shipping.weight" in opened.locator(".here").text_content()
    assert page.get_by_role("region", name="Hint").is_visible()


def test_the_editor_opens_at_the_line(new_page: OpenPage, shop: DevSite) -> None:
    page = new_page()
    page.goto(shop.url("/orders/7"))
    link = page.get_by_role("link", name="Open in VS Code").get_attribute("href")
    assert link == f"vscode://file{shop.folder}/prices.py:7:18"


def test_copies_are_what_a_chat_a_shell_and_a_test_take(new_page: OpenPage, shop: DevSite) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(shop.url("/orders/7"))
    copied = {}
    for name in ("Markdown", "curl", "pytest test"):
        page.get_by_role("button", name=f"Copy as {name}").click()
        page.get_by_role("status").get_by_text("Copied").wait_for()
        copied[name] = page.evaluate("navigator.clipboard.readText()")
    assert copied["Markdown"].startswith("### TypeError: unsupported operand")
    assert copied["curl"].startswith("curl --include --globoff")
    assert shop.url("/orders/7") in copied["curl"]
    assert "def test_get_orders_7():" in copied["pytest test"]
    compile(copied["pytest test"], "test_shop.py", "exec")


def test_the_console_evaluates_in_the_frame(new_page: OpenPage, start_site: StartSite) -> None:
    site = start_site()
    page = unlocked(new_page, site)
    page.goto(site.url("/orders/7"))
    assert evaluate(page, "quantity, price") == "(1, None)"
    assert evaluate(page, "[row[0] for row in items]") == "['lamp', 'cable']"
    assert "ZeroDivisionError" in evaluate(page, "quantity / 0")
    console = page.locator("details.frame[open] form.console")
    text = console.locator("textarea")
    text.fill("for row in items:")
    text.press("Enter")
    page.wait_for_function("document.querySelector('details[open] textarea').value.includes('\\n')")
    text.press_sequentially("print(row[0].upper())")
    text.press("Enter")
    text.press("Enter")
    console.get_by_text("LAMP\nCABLE").wait_for()
    text.press("ArrowUp")
    assert text.input_value().startswith("for row in items:")


def test_a_browser_without_the_token_is_asked_for_it(
    new_page: OpenPage, start_site: StartSite
) -> None:
    site = start_site()
    page = new_page()
    page.goto(site.url("/orders/7"))
    console = page.locator("details.frame[open] form.console")
    console.locator("textarea").fill("price is None")
    console.locator("textarea").press("Enter")
    token = page.get_by_label("Token from the terminal")
    token.fill("wrong")
    token.press("Enter")
    console.get_by_text("That is not it").wait_for()
    token.fill(site.console_link)
    token.press("Enter")
    console.get_by_text("True").wait_for()


def test_keys_move_between_frames_and_into_the_console(
    new_page: OpenPage, start_site: StartSite
) -> None:
    site = start_site()
    page = unlocked(new_page, site)
    page.goto(site.url("/orders/7"))
    page.keyboard.press("j")
    assert page.locator("details.frame.current .file").text_content() == "app.py:34"
    assert page.locator("details.frame.current").get_attribute("open") is not None
    page.keyboard.press("c")
    page.keyboard.type("number")
    page.keyboard.press("Enter")
    page.locator("details.frame.current .out .value").wait_for()
    assert page.locator("details.frame.current .out .value").text_content() == "7"
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    assert page.locator("details.frame.current .file").text_content() == "prices.py:7"
    page.keyboard.press("l")
    assert page.locator("details.library[open]").count() > 0


def test_the_page_goes_when_the_fix_is_saved(new_page: OpenPage, start_site: StartSite) -> None:
    site = start_site()
    page = new_page()
    page.goto(site.url("/orders/7"))
    assert page.locator("h1 .kind").text_content() == "TypeError"
    site.edit("prices.py", "quantity * price", "quantity * (price or 0)")
    page.get_by_text("Ada: 73.5").wait_for()


def test_an_import_error_is_shown_with_its_line_and_recovers(
    new_page: OpenPage, start_site: StartSite
) -> None:
    site = start_site()
    page = unlocked(new_page, site)
    site.edit("prices.py", "    total = 0", "    total = (0")
    page.get_by_text("was never closed").first.wait_for()
    assert page.locator("details.frame[open] .file").text_content() == "prices.py:5"
    assert page.locator("details.frame[open] mark").text_content() == "("
    site.edit("prices.py", "    total = (0", "    total = 0")
    page.get_by_text("Orders").wait_for()


def test_frames_of_an_import_error_have_a_console(
    new_page: OpenPage, start_site: StartSite
) -> None:
    site = start_site()
    page = unlocked(new_page, site)
    site.edit("prices.py", "def total_of", "RATE = 19\nRATES[RATE]\n\n\ndef total_of")
    page.get_by_text("name 'RATES' is not defined").first.wait_for()
    assert evaluate(page, "RATE + 1") == "20"


def test_a_kept_page_outlives_the_code_that_raised(
    new_page: OpenPage, start_site: StartSite
) -> None:
    site = start_site()
    page = unlocked(new_page, site)
    page.goto(site.url("/orders/7"))
    page.get_by_role("link", name="Link to this error").click()
    kept = page.url
    assert "/-/trivet/errors/" in kept
    assert evaluate(page, "price is None") == "True"
    site.edit("prices.py", "quantity * price", "quantity * (price or 0)")
    other = new_page()
    other.goto(site.url("/orders/7"))
    other.get_by_text("Ada: 73.5").wait_for()
    page.goto(kept)
    assert page.locator("h1 .kind").text_content() == "TypeError"
    assert "repeat the request" in evaluate(page, "price")


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_eighty_of_eighty_evaluations_whatever_the_number_of_workers(
    workers: int, new_page: OpenPage, start_site: StartSite
) -> None:
    site = start_site("--workers", str(workers))
    page = unlocked(new_page, site)
    page.goto(site.url("/orders/7"))
    # As the page does it, but each time on whichever connection the browser takes, and beside
    # requests that keep the workers taking turns.
    right = page.evaluate(
        """async () => {
            const frame = document.querySelector('details.frame[open] form.console').dataset.frame;
            const pids = new Set();
            let right = 0;
            for (let number = 0; number < 80; number++) {
                const others = [1, 2, 3].map(() => fetch("/json").then((a) => a.json()));
                const answer = await fetch('/-/trivet/console', {
                    method: 'POST',
                    headers: {'Content-Type': 'application/json'},
                    body: JSON.stringify({frame, code: `quantity + ${number}`}),
                });
                const value = await answer.json();
                right += value.output === `${1 + number}\\n`;
                (await Promise.all(others)).forEach((each) => pids.add(each.pid));
            }
            return [right, pids.size];
        }"""
    )
    assert right[0] == 80
    assert right[1] <= workers


def test_a_form_of_another_origin_evaluates_nothing(new_page: OpenPage, shop: DevSite) -> None:
    page = unlocked(new_page, shop)
    page.goto(shop.url("/orders/7"))
    frame = page.locator("form.console").first.get_attribute("data-frame")
    # The same server by another name: another origin for the browser, and the cookie's site not.
    stranger = f"http://localhost:{shop.address.port}"
    page.goto(f"{stranger}/json")
    status = page.evaluate(
        """async ([url, frame]) => {
            const answer = await fetch(url, {
                method: 'POST', mode: 'no-cors', credentials: 'include',
                headers: {'Content-Type': 'text/plain'},
                body: JSON.stringify({frame, code: '__import__("os").abort()'}),
            });
            return answer.type;
        }""",
        [shop.url("/-/trivet/console"), frame],
    )
    assert status == "opaque"
    page.goto(shop.url("/json"))
    assert "pid" in page.content()


@pytest.mark.parametrize(
    ("name", "path", "options"),
    [
        ("error-page-light", "/orders/7", {"viewport": DESKTOP, "color_scheme": "light"}),
        ("error-page-dark", "/template", {"viewport": DESKTOP, "color_scheme": "dark"}),
        ("error-page-narrow", "/orders/7", {"viewport": PHONE, "device_scale_factor": 2}),
    ],
)
def test_pictures_for_the_docs(
    name: str,
    path: str,
    options: dict[str, Any],
    new_page: OpenPage,
    shop: DevSite,
    tmp_path: Path,
) -> None:
    """Into docs/images with UPDATE_PICTURES=1; the time in them makes each one another file."""
    folder = PICTURES if os.environ.get("UPDATE_PICTURES") else tmp_path
    page = new_page(**options)
    page.goto(shop.console_link)
    page.goto(shop.url(path))
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= options["viewport"]["width"], "the page is wider than its window"
    if name == "error-page-light":
        evaluate(page, "[row for row in items if row[2] is None]")
    picture = folder / f"{name}.png"
    page.screenshot(path=str(picture), animations="disabled")
    assert picture.stat().st_size > 20_000
