"""The networks and recipes of the sources, for the audit of what they printed."""
