"""Blend a cut-out into a picture of its size through the server: python docs/client.py boat.png sea.jpg out.png"""

import sys

from deepblend_protocol.client import Client, JobRunning
from deepblend_protocol.connection import Installation, default_path
from deepblend_protocol.geometry import Rect
from deepblend_protocol.messages import Plane, Request
from PIL import Image

START = (sys.executable, "-m", "deepblend.commands.cli", "serve")


def plane(picture: Image.Image) -> Plane:
    return Plane(Rect(0, 0, *picture.size), picture.size, "u8", picture.mode, picture.tobytes())


def tell(event: object) -> None:
    if isinstance(event, JobRunning):
        print(f"{event.stage}: {event.fraction:.0%}")


source, target = Image.open(sys.argv[1]).convert("RGBA"), Image.open(sys.argv[2]).convert("RGB")
request = Request(plane(source), plane(target), style=plane(target), settings={"style": 0.4})
with Client(Installation(default_path(), START), "docs/client.py") as client:
    layer = client.run(request, tell).layer
blended = Image.frombytes("RGBA", layer.size, layer.samples.tobytes())
target.paste(blended, layer.rect[:2], blended)
target.save(sys.argv[3])
