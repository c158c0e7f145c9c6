"""The page about requests and answers, and the tables that it is made from."""

from tests.corpus.document import PAGE, REJECTIONS, ROW, page


def test_the_page_about_requests_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make generate"


def test_every_rejection_is_on_the_page() -> None:
    text = REJECTIONS.read_text(encoding="utf-8")
    constants = text.split("rejections! {")[1].split("\n}\n")[0].count('", "RFC ')
    assert len(ROW.findall(text)) >= max(constants, 50)
