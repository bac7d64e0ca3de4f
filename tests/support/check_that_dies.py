"""A check of a draft that is brought down by its file."""

import os


def main() -> None:
    with open(os.environ["CHECKS_BEGUN"], "a") as begun:
        begun.write("x")
    os.abort()
