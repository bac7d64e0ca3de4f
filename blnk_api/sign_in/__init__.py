"""Sign-in: providers, a proxy's header, sessions, and the gate in front of everything else."""
