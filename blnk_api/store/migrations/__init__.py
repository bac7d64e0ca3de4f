"""How the tables of earlier versions become today's, and what a new store begins with."""
