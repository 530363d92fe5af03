"""The manual: ``docs/`` as pages, and the API's description as one."""
