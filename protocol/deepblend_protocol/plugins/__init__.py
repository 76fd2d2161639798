"""What the plug-ins of GIMP and Krita have in common: what is blended, presets, previews. Standard library only.

Nothing else imports this: the server and the command line read files, not open documents.
"""
