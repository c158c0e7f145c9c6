"""pypiserver over the folder PACKAGES_FOLDER, open for uploads."""

import os

import pypiserver

app = application = pypiserver.app(
    roots=[os.environ["PACKAGES_FOLDER"]], password_file=".", authenticate=[], fallback_url="/none"
)
