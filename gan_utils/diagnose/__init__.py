"""What the history of a run says about its health: bands of healthy runs, and rules."""
