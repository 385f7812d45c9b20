"""Every protection, switched off one after the other: the whole table.

A test that passes without what it is there for shows nothing. `python -m tests.faults.run_mutations` applies each
change to a copy of the packages and runs its test; a unit test sees to it that each change still fits the source.
"""

from typing import Final

from tests.faults.mutations_data import DATA_MUTATIONS
from tests.faults.mutations_detect import DETECT_MUTATIONS
from tests.faults.mutations_evaluate import EVALUATE_MUTATIONS
from tests.faults.mutations_lifecycle import LIFECYCLE_MUTATIONS
from tests.faults.mutations_pipeline import PIPELINE_MUTATIONS
from tests.faults.mutations_score import SCORE_MUTATIONS
from tests.faults.mutations_transport import TRANSPORT_MUTATIONS

MUTATIONS: Final = (
    *SCORE_MUTATIONS,
    *EVALUATE_MUTATIONS,
    *DETECT_MUTATIONS,
    *TRANSPORT_MUTATIONS,
    *DATA_MUTATIONS,
    *PIPELINE_MUTATIONS,
    *LIFECYCLE_MUTATIONS,
)
