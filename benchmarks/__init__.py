"""Commands that print tables of what was measured; nothing is asserted."""

from deepblend.threads import sleep_when_waiting

sleep_when_waiting()  # as in the server's workers and the commands
