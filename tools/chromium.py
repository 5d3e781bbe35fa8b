"""Where this machine's Chromium or Chrome is, and how to start it."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def find() -> str | None:
    """Return the program's path, or None if there is none."""
    return next(filter(None, map(shutil.which, (*NAMES, ON_A_MAC))), None)


def flags() -> list[str]:
    """Return what the user of this process has to add: root cannot have Chromium's sandbox."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
