# Generated from openapi.yaml and overrides/. Do not edit: change those, then run ./generate.sh
from __future__ import annotations

from typing import Any

from attrs import define, field

from .. import types


@define
class ErrorResponse(types.Model):
    """Why a request was not carried out.

    Attributes:
        code: Short name of the error, for programs.
        message: What went wrong, for people.
    """

    code: str = field(validator=types.Member("code", types.Text(), required=True))
    message: str = field(validator=types.Member("message", types.Text(), required=True))
    #: Members that the contract does not name, as they came.
    additional_properties: dict[str, Any] = field(factory=dict, kw_only=True, validator=types.check_further)
