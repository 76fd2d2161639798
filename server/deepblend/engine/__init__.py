"""The engine: arrays and settings in, arrays out. It knows no sockets and no files."""
