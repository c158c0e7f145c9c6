"""What a Flask application is told of its client and of itself, as JSON; also with ProxyFix."""

from typing import Any

from flask import Flask, request, url_for
from werkzeug.middleware.proxy_fix import ProxyFix

app = Flask(__name__)


@app.get("/who")
def who() -> dict[str, Any]:
    told = {name: value for name, value in request.environ.items() if "FORWARDED" in name}
    return {
        "remote_addr": request.remote_addr,
        "access_route": list(request.access_route),
        "is_secure": request.is_secure,
        "host": request.host,
        "url": url_for("who", _external=True),
        "root": request.script_root,
        "told": told,
        "real_ip": request.headers.get("X-Real-IP"),
        "server": [request.environ["SERVER_NAME"], request.environ["SERVER_PORT"]],
        "https": request.environ.get("HTTPS"),
    }


fixed = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_port=1, x_prefix=1)
