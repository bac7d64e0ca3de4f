"""The container image and the files to install with: built and run as they are, by sh tests/image/run."""
