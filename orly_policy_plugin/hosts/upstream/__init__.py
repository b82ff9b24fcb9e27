"""Any relay that speaks NIP-01, over the network, as a session's store.

::

    paging        what to ask for, so that pages are whole and in order      pure
    wire          one websocket to the upstream: REQs, EVENTs, their answers
    lines         as many wires as are used at a time
    following     the wire of live events, connected again when it is lost
    genuine       ids and signatures of what comes
    host          the store
    information   what the upstream says of itself, and what is still true   pure
    fetching      asking it for that, and for pages, over HTTP
    complaints    what is said of the upstream in the log
    app           the proxy: an ASGI app with the policy before an upstream
    running       its processes

Nothing is imported here: `paging` serves commands that have no proxy's extra.
"""
