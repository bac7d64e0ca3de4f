"""People sign in: providers, sessions, the gate, a proxy's header."""
