"""What a worker shows in shared memory is read whole, and routes of several workers add up."""

from trivet.observe.board import (
    BOARD_BYTES,
    ENTRIES,
    WORDS,
    RouteEntry,
    merged,
    routes,
    running,
)


class Board:
    """The memory of a board, written as the engine writes it."""

    def __init__(self) -> None:
        self.words = memoryview(bytearray(BOARD_BYTES)).cast("Q")

    def write(self, place: int, numbers: tuple[int, int, int, int], text: bytes) -> None:
        at = place * WORDS
        self.words[at] += 2
        for offset, number in enumerate((*numbers, len(text)), at + 1):
            self.words[offset] = number
        as_bytes = self.words.cast("B")
        as_bytes[(at + 6) * 8 : (at + 6) * 8 + len(text)] = text


def test_an_empty_board_shows_nothing() -> None:
    board = Board()
    assert running(board.words) == []
    assert routes(board.words) == []


def test_requests_and_routes_are_in_places_of_their_own() -> None:
    board = Board()
    board.write(3, (12_500, 77, 0, 0), b"GET /basket?id=1")
    board.write(ENTRIES + 31, (4, 2_000_000, 900_000, 5), b"POST /pay")
    (request,) = running(board.words)
    assert (request.began, request.thread, request.request) == (12.5, 77, "GET /basket?id=1")
    (route,) = routes(board.words)
    assert (route.route, route.count, route.total, route.longest) == ("POST /pay", 4, 2.0, 0.9)


def test_an_entry_whose_writer_died_in_the_middle_is_passed_over() -> None:
    board = Board()
    board.write(0, (1, 2, 0, 0), b"GET /")
    board.words[0] += 1
    assert running(board.words) == []


def test_bytes_that_are_no_text_are_shown_escaped() -> None:
    board = Board()
    board.write(0, (1, 2, 0, 0), b"GET /\xff\x1b")
    (request,) = running(board.words)
    assert request.request.startswith("GET /\\xff")


def test_routes_of_several_workers_add_up_and_the_slowest_is_first() -> None:
    found = [
        RouteEntry("GET /fast", 10, 0.1, 0.05),
        RouteEntry("GET /slow", 1, 1.0, 1.0),
        RouteEntry("GET /slow", 3, 5.0, 4.0),
    ]
    slow, fast = merged(found)
    assert (slow.route, slow.count, slow.total, slow.longest) == ("GET /slow", 4, 6.0, 4.0)
    assert fast.route == "GET /fast"
