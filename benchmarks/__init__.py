"""What is measured of speed, memory, quality over time, and pages."""
