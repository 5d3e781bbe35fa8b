"""Own images: reading a folder or a zip file, and samples against it."""
