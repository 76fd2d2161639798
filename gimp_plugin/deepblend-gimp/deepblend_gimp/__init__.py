"""The parts of GIMP's Deep Image Blending plug-in."""
