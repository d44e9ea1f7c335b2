"""The decorator by which the emulator is mended."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any


def patch(owner: type, aws: str, *, new: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Puts the function in the place of the method or property of its name.

    The function gets the replaced one as its first argument, unless it is new.

    Args:
        owner: class of moto's.
        aws: page that says what AWS does.
        new: adds a method that moto does not have.
    """
    if not aws.startswith("https://docs.aws.amazon.com/"):
        raise ValueError(f"a patch must name a page of AWS's documentation, got {aws}")

    def put(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        moto_has = inspect.getattr_static(owner, name, None)
        if (moto_has is None) != new:
            raise AttributeError(f"moto {'has no' if moto_has is None else 'has a'} {owner.__name__}.{name}")
        if isinstance(moto_has, property):
            getter = moto_has.fget
            setattr(owner, name, property(lambda self: function(getter, self)))
        elif new:
            setattr(owner, name, function)
        else:

            @wraps(moto_has)
            def patched(*args: Any, **kwargs: Any) -> Any:
                return function(moto_has, *args, **kwargs)

            setattr(owner, name, patched)
        return function

    return put
