"""What Headrace costs: a table of prices, what a file asks for, how long the warehouse is awake; plans and accounts."""
