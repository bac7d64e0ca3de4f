"""Whether connections and this machine are well; faults to try on Practice."""
