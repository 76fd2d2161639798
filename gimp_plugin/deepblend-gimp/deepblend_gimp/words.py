"""The user's language."""

from __future__ import annotations

import gettext

from .host import HERE

DOMAIN = "deepblend-gimp"
_ = gettext.translation(DOMAIN, HERE / "locale", fallback=True).gettext
