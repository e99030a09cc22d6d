"""A block of the street: 48 m of ground and of everything on it that does not move."""

from __future__ import annotations

from robustseg_core.data.streets.architecture import bridge
from robustseg_core.data.streets.frontage import behind_sidewalk, frontage
from robustseg_core.data.streets.ground import lay_ground
from robustseg_core.data.streets.kerbside import kerbside
from robustseg_core.data.streets.mesh import Mesh, join
from robustseg_core.data.streets.placing import Placed, assemble
from robustseg_core.data.streets.plan import BLOCK_M, StreetPlan
from robustseg_core.data.streets.randomness import Stream, stream
from robustseg_core.data.streets.site import Site


def build_block(plan: StreetPlan, block: int, *, lamps: bool, coarse: bool = False) -> Mesh:
    """Return what stands in ``block``, in street coordinates; owner 0 is the ground.

    ``lamps``: street lamps are on; ``coarse``: only the ground and what is large, to be seen from
    afar.
    """
    objects: list[Placed] = []
    for side in (1, -1):
        objects += frontage(Site(plan, block, side, 0))
        if not coarse:
            site = Site(plan, block, side, 1)
            objects += [*kerbside(site, lamps=lamps), *behind_sidewalk(site)]
    if plan.has_bridge(block) and not plan.has_junction(block):
        middle = (block + 0.5) * BLOCK_M
        objects = [item for item in objects if not item.reaches(middle, 6.0)]
        parts = bridge(plan, stream(plan.seed, Stream.BLOCK, block))
        objects += [Placed(part, middle, 0.0) for part in parts]
    ground = lay_ground(plan, block)
    return join([ground, assemble(objects)]) if objects else ground
