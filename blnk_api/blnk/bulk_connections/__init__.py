"""The connections of the bulk client: a pool of them, each one, and the way through a proxy."""
