"""The real Krita in its root, in a window on a virtual screen; scripts run on its GUI thread."""

from __future__ import annotations

import shutil
from pathlib import Path

import hosts_root
from host_app import App

HERE = Path(__file__).parent
DRIVER = "deepblend_test_driver"


class Krita(App):
    """A running Krita.

    Args:
        folder: scripts find it as ``FOLDER``. What is in ``config`` and ``data`` is its user's.
    """

    def __init__(self, root: Path, folder: Path, shared: tuple[str, ...] = (), **environment: str) -> None:
        own = {
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "PYTHONFAULTHANDLER": "1",  # a crash leaves a traceback
        }
        super().__init__(root, folder, shared, {**own, **environment})
        self.said = folder / "krita.txt"
        (folder / "cache").mkdir(exist_ok=True)
        shutil.copy(HERE / "krita_tools.py", self._scripts / "tools.py")
        self._install_driver()
        self.open(["krita", "--nosplash"], window=True)

    def _install_driver(self) -> None:
        plugins = self.folder / "data" / "krita" / "pykrita"
        (plugins / DRIVER).mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "krita_driver.py", plugins / DRIVER / "__init__.py")
        shutil.copy(hosts_root.HERE / "answering.py", plugins / DRIVER)
        entry = "[Desktop Entry]\nType=Service\nServiceTypes=Krita/PythonPlugin\n"
        entry += f"X-KDE-Library={DRIVER}\nX-Python-2-Compatible=false\nName=Test driver\n"
        (plugins / f"{DRIVER}.desktop").write_text(entry, encoding="utf-8")

    end = App.kill
