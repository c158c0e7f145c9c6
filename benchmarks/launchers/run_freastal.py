"""Start freastal, which has no command line: `run_freastal.py MODULE PORT`, for MODULE:app."""

import importlib
import sys

import freastal

module, port = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, "")
freastal.serve(importlib.import_module(module).app, "127.0.0.1", port)
