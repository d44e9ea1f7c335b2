"""Patches of how moto takes requests."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from patch import patch
from werkzeug.wrappers import Response

ONE_AT_A_TIME = threading.Lock()
ANSWERS_KEPT = 1000
DONE: OrderedDict[str, Response] = OrderedDict()


@patch(DomainDispatcherApplication, aws="https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html")
def __call__(call: Callable[..., Any], self: Any, environ: dict[str, Any], start_response: Any) -> Any:
    """An SDK that gets no answer sends its request again under the same invocation id; moto would do it twice.

    On a busy machine a resource then "already exists" when Terraform creates it.
    """
    invocation = environ.get("HTTP_AMZ_SDK_INVOCATION_ID")
    if invocation is None or environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return call(self, environ, start_response)
    if invocation in DONE:
        attempt = environ.get("HTTP_AMZ_SDK_REQUEST")
        print(f"the next request was answered before, its answer is sent again ({attempt})", flush=True)
    else:
        response = Response.from_app(partial(call, self), environ, buffered=True)
        if response.status_code >= 400:
            return response(environ, start_response)
        DONE[invocation] = response
        if len(DONE) > ANSWERS_KEPT:
            DONE.popitem(last=False)
    return DONE[invocation](environ, start_response)


# Around the one above: a second try may come while the first one is at work.
@patch(DomainDispatcherApplication, aws="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html")
def __call__(call: Callable[..., Any], self: Any, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: F811
    """moto serves each request in a thread of its own and guards none of what the threads share."""
    with ONE_AT_A_TIME:
        return call(self, environ, start_response)
