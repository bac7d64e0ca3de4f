"""Small helpers that know nothing about Blnk or imports: texts, files, processes, people."""
