"""Files that the engine keeps."""
