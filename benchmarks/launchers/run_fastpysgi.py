"""Start FastPySGI with one worker: `run_fastpysgi.py MODULE PORT`, the app is MODULE:app."""

import importlib
import sys

import fastpysgi

module, port = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, "")
fastpysgi.run(importlib.import_module(module).app, "127.0.0.1", port)
