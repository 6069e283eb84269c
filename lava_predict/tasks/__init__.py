"""What happens when: a task laid out as segments that any engine plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lava_predict.lazy import public_face

if TYPE_CHECKING:
    from lava_predict.tasks.meet import Kind as Kind
    from lava_predict.tasks.meet import Meet as Meet
    from lava_predict.tasks.meet import Segment as Segment
    from lava_predict.tasks.meet import Streams as Streams
else:
    __all__, __getattr__, __dir__ = public_face(__name__)
