"""What the engine is doing, for the operator: told to whoever asks on this machine.

::

    counts       decisions counted, and the counts of several workers added up    pure
    wanted       which decisions somebody wants to be told of                     pure
    erasing      parts of an entry that are left out                              pure
    entries      a decision as an entry of the log, and of ``orly-policy tail``
    reports      one worker's account of itself, as it is sent
    relay        the accounts of all workers of one relay together
    following    decisions handed to somebody who follows them
    decision_log the log of decisions, written on a thread of its own
    server       a worker's Unix socket, on a thread of its own
    asking       asking the workers that there are
    metrics      what Prometheus is told
    desk         all of a worker, as a plugin
"""
