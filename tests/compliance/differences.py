"""Where a server is known to differ from what these tests ask, and why.

For each server kind: the test, with its parameters as pytest names it without the server, and the
reason. A row that is not needed any more fails. Trivet has no rows. waitress is a careful server:
what is left here is its design, or a defect of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """`hangs`: the test would wait for what never comes, so it is not even run."""

    reason: str
    hangs: bool = False


BUFFERS = Difference("waitress takes the whole body before it calls the app", hangs=True)
HEAD = Difference("waitress leaves it to the app to send no body for HEAD")
CLOSES = Difference("waitress closes the connection when the length is not known")
NO_BODY_CLOSES = Difference("waitress closes the connection after a response without a body")
TAKES = Difference("waitress answers this request instead of refusing it")
SENDS = Difference("waitress sends what the app gave")
SENDS_IT = Difference("waitress looks for CR and LF only, and sends the rest on", hangs=True)
NO_SOCKET = Difference("waitress has no way to take a connection over")

WAITRESS: Mapping[str, Difference] = {
    # test_addresses
    "test_tcp_and_unix_sockets_serve_side_by_side": Difference(
        "waitress listens on TCP or on a Unix socket, not on both"
    ),
    # test_connection
    "test_a_client_that_asks_for_the_end_gets_it[foo, close]": Difference(
        "waitress compares the whole field with `close`"
    ),
    "test_a_client_that_asks_for_the_end_gets_it[close,foo]": Difference(
        "waitress compares the whole field with `close`"
    ),
    "test_pipelined_requests_are_answered_in_order": HEAD,
    "test_continue_is_sent_when_the_app_reads_and_not_before": BUFFERS,
    "test_an_app_that_does_not_read_answers_without_continue": Difference(
        "waitress sends 100 before it knows the app's answer, and waits for the body", hangs=True
    ),
    "test_a_request_that_cannot_be_trusted_is_refused_and_ends_the_connection[no host]": TAKES,
    "test_a_request_that_cannot_be_trusted_is_refused_and_ends_the_connection[two hosts]": TAKES,
    "test_a_request_that_cannot_be_trusted_is_refused_and_ends_the_connection"
    "[a length and a coding]": TAKES,
    "test_a_request_that_cannot_be_trusted_is_refused_and_ends_the_connection[no version]": TAKES,
    "test_an_app_may_take_an_upgraded_connection_over": NO_SOCKET,
    "test_the_client_may_end_an_upgraded_connection": NO_SOCKET,
    # test_environ
    "test_the_raw_target_is_told_too[RAW_URI]": Difference("waitress has only REQUEST_URI"),
    "test_a_proxy_field_does_not_become_http_proxy": Difference("waitress passes it on"),
    "test_repeated_cookie_fields_are_joined_by_semicolons": Difference(
        "waitress joins every field by commas"
    ),
    "test_the_host_of_the_absolute_form_overrides_the_host_field": Difference(
        "waitress keeps the Host field"
    ),
    "test_the_absolute_form_may_have_no_path": Difference("waitress gives an empty PATH_INFO"),
    "test_the_root_path_is_the_script_name[beyond ascii]": Difference(
        "waitress puts the prefix into environ as it was typed, not as latin-1"
    ),
    # test_input
    "test_the_app_reads_before_all_has_been_sent[content-length]": BUFFERS,
    "test_the_app_reads_before_all_has_been_sent[chunked]": BUFFERS,
    "test_a_body_that_nobody_reads_is_not_taken_from_the_network": BUFFERS,
    "test_the_app_learns_that_a_body_was_cut[content-length]": BUFFERS,
    "test_the_app_learns_that_a_body_was_cut[chunked, in a chunk]": BUFFERS,
    "test_the_app_learns_that_a_body_was_cut[chunked, before the last chunk]": BUFFERS,
    "test_a_wrong_chunk_is_refused_and_not_taken_for_the_end[a size beyond 64 bits]": Difference(
        "waitress counts without bound and waits for the rest", hangs=True
    ),
    # test_response_body
    "test_the_connection_goes_on_after_every_kind[several-items]": CLOSES,
    "test_the_connection_goes_on_after_every_kind[a-tuple]": CLOSES,
    "test_the_connection_goes_on_after_every_kind[a-generator]": CLOSES,
    "test_the_connection_goes_on_after_every_kind[indexed]": CLOSES,
    "test_the_connection_goes_on_after_every_kind[empty-list]": CLOSES,
    "test_the_connection_goes_on_after_every_kind[empty-items]": CLOSES,
    "test_head_has_the_headers_and_no_body[a list]": HEAD,
    "test_head_has_the_headers_and_no_body[a promised length]": HEAD,
    "test_head_has_the_headers_and_no_body[a generator]": HEAD,
    "test_head_has_the_headers_and_no_body[a file]": HEAD,
    "test_204_and_304_have_no_body[204 No Content]": NO_BODY_CLOSES,
    "test_204_and_304_have_no_body[204 No Content-&length]": NO_BODY_CLOSES,
    "test_204_and_304_have_no_body[304 Not Modified]": NO_BODY_CLOSES,
    "test_204_and_304_have_no_body[304 Not Modified-&length]": NO_BODY_CLOSES,
    "test_close_is_called_once[HEAD for a file]": Difference(HEAD.reason, hangs=True),
    "test_an_error_cuts_a_response_that_ends_with_the_connection": Difference(
        "waitress ends the connection in order, as after a whole response"
    ),
    "test_a_wrong_item_cuts_the_response[None]": Difference("waitress skips an item of None"),
    "test_a_wrong_body_is_an_error[text]": Difference(
        "waitress closes the connection without an answer"
    ),
    "test_a_wrong_body_is_an_error[a list]": Difference(
        "waitress closes the connection without an answer"
    ),
    "test_fields_of_the_connection_are_the_servers": Difference(
        "waitress refuses hop-by-hop fields of the app, as PEP 3333 allows"
    ),
    "test_text_in_the_place_of_bytes_is_an_error": Difference(
        "waitress closes the connection without an answer"
    ),
    "test_a_view_that_exits_does_not_take_the_server_along": Difference(
        "sys.exit() ends waitress's thread, and the request is never answered", hangs=True
    ),
    # test_start_response
    "test_a_wrong_call_is_an_error_of_the_app[a NUL in a header value]": SENDS,
    "test_a_wrong_call_is_an_error_of_the_app[a space in a header name]": SENDS,
    "test_a_wrong_call_is_an_error_of_the_app[a colon in a header name]": SENDS,
    "test_a_wrong_call_is_an_error_of_the_app[an empty header name]": SENDS,
    "test_a_wrong_call_is_an_error_of_the_app[a status without a number]": Difference(
        "waitress sends any text as the status"
    ),
    **{
        f"test_a_wrong_call_is_an_error_of_the_app[{what}]": SENDS_IT
        for what in (
            "an escape in a header value",
            "a header name with a space",
            "a NUL in the status",
            "an interim status",
            "a switch of protocols",
            "a header that is a list",
            "a negative length",
            "a length with a sign",
            "a length beyond 64 bits",
            "two lengths",
        )
    },
    "test_the_app_may_close_the_connection": Difference(
        "waitress refuses hop-by-hop fields of the app, as PEP 3333 allows"
    ),
    "test_head_drops_what_is_written": HEAD,
}

DIFFERENCES: Mapping[str, Mapping[str, Difference]] = {"trivet": {}, "waitress": WAITRESS}
