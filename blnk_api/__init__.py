"""All of the product that is not a page: talks to Blnk, keeps the journal, moves rows. Imports no Streamlit."""
