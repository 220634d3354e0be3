"""What all declarations have in common."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict


class Declared(BaseModel):
    """Base of all declarations: immutable, and an unknown or misspelt attribute is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def fingerprint(self, *parts: str) -> str:
        """Hash of the declaration, or of these parts of it: changes when, and only when, what is declared changes."""
        text = json.dumps(self.model_dump(mode="json", include=set(parts) or None), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
