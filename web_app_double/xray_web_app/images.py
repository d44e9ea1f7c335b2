"""Image files of real kind and size, made from a seed."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def chest_image(kind: str, megabytes: float, seed: int) -> bytes:
    """A grey picture in the manner of a chest X-ray: two dark lungs, a bright spine, film grain.

    Args:
        kind: "PNG" or "JPEG".
        megabytes: about how large the file is to be; the grain decides, as in a real picture.
        seed: of the grain.
    """
    # Grain of this strength costs about 6.6 bits per pixel as PNG and 4.6 as JPEG of quality 95.
    bits_per_pixel = {"PNG": 6.6, "JPEG": 4.6}[kind]
    side = max(64, round((megabytes * 8e6 / bits_per_pixel) ** 0.5))
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j].astype(np.float32)
    lungs = sum(np.exp(-(((x - centre) / 0.13) ** 2) - ((y - 0.48) / 0.3) ** 2) for centre in (0.32, 0.68))
    spine = np.exp(-(((x - 0.5) / 0.04) ** 2))
    grain = np.random.default_rng(seed).normal(0, 0.06, (side, side))
    grey = np.clip(0.6 + 0.3 * spine - 0.5 * lungs + grain, 0, 1)
    file = io.BytesIO()
    quality = {"quality": 95} if kind == "JPEG" else {}
    Image.fromarray((grey * 255).astype(np.uint8)).save(file, format=kind, **quality)
    return file.getvalue()
