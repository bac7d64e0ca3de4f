"""Our own routes, and the middleware before Streamlit's."""
