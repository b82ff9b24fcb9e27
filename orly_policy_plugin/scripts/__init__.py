"""Scripts: the line protocol (pure), and the processes that speak it."""
