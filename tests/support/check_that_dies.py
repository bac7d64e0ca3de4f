"""A check of a draft that its file brings down."""

import os


def main() -> None:
    with open(os.environ["CHECKS_BEGUN"], "a") as begun:
        begun.write("x")
    os.abort()
