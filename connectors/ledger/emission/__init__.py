"""From a plan to what left: reserve, deliver, record, recover."""
