"""The decisions of an upload: where to, with which credentials, which fields, what the answer means."""
