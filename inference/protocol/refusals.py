"""Why a request is not answered, and what that is called over REST and gRPC."""

from enum import Enum
from http import HTTPStatus

from schemas.errors import MatchwatchError


class Reason(Enum):
    """The kinds of refusal: HTTP status and name of the gRPC status."""

    INVALID = (HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT")
    TOO_LARGE = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "INVALID_ARGUMENT")
    NOT_FOUND = (HTTPStatus.NOT_FOUND, "NOT_FOUND")
    FULL = (HTTPStatus.TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED")
    TOO_LATE = (HTTPStatus.GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED")
    ENDING = (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE")
    FAILED = (HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL")

    def __init__(self, http: HTTPStatus, grpc: str) -> None:
        self.http = http
        self.grpc = grpc


class Refused(MatchwatchError):
    """A request that is not answered: its client gets the message, everybody else goes on."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
