"""Workers on many machines: who does what next, from a queue of jobs in the desk's own Postgres."""
