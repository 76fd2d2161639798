# Made by tests/hosts/make_stubs.py of the bindings themselves; not to be edited.
