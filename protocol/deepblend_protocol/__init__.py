"""What the server and its clients share: settings, errors, messages and the client. Standard library and zmq only."""

__version__ = "0.1.0"
