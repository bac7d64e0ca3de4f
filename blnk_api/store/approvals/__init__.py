"""A second person's approval: what needs it, what was asked, who decided, and what it still covers."""
