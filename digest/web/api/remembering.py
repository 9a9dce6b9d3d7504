"""Give the same answer again to a request that is sent again with its Idempotency-Key."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from digest.people import store as people
from digest.people.model import Answer
from digest.web.api.call import Call
from digest.web.api.problems import ProblemError, in_parameter

HEADER = "Idempotency-Key"
KEY_FORM = r"^[!-~]{1,255}$"
REPLAYED = "Idempotency-Replayed"
KEPT = timedelta(days=1)
_GIVEN_UP = timedelta(minutes=1)
"""A request without an answer after this long belongs to a process that died."""
_KEPT_HEADERS = ("location",)


def key_of(request: Request) -> str | None:
    """Read the key, if there is one. Raises ProblemError."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or not re.fullmatch(KEY_FORM, given[0]):
        raise in_parameter(HEADER, "It must be one word of 1 to 255 visible ASCII characters.")
    return given[0]


def fingerprint(call: Call, request: Request, body: bytes) -> str:
    """Give the keyed hash of what is asked for: a plain one would tell an address to a guesser."""
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    secret = call.context.keys.suppression
    return hmac.new(secret, b"request:" + asked + body, hashlib.sha256).hexdigest()


def begin(call: Call, key: str, asked: str) -> Response | None:
    """Take the key for this request; give the answer instead when there was one.

    Raises ProblemError: 422 for a key of another request, 409 while the first one is at work.
    """
    with call.context.database.write() as connection:
        people.forget_answers(connection, before=call.now - KEPT)
        found = people.begin_answer(
            connection,
            call.token.id,
            key,
            asked,
            at=call.now,
            given_up_before=call.now - _GIVEN_UP,
        )
    if found is None:
        return None
    if found.request_hash != asked:
        raise in_parameter(HEADER, "This key was used for another request.")
    if found.answer is None:
        detail = "A request with this key is at work."
        raise ProblemError(409, detail, headers={"Retry-After": "1"})
    return _again(found.answer)


def finish(call: Call, key: str | None, response: Response | None) -> None:
    """Write the audit of what was done, and keep its answer; None: nothing was done."""
    if key is None and not call.deeds:
        return
    with call.context.database.write() as connection:
        if response is None:
            if key is not None:
                people.drop_answer(connection, call.token.id, key)
            return
        for deed in call.deeds:
            people.append_audit(
                connection,
                at=call.now,
                actor=call.token.actor,
                verb=deed.verb,
                subject=deed.subject,
                detail=deed.detail,
            )
        if key is not None:
            written = _written(response, call.secret)
            answer = Answer(response.status_code, written, call.subject)
            people.keep_answer(connection, call.token.id, key, answer)


def _written(response: Response, secret: str) -> str:
    """Write an answer as it is kept: without the secret that was shown in it."""
    headers = {name: response.headers.get(name) for name in _KEPT_HEADERS}
    kept = {name: value for name, value in headers.items() if value is not None}
    body = bytes(response.body).decode()
    return json.dumps({"headers": kept, "body": body.replace(secret, "") if secret else body})


def _again(answer: Answer) -> Response:
    kept = json.loads(answer.body)
    headers = {**kept["headers"], REPLAYED: "true"}
    media_type = "application/json" if kept["body"] else None
    return Response(kept["body"], answer.status, headers, media_type)
