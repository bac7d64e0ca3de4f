"""Small things that know nothing of Blnk or of imports: texts, files, processes, people."""
