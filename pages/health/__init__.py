"""The health of connections and of this machine; faults to simulate in Practice."""
