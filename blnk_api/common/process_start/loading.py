"""Imports modules at the moment when they are needed."""

import gc
import importlib
import os
import sys


def load(*modules: str) -> None:
    """Imports them without looking for garbage: what is imported stays, and examining it again and again
    takes a tenth of the time."""
    if all(one in sys.modules for one in modules):
        return
    gc.disable()
    try:
        for one in modules:
            importlib.import_module(one)
    finally:
        gc.freeze()
        gc.enable()


def without_plugins() -> None:
    """Call it before anything loads Pydantic, which otherwise asks each package that is installed whether it
    is a plugin: a twentieth of what a command loads, and we use none. Processes started from here do the
    same."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
