"""The systems and programs that deepblend is installed into."""
