"""A Falcon application: media, streams, headers, errors."""

import io

import falcon


class Things:
    """A collection in memory."""

    def __init__(self):
        self.things = {}

    def on_get(self, req, resp):
        resp.media = {"things": list(self.things.values()), "query": req.params}

    def on_post(self, req, resp):
        thing = req.get_media()
        self.things[str(len(self.things) + 1)] = thing
        resp.status = falcon.HTTP_201
        resp.location = f"/things/{len(self.things)}"
        resp.media = thing

    def on_get_one(self, req, resp, number):
        if number not in self.things:
            raise falcon.HTTPNotFound(title="No such thing", description=f"{number} é")
        resp.media = self.things[number]
        resp.etag = f"thing-{number}"

    def on_delete_one(self, req, resp, number):
        self.things.pop(number, None)
        resp.status = falcon.HTTP_204


class Echo:
    def on_put(self, req, resp):
        resp.content_type = req.content_type
        resp.data = req.bounded_stream.read()


class Parts:
    def on_post(self, req, resp):
        resp.media = [
            [part.name, part.secure_filename if part.filename else None, len(part.get_data())]
            for part in req.get_media()
        ]


class Streams:
    def on_get(self, req, resp, kind):
        resp.content_type = "text/plain"
        if kind == "sized":
            resp.set_stream(io.BytesIO(b"a stream of a known length"), 26)
        elif kind == "file":
            resp.stream = io.BytesIO(b"a stream " * 20_000)
        else:
            resp.stream = (f"piece {number}\n".encode() for number in range(5))


class Fields:
    def on_get(self, req, resp):
        resp.set_header("X-One", "1")
        resp.append_header("X-Many", "a")
        resp.append_header("X-Many", "b")
        resp.set_cookie("first", "1", secure=False)
        resp.set_cookie("second", "2", secure=False, max_age=60)
        resp.text = f"{req.method} {req.relative_uri} {req.get_header('X-Sent')}"


things = Things()
app = application = falcon.App()
app.add_route("/things", things)
app.add_route("/things/{number}", things, suffix="one")
app.add_route("/echo", Echo())
app.add_route("/parts", Parts())
app.add_route("/streams/{kind}", Streams())
app.add_route("/fields", Fields())
