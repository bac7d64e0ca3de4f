"""Who may come in: providers, a proxy's header, sessions, and the gate before everything else."""
