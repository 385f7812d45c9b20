"""Protections of the transport and of the worker, switched off; see `tests/faults/mutation.py`."""

from typing import Final

from tests.faults.mutation import KILL, Mutation

DELIVERY = "tests/contract/transport/test_transport_delivery.py::"

TRANSPORT_MUTATIONS: Final = (
    Mutation(
        "Commits name the generation they were computed in",
        "streams/transport/commit_request.py",
        "        assignment.generation,\n        assignment.member_id,\n",
        "        coordinator.generation,\n        coordinator.member_id,\n",
        "tests/contract/transport/test_commit_request.py::"
        "test_a_member_that_has_lost_its_group_commits_nothing_though_nobody_else_is_in_it",
        "DID NOT RAISE",
    ),
    Mutation(
        "Nothing is committed after a failure",
        "streams/transport/driver.py",
        "            except Exception as error:\n                self._failed = True\n"
        "                self._app.on_failure()\n                _say(error)\n                raise\n",
        "            except Exception:\n                raise\n",
        f"{DELIVERY}test_a_handler_that_fails_stops_the_worker_before_its_offsets_move",
        "a stage that failed was asked to flush and commit",
    ),
    Mutation(
        "Nothing is sent behind a batch that was refused, wherever to",
        "streams/transport/ordered_producer.py",
        "        if self._failure is not None:\n            raise self._failure\n",
        "",
        "tests/contract/transport/test_ordered_producer.py::test_nothing_follows_a_batch_that_the_broker_refused",
        "DID NOT RAISE",
    ),
    Mutation(
        "A worker's session ends soon after its death",
        "streams/worker.py",
        "session_timeout_s=settings.kafka.session_timeout_s,",
        "session_timeout_s=900,",
        f"{KILL}[evaluate]",
        "not everything is closed",
    ),
)
