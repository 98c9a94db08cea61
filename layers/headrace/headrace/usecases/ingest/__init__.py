"""From an object's event to rows in the warehouse."""
