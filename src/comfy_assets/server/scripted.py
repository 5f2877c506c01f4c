"""What a scenario's step makes of a request: the deed for the front, by the key that came with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from comfy_assets.scenarios.allowed import allowed
from comfy_assets.scenarios.drift import CONDUCTS, DRIFTS, Conduct
from comfy_assets.scenarios.failing import error, failing
from comfy_assets.scenarios.wire import JSON, LOST, SILENT, WIRES, Answer
from comfy_assets.server.bindings import WITHOUT_KEY, Bindings
from comfy_assets.server.front import Deed

if TYPE_CHECKING:
    from comfy_assets.scenarios.steps import Step
    from comfy_assets.server.front import Carry, Request
    from comfy_assets.server.keys import Keys
    from comfy_assets.server.store import Store
    from comfy_assets.specification import Contract

OPERATION: Final = "createAssetFromHash"
_SUCCESS: Final = range(200, 300)
_ERRORS: Final = 400


class Scripted:
    """Decides what becomes of requests. `stand_in` is a key for those that are admitted without one."""

    def __init__(self, contract: Contract, store: Store, keys: Keys, stand_in: str) -> None:
        self._contract = contract
        self._operation = contract.operation(OPERATION)
        self._keys = keys
        self._stand_in = stand_in
        self._bindings = Bindings(store, contract)
        self._allowed = {one.name: one for one in allowed(contract)}
        self._failing = {one.name: one.answer for one in failing(contract)}

    def decide(self, request: Request, carry: Carry) -> Deed | None:
        """The deed of the next step of the key's scenario; None where there is none."""
        path = request.target.partition("?")[0]
        if request.method != self._operation.method or path != self._operation.path:
            return None
        taken = self._bindings.next_step(self._owner(request))
        if taken is None:
            return None
        number, step, bound = taken
        note = {"scenario": bound.scenario.name, "number": number, "step": str(step)}
        return evolve(self._deed(step, request, carry), note=note)

    def _owner(self, request: Request) -> int:
        sent = request.values(self._operation.security_header or "")
        if len(sent) != 1:
            return WITHOUT_KEY
        if self._keys.is_stale:
            self._keys.refresh()
        owner = self._keys.owner(sent[0].encode("latin-1"))
        return WITHOUT_KEY if owner is None else owner

    def _deed(self, step: Step, request: Request, carry: Carry) -> Deed:
        conduct = CONDUCTS.get(step.drift or "")
        instead = self._instead(step)
        if conduct is not None:
            own = self._conducted(conduct, request, carry)
        elif step.commit:
            own = carry(request)
        else:
            own = instead or error(self._contract, 500)
        answer = instead or self._shaped(step, request, own)
        if step.wire and WIRES[step.wire].got in {LOST, SILENT} and not answer.body:
            answer = evolve(answer, framing="length")
        return Deed(answer, step.wire, step.delay)

    def _instead(self, step: Step) -> Answer | None:
        """What is answered whatever the server says."""
        if step.failing is not None:
            return self._failing[step.failing]
        if step.status is None:
            return None
        headers = dict(step.headers)
        named = {name.lower() for name in headers}
        if step.body is None and step.status < _ERRORS:
            body, media_type = b"", None
        elif step.body is None:
            body, media_type = error(self._contract, step.status).body, JSON
        elif isinstance(step.body, str):
            body, media_type = step.body.encode("utf-8", "surrogatepass"), "text/plain; charset=utf-8"
        else:
            body, media_type = json.dumps(step.body).encode(), JSON
        if media_type and "content-type" not in named:
            headers["Content-Type"] = media_type
        framing = "" if step.status in (204, 304) else "length"
        return Answer(step.status, body, tuple(headers.items()), framing)

    def _shaped(self, step: Step, request: Request, own: Answer) -> Answer:
        """The server's success, in another shape or with a deviation."""
        members = _json(own.body)
        if own.status not in _SUCCESS or not isinstance(members, dict):
            return own
        if step.drift in DRIFTS:
            status, changed = DRIFTS[step.drift].answer(_json(request.body), own.status, members)
            return evolve(
                own, status=status, body=json.dumps(changed, ensure_ascii=False).encode(), reason=None
            )
        if step.allowed is not None:
            return self._allowed[step.allowed].of(own.status, members)
        return own

    def _conducted(self, conduct: Conduct, request: Request, carry: Carry) -> Answer:
        value = _json(request.body)
        if conduct.refuse is not None:
            refused = conduct.refuse(request.body, value)
            if refused is not None:
                return Answer(refused.status, refused.content, (("Content-Type", refused.media_type),))
        if conduct.mend is not None and value is not None:
            mended = conduct.mend(value)
            if mended != value:
                request = request.with_body(json.dumps(mended).encode())
        if conduct.admits:
            request = request.with_header(self._operation.security_header or "", self._stand_in)
        own = carry(request)
        members = _json(own.body)
        if conduct.error is None or own.status < _ERRORS or not isinstance(members, dict):
            return own
        said = conduct.error(own.status, members)
        headers = [pair for pair in own.headers if pair[0].lower() != "content-type"]
        return evolve(
            own,
            status=said.status,
            body=said.content,
            reason=None,
            headers=(*headers, ("Content-Type", said.media_type)),
        )


def _json(body: bytes) -> Any:
    """The JSON value of bytes; None where there is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
