"""Commands that print tables of what was measured; nothing is asserted."""

import os

# As in the server's workers: a thread that waits soon sleeps. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
