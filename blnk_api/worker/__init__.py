"""The processes besides the app, which check, send and clean up."""
