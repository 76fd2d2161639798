"""What the server and its clients share: settings and errors. Standard library only."""
