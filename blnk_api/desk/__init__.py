"""What a page or a command starts from: settings, database, links, health."""
