"""Start what `flask run` starts, without its access log: `run_flask_server.py MODULE PORT`.

`flask run` itself serves Flask apps only; this is the same call for any WSGI app.
"""

import importlib
import logging
import sys

from werkzeug.serving import run_simple

module, port = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, "")
logging.getLogger("werkzeug").setLevel(logging.ERROR)
run_simple("127.0.0.1", port, importlib.import_module(module).app, threaded=True)
