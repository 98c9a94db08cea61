"""Tables, views, locks and the system views about them."""
