"""Reading and writing posts, through the pages."""

from conftest import Visitor


def test_a_new_blog_welcomes_its_first_visitor(visitor: Visitor) -> None:
    assert '<h2><a href="/posts/1">Welcome</a></h2>' in visitor.read("/")


def test_a_written_post_is_first_on_the_index(visitor: Visitor) -> None:
    visitor.register("ada")
    status, page = visitor.send("/posts/new", title="Engines", body="They weave\n\nalgebra.")
    assert status == 200
    assert "<p>They weave</p>\n<p>algebra.</p>" in page
    index = visitor.read("/")
    assert index.index("Engines") < index.index("Welcome")


def test_markup_in_a_post_is_shown_and_not_run(visitor: Visitor) -> None:
    visitor.register("ada")
    _, page = visitor.send("/posts/new", title="<b>", body="<script>alert(1)</script>")
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in page


def test_a_post_without_text_is_asked_for_again(visitor: Visitor) -> None:
    visitor.register("ada")
    status, page = visitor.send("/posts/new", title="Only a title", body=" ")
    assert status == 422
    assert 'value="Only a title"' in page


def test_an_author_changes_and_deletes_a_post(visitor: Visitor) -> None:
    visitor.register("ada")
    visitor.send("/posts/new", title="Engines", body="First")
    _, page = visitor.send("/posts/2/edit", title="Engines", body="Second")
    assert "<p>Second</p>" in page
    _, page = visitor.send("/posts/2/delete", form_page="/posts/2")
    assert "The post is deleted." in page
    visitor.read("/posts/2", status=404)


def test_nobody_else_changes_a_post(visitor: Visitor, another_visitor: Visitor) -> None:
    visitor.register("ada")
    visitor.send("/posts/new", title="Engines", body="Mine")
    another_visitor.register("charles")
    another_visitor.read("/posts/2/edit", status=403)
    status, _ = another_visitor.send("/posts/2/delete", form_page="/")
    assert status == 403
    assert "<p>Mine</p>" in visitor.read("/posts/2")


def test_the_index_is_cut_into_pages(visitor: Visitor) -> None:
    visitor.register("ada")
    for number in range(5):
        visitor.send("/posts/new", title=f"Number {number}", body="Text")
    first = visitor.read("/")
    assert 'href="/?page=2"' in first
    assert "Welcome</a>" not in first
    assert "Welcome</a>" in visitor.read("/?page=2")
