"""The settings that shape the fold of evaluate."""

import msgspec

from schemas.settings import FoldSettings as FoldSection


class FoldSettings(msgspec.Struct, frozen=True):
    """The settings that shape the fold: a change of one needs a new start."""

    bucket_ms: int
    horizons_s: tuple[int, ...]
    """Ascending, at most MAX_HORIZONS."""
    lateness_ms: int
    dimensions: tuple[str, ...]
    """Names of the segment dimensions."""
    max_segment_values: int

    @classmethod
    def of(cls, section: FoldSection) -> "FoldSettings":
        """Take what shapes the fold from the settings' section `[fold]`."""
        return cls(
            bucket_ms=section.bucket_s * 1000,
            horizons_s=tuple(section.horizons_s),
            lateness_ms=section.lateness_s * 1000,
            dimensions=tuple(sorted(section.segments)),
            max_segment_values=section.max_segment_values,
        )

    @property
    def remember_ms(self) -> int:
        """How long after its cohort's end a query id is remembered: no click can then belong to two searches."""
        return self.horizons_s[-1] * 1000 + 2 * self.lateness_ms
