"""The network that judges texture: VGG16, the sRGB-like picture it is shown, and its features, tile by tile."""
