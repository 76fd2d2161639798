"""The service: queues requests and hands them to worker processes. Only those know the engine and torch."""
