"""An object as JSON has it: what Blnk answers, a command prints, a sample expects, a fault is ordered by."""

from typing import Any

JsonObject = dict[str, Any]
