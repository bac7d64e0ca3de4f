"""The app's own routes, and the middleware in front of Streamlit's."""
