"""Why a request is not answered, and what that is called over REST and gRPC."""

from enum import Enum
from http import HTTPStatus

from schemas.errors import MatchwatchError


class Reason(Enum):
    """The kinds of refusal: HTTP status, name of the gRPC status, and whether another worker may answer."""

    INVALID = (HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", False)
    TOO_LARGE = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "INVALID_ARGUMENT", False)
    NOT_FOUND = (HTTPStatus.NOT_FOUND, "NOT_FOUND", True)
    FULL = (HTTPStatus.TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", True)
    TOO_LATE = (HTTPStatus.GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED", True)
    ENDING = (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", True)
    FAILED = (HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL", True)

    def __init__(self, http: HTTPStatus, grpc: str, elsewhere: bool) -> None:
        self.http = http
        self.grpc = grpc
        self.elsewhere = elsewhere


class Refused(MatchwatchError):
    """A request that is not answered: its client gets the message, everybody else goes on."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
