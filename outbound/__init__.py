"""The only door out: where a call may go, and the two ways to make one."""
