"""Track: mirror a job's results elsewhere, and record what they were made with.

The job's own files are the truth; a tracker that fails is named in the log and the job goes on.
"""

from valuelocate.track.base import TrackedJob, TrackedRun, Tracker
from valuelocate.track.group import tracking
from valuelocate.track.null import NullRun, NullTracker
from valuelocate.track.provenance import provenance
from valuelocate.track.rows import rows_by_strength
from valuelocate.track.wandb_tracker import WandbTracker

__all__ = [
    "NullRun",
    "NullTracker",
    "TrackedJob",
    "TrackedRun",
    "Tracker",
    "WandbTracker",
    "provenance",
    "rows_by_strength",
    "tracking",
]
