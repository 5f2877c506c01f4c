"""Does this client program keep the contract? Runs it against a scripted service, and judges both.

from comfy_assets.contract.clients import ClientOptions, check_client

outcome = check_client(ClientOptions(("python", "my_client.py")))
print(outcome.exit_status, [finding.rule for finding in outcome.violations])
"""

from __future__ import annotations

from comfy_assets.contract.clients.program import NotRunnableError
from comfy_assets.contract.clients.rules import RULES
from comfy_assets.contract.clients.run import ClientOptions, ClientOutcome, check_client

__all__ = ["RULES", "ClientOptions", "ClientOutcome", "NotRunnableError", "check_client"]
