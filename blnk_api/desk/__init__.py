"""What pages and commands start from: settings, database, links, health."""
