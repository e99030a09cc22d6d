"""Trees and bushes."""

from __future__ import annotations

import numpy as np

from robustseg_core.data.streets.classes import Class
from robustseg_core.data.streets.mesh import (
    Colour,
    Mesh,
    blob,
    box,
    join,
)
from robustseg_core.data.streets.textures import Material


def tree(rng: np.random.Generator) -> list[Mesh]:
    """Return trunk and crown, as two objects, of a broad-leaved or slender tree or a conifer."""
    height = rng.uniform(4.5, 9.0)
    leaf = np.array([0.13, 0.27, 0.06]) * rng.uniform(0.65, 1.35) * rng.uniform(0.8, 1.2, 3)
    if rng.random() < 0.15:  # autumn
        leaf = np.array([0.4, 0.22, 0.05]) * rng.uniform(0.7, 1.2)
    green: Colour = (leaf[0], leaf[1], leaf[2])
    stem = 0.36 * height
    trunk = box(
        (0.3, 0.3, stem + 0.5),
        (0, 0, 0),
        (0.2, 0.15, 0.1),
        Class.VEGETATION,
        Material.BARK,
        taper=(0.7, 0.7),
    )
    parts = []
    kind = rng.integers(3)
    if kind == 0:
        for k in range(3):
            wide = (height - stem) * (0.62 - 0.15 * k)
            at = (0.0, 0.0, stem + (height - stem) * 0.26 * k - 0.3)
            parts.append(
                box(
                    (wide, wide, (height - stem) * 0.5),
                    at,
                    green,
                    Class.VEGETATION,
                    Material.LEAVES,
                    taper=(0.15, 0.15),
                    level=k,
                    underside=True,
                )
            )
        return [trunk, join(parts)]
    crown = (height - stem) * (0.85 if kind == 1 else 0.6)
    parts.append(
        blob(
            (crown, crown, (height - stem) * 0.95),
            (0, 0, (height + stem) / 2),
            green,
            Class.VEGETATION,
            Material.LEAVES,
            rng,
        )
    )
    for _ in range(3):
        place = rng.uniform(-0.35, 0.35, 3) * (crown, crown, height - stem) + (
            0,
            0,
            (height + stem) / 2,
        )
        size = rng.uniform(0.45, 0.7) * crown
        shade: Colour = tuple(leaf * rng.uniform(0.8, 1.2))
        parts.append(
            blob(
                (size, size, size * 0.9),
                tuple(place),
                shade,
                Class.VEGETATION,
                Material.LEAVES,
                rng,
            )
        )
    return [trunk, join(parts)]


def bush(rng: np.random.Generator) -> Mesh:
    """Return a bush."""
    size = rng.uniform(0.8, 1.8)
    green: Colour = tuple(np.array([0.12, 0.26, 0.06]) * rng.uniform(0.7, 1.4, 3))
    return blob(
        (size * 1.2, size, size), (0, 0, size * 0.4), green, Class.VEGETATION, Material.LEAVES, rng
    )
