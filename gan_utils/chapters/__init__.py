"""What few chapters need, a module each: its first line names a chapter."""
