"""All of the product that is not a page: it talks to Blnk, keeps the journal and moves rows. No Streamlit."""
