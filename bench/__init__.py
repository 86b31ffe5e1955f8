"""The benchmark: pypitool, nginx and pypiserver on the same files, in the same rounds."""
