"""Our own routes, and what stands before Streamlit's."""
