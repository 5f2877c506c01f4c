"""Whether a server keeps the contract: the embedded one, or the one that `--server` names.

The rules of `comfy-assets check`, each as a test. References stay on a real service for ever: the check makes
at most 50, and the end of the tests says how many it were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy_assets.contract.pytest_plugin import assert_rule

if TYPE_CHECKING:
    from comfy_assets.contract import Outcome


def test_rule(contract_rule: str, contract_outcome: Outcome, references: set[str]) -> None:
    """The server keeps this rule."""
    assert_rule(contract_outcome, contract_rule)
