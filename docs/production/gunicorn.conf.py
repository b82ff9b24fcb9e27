"""gunicorn's settings: /etc/relay/gunicorn.conf.py."""

import os

wsgi_app = "relay_app:create()"
chdir = os.environ.get("RELAY_CONFIGURATION", "/etc/relay")
bind = os.environ.get("RELAY_LISTEN", "127.0.0.1:8080")
workers = 2
worker_class = "orly_policy_plugin.hosts.nostr_relay.worker.Worker"
preload_app = True  # a policy that cannot be used ends the start, and not one worker after another
graceful_timeout = 15  # seconds for clients to go; less than TimeoutStopSec of relay.service
control_socket_disable = True
