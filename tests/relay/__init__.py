"""The example relay as a process, with clients on real sockets."""
