"""The Faust channel in which a stage's agent finds its batches."""

from collections.abc import Mapping
from typing import Any

from faust.channels import Channel

from streams.transport.batch import RecordBatch
from streams.transport.inbox import Inbox


class BatchChannel(Channel[RecordBatch]):
    """A channel that is read from an inbox, which knows partitions and pauses; a plain queue would not."""

    def __init__(self, app: Any, *, inbox: Inbox, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self.inbox = inbox

    def _clone_args(self) -> Mapping[str, Any]:
        return {**super()._clone_args(), "inbox": self.inbox}

    async def __anext__(self) -> Any:
        return await self.inbox.get()
