"""The scoring pool that the settings choose."""

from inference.pool import LocalPool, ScorePool
from inference.remote.pool import RemotePool
from schemas.settings import ScoreSettings
from streams.models_folder import models_folder


def make_pool(settings: ScoreSettings) -> ScorePool:
    """Make it: in this process, or on the workers that are listed."""
    if settings.pool == "remote":
        return RemotePool(
            settings.workers, cache_items=settings.cache_items, deadline_s=float(settings.score_deadline_s)
        )
    return LocalPool(models_folder(settings.models_dir), cache_items=settings.cache_items)
