"""The health of connections and of this machine, and faults to simulate in Practice."""
