"""What one chapter alone needs, a module each: its first line names the chapter."""
