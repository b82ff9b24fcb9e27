"""Files that the engine keeps or reads."""
