"""Start bjoern, which has no command line: `run_bjoern.py MODULE PORT`, the app is MODULE:app."""

import importlib
import sys

import bjoern

module, port = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, "")
bjoern.run(importlib.import_module(module).app, "127.0.0.1", port)
