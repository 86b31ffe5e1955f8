"""The pages of a simple index: what a request asks for, and what is answered."""
