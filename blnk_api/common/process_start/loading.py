"""Imports modules at the moment when they are needed."""

import gc
import importlib
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
